const FIRST_MS = 2_000;
const MAX_DOUBLINGS = 4;

/**
 * Pause after the `failures`-th failure in a row: up to 2 s, and twice as much each time until 32 s. At least half of it
 * is always waited: without that, a dead address is asked thousands of times a second and the error count says nothing.
 */
export function backoffMs(failures: number, random: () => number): number {
  const most = FIRST_MS * 2 ** Math.min(Math.max(0, failures - 1), MAX_DOUBLINGS);
  return most * (0.5 + 0.5 * random());
}

/** Pause before a stream that was fine connects again: xk6-sse does not tell the server's `retry:`, so its usual range. */
export function reconnectMs(random: () => number): number {
  return 1_000 + 4_000 * random();
}
