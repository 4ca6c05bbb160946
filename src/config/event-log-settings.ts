import { z } from 'zod';
import type { KafkaSettings } from './kafka-settings';
import { bytes, int, ms, oneOf, type SettingsOf } from './setting-types';

export const EVENT_LOG_SETTINGS = {
  EVENT_LOG: oneOf(['kafka', 'memory'])
    .optional()
    .describe('where events are stored; unset: `kafka` when KAFKA_BROKERS is set, else `memory`'),
  NODE_ENV: z
    .string()
    .trim()
    .toLowerCase()
    .default('development')
    .describe('`production`: refuse to start without KAFKA_BROKERS unless EVENT_LOG=memory'),
  KAFKA_PRODUCE_DEADLINE_MS: ms(5_000, 100).describe(
    'time after which an append without an answer is reported as `outcome-unknown`',
  ),
  KAFKA_PRODUCE_BATCH_RECORDS: int(500, 1, 100_000).describe('most records of one produce request'),
  KAFKA_PRODUCE_BATCH_BYTES: bytes(512 << 10, 1024).describe('most bytes of one produce request'),
  KAFKA_PRODUCE_QUEUE_RECORDS: int(10_000, 1, 1_000_000).describe(
    'most records that wait to be sent to Kafka; beyond it 503',
  ),
  KAFKA_PRODUCE_QUEUE_BYTES: bytes(32 << 20, 1024).describe(
    'most bytes that wait to be sent to Kafka; beyond it 503',
  ),
  KAFKA_PRODUCE_BREAKER_FAILURES: int(3, 1, 1_000).describe(
    'failed appends in a row after which the circuit breaker of a partition opens: further appends fail at once',
  ),
  KAFKA_PRODUCE_BREAKER_PROBE_MS: ms(1_000, 10).describe(
    'longest pause between two probes of a broker or partition whose circuit breaker is open',
  ),
  MEMORY_LOG_RECORDS: int(100_000, 1, 10_000_000).describe('most records in the memory log'),
  MEMORY_LOG_BYTES: bytes(64 << 20, 1024).describe('most bytes in the memory log'),
  MEMORY_LOG_RETRY_MS: ms(100, 1).describe(
    'pause of the memory log before records whose schema was not there are looked at again',
  ),
} as const;

type EventLogSettings = SettingsOf<typeof EVENT_LOG_SETTINGS>;

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
  return { records: s.MEMORY_LOG_RECORDS, bytes: s.MEMORY_LOG_BYTES, retryMs: s.MEMORY_LOG_RETRY_MS };
}

export function* eventLogContradictions(
  s: EventLogSettings & Pick<KafkaSettings, 'KAFKA_BROKERS'>,
): Iterable<string> {
  if (s.KAFKA_BROKERS.length > 0) return;
  if (s.EVENT_LOG === 'kafka') yield 'KAFKA_BROKERS must be set with EVENT_LOG=kafka';
  if (s.NODE_ENV === 'production' && s.EVENT_LOG === undefined)
    yield 'KAFKA_BROKERS must be set with NODE_ENV=production (or set EVENT_LOG=memory to run without Kafka)';
}
