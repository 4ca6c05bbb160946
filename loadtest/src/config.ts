import { durationMs } from './duration.ts';
import { type Plan, parseStages, planOf, standardStages } from './stages.ts';

/** Kind of run; decides the thresholds and the streams. */
const SCENARIOS = ['ramp', 'steady', 'storm', 'slow', 'rooms'] as const;
export type Scenario = (typeof SCENARIOS)[number];

/** Thresholds of a run; percentiles in milliseconds. */
export interface Limits {
  readonly successRate: number;
  /** Of the whole run, not of one shard. */
  readonly errors: number;
  readonly responseP95Ms: number;
  readonly firstEventP95Ms: number;
  readonly latencyP95Ms: number;
  /** Share of the connections that must have opened. */
  readonly connectionShare: number;
}

export interface LoadConfig {
  readonly scenario: Scenario;
  /** `http://host:port` under test; streams take turns. */
  readonly baseUrls: readonly string[];
  /** Path of a stream; in scenario `rooms` that of the channel above the rooms. */
  readonly streamPath: string;
  /** Without "?"; may be empty. */
  readonly query: string;
  readonly plan: Plan;
  /** k6 processes that share the connections. */
  readonly shards: number;
  readonly reconnect: boolean;
  /** Path in the data to the unix ms at which it was sent; null: latency is not measured. */
  readonly latencyPath: string | null;
  /** Path in the data to the sequence number; null: gaps are not checked. */
  readonly sequencePath: string | null;
  /** The streams start with past events: latency counts only after `gateway.live`. */
  readonly fromPast: boolean;
  readonly limits: Limits;
  /** One in this many streams is a slow client; 0: none. Scenario `slow`. */
  readonly slowEvery: number;
  /** Events posted per second in the scenarios `rooms` (over all rooms) and `slow` (large ones). */
  readonly postsPerSecond: number;
  /** File for the final figures as JSON; null: none. */
  readonly summaryFile: string | null;
}

type Env = Readonly<Record<string, string | undefined>>;

const STANDARD_CONNECTIONS = 50_000;
const STANDARD_ERRORS = 500;
/** For streams that start with a past event. */
export const FIRST_EVENT_P95_MS = 3_000;
/** Large events: enough to fill all buffers between a gateway and a slow client within a hold. */
const SLOW_POSTS_PER_SECOND = 4;
/** Disables a feature that has a default. */
const NONE = 'none';

