/** Wall clock in microseconds, finer than `Date.now()`: the load client compares it with its own. */
export type WallClock = () => number;

const US_PER_MS = 1_000;

/** Calibrated when `Date.now()` advances, since the process's time origin drifts from the wall clock. */
export function createWallClock(): WallClock {
  const from = Date.now();
  let now = from;
  while (now === from) now = Date.now();
  const offsetMs = now - performance.now();
  return () => Math.round((offsetMs + performance.now()) * US_PER_MS);
}
