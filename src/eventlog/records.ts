import type { AppendResult, LogRecord, NewRecord, TopicPartition } from './event-log';

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

/** What an event log is asked to do: append, read what is new, read history, describe itself. */
export const LOG_OPERATIONS = ['produce', 'fetch', 'read', 'metadata'] as const;
export type LogOperation = (typeof LOG_OPERATIONS)[number];

/** What an event log has done since the start, in plain numbers. */
export interface LogCounts {
  /** By topic, records that it stored for this gateway. */
  readonly stored: Readonly<Record<string, number>>;
  /** Requests that failed, lost connections included; each try counts. */
  readonly failures: Readonly<Record<LogOperation, number>>;
  /** How long the quotas of brokers have kept this gateway waiting. */
  readonly throttledMs: Readonly<Record<LogOperation, number>>;
  /** What waits to be stored at the moment. */
  readonly queuedRecords: number;
  readonly queuedBytes: number;
}

export class LogCounter {
  readonly #stored: Record<string, number>;
  readonly #failures: Record<LogOperation, number> = { produce: 0, fetch: 0, read: 0, metadata: 0 };
  readonly #throttledMs: Record<LogOperation, number> = { ...this.#failures };

  constructor(topics: readonly string[]) {
    this.#stored = Object.fromEntries(topics.map((topic) => [topic, 0]));
  }

  appended(results: readonly AppendResult[]): void {
    for (const result of results) if (result.ok) this.#stored[result.topic]!++;
  }

  failed(operation: LogOperation): void {
    this.#failures[operation]++;
  }

  throttled(operation: LogOperation, forMs: number): void {
    this.#throttledMs[operation] += forMs;
  }

  counts(queued: { readonly records: number; readonly bytes: number }): LogCounts {
    return {
      stored: this.#stored,
      failures: this.#failures,
      throttledMs: this.#throttledMs,
      queuedRecords: queued.records,
      queuedBytes: queued.bytes,
    };
  }
}

export function keyOf({ topic, partition }: TopicPartition): string {
  return `${topic}/${partition}`;
}

/** The value of a header: null when it is not there or has none. The last one counts, as in Kafka's clients. */
export function headerOf({ headers }: Pick<LogRecord, 'headers'>, name: string): Buffer | null {
  for (let i = headers.length - 1; i >= 0; i--) if (headers[i]!.key === name) return headers[i]!.value;
  return null;
}
