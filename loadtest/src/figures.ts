import type { FailureStage } from './failure.ts';

/** Where a stream reports what became of its connections; the k6 script adds it to metrics at once. */
export interface StreamFigures {
  /** Attempts to connect; one has succeeded when an event came. */
  attempts(succeeded: number, failed: number): void;
  /** A stream of the plan is open, these ms after it began; told once per stream, not per attempt. */
  opened(responseMs: number, firstEventMs: number): void;
  failed(stage: FailureStage, count: number, message: string): void;
}

/** Where it reports what its events say, when the script reads them. */
export interface EventFigures {
  latency(ms: number): void;
  /** The event says that it was sent after it arrived: the clocks differ. */
  clockSkew(): void;
  lost(events: number): void;
  duplicate(): void;
  /** An event came on a connection after the first. */
  reconnected(): void;
}
