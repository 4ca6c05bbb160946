import { LOG_LEVELS } from '../logger';
import { int, ms, oneOf, type SettingsOf, text } from './setting-types';

export const ROLE_SETTINGS = {
  TICK_MS: ms(1_000, 0).describe('interval of the ticker’s timestamp events; 0: none'),
  TICK_FORMAT: oneOf(['json', 'ms']).default('json').describe('`json` payload or the bare `ms` number'),
  AGGREGATION_EVENTS: int(10, 1, 1_000).describe('events after which an aggregation window closes'),
  AGGREGATION_MS: ms(30_000, 100).describe('time after which an aggregation window closes with fewer events'),
  AGGREGATION_SAMPLE_BYTES: int(4 << 10, 16, 32 << 10).describe(
    'most bytes of one event in a summary’s sample; the rest is cut off',
  ),
  KAFKA_GROUP_ID: text('kafka-sse-gateway-aggregator').describe(
    'consumer group of the aggregators; gateways need none',
  ),
  KAFKA_SESSION_TIMEOUT_MS: ms(15_000, 1_000).describe(
    'silence of an aggregator after which its partitions are reassigned',
  ),
} as const;

type RoleSettings = SettingsOf<typeof ROLE_SETTINGS>;

export function tickerConfig(s: RoleSettings) {
  return { intervalMs: s.TICK_MS, format: s.TICK_FORMAT };
}

export function aggregationConfig(s: RoleSettings) {
  return {
    events: s.AGGREGATION_EVENTS,
    windowMs: s.AGGREGATION_MS,
    sampleBytes: s.AGGREGATION_SAMPLE_BYTES,
    groupId: s.KAFKA_GROUP_ID,
    sessionTimeoutMs: s.KAFKA_SESSION_TIMEOUT_MS,
  };
}

export const PROCESS_SETTINGS = {
  LOG_LEVEL: oneOf(LOG_LEVELS, { warning: 'warn', off: 'silent', none: 'silent' })
    .default('info')
    .describe('least severe messages that are logged, on standard output'),
  LOG_FORMAT: oneOf(['auto', 'json', 'text'])
    .default('auto')
    .describe('`json` or `text` lines; `auto`: text on a terminal, else JSON'),
  LOG_STREAM_LINES_PER_SECOND: int(0, 0, 100_000).describe(
    'most log lines per second about streams that open and close; further ones are counted; 0: none',
  ),
  READY_WHEN: oneOf(['any', 'all'])
    .default('any')
    .describe(
      'when `/readyz` answers 200: `any`, part of the topics can be served; `all`, every partition of every topic can',
    ),
  DRAIN_MS: ms(20_000, 0).describe('longest time over which a shutdown spreads the closing of open streams'),
  DRAIN_MAX_PAUSE_MS: ms(10, 0).describe(
    'longest pause between two streams closed at shutdown, so that a few streams need less than DRAIN_MS',
  ),
  SHUTDOWN_MS: ms(5_000, 100).describe(
    'longest time at shutdown, once the streams are closed, for requests in flight and for Kafka',
  ),
} as const;

type ProcessSettings = SettingsOf<typeof PROCESS_SETTINGS>;

export function shutdownConfig(s: ProcessSettings) {
  return { drainMs: s.DRAIN_MS, drainGapMs: s.DRAIN_MAX_PAUSE_MS, finishMs: s.SHUTDOWN_MS };
}
