import { setTimeout as pause } from 'node:timers/promises';
import type { EventLog, TopicPartition } from '../eventlog/event-log';
import { keyOf } from '../eventlog/records';
import type { History } from '../hub/replay';
import type { Logger } from '../logger';
import { timeOf } from '../wire/since-time';
import { createHistoryCache } from './history-cache';
import { createHistoryChunk } from './history-chunk';
import type { LogIds } from './log-ids';
import type { PartitionSlots } from './partition-slots';
import type { TopicMap } from './topic-map';

interface HistoryDeps {
  readonly log: EventLog;
  readonly topics: TopicMap;
  readonly ids: Pick<LogIds, 'layout' | 'canSee'>;
  readonly config: HistoryConfig;
  /** Bytes of one write to a stream. */
  readonly sliceBytes: number;
  readonly maxFrameBytes: number;
  /** Pause before a read that failed is tried again. */
  readonly retryMs: number;
  readonly logger: Logger;
}

interface HistoryConfig {
  /** Reads at the same time. */
  readonly readers: number;
  /** Bytes of one read. */
  readonly chunkBytes: number;
  readonly cacheBytes: number;
  readonly cacheMs: number;
}

export interface HistoryStats {
  readonly reads: number;
  readonly records: number;
  readonly cachedBytes: number;
  readonly digestBytes: number;
  /** Offsets in gaps that these reads met. */
  readonly lost: number;
}

/** Reads records older than the ring back from the event log, encodes them, and keeps them for a while. */
export interface HistoryReader extends History {
  stats(): HistoryStats;
  close(): void;
}

/** Of the bytes of the cache, what digests may take besides. */
const DIGEST_SHARE = 1 / 8;

/** A partition that could not be read. */
interface Unreadable {
  readonly partition: TopicPartition;
  /** Rejects as long as it cannot be read. */
  readonly retry: () => Promise<void>;
}

