import type { LoadConfig } from './config.ts';
import { countedStages, thresholdsOf } from './thresholds.ts';

/** Grace time of streams that are due to close at the last moment. */
const LEAVING_MS = 10_000;
/** Posts in flight at the same time. */
const POSTING_VUS = 50;

/** The part of k6's script `options` that is used here. */
export interface K6Options {
  readonly scenarios: Record<string, Scenario>;
  readonly thresholds: Record<string, string[]>;
  readonly systemTags: ('status' | 'error_code' | 'scenario')[];
  readonly summaryTrendStats: string[];
  readonly noConnectionReuse: boolean;
  readonly discardResponseBodies: boolean;
}

type Scenario =
  | {
      executor: 'ramping-vus';
      startVUs: number;
      stages: { duration: string; target: number }[];
      gracefulRampDown: string;
      gracefulStop: string;
    }
  | {
      executor: 'constant-arrival-rate';
      exec: 'post';
      rate: number;
      duration: string;
      preAllocatedVUs: number;
      gracefulStop: string;
    };

/** One VU is one stream. */
export function k6Options(config: LoadConfig): K6Options {
  const { plan, scenario, postsPerSecond } = config;
  const leaveMs = plan.endMs - plan.holdToMs + LEAVING_MS;
  const sse: Scenario = {
    executor: 'ramping-vus',
    startVUs: 0,
    stages: plan.stages.map(({ durationMs, target }) => ({ duration: `${durationMs}ms`, target })),
    // In the ramp-down each stream closes at its own time and reports; k6 must not stop it before.
    gracefulRampDown: `${leaveMs}ms`,
    gracefulStop: `${LEAVING_MS}ms`,
  };
  const posts: Scenario = {
    executor: 'constant-arrival-rate',
    exec: 'post',
    rate: postsPerSecond,
    duration: `${plan.holdToMs}ms`,
    preAllocatedVUs: POSTING_VUS,
    gracefulStop: `${LEAVING_MS}ms`,
  };
  return {
    scenarios: scenario === 'rooms' || scenario === 'slow' ? { sse, posts } : { sse },
    thresholds: Object.fromEntries(
      Object.entries({ ...thresholdsOf(config), ...countedStages() }).map(([name, all]) => [name, [...all]]),
    ),
    // A tag for each URL would make thousands of time series.
    systemTags: ['status', 'error_code', 'scenario'],
    summaryTrendStats: ['avg', 'min', 'med', 'p(90)', 'p(95)', 'p(99)', 'max', 'count'],
    // Otherwise xk6-sse keeps idle sockets of ended streams.
    noConnectionReuse: true,
    discardResponseBodies: true,
  };
}
