import { execFileSync } from 'node:child_process';
import { cpus, totalmem } from 'node:os';
import { repositoryRoot } from '../../infra/local/repository';
import type { ProbeResult } from '../probe/probe';
import type { LoadConfig } from '../src/config.ts';
import { mergeMetrics } from '../src/merge.ts';
import {
  failuresOf,
  type Metrics,
  reasonsOf,
  renderVerdicts,
  rounded,
  type Verdict,
  verdictsOf,
} from '../src/summary.ts';
import { thresholdsOf } from '../src/thresholds.ts';
import type { PartFigures } from './samples';
import type { ShardEnd } from './shards';
import { STORM_LIMIT_MS, type StormResult } from './storm';

/** Results of a run. */
export interface Report {
  readonly command: string;
  readonly machine: Machine;
  /** Null: without a probe. */
  readonly probe: ProbeResult | null;
  /** Null: not that scenario. */
  readonly storm: StormResult | null;
  /** Ticks that Kafka did not store; null: not our ticker. */
  readonly neverStored: number | null;
  readonly shards: readonly { readonly name: string; readonly exitCode: number }[];
  readonly metrics: Metrics;
  readonly verdicts: readonly Verdict[];
  readonly reasons: readonly string[];
  readonly parts: readonly PartFigures[];
}

export interface Machine {
  readonly processors: string;
  readonly memoryGiB: number;
  readonly node: string;
  readonly k6: string;
  /** Short hash, with "+" when files differ from it. */
  readonly commit: string;
}

const BYTES_PER_GIB = 2 ** 30;

export function machineOf(k6: string): Machine {
  const git = (...args: string[]): string =>
    execFileSync('git', args, { cwd: repositoryRoot(), encoding: 'utf8' }).trim();
  return {
    processors: `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}`,
    memoryGiB: Math.round(totalmem() / BYTES_PER_GIB),
    node: process.versions.node,
    k6: execFileSync(k6, ['version'], { encoding: 'utf8' }).split('\n')[0] ?? 'unknown',
    commit: `${git('rev-parse', '--short', 'HEAD')}${git('status', '--porcelain') === '' ? '' : '+'}`,
  };
}

/** Judges the whole run by the sum of its shards. */
export function reportOf(run: {
  readonly command: string;
  readonly machine: Machine;
  /** With `shards` 1: the thresholds of all together. */
  readonly config: LoadConfig;
  readonly shards: readonly ShardEnd[];
  readonly probe: ProbeResult | null;
  readonly storm: StormResult | null;
  readonly neverStored: number | null;
  readonly parts: readonly PartFigures[];
}): Report {
  const { command, machine, config, shards, probe, storm, neverStored, parts } = run;
  const metrics = mergeMetrics(shards.map((shard) => shard.metrics));
  const verdicts = [
    ...verdictsOf(thresholdsOf(config), metrics),
    ...probeVerdicts(probe, config),
    ...stormVerdicts(storm),
  ];
  const reasons = reasonsOf(config, metrics);
  if (probe !== null && probe.lost > 0) reasons.push(`the probe missed ${probe.lost} events`);
  if (probe !== null && probe.opened < probe.count) {
    reasons.push(`${probe.count - probe.opened} of the probe's ${probe.count} streams had no event`);
  }
  if (storm !== null && (storm.backMs ?? Number.POSITIVE_INFINITY) >= STORM_LIMIT_MS) {
    reasons.push(
      `the ${storm.killed} streams of the killed gateway were not back within ${STORM_LIMIT_MS} ms`,
    );
  }
  return {
    command,
    machine,
    probe,
    storm,
    neverStored,
    shards: shards.map(({ name, exitCode }) => ({ name, exitCode })),
    metrics,
    verdicts,
    reasons,
    parts,
  };
}

/** Whether every threshold holds, of each shard and of the sum. */
export function hasPassed({ verdicts, shards }: Report): boolean {
  return verdicts.every(({ ok }) => ok) && shards.every(({ exitCode }) => exitCode === 0);
}

