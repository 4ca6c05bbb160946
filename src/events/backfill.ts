import type { Config } from '../config';
import type { EventLog } from '../eventlog/event-log';
import { createChunk } from '../hub/chunk';
import { addFrame } from '../hub/frame-order';
import type { Hub } from '../hub/hub';
import type { Positions } from '../hub/ring';
import type { Subscriber } from '../hub/subscriber';
import type { Logger } from '../logger';
import { encodeFrame } from '../wire/frame';
import { timeOf } from '../wire/since-time';
import { createFailedReads } from './failed-reads';
import { createHistoryCache } from './history-cache';
import { createHistoryChunk } from './history-chunk';
import type { PartitionSlots } from './partition-slots';
import type { TopicMap } from './topic-map';

export interface BackfillDeps {
  readonly hub: Hub;
  readonly log: EventLog;
  readonly topics: TopicMap;
  readonly slots: () => PartitionSlots;
  /** The `id:` line that stands for these positions. */
  readonly idLine: (positions: Positions) => Buffer;
  readonly config: Config['backfill'];
  readonly sliceBytes: number;
  readonly maxFrameBytes: number;
  /** Pause before a read that failed is tried again. */
  readonly retryMs: number;
  readonly logger: Logger;
}

export interface BackfillStats {
  readonly reads: number;
  readonly records: number;
  readonly cachedBytes: number;
  /** Offsets in holes that these reads met. */
  readonly lost: number;
}

/** Gives streams what is older than the ring, partition by partition, from bounded reads that they share. */
export interface Backfill {
  /** Gives a subscriber its next slice, or sees to it that it is fed when the read is done. Answers the bytes given. */
  feed(subscriber: Subscriber): number;
  stats(): BackfillStats;
  close(): void;
}

/** What one stream has been given on its way back into the ring. */
interface Spending {
  readonly startMs: number;
  records: number;
  bytes: number;
}

