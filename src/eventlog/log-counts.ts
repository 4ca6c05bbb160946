import type { AppendResult } from './event-log';

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
