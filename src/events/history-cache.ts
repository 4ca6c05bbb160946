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

/** @param maxBytes of all chunks; when they are more, those go whose last use is longest ago, but never the newest one */
export function createHistoryCache(maxBytes: number): HistoryCache {
  /**
   * The last used at the end, and for each the last slice made of it: one is enough, since those who came back together
   * ask for the same one after the other.
   */
  const chunks = new Map<HistoryChunk, { readonly key: string; readonly slice: HistorySlice } | null>();
  let bytes = 0;
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
      chunks.set(chunk, null);
      bytes += chunk.bytes;
      for (const oldest of chunks.keys()) {
        if (bytes <= maxBytes || oldest === chunk) break;
        chunks.delete(oldest);
        bytes -= oldest.bytes;
      }
    },
    sliceAfter(chunk, floor, options) {
      const key = `${options.idLine(floor)}${options.subscription.key}`;
      const last = chunks.get(chunk);
      const slice = last?.key === key ? last.slice : chunk.sliceAfter(floor, options);
      // Used again, so it is the last to go.
      chunks.delete(chunk);
      chunks.set(chunk, { key, slice });
      return slice;
    },
    clear() {
      chunks.clear();
      bytes = 0;
    },
  };
}