function probeVerdicts(probe: ProbeResult | null, { latencyPath, sequencePath }: LoadConfig): Verdict[] {
  if (probe === null) return [];
  const { opened, count, latency, lost } = probe;
  const verdict = (metric: string, value: number, ok: boolean, expression: string): Verdict => ({
    metric: `probe_${metric}`,
    expression,
    value,
    ok,
  });
  return [
    verdict('streams', opened, opened === count, `count==${count}`),
    ...(latencyPath === null
      ? []
      : [verdict('deliveries', latency.count, latency.count >= count, `count>=${count}`)]),
    ...(sequencePath === null ? [] : [verdict('gaps', lost, lost === 0, 'count==0')]),
  ];
}

function stormVerdicts(storm: StormResult | null): Verdict[] {
  if (storm === null) return [];
  const { killed, backMs } = storm;
  return [
    { metric: 'storm_streams', expression: 'count>0', value: killed, ok: killed > 0 },
    {
      metric: 'storm_back_ms',
      expression: `max<${STORM_LIMIT_MS}`,
      value: backMs ?? Number.POSITIVE_INFINITY,
      ok: backMs !== null && backMs < STORM_LIMIT_MS,
    },
  ];
}

/** The report for people. */
export function renderReport(report: Report, colour: boolean): string {
  const { machine, metrics, probe, storm, neverStored, parts, reasons, verdicts, shards } = report;
  const trend = (name: string): string => {
    const values = metrics[name]?.values ?? {};
    return `p50 ${rounded(values.med ?? 0)} ms, p95 ${rounded(values['p(95)'] ?? 0)} ms, max ${rounded(values.max ?? 0)} ms`;
  };
  const count = (name: string): number => metrics[name]?.values.count ?? 0;
  const failures = failuresOf(metrics).map((one) => `${one.count} ${one.stage}`);
  const lines = [
    `${machine.processors}, ${machine.memoryGiB} GiB, Node ${machine.node}, ${machine.k6}, commit ${machine.commit}`,
    report.command,
    '',
    renderVerdicts(verdicts, colour).trimEnd(),
    '',
    `  connections     ${count('sse_connections')}`,
    `  first event     ${trend('sse_time_to_first_event')}`,
    `  delivery (k6)   ${trend('sse_event_latency')}`,
    ...(probe === null
      ? []
      : [
          `  delivery (probe) p50 ${rounded(probe.latency.p50)} ms, p95 ${rounded(probe.latency.p95)} ms, max ${rounded(probe.latency.max)} ms; ${probe.latency.count} deliveries to ${probe.opened} streams`,
        ]),
    `  gaps            ${count('sse_gaps')}${probe === null ? '' : `, probe ${probe.lost}`}`,
    ...(neverStored === null || neverStored === 0
      ? []
      : [
          `  never stored    ${neverStored} ticks that Kafka did not take: no gap, since nobody could have them`,
        ]),
    `  duplicates      ${count('sse_duplicates')}${probe === null ? '' : `, probe ${probe.duplicates}`}`,
    `  reconnects      ${count('sse_reconnects')}${probe === null ? '' : `, probe ${probe.breaks}`}`,
    `  failed          ${failures.length === 0 ? '0' : failures.join(', ')}`,
    ...(storm === null
      ? []
      : [
          `  storm           ${storm.killed} of ${storm.before} streams killed, back after ${storm.backMs ?? '–'} ms`,
        ]),
    ...(shards.length > 1
      ? [`  Percentiles are the worst of ${shards.length} k6 processes; the rest is their sum.`]
      : []),
    '',
    '  part            MiB at peak   % of a core during the hold',
    ...parts.map(
      ({ name, peakMiB, cpuPercent }) =>
        `  ${name.padEnd(16)}${String(peakMiB).padStart(11)}${String(cpuPercent).padStart(10)}`,
    ),
    '',
    hasPassed(report) ? 'PASSED' : 'FAILED',
    ...reasons.map((reason) => `  ${reason}`),
  ];
  return `${lines.join('\n')}\n`;
}