/** Parses the environment of a run. An empty variable counts as unset. @throws Error with every fault, one per line */
export function parseLoadConfig(env: Env): LoadConfig {
  const faults: string[] = [];
  const read = reader(env, faults);

  read.oneOf('SSE_MODULE', ['any', 'bundled'], 'any');
  const scenario = read.oneOf('SCENARIO', SCENARIOS, 'ramp');
  const baseUrls = read.text('URL', 'http://localhost:8080').split(',').map(withoutSlash);
  for (const url of baseUrls) {
    if (!/^https?:\/\/[^/?#]+$/.test(url)) faults.push(`URL must be http://host:port, not "${url}"`);
  }
  const streamPath = read.text('STREAM_PATH', scenario === 'rooms' ? '/subscribe/rooms' : '/events');
  if (!streamPath.startsWith('/')) faults.push(`STREAM_PATH must begin with "/", not "${streamPath}"`);
  const from = read.optional('FROM', '-1');
  if (from !== null && !/^(-\d{1,9}|earliest|latest)$/.test(from)) {
    faults.push(`FROM must be -N, earliest, latest or ${NONE}, not "${from}"`);
  }
  const channel = read.optional('CHANNEL', NONE);
  const query = [
    ...(channel === null ? [] : channel.split(',').map((one) => `channel=${encodeURIComponent(one)}`)),
    ...(from === null ? [] : [`from=${from}`]),
  ].join('&');

  const connections = read.wholeNumber('CONNECTIONS', STANDARD_CONNECTIONS, 1, 10_000_000);
  const stages = {
    connections,
    rampMs: read.text('RAMP', '') === '' ? null : read.duration('RAMP', ''),
    holdMs: read.duration('HOLD', '2m'),
    rampDownMs: read.duration('RAMP_DOWN', '2m'),
  };
  const plan = read.of('STAGES', (text) => planOf(text === '' ? standardStages(stages) : parseStages(text)));
  const errors = Math.min(STANDARD_ERRORS, Math.max(1, Math.floor((plan?.connections ?? connections) / 100)));

  const config: Omit<LoadConfig, 'plan'> = {
    scenario,
    baseUrls,
    streamPath,
    query,
    shards: read.wholeNumber('SHARDS', 1, 1, 1_000),
    reconnect: read.onOff('RECONNECT', true),
    latencyPath: read.optional('LATENCY_PATH', scenario === 'rooms' ? '.' : 'payload.date'),
    sequencePath: read.optional('SEQUENCE_PATH', scenario === 'rooms' ? NONE : 'payload.times'),
    fromPast: from !== null && from !== 'latest',
    limits: {
      successRate: read.number('SUCCESS_RATE', 0.95),
      errors: read.number('ERRORS', errors),
      responseP95Ms: read.number('RESPONSE_P95_MS', 5_000),
      firstEventP95Ms: read.number('FIRST_EVENT_P95_MS', FIRST_EVENT_P95_MS),
      latencyP95Ms: read.number('LATENCY_P95_MS', 3_000),
      connectionShare: read.number('CONNECTION_SHARE', 0.95),
    },
    slowEvery: read.wholeNumber('SLOW_EVERY', scenario === 'slow' ? 20 : 0, 0, 1_000_000),
    postsPerSecond: read.wholeNumber(
      'POSTS_PER_SECOND',
      scenario === 'slow' ? SLOW_POSTS_PER_SECOND : Math.ceil(connections / 20),
      1,
      1_000_000,
    ),
    summaryFile: read.optional('SUMMARY_FILE', NONE),
  };
  if (faults.length > 0 || plan === null)
    throw new Error(`the load test cannot start:\n  ${faults.join('\n  ')}`);
  return { ...config, plan };
}

function withoutSlash(url: string): string {
  return url.trim().replace(/\/$/, '');
}

function reader(env: Env, faults: string[]) {
  const text = (name: string, fallback: string): string => {
    const value = env[name];
    return value === undefined || value === '' ? fallback : value;
  };
  const checked = (name: string, value: number, isGood: boolean, wanted: string): number => {
    if (!isGood) faults.push(`${name} must be ${wanted}, not "${env[name]}"`);
    return value;
  };
  return {
    text,
    optional(name: string, fallback: string): string | null {
      const value = text(name, fallback);
      return value === NONE ? null : value;
    },
    oneOf<T extends string>(name: string, values: readonly T[], fallback: T): T {
      const value = text(name, fallback) as T;
      if (!values.includes(value)) faults.push(`${name} must be one of ${values.join(', ')}, not "${value}"`);
      return value;
    },
    onOff(name: string, fallback: boolean): boolean {
      const value = text(name, fallback ? 'on' : 'off');
      if (value !== 'on' && value !== 'off') faults.push(`${name} must be on or off, not "${value}"`);
      return value === 'on';
    },
    number(name: string, fallback: number): number {
      const value = Number(text(name, String(fallback)));
      return checked(name, value, value >= 0, 'a number from 0');
    },
    wholeNumber(name: string, fallback: number, min: number, max: number): number {
      const value = Number(text(name, String(fallback)));
      const isGood = Number.isInteger(value) && value >= min && value <= max;
      return checked(name, value, isGood, `a whole number from ${min} to ${max}`);
    },
    duration(name: string, fallback: string): number {
      const value = durationMs(text(name, fallback));
      return checked(name, value, !Number.isNaN(value), 'a duration such as 90s or 2m');
    },
    of<T>(name: string, parse: (value: string) => T): T | null {
      try {
        return parse(text(name, ''));
      } catch (error) {
        faults.push(`${name}: ${(error as Error).message}`);
        return null;
      }
    },
  };
}
