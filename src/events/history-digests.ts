import type { HistoryChunk } from '../hub/replay';
import type { Subscription } from '../hub/subscription';
import { channelAndAncestors } from '../wire/channel';
import { type ChannelDigest, createChannelDigest } from './channel-digest';
import { createSlotRanges, type SlotRange } from './slot-ranges';

/** What is left of a chunk when its records are gone from the cache. */
interface ChunkDigest extends SlotRange {
  readonly channels: ChannelDigest;
  readonly bytes: number;
}

/** Heap of a digest besides its bits, about. */
const DIGEST_BYTES = 300;

/**
 * Which channels the chunks had that were read before. Retention and compaction only remove records, so what a digest does
 * not have is not there later either: only chunks leave one that are final.
 */
export interface HistoryDigests {
  readonly bytes: number;
  /** The first position from `position` on, at most `end`, after which something may be for the subscription. */
  skip(slot: number, position: bigint, end: bigint, subscription: Subscription): bigint;
  add(chunk: HistoryChunk): void;
  clear(): void;
}

/** @param maxBytes of all digests; over it the oldest are dropped */
export function createHistoryDigests(maxBytes: number): HistoryDigests {
  /** The oldest first. */
  const all = new Set<ChunkDigest>();
  const ranges = createSlotRanges<ChunkDigest>();
  let bytes = 0;

  function drop(digest: ChunkDigest): void {
    all.delete(digest);
    ranges.delete(digest);
    bytes -= digest.bytes;
  }

  return {
    get bytes() {
      return bytes;
    },
    skip(slot, position, end, { channels }) {
      let reached = position;
      while (reached < end) {
        const digest = ranges.atOrBefore(slot, reached);
        if (digest === null || digest.next <= reached || channels.some(digest.channels.mayHave)) break;
        reached = digest.next;
      }
      return reached < end ? reached : end;
    },
    add({ slot, from, next, entries, isFinal }) {
      if (!isFinal) return;
      const known = ranges.atOrBefore(slot, from);
      if (known?.from === from) {
        if (known.next >= next) return;
        drop(known);
      }
      const names = new Set<string>();
      for (const { entry } of entries)
        for (const channel of channelAndAncestors(entry.channel!)) names.add(channel);
      const channels = createChannelDigest(names);
      const digest = { slot, from, next, channels, bytes: DIGEST_BYTES + channels.bytes };
      all.add(digest);
      ranges.add(digest);
      bytes += digest.bytes;
      for (const oldest of all) {
        if (bytes <= maxBytes) break;
        drop(oldest);
      }
    },
    clear() {
      all.clear();
      ranges.clear();
      bytes = 0;
    },
  };
}
