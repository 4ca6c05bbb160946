import type { LogRecord, NewRecord } from './event-log';

/** Bytes of a record's key, value and headers. Its other memory is bounded by limits on the number of records. */
export function contentBytes({
  key,
  value,
  headers,
}: Pick<LogRecord | NewRecord, 'key' | 'value' | 'headers'>): number {
  let bytes = (key === null ? 0 : Buffer.byteLength(key)) + (value?.length ?? 0);
  for (const header of headers) bytes += header.key.length + (header.value?.length ?? 0);
  return bytes;
}

/** Any time in seconds that was written where milliseconds belong is below this, and so is −1, Kafka's "no time". */
const MIN_TIMESTAMP_MS = 100_000_000_000;
/** Kafka's own default for `message.timestamp.after.max.ms`; a clock may be ahead of this one. */
const MAX_AHEAD_MS = 3_600_000;

/**
 * Whether a record's timestamp says nothing of when it was created: there is none, it is before March 1973, or over an
 * hour ahead of this clock, as one in microseconds is. Ages and latencies from such would be years.
 */
export function isOddTimestamp(timestampMs: number, nowMs: number): boolean {
  return !(timestampMs >= MIN_TIMESTAMP_MS && timestampMs <= nowMs + MAX_AHEAD_MS);
}
