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

export type RoleSettings = SettingsOf<typeof ROLE_SETTINGS>;

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
