import { setTimeout as delay } from 'node:timers/promises';

export interface Backoff {
  /** The next pause: doubles up to the maximum; the shortest again after `reset`. */
  nextMs(): number;
  /** Waits for the next pause, or until the signal aborts. */
  wait(signal: AbortSignal): Promise<void>;
  reset(): void;
}

/** Exponential backoff with jitter (half to whole), so that gateways do not retry in step. */
export function createBackoff(minMs: number, maxMs: number, random: () => number = Math.random): Backoff {
  let attempt = 0;
  function nextMs(): number {
    const ceilingMs = Math.min(maxMs, minMs * 2 ** attempt);
    if (ceilingMs < maxMs) attempt++;
    return ceilingMs * (0.5 + random() / 2);
  }
  return {
    nextMs,
    wait: (signal) => pause(nextMs(), signal),
    reset() {
      attempt = 0;
    },
  };
}

/** Resolves with the work, or after `ms` although it goes on. */
export async function atMost(ms: number, work: Promise<void>): Promise<void> {
  const patience = new AbortController();
  await Promise.race([work, pause(ms, patience.signal)]).finally(() => patience.abort());
}

/** Resolves after `ms`, or as soon as the signal aborts. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await delay(ms, undefined, { signal });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
