import type { Positions } from '../hub/ring';
import type { HistoryChunk, HistorySlice, SliceOptions } from './history-chunk';

/** Chunks of the past that were read lately, for the streams that come back together. */
export interface HistoryCache {
  readonly bytes: number;
  /** The chunk that has what comes at `position`; null when it has not been read, or is gone again. */
  find(slot: number, position: bigint): HistoryChunk | null;
  keep(chunk: HistoryChunk): void;
  /** As the chunk's own; streams with the same subscription that have the same already share the slice. */
  sliceAfter(chunk: HistoryChunk, floor: Positions, options: SliceOptions): HistorySlice;
  clear(): void;
}

export interface HistoryCacheLimits {
  /** Of all chunks; when they are more, those go whose last use is longest ago, but never the newest one. */
  readonly bytes: number;
  /**
   * How long a chunk is kept: compaction and retention may have removed from the log what it holds. 0: to the end of
   * this turn of the event loop.
   */
  readonly ageMs: number;
}

interface Kept {
  readonly cancelExpiry: () => void;
  /** The last slice made: one is enough, since those who came back together ask for the same one after the other. */
  last: { readonly key: string; readonly slice: HistorySlice } | null;
}

export function createHistoryCache(limits: HistoryCacheLimits): HistoryCache {
  /** The last used at the end. */
  const chunks = new Map<HistoryChunk, Kept>();
  let bytes = 0;

  function expire(chunk: HistoryChunk): () => void {
    const end = () => drop(chunk, chunks.get(chunk)!);
    if (limits.ageMs === 0) {
      const immediate = setImmediate(end);
      return () => clearImmediate(immediate);
    }
    const timer = setTimeout(end, limits.ageMs).unref();
    return () => clearTimeout(timer);
  }

  function drop(chunk: HistoryChunk, { cancelExpiry }: Kept): void {
    cancelExpiry();
    chunks.delete(chunk);
    bytes -= chunk.bytes;
  }

  return {
    get bytes() {
      return bytes;
    },
    find(slot, position) {
      for (const chunk of chunks.keys()) {
        if (chunk.slot === slot && chunk.from <= position && position < chunk.next) return chunk;
      }
      return null;
    },
    keep(chunk) {
      chunks.set(chunk, { cancelExpiry: expire(chunk), last: null });
      bytes += chunk.bytes;
      for (const [oldest, other] of chunks) {
        if (bytes <= limits.bytes || oldest === chunk) break;
        drop(oldest, other);
      }
    },
    sliceAfter(chunk, floor, options) {
      // Not the id: it leaves out what a stream has of the other logs of a partition that was truncated.
      const key = `${floor.join()} ${options.subscription.key}`;
      const kept = chunks.get(chunk);
      const slice = kept?.last?.key === key ? kept.last.slice : chunk.sliceAfter(floor, options);
      if (kept === undefined) return slice;
      kept.last = { key, slice };
      // Used again, so it is the last to go.
      chunks.delete(chunk);
      chunks.set(chunk, kept);
      return slice;
    },
    clear() {
      for (const [chunk, kept] of chunks) drop(chunk, kept);
    },
  };
}
