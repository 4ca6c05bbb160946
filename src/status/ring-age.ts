import { entryTimestampMs } from '../events/encoded-event';
import type { Ring } from '../hub/ring';

/** Age of the oldest record in the ring by its timestamp, odd ones aside; 0 when there is none. */
export function ringAgeSeconds(ring: Pick<Ring, 'base' | 'head' | 'at'>, nowMs: number): number {
  // Events without a time that can be used are few in most rings.
  for (let seq = ring.base; seq < ring.head; seq++) {
    const timestampMs = entryTimestampMs(ring.at(seq), nowMs);
    if (timestampMs !== null) return Math.max(0, nowMs - timestampMs) / 1_000;
  }
  return 0;
}
