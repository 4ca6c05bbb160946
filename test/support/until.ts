import { setTimeout as pause } from 'node:timers/promises';

const POLL_MS = 20;

/** Resolves once the condition holds, with its value; asks again and again. Rejects after the deadline. */
export async function until<T>(
  condition: () => T | Promise<T>,
  what: string,
  deadlineMs = 15_000,
): Promise<NonNullable<T>> {
  const endMs = performance.now() + deadlineMs;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (performance.now() > endMs) throw new Error(`not within ${deadlineMs} ms: ${what}`);
    await pause(POLL_MS);
  }
}