export function createHistory(deps: HistoryDeps): HistoryReader {
  const { log, topics, config, maxFrameBytes, logger } = deps;
  const closing = new AbortController();
  const isCached = config.cacheMs > 0;
  // What is not cached is of use for one write only.
  const maxBytes = isCached ? config.chunkBytes : Math.min(deps.sliceBytes, config.chunkBytes);
  const cache = createHistoryCache({
    bytes: config.cacheBytes,
    digestBytes: config.cacheBytes * DIGEST_SHARE,
    ageMs: config.cacheMs,
  });
  /** Reads that wait until one of those under way is over. */
  const queue: (() => void)[] = [];
  const unreadable = new Map<string, Unreadable>();
  const listeners: (() => void)[] = [];
  /** Grows when what was read, and what is being read, does not count any more. */
  let generation = 0;
  let busyReaders = 0;
  let isRetrying = false;
  let readCount = 0;
  let recordCount = 0;
  let lost = 0;

  const slots = (): PartitionSlots => deps.ids.layout()!.slots;

  async function withReader<T>(read: () => Promise<T>): Promise<T> {
    if (busyReaders === config.readers) await new Promise<void>((resolve) => queue.push(resolve));
    else busyReaders++;
    try {
      return await read();
    } finally {
      const next = queue.shift();
      // The next one takes over the reader, or it is free.
      if (next === undefined) busyReaders--;
      else next();
    }
  }

  /** Finds the offset of a position that is a time. */
  async function offsetAt(slot: number, time: bigint): Promise<bigint> {
    const { topic, partition } = slots().partitionOf(slot);
    const { partitions } = await log.bounds({ timeMs: timeOf(time)! });
    const found = partitions.find((bounds) => bounds.topic === topic && bounds.partition === partition);
    if (found?.atTime === undefined) throw new Error(`the leader of ${topic}/${partition} does not answer`);
    // A slot that a truncation ended has no records past the start of the next one.
    const chain = slots().chainOf(topic, partition);
    const next = chain.find((own) => own > slot);
    const end = next === undefined ? found.atTime : slots().partitionOf(next).start;
    return found.atTime < end ? found.atTime : end;
  }

  /** Answers false when what was read does not count any more. */
  async function readChunk(slot: number, from: bigint, to: bigint): Promise<boolean> {
    const began = generation;
    const partition = slots().partitionOf(slot);
    readCount++;
    const found = await log.read(partition, from, to, { maxBytes, signal: closing.signal });
    if (generation !== began) return false;
    // The tail has read records that are gone, and is about to find out.
    if (found.next <= from)
      throw new Error(`the event log of ${partition.topic}/${partition.partition} ends at ${from}`);
    recordCount += found.records.length;
    for (const gap of found.gaps) lost += Number(gap.to - gap.from);
    const topic = topics.byName(partition.topic);
    let chunk = createHistoryChunk(slot, from, found, topic, maxFrameBytes);
    let missing: number | null = null;
    while ('until' in chunk) {
      const { schemaId, detail, until } = chunk;
      if (schemaId === missing)
        throw new Error(`schema ${schemaId} of ${partition.topic} cannot be fetched: ${detail ?? 'not yet'}`);
      missing = schemaId;
      await until;
      if (generation !== began) return false;
      chunk = createHistoryChunk(slot, from, found, topic, maxFrameBytes);
    }
    cache.keep(chunk);
    return true;
  }

  async function read(
    slot: number,
    from: bigint,
    to: bigint,
    onRead: (start: bigint) => void,
  ): Promise<void> {
    if (from < 0n) onRead(await offsetAt(slot, from));
    else if (await readChunk(slot, from, to)) onRead(from);
  }

  function fail(partition: TopicPartition, error: Error, retry: () => Promise<void>): void {
    const key = keyOf(partition);
    if (unreadable.has(key)) return;
    const { topic, partition: number } = partition;
    logger.warn({ topic, partition: number, err: error }, 'History of a partition is unreadable; retrying');
    unreadable.set(key, { partition: { topic, partition: number }, retry });
    // It ends in a pause when this gateway closes.
    if (!isRetrying) retryAll().catch(() => closing.signal.aborted);
  }

  async function retryAll(): Promise<void> {
    isRetrying = true;
    try {
      while (unreadable.size > 0) {
        await pause(deps.retryMs, undefined, { signal: closing.signal });
        const all = [...unreadable];
        for (let i = 0; i < all.length; i += config.readers)
          await Promise.all(all.slice(i, i + config.readers).map(([key, one]) => retryOne(key, one)));
      }
    } finally {
      // Set here, so that a read that fails from now on is retried.
      isRetrying = false;
    }
  }

  async function retryOne(key: string, one: Unreadable): Promise<void> {
    try {
      await one.retry();
    } catch {
      return;
    }
    if (unreadable.get(key) === one) release([key]);
  }

  function release(keys: readonly string[]): void {
    for (const key of keys) {
      logger.info({ ...unreadable.get(key)!.partition }, 'History of a partition is readable again');
      unreadable.delete(key);
    }
    if (keys.length > 0) for (const listener of listeners) listener();
  }

  return {
    isCached,
    find: cache.find,
    skip: cache.skip,
    async read(slot, from, to, onRead) {
      const began = generation;
      try {
        await withReader(() => read(slot, from, to, onRead));
      } catch (error) {
        if (closing.signal.aborted || generation !== began) return;
        fail(slots().partitionOf(slot), error as Error, () => read(slot, from, to, () => undefined));
      }
    },
    isFor: (subscription, slot) => deps.ids.canSee(subscription, slot),
    isUnreadable: (slot) => unreadable.has(keyOf(slots().partitionOf(slot))),
    onReadable: (listener) => listeners.push(listener),
    slotsFrom(slot) {
      const { topic, partition } = slots().partitionOf(slot);
      return slots()
        .chainOf(topic, partition)
        .filter((own) => own >= slot);
    },
    resetAfter(floor, reached) {
      const now = slots();
      const due = now
        .replacementsAfter(floor.length)
        .filter(
          ({ reason, replaced }) =>
            reason === 'recreated' ||
            replaced.some((slot) => now.positionIn(floor, slot) > reached.at(slot)!),
        );
      const [first] = due;
      if (first === undefined) return null;
      return { reason: first.reason, topics: [...new Set(due.map(({ topic }) => topic))] };
    },
    clear() {
      generation++;
      cache.clear();
      release([...unreadable.keys()]);
    },
    stats: () => ({
      reads: readCount,
      records: recordCount,
      cachedBytes: cache.bytes,
      digestBytes: cache.digestBytes,
      lost,
    }),
    close() {
      closing.abort();
      cache.clear();
    },
  };
}
