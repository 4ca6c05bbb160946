/** Timers with a longer delay fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/**
 * Exponential backoff with jitter: at least `baseMs`, plus a random part of a span that doubles with each failure and is
 * at least a quarter of `baseMs`, so that clients that lost the same server do not reconnect together. `failures` are the
 * attempts in a row that delivered nothing, 0 after a stream that did.
 */
export function retryDelayMs({
  baseMs,
  maxMs,
  failures,
}: Record<'baseMs' | 'maxMs' | 'failures', number>): number {
  const spanMs = Math.max(baseMs / 4, Math.min(maxMs, Math.max(baseMs, 1) * 2 ** failures) - baseMs);
  return Math.min(MAX_TIMER_MS, baseMs + Math.random() * spanMs);
}

/** The delay of `Retry-After`, in seconds or as a date (RFC 9110 §10.2.3); 0 when it is absent, past or invalid. */
export function retryAfterMs(value: string | null): number {
  const seconds = Number(value);
  return Math.max(0, (value && !(seconds >= 0) ? Date.parse(value) - Date.now() : seconds * 1_000) || 0);
}
