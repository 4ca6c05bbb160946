import { setTimeout as sleep } from 'node:timers/promises';
import type { ProbeResult } from '../probe/probe';
import { type LoadConfig, parseLoadConfig } from '../src/config.ts';
import { streamUrl } from '../src/stream-url.ts';
import { commonWindow, type Window } from '../src/window.ts';
import type { LoadTestOptions } from './options';
import { type Probe, startProbe } from './probe';
import { startProgress } from './progress';
import { hasPassed, machineOf, type Report, reportOf } from './report';
import { startSamples } from './samples';
import { type ShardEnd, startShards, THRESHOLDS_FAILED } from './shards';
import { raiseStorm, type StormResult } from './storm';
import type { Target } from './target';

export interface LoadRunDeps {
  readonly options: LoadTestOptions;
  readonly target: Target;
  /** Settings of the k6 scripts. */
  readonly env: Readonly<Record<string, string>>;
  readonly shards: number;
  readonly ownAddresses: boolean;
  /** The k6 binary. */
  readonly k6: string;
  /** The whole command line, for the report. */
  readonly command: string;
  /** Ticks that Kafka has not stored so far; null: not our ticker. */
  readonly neverStored: () => number | null;
  /** Directory for the shards' figures. */
  readonly directory: string;
  readonly print: (line: string) => void;
  readonly onOutput: (name: string, line: string) => void;
}

export interface LoadRun {
  /** The judged run. Rejects when a k6 process or the probe does not finish. */
  readonly done: Promise<Report>;
  close(): Promise<void>;
}

/** Time from the start of the hold until the gateway is killed. */
const STORM_AFTER_MS = 5_000;

/** Starts k6 and, once its streams start, the probe and the scenario's actions. */
export function startLoadRun(deps: LoadRunDeps): LoadRun {
  const { options, target, env, shards: count, print, onOutput } = deps;
  /** Of all shards together. */
  const config = parseLoadConfig({ ...process.env, ...env, SHARDS: '1' });
  let probe: Probe | null = null;
  const shards = startShards({ ...deps, count, env });
  const samples = startSamples(() => {
    const parts = new Map<string, readonly number[]>(target.parts());
    for (const [name, pid] of shards.pids) parts.set(name, [pid]);
    if (probe !== null) parts.set('probe', [probe.pid]);
    return parts;
  });

  async function run(): Promise<Report> {
    print(
      `k6 prepares ${config.plan.connections} streams in ${count} ${count === 1 ? 'process' : 'processes'}`,
    );
    const window = commonWindow(await shards.windows);
    const stopProgress = startProgress({
      window,
      connections: config.plan.connections + options.probe,
      target,
      samples,
      print,
    });
    try {
      probe =
        options.probe === 0
          ? null
          : startProbe(probeOptions(config, options.probe, window), (line) => onOutput('probe', line));
      const storm = duringHold(window);
      const ends: readonly ShardEnd[] = await shards.ended;
      return report(ends, (await probe?.ended) ?? null, await storm);
    } finally {
      stopProgress();
      samples.stop();
    }
  }

  async function duringHold(window: Window): Promise<StormResult | null> {
    await sleep(Math.max(0, window.holdFromMs - Date.now()));
    samples.mark();
    let storm: StormResult | null = null;
    if (config.scenario === 'storm') {
      await sleep(STORM_AFTER_MS);
      storm = await raiseStorm(target.stack!.gateways);
      print(`${storm.killed} streams lost their gateway and were open again after ${storm.backMs ?? '–'} ms`);
    }
    await sleep(Math.max(0, window.holdToMs - Date.now()));
    samples.markEnd();
    return storm;
  }

  function report(ends: readonly ShardEnd[], probed: ProbeResult | null, storm: StormResult | null): Report {
    return reportOf({
      command: deps.command,
      machine: machineOf(deps.k6),
      config,
      shards: ends,
      probe: probed,
      storm,
      neverStored: deps.neverStored(),
      parts: samples.figures(),
    });
  }

  return {
    done: run(),
    async close() {
      samples.stop();
      await Promise.all([shards.close(), probe?.close()]);
    },
  };
}

/** The probe reads the same as the streams, but starts now, so that it needs no replay. */
function probeOptions(config: LoadConfig, count: number, { holdFromMs, holdToMs }: Window) {
  const { latencyPath, sequencePath } = config;
  const urls = Array.from({ length: count }, (_, i) => streamUrl({ ...config, query: '' }, i + 1));
  return { urls, count, holdFromMs, holdToMs, latencyPath, sequencePath };
}

/** The exit code, as k6 has it. */
export function exitCodeOf(report: Report): number {
  return hasPassed(report) ? 0 : THRESHOLDS_FAILED;
}
