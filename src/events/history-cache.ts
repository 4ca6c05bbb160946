import type { HistoryChunk } from '../hub/replay';
import type { Subscription } from '../hub/subscription';
import { createHistoryDigests } from './history-digests';

/** Chunks of history that were read lately, for streams that resume together, and digests of those before. */
export interface HistoryCache {
  /** Of the chunks. */
  readonly bytes: number;
  readonly digestBytes: number;
  /** The chunk with what follows `position`; null when it has not been read, or was evicted. */
  find(slot: number, position: bigint): HistoryChunk | null;
  /** The first position from `position` on, at most `end`, after which something may be for the subscription. */
  skip(slot: number, position: bigint, end: bigint, subscription: Subscription): bigint;
  keep(chunk: HistoryChunk): void;
  clear(): void;
}

interface HistoryCacheLimits {
  /** Of all chunks; over it the least recently used are evicted, but never the newest one. */
  readonly bytes: number;
  /** Of all digests; over it the oldest are dropped. */
  readonly digestBytes: number;
  /**
   * How long a chunk is kept: compaction and retention may have removed from the event log what it holds. 0: to the end
   * of this turn of the event loop.
   */
  readonly ageMs: number;
}

type CancelExpiry = () => void;

export function createHistoryCache(limits: HistoryCacheLimits): HistoryCache {
  /** The most recently used last. */
  const chunks = new Map<HistoryChunk, CancelExpiry>();
  const digests = createHistoryDigests(limits.digestBytes);
  let bytes = 0;

  function expire(chunk: HistoryChunk): CancelExpiry {
    const end = () => evict(chunk, chunks.get(chunk)!);
    if (limits.ageMs === 0) {
      const immediate = setImmediate(end);
      return () => clearImmediate(immediate);
    }
    const timer = setTimeout(end, limits.ageMs).unref();
    return () => clearTimeout(timer);
  }

  function drop(chunk: HistoryChunk, cancelExpiry: CancelExpiry): void {
    cancelExpiry();
    chunks.delete(chunk);
    bytes -= chunk.bytes;
  }

  function evict(chunk: HistoryChunk, cancelExpiry: CancelExpiry): void {
    drop(chunk, cancelExpiry);
    digests.add(chunk);
  }

  return {
    get bytes() {
      return bytes;
    },
    get digestBytes() {
      return digests.bytes;
    },
    skip: digests.skip,
    find(slot, position) {
      for (const [chunk, cancelExpiry] of chunks) {
        if (chunk.slot !== slot || position < chunk.from || position >= chunk.next) continue;
        chunks.delete(chunk);
        chunks.set(chunk, cancelExpiry);
        return chunk;
      }
      return null;
    },
    keep(chunk) {
      chunks.set(chunk, expire(chunk));
      bytes += chunk.bytes;
      for (const [oldest, cancelExpiry] of chunks) {
        if (bytes <= limits.bytes || oldest === chunk) break;
        evict(oldest, cancelExpiry);
      }
    },
    clear() {
      for (const [chunk, cancelExpiry] of chunks) drop(chunk, cancelExpiry);
      digests.clear();
    },
  };
}
