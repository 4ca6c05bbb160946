import type { AppendResult } from './event-log';

/** What a log was asked when it failed: to store, to give what is new, to give what is older, or about itself. */
export const LOG_OPERATIONS = ['produce', 'fetch', 'read', 'metadata'] as const;
export type LogOperation = (typeof LOG_OPERATIONS)[number];

/** What a log has done since the start: plain numbers, to be read by whoever shows them. */
export interface LogCounts {
  /** By topic, records that it stored for this process. */
  readonly stored: Readonly<Record<string, number>>;
  /** Requests that failed, lost connections included; each try counts. */
  readonly failures: Readonly<Record<LogOperation, number>>;
  /** How long the quotas of brokers have kept this process waiting. */
  readonly throttledMs: Readonly<Record<LogOperation, number>>;
  /** What waits to be stored at the moment. */
  readonly queuedRecords: number;
  readonly queuedBytes: number;
}

export interface LogCounter {
  readonly stored: LogCounts['stored'];
  readonly failures: LogCounts['failures'];
  readonly throttledMs: LogCounts['throttledMs'];
  appended(results: readonly AppendResult[]): void;
  failed(operation: LogOperation): void;
  throttled(operation: LogOperation, forMs: number): void;
}

export function createLogCounter(topics: readonly string[]): LogCounter {
  const stored: Record<string, number> = Object.fromEntries(topics.map((topic) => [topic, 0]));
  const failures: Record<LogOperation, number> = { produce: 0, fetch: 0, read: 0, metadata: 0 };
  const throttledMs: Record<LogOperation, number> = { ...failures };
  return {
    stored,
    failures,
    throttledMs,
    appended(results) {
      for (const result of results) if (result.ok) stored[result.topic]!++;
    },
    failed(operation) {
      failures[operation]++;
    },
    throttled(operation, forMs) {
      throttledMs[operation] += forMs;
    },
  };
}
