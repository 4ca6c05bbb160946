import type { LoadConfig } from './config.ts';
import { FAILURE_ADVICE, type FailureStage, STAGES_OF_FAILURE } from './failure.ts';
import { holds, judgedValue, type Thresholds, thresholdsOf, type Values } from './thresholds.ts';

/** A metric as k6 passes it to handleSummary. */
export interface Metric {
  readonly type: string;
  readonly values: Values;
}

/** By name, including submetrics such as `sse_errors{stage:connect}`. */
export type Metrics = Readonly<Record<string, Metric>>;

/** One threshold at the end. */
export interface Verdict {
  readonly metric: string;
  readonly expression: string;
  readonly value: number;
  readonly ok: boolean;
}

export function verdictsOf(thresholds: Thresholds, metrics: Metrics): Verdict[] {
  return Object.entries(thresholds).flatMap(([metric, expressions]) =>
    expressions.map((expression) => {
      const values = metrics[metric]?.values ?? {};
      return { metric, expression, value: judgedValue(expression, values), ok: holds(expression, values) };
    }),
  );
}

/** Errors by stage, those that occurred. */
export function failuresOf(metrics: Metrics): { readonly stage: FailureStage; readonly count: number }[] {
  return STAGES_OF_FAILURE.map((stage) => ({
    stage,
    count: metrics[`sse_errors{stage:${stage}}`]?.values.count ?? 0,
  })).filter(({ count }) => count > 0);
}

/** Why a run failed, one sentence per recognised cause; empty when it passed. */
export function reasonsOf(config: LoadConfig, metrics: Metrics): string[] {
  const failed = verdictsOf(thresholdsOf(config), metrics).filter(({ ok }) => !ok);
  if (failed.length === 0) return [];
  const reasons = failuresOf(metrics).map(
    ({ stage, count }) => `${count} × ${stage}: ${FAILURE_ADVICE[stage]}`,
  );
  const has = (metric: string, expression: string): boolean =>
    failed.some((one) => one.metric === metric && one.expression.startsWith(expression));
  const opened = metrics.sse_connections?.values.count ?? 0;
  if (has('sse_connections', 'count') && reasons.length === 0) {
    reasons.push(
      `only ${opened} connections opened, and none failed: the run was cut short, or the machine was overloaded`,
    );
  }
  if (opened > 0 && has('sse_event_latency', 'max')) {
    reasons.push(
      `no delivery was measured during the hold: no event had a time at "${config.latencyPath}"` +
        `${config.fromPast ? ', or none came after gateway.live (FROM=none for servers that do not send it)' : ''}` +
        '; LATENCY_PATH=none switches it off',
    );
  }
  if (has('sse_event_latency', 'min')) {
    reasons.push(
      'events arrived before they were sent: the clocks differ; synchronise them (NTP) or set LATENCY_PATH=none',
    );
  }
  if (has('sse_gaps', 'count')) {
    reasons.push(`events are missing: their numbers at "${config.sequencePath}" have gaps`);
  }
  for (const { metric, expression, value } of failed.filter((one) => one.expression.startsWith('p('))) {
    reasons.push(`${metric} is ${rounded(value)} ms, over its limit (${expression})`);
  }
  return reasons;
}

const GREEN = '\u001b[32m';
const RED = '\u001b[31m';
const PLAIN = '\u001b[0m';

export function renderVerdicts(verdicts: readonly Verdict[], colour: boolean): string {
  const rows = verdicts.map(({ metric, expression, value, ok }) => {
    const mark = ok ? 'pass' : 'FAIL';
    const shown = colour ? `${ok ? GREEN : RED}${mark}${PLAIN}` : mark;
    return `  ${shown}  ${metric.padEnd(24)} ${expression.padEnd(16)} ${rounded(value)}\n`;
  });
  return rows.join('');
}

/** The final report of one k6 process, for people. */
export function renderSummary(config: LoadConfig, metrics: Metrics, colour: boolean): string {
  const reasons = reasonsOf(config, metrics);
  const latency = metrics.sse_event_latency?.values ?? {};
  const first = metrics.sse_time_to_first_event?.values ?? {};
  const count = (name: string): number => metrics[name]?.values.count ?? 0;
  return [
    `\nSSE load test: ${count('sse_connections')} of ${Math.round(config.plan.connections / config.shards)} connections`,
    `${config.shards > 1 ? ` of this shard (1 of ${config.shards})` : ''}\n\n`,
    renderVerdicts(verdictsOf(thresholdsOf(config), metrics), colour),
    `\n  first event  p50 ${rounded(first.med ?? 0)} ms, p95 ${rounded(first['p(95)'] ?? 0)} ms`,
    `\n  delivery     p50 ${rounded(latency.med ?? 0)} ms, p95 ${rounded(latency['p(95)'] ?? 0)} ms, max ${rounded(latency.max ?? 0)} ms`,
    `\n  reconnects ${count('sse_reconnects')}, duplicates ${count('sse_duplicates')}, events before their time ${count('sse_clock_skew')}\n`,
    ...(reasons.length === 0 ? [] : ['\nFAILED because:\n', ...reasons.map((reason) => `  ${reason}\n`)]),
  ].join('');
}

/** Up to two digits after the point. */
export function rounded(value: number): string {
  return String(Math.round(value * 100) / 100);
}
