import type { LoadConfig } from './config.ts';
import { STAGES_OF_FAILURE } from './failure.ts';

/** Expressions of k6 by metric; all of them must hold. */
export type Thresholds = Readonly<Record<string, readonly string[]>>;

/**
 * The limits of the configuration, and checks that fail a run without data: for k6 the percentile of no values is 0.
 * For one shard; with `shards` 1 for the whole run.
 */
export function thresholdsOf(config: LoadConfig): Thresholds {
  const { limits, plan, shards, latencyPath, sequencePath } = config;
  const floor = Math.floor((limits.connectionShare * plan.connections) / shards);
  return {
    sse_connections: [`count>=${Math.max(1, floor)}`],
    sse_connect_success: [`rate>${limits.successRate}`],
    sse_errors: [`count<${limits.errors}`],
    sse_response_time: [`p(95)<${limits.responseP95Ms}`],
    sse_time_to_first_event: [`p(95)<${limits.firstEventP95Ms}`],
    ...(latencyPath === null ? {} : { sse_event_latency: latencyLimits(config) }),
    ...(sequencePath === null ? {} : { sse_gaps: ['count==0'] }),
  };
}

/** Worst clock difference with NTP; beyond it, delivery times are meaningless. */
const CLOCK_DIFFERENCE_MS = 100;

function latencyLimits({ limits, scenario }: LoadConfig): string[] {
  return [
    // In a storm late events are expected; none may be lost.
    ...(scenario === 'storm' ? [] : [`p(95)<${limits.latencyP95Ms}`]),
    'max>0',
    `min>-${CLOCK_DIFFERENCE_MS}`,
  ];
}

/** Thresholds that always hold: they make k6 count the errors of each stage separately. */
export function countedStages(): Thresholds {
  return Object.fromEntries(STAGES_OF_FAILURE.map((stage) => [`sse_errors{stage:${stage}}`, ['count>=0']]));
}

/** A value of a metric at the end, by k6's name for it: `count`, `rate`, `p(95)`. */
export type Values = Readonly<Record<string, number>>;

const EXPRESSION = /^(count|rate|avg|min|med|max|p\(\d+(?:\.\d+)?\))(<=|>=|==|<|>)(-?\d+(?:\.\d+)?)$/;

/** Evaluates as k6 does; a missing value is 0. @throws Error for an expression that is not used here */
export function holds(expression: string, values: Values): boolean {
  const [, name, operator, limit] = EXPRESSION.exec(expression) ?? [];
  if (name === undefined) throw new Error(`"${expression}" is no threshold`);
  const value = values[name] ?? 0;
  switch (operator) {
    case '<':
      return value < Number(limit);
    case '<=':
      return value <= Number(limit);
    case '>':
      return value > Number(limit);
    case '>=':
      return value >= Number(limit);
    default:
      return value === Number(limit);
  }
}

/** The value that an expression is about. */
export function judgedValue(expression: string, values: Values): number {
  return values[EXPRESSION.exec(expression)?.[1] ?? ''] ?? 0;
}
