import { z } from 'zod';
import type { KafkaSettings } from './kafka-settings';
import { bytes, int, ms, oneOf, type SettingsOf } from './setting-types';

export const EVENT_LOG_SETTINGS = {
  EVENT_LOG: oneOf(['kafka', 'memory'])
    .optional()
    .describe('where events are kept; unset: `kafka` when KAFKA_BROKERS is set, else `memory`'),
  NODE_ENV: z
    .string()
    .trim()
    .toLowerCase()
    .default('development')
    .describe('`production` refuses an accidental memory log'),
  KAFKA_PRODUCE_DEADLINE_MS: ms(5_000, 100).describe(
    'after it the outcome of an append is reported as unknown',
  ),
  KAFKA_PRODUCE_BATCH_RECORDS: int(500, 1, 100_000).describe('records of one produce request'),
  KAFKA_PRODUCE_BATCH_BYTES: bytes(512 << 10, 1024).describe('bytes of one produce request'),
  KAFKA_PRODUCE_QUEUE_RECORDS: int(10_000, 1, 1_000_000).describe(
    'records waiting for the log; beyond it 503',
  ),
  KAFKA_PRODUCE_QUEUE_BYTES: bytes(32 << 20, 1024).describe('bytes waiting for the log; beyond it 503'),
  KAFKA_PRODUCE_BREAKER_FAILURES: int(3, 1, 1_000).describe(
    'tries in a row that failed, after which appends to that partition fail at once',
  ),
  KAFKA_PRODUCE_BREAKER_PROBE_MS: ms(1_000, 10).describe(
    'longest pause before a broker or partition is tried again to which appends fail at once',
  ),
  MEMORY_LOG_RECORDS: int(100_000, 1, 10_000_000).describe('records the memory log keeps'),
  MEMORY_LOG_BYTES: bytes(64 << 20, 1024).describe('bytes the memory log keeps'),
} as const;

export type EventLogSettings = SettingsOf<typeof EVENT_LOG_SETTINGS>;

export function eventLogOf(s: EventLogSettings & Pick<KafkaSettings, 'KAFKA_BROKERS'>): 'kafka' | 'memory' {
  return s.EVENT_LOG ?? (s.KAFKA_BROKERS.length > 0 ? 'kafka' : 'memory');
}

export function appendConfig(s: EventLogSettings) {
  return {
    deadlineMs: s.KAFKA_PRODUCE_DEADLINE_MS,
    batchRecords: s.KAFKA_PRODUCE_BATCH_RECORDS,
    batchBytes: s.KAFKA_PRODUCE_BATCH_BYTES,
    queueRecords: s.KAFKA_PRODUCE_QUEUE_RECORDS,
    queueBytes: s.KAFKA_PRODUCE_QUEUE_BYTES,
    breakerFailures: s.KAFKA_PRODUCE_BREAKER_FAILURES,
    breakerProbeMs: s.KAFKA_PRODUCE_BREAKER_PROBE_MS,
  };
}

export function memoryLogConfig(s: EventLogSettings) {
  return { records: s.MEMORY_LOG_RECORDS, bytes: s.MEMORY_LOG_BYTES };
}

export function* eventLogContradictions(
  s: EventLogSettings & Pick<KafkaSettings, 'KAFKA_BROKERS'>,
): Iterable<string> {
  if (s.KAFKA_BROKERS.length > 0) return;
  if (s.EVENT_LOG === 'kafka') yield 'KAFKA_BROKERS must be set with EVENT_LOG=kafka';
  if (s.NODE_ENV === 'production' && s.EVENT_LOG === undefined)
    yield 'KAFKA_BROKERS must be set with NODE_ENV=production (or say EVENT_LOG=memory to run without Kafka on purpose)';
}
