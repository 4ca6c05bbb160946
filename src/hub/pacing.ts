/** Time as fan-out sees it. Tests replace it. */
export interface Clock {
  nowMs(): number;
  /** Calls back once, no sooner than after `delayMs`. Answers how to cancel that. */
  after(delayMs: number, run: () => void): () => void;
}

export const SYSTEM_CLOCK: Clock = {
  nowMs: () => performance.now(),
  after(delayMs, run) {
    const timer = setTimeout(run, delayMs);
    return () => clearTimeout(timer);
  },
};

/** How long the passes of an audience wait for more events: by the load, or at least so many ms after the last one. */
export type Gather = 'auto' | number;

/** The times of a pass. */
export interface PassTimes {
  readonly atMs: number;
  /** Time that passes had taken until it began, of all audiences. */
  readonly workMs: number;
  readonly endedAtMs: number;
}

/** `auto`: passes of an audience are that many times as far apart as passes of all audiences took meanwhile … */
const LOAD_FACTOR = 3;
/** … but it waits no longer than this after its last one. */
const LONGEST_WAIT_MS = 20;

/**
 * When an audience may begin its next pass. A write costs about the same for one event and for ten, so under load fewer
 * passes are less work. The rule for `auto` keeps no state that could swing: as long as passes take less than a third of
 * the time, the next one may begin at once.
 * @param workMs time that passes have taken so far, of all audiences
 */
export function nextPassMs(gather: Gather, last: PassTimes, workMs: number): number {
  if (gather !== 'auto') return last.endedAtMs + gather;
  return Math.min(last.atMs + LOAD_FACTOR * (workMs - last.workMs), last.endedAtMs + LONGEST_WAIT_MS);
}
