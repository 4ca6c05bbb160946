const FIRST_MS = 2_000;
const MAX_DOUBLINGS = 4;

/**
 * Exponential backoff with jitter after the `failures`-th failure in a row: up to 2 s, doubled each time until 32 s. At
 * least half of it is waited: otherwise a dead address would be tried thousands of times a second.
 */
export function backoffMs(failures: number, random: () => number): number {
  const most = FIRST_MS * 2 ** Math.min(Math.max(0, failures - 1), MAX_DOUBLINGS);
  return most * (0.5 + 0.5 * random());
}

/** Pause before a stream reconnects: the gateway's default range, since xk6-sse does not report the server's `retry:`. */
export function reconnectMs(random: () => number): number {
  return 1_000 + 4_000 * random();
}
