import { setImmediate as nextTurn, setTimeout as pause } from 'node:timers/promises';
import type { OpenStreams } from './open-streams';

export interface DrainOptions {
  /** Over how long the closes are spread at the most; 0 closes all at once. */
  readonly drainMs: number;
  /** Longest time from one close to the next: few streams do not take all of `drainMs`. */
  readonly gapMs: number;
  /** Closes after which the event loop gets its turn. */
  readonly closesPerTurn: number;
}

/** Closes between two looks at the clock. */
const STEP_MS = 50;

/**
 * Ends all streams in random order, evenly over the time that they take, each with a reconnect time of its own, so that the
 * clients do not come back to the others all at once.
 */
export async function drainStreams(
  streams: OpenStreams,
  { drainMs, gapMs, closesPerTurn }: DrainOptions,
): Promise<void> {
  const leaving = shuffled(streams.snapshot());
  const spreadMs = Math.min(drainMs, leaving.length * gapMs);
  const startMs = performance.now();
  let next = 0;
  while (next < leaving.length && streams.count > 0) {
    const share = spreadMs === 0 ? 1 : (performance.now() - startMs) / spreadMs;
    // The first one leaves at once, the last one when the time is up.
    const due = Math.min(leaving.length, Math.floor(share * leaving.length) + 1);
    while (next < due) {
      const stream = leaving[next++]!;
      if (stream.isOpen) stream.end('drain');
      if (next % closesPerTurn === 0) await nextTurn();
    }
    if (next < leaving.length) await pause(Math.min(STEP_MS, spreadMs));
  }
}

/** Fisher–Yates. */
function shuffled<T>(items: T[]): T[] {
  for (let i = items.length - 1; i > 0; i--) {
    const j = Math.floor(Math.random() * (i + 1));
    [items[i], items[j]] = [items[j]!, items[i]!];
  }
  return items;
}
