/** The longest wait that timers can do; beyond it they fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** @param failures attempts in a row that delivered nothing; 0 after a stream that did */
export interface RetryPlan {
  /** The least to wait. */
  readonly baseMs: number;
  /** The most that `failures` can make of it. */
  readonly maxMs: number;
  readonly failures: number;
}

/**
 * Never less than `baseMs`; above it random over a span that doubles with each failure, and is a quarter of `baseMs` at
 * least, so that clients that lost the same server do not come back at the same time.
 */
export function retryDelayMs({ baseMs, maxMs, failures }: RetryPlan): number {
  const spanMs = Math.max(baseMs / 4, Math.min(maxMs, Math.max(baseMs, 1) * 2 ** failures) - baseMs);
  return Math.min(MAX_TIMER_MS, baseMs + Math.random() * spanMs);
}

/** What `Retry-After` asks for, in seconds or as a date (RFC 9110 §10.2.3); 0 when it is absent, past or neither. */
export function retryAfterMs(value: string | null): number {
  const seconds = Number(value);
  return Math.max(0, (value && !(seconds >= 0) ? Date.parse(value) - Date.now() : seconds * 1_000) || 0);
}
