import { createHash } from 'node:crypto';
import type { GatewayEvent } from './record-event';

/**
 * Finds events that were published before under the same idempotency key, with the same channel, name and data, as
 * long as the first one is in the ring. Only what gateways appended counts: other programs, and copies in other topics, may
 * have the same key for what is no repeat. All replicas read the same records, so all find the same repeats.
 */
export interface RepeatFilter {
  /** True for a repeat; else the event is remembered as entry `seq`. `base` is the oldest entry still in the ring. */
  isRepeat(
    key: string,
    event: Omit<GatewayEvent, 'data'> & { readonly data: Buffer | null },
    seq: number,
    base: number,
  ): boolean;
  clear(): void;
}

export function createRepeatFilter(): RepeatFilter {
  /** In order of `seq`, which is the order of insertion. */
  const seen = new Map<string, number>();
  return {
    isRepeat(key, { channel, event, data }, seq, base) {
      for (const [digest, first] of seen) {
        if (first >= base) break;
        seen.delete(digest);
      }
      const digest = createHash('sha256')
        .update(JSON.stringify([key, channel, event]))
        .update(data ?? '')
        .digest('base64');
      if (seen.has(digest)) return true;
      seen.set(digest, seq);
      return false;
    },
    clear: () => seen.clear(),
  };
}
