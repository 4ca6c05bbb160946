import { setTimeout as delay } from 'node:timers/promises';

export interface Backoff {
  /** Waits longer each time, up to the maximum; the next wait is the shortest again after `reset`. Ends early with the signal. */
  wait(signal: AbortSignal): Promise<void>;
  reset(): void;
}

/** Doubling pauses with jitter (half to whole), so that replicas do not come back in step. */
export function createBackoff(minMs: number, maxMs: number, random: () => number = Math.random): Backoff {
  let attempt = 0;
  return {
    async wait(signal) {
      const ceilingMs = Math.min(maxMs, minMs * 2 ** attempt);
      if (ceilingMs < maxMs) attempt++;
      await pause(ceilingMs * (0.5 + random() / 2), signal);
    },
    reset() {
      attempt = 0;
    },
  };
}

/** Resolves after `ms`, or as soon as the signal aborts. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await delay(ms, undefined, { signal });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