export function createBackfill(deps: BackfillDeps): Backfill {
  const { hub, log, topics, idLine, config, logger } = deps;
  const { ring } = hub;
  const closing = new AbortController();
  const spendings = new WeakMap<Subscriber, Spending>();
  const cache = createHistoryCache({ bytes: config.cacheBytes, ageMs: config.cacheMs });
  /** Streams that wait for a read, by what is read. */
  const reads = new Map<string, Set<Subscriber>>();
  const queue: (() => void)[] = [];
  /** Those that the chunks and reads are of. The log may turn out to be another one: then offsets mean other records. */
  let slots: PartitionSlots | null = null;
  let replacements = 0;
  let busyReaders = 0;
  let readCount = 0;
  let recordCount = 0;
  let lost = 0;

  const failed = createFailedReads({
    retryMs: deps.retryMs,
    tries: config.readers,
    signal: closing.signal,
    onRelease(subscriber) {
      // What it waited is not its doing.
      spendings.delete(subscriber);
      hub.release(subscriber);
    },
    logger,
  });

  /** The slots in which the ring does not reach back to the floor; of one partition the older one first. */
  function missingSlots(floor: Positions): number[] {
    const base = ring.positionsAt(ring.base);
    return [...ring.positions.keys()].filter(
      (slot) => ring.positionIn(floor, slot) < ring.positionIn(base, slot),
    );
  }

  /** It goes on in the other partitions, until these can be read. */
  function hold(subscriber: Subscriber, missing: readonly number[]): void {
    const now = deps.slots();
    const held = new Set(subscriber.held);
    for (const slot of missing) {
      const partition = now.partitionOf(slot);
      // Nor is it given what came after that in the same partition.
      for (const own of now.chainOf(partition.topic, partition.partition)) if (own >= slot) held.add(own);
      failed.wait(partition, subscriber);
    }
    subscriber.held = held;
  }

  /** What was read may be of a log that is not there any more. */
  function forgetReplaced(): void {
    const now = deps.slots();
    if (slots === now && replacements === now.replacementsAfter(0).length) return;
    slots = now;
    replacements = now.replacementsAfter(0).length;
    cache.clear();
    reads.clear();
    failed.clear();
  }

  /**
   * Partitions were replaced while the stream was behind the ring, or since it fell out of it: it is told of those whose
   * past it does not get, and goes on with what they are now. Null when there is nothing to tell.
   */
  function tellReplaced(subscriber: Subscriber): number | null {
    const { floor, audience } = subscriber;
    if (floor!.length === ring.positions.length) return null;
    const now = deps.slots();
    const added = now.replacementsAfter(floor!.length);
    const reached = ring.toldFloor(floor!, ring.positions.length);
    const due = added.filter(
      ({ reason, replaced }) =>
        reason === 'recreated' || replaced.some((slot) => now.positionIn(floor!, slot) > reached[slot]!),
    );
    subscriber.floor = reached;
    const [first] = due;
    if (first === undefined) return null;
    const data = { reason: first.reason, topics: [...new Set(due.map(({ topic }) => topic))] };
    const frame = encodeFrame(null, 'gateway.reset', Buffer.from(JSON.stringify(data)));
    const parts: Uint8Array[] = [];
    const bytes = addFrame(parts, audience.subscription, frame, idLine(reached));
    hub.give(subscriber, createChunk(parts, bytes), { atMs: performance.now(), events: 1, records: 0 });
    if (!subscriber.blocked) hub.feed(subscriber);
    return bytes;
  }

  function isSpent(spending: Spending): boolean {
    return (
      spending.records >= config.maxRecords ||
      spending.bytes >= config.maxBytes ||
      performance.now() - spending.startMs >= config.maxMs
    );
  }

  async function withReader<T>(read: () => Promise<T>): Promise<T> {
    if (busyReaders === config.readers) await new Promise<void>((resolve) => queue.push(resolve));
    else busyReaders++;
    try {
      return await read();
    } finally {
      const next = queue.shift();
      // The place goes to the next one, or is free.
      if (next === undefined) busyReaders--;
      else next();
    }
  }

  /** Finds the offset of a position that is a time. */
  async function findOffset(slot: number, from: bigint, readers: Set<Subscriber>): Promise<void> {
    const { topic, partition } = deps.slots().partitionOf(slot);
    const { partitions } = await log.bounds({ timeMs: timeOf(from)! });
    const found = partitions.find((bounds) => bounds.topic === topic && bounds.partition === partition);
    if (found?.atTime === undefined) throw new Error(`the leader of ${topic}/${partition} does not answer`);
    for (const reader of readers) {
      if (reader.seq === null && reader.floor?.[slot] === from)
        reader.floor = reader.floor.with(slot, found.atTime);
    }
  }

  async function read(slot: number, from: bigint, to: bigint, readers: Set<Subscriber>): Promise<void> {
    forgetReplaced();
    const asked = deps.slots();
    const known = replacements;
    const partition = asked.partitionOf(slot);
    readCount++;
    // What is not kept is of use for one write to a stream only.
    const maxBytes = config.cacheMs === 0 ? Math.min(deps.sliceBytes, config.chunkBytes) : config.chunkBytes;
    const limits = { maxBytes, signal: closing.signal };
    const found = await log.read(partition, from, to, limits);
    forgetReplaced();
    if (slots !== asked || replacements !== known) return;
    // Records that the tail has read are gone; it will say so.
    if (found.next <= from)
      throw new Error(`the log of ${partition.topic}/${partition.partition} ends at ${from}`);
    recordCount += found.records.length;
    for (const gap of found.gaps) lost += Number(gap.to - gap.from);
    cache.keep(createHistoryChunk(slot, from, found, topics.byName(partition.topic), deps.maxFrameBytes));
    // One of them at once: until the others have their turn, more reads may have pushed the chunk out of the cache, and
    // streams at different places would read for ever. All of them when it is not kept.
    for (const waiter of readers) if (waiter.audience.catchUp.feed(waiter) > 0 && config.cacheMs > 0) break;
  }

  function request(subscriber: Subscriber, slot: number, from: bigint): void {
    const key = `${slot} ${from}`;
    const waiting = reads.get(key);
    if (waiting !== undefined) {
      waiting.add(subscriber);
      return;
    }
    const readers = new Set([subscriber]);
    reads.set(key, readers);
    const to = ring.positionIn(ring.positionsAt(ring.base), slot);
    const find = (readers: Set<Subscriber>) =>
      from < 0n ? findOffset(slot, from, readers) : read(slot, from, to, readers);
    withReader(() => find(readers))
      .catch((error: Error) => {
        if (closing.signal.aborted) return;
        failed.add(deps.slots().partitionOf(slot), error, () => find(new Set()));
      })
      .finally(() => {
        if (reads.get(key) === readers) reads.delete(key);
        for (const waiter of readers) hub.feed(waiter);
      });
  }

  return {
    feed(subscriber) {
      forgetReplaced();
      const told = tellReplaced(subscriber);
      if (told !== null) return told;
      const floor = subscriber.floor!;
      const missing = missingSlots(floor);
      const slot = missing.find((one) => !failed.has(deps.slots().partitionOf(one)));
      if (slot === undefined) {
        if (missing.length > 0) hold(subscriber, missing);
        hub.feed(subscriber);
        return 0;
      }
      const spending = spendings.get(subscriber) ?? { startMs: performance.now(), records: 0, bytes: 0 };
      spendings.set(subscriber, spending);
      if (isSpent(spending)) {
        // Far in the past and with few events for it, it might come back with the same id for ever.
        subscriber.sink.comeBack(floor);
        return 0;
      }
      const chunk = cache.find(slot, ring.positionIn(floor, slot));
      if (chunk === null) {
        request(subscriber, slot, ring.positionIn(floor, slot));
        return 0;
      }
      const { subscription } = subscriber.audience;
      const slice = cache.sliceAfter(chunk, floor, { ring, subscription, maxBytes: deps.sliceBytes, idLine });
      subscriber.floor = slice.floor;
      spending.records += slice.events;
      spending.bytes += slice.bytes;
      if (slice.events > 0) {
        const { events, records } = slice;
        const delivery = { atMs: performance.now(), events, records };
        hub.give(subscriber, createChunk(slice.parts, slice.bytes), delivery);
      }
      if (!subscriber.blocked) hub.feed(subscriber);
      return slice.bytes;
    },
    stats: () => ({ reads: readCount, records: recordCount, cachedBytes: cache.bytes, lost }),
    close() {
      closing.abort();
      cache.clear();
    },
  };
}
