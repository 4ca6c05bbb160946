import type { FailureStage } from './failure.ts';

/** Where a stream reports what it saw; the k6 script adds it to metrics at once. Times are milliseconds. */
export interface Figures {
  /** Attempts to connect; one has succeeded when an event came. */
  attempts(succeeded: number, failed: number): void;
  /** A stream of the plan is open; told once per stream, not per attempt. */
  opened(responseMs: number, firstEventMs: number): void;
  failed(stage: FailureStage, count: number, message: string): void;
  latency(ms: number): void;
  /** The event says that it was sent after it arrived: the clocks differ. */
  clockSkew(): void;
  lost(events: number): void;
  duplicate(): void;
  reconnected(): void;
}
