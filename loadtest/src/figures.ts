import type { FailureStage } from './failure.ts';

/** Reports about connections; the k6 script adds them to metrics at once. */
export interface StreamFigures {
  /** An attempt to connect; it succeeded when an event arrived. */
  attempts(succeeded: number, failed: number): void;
  /** A stream of the plan is open, this many ms after its start; once per stream, not per attempt. */
  opened(responseMs: number, firstEventMs: number): void;
  failed(stage: FailureStage, count: number, message: string): void;
}

/** Reports about the content of events, when the script reads them. */
export interface EventFigures {
  latency(ms: number): void;
  /** An event was sent after it arrived, by its timestamp: the clocks differ. */
  clockSkew(): void;
  lost(events: number): void;
  duplicate(): void;
  /** An event arrived on a connection after the first. */
  reconnected(): void;
}
