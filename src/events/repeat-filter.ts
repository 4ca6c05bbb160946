import { createHash } from 'node:crypto';
import type { GatewayEvent } from './record-event';

/**
 * Finds events that repeat an earlier one: same idempotency key, channel, name and data, and the first one is still in
 * the ring. Only records that gateways appended count: other programs, and copies of a topic, may use the same key for
 * different events. All gateways read the same records, so all find the same repeats.
 */
export interface RepeatFilter {
  /** True for a repeat; else remembers the event as entry `seq`. `base` is the oldest entry in the ring. */
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
