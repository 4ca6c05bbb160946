import type { StreamReset } from '../wire/gateway-events';
import type { ChannelIndex } from './channel-index';
import type { Positions } from './positions';
import type { Ring, RingEntry, Slots } from './ring';
import type { Scheduler } from './scheduler';
import type { Slice, SliceSource } from './slice';
import type { HistoryPlace, Subscriber } from './subscriber';
import type { Subscription } from './subscription';

/** What history holds at one place of a slot: an event, or a gap. */
export interface HistoryEntry {
  /** Its frame has no id: each stream has its own. */
  readonly entry: RingEntry;
  /** The slot's position after it. */
  readonly next: bigint;
}

/** A run of older entries of one slot, read once for all streams that need it. */
export interface HistoryChunk {
  readonly slot: number;
  readonly from: bigint;
  /** The slot's position after the chunk, which may lie beyond that of its last entry. */
  readonly next: bigint;
  readonly bytes: number;
  /** Oldest first. */
  readonly entries: readonly HistoryEntry[];
  /** By place in `entries`. */
  readonly index: ChannelIndex;
  /**
   * True: there is nothing else between its ends, and never will be. False with gaps, which concern everyone, and with
   * records that could not be shown on a channel of their own, and may be once their schema is known.
   */
  readonly isFinal: boolean;
}

/** Reads what is older than the ring. It knows nothing of streams. */
export interface History {
  /** False: a chunk can be found only in the turn of the event loop in which it was read. */
  readonly isCached: boolean;
  /** The chunk with what follows `position`; null when it has to be read. */
  find(slot: number, position: bigint): HistoryChunk | null;
  /** The first position from `position` on, at most `end`, after which something may be for the subscription. */
  skip(slot: number, position: bigint, end: bigint, subscription: Subscription): bigint;
  /**
   * Reads what follows `from`, at most up to `to`. When `from` is a time it only finds the offset that the time means.
   * Resolves when the read is over; if it failed, the slot `isUnreadable`.
   * @param onRead called with the offset from which on the slot can be found, as soon as it can
   */
  read(slot: number, from: bigint, to: bigint, onRead: (start: bigint) => void): Promise<void>;
  /** False: nothing of the slot's partition can be for the subscription. */
  isFor(subscription: Subscription, slot: number): boolean;
  /** The slot's partition could not be read; it is tried again. */
  isUnreadable(slot: number): boolean;
  /** @param listener called whenever a partition can be read again */
  onReadable(listener: () => void): void;
  /** Of the slots of this one's partition those that came after it, and it itself. */
  slotsFrom(slot: number): readonly number[];
  /**
   * What was lost or replaced since `floor` was noted, as far as the client had any of it; null when there is nothing.
   * @param reached the floor without what was lost
   */
  resetAfter(floor: Positions, reached: Positions): StreamReset | null;
  /** The event log lost or replaced records: nothing that was read counts. */
  clear(): void;
}

/** What one stream may get of history before it has to resume on a new connection. */
export interface ReplayLimits {
  readonly maxRecords: number;
  readonly maxBytes: number;
  readonly maxMs: number;
}

/** How much of its limits a stream has used. */
export interface ReplaySpending {
  readonly startMs: number;
  events: number;
  bytes: number;
}

/** The next step of a stream whose floor is below the ring. */
export type ReplayStep =
  /** Partitions were truncated or replaced while it was behind the ring. */
  | { readonly do: 'announce'; readonly reset: StreamReset }
  | { readonly do: 'serve'; readonly chunk: HistoryChunk }
  /** It is served when the read is done. */
  | { readonly do: 'wait' }
  /** These slots cannot be read: it goes on in the others. Null: the ring has all it needs. */
  | { readonly do: 'skip'; readonly heldBack: Slots | null }
  /** It has used its limits. */
  | { readonly do: 'end' };

/**
 * What streams get of history: which slot next, within the limits of each, without the partitions that cannot be read.
 * Streams that need the same share a read.
 */
export class Replay {
  readonly #ring: Ring;
  readonly #history: History;
  readonly #limits: ReplayLimits;
  readonly #scheduler: Scheduler;
  /** Streams that wait for a read, by what is read. */
  readonly #reads = new Map<string, Set<Subscriber>>();

  constructor(ring: Ring, history: History, limits: ReplayLimits, scheduler: Scheduler) {
    this.#ring = ring;
    this.#history = history;
    this.#limits = limits;
    this.#scheduler = scheduler;
  }

  /** Decides what a stream gets next, and brings its floor up to date with what was lost or replaced. */
  next(subscriber: Subscriber, place: HistoryPlace): ReplayStep {
    if (place.floor.length !== this.#ring.positions.length) {
      const before = place.floor;
      place.floor = this.#ring.floorAfterReset(before, this.#ring.positions.length);
      const reset = this.#history.resetAfter(before, place.floor);
      if (reset !== null) return { do: 'announce', reset };
    }
    const missing = this.#missingFor(subscriber, place);
    const { floor } = place;
    // Of one partition the older slot comes first.
    const slot = missing.find((one) => !this.#history.isUnreadable(one));
    if (slot === undefined) return { do: 'skip', heldBack: this.#heldBack(place, missing) };
    subscriber.spending ??= { startMs: performance.now(), events: 0, bytes: 0 };
    if (this.#isSpent(subscriber.spending)) return { do: 'end' };
    const position = this.#ring.positionIn(floor, slot);
    const chunk = this.#history.find(slot, position);
    if (chunk !== null) return { do: 'serve', chunk };
    this.#request(subscriber, slot, position);
    return { do: 'wait' };
  }

  /** The slots that it needs of history. Its floor moves on, at most to the ring, over what holds nothing for it. */
  #missingFor({ audience: { subscription } }: Subscriber, place: HistoryPlace): number[] {
    const oldest = this.#ring.positionsAt(this.#ring.base);
    return this.#ring.missingSlots(place.floor).filter((slot) => {
      const end = this.#ring.positionIn(oldest, slot);
      const position = this.#ring.positionIn(place.floor, slot);
      const isFor = this.#history.isFor(subscription, slot);
      const reached = isFor ? this.#history.skip(slot, position, end, subscription) : end;
      if (reached !== position) place.floor = place.floor.with(slot, reached);
      return reached < end;
    });
  }

  /** The entries of a chunk from the floor on. */
  sourceOf(chunk: HistoryChunk, floor: Positions): SliceSource {
    const { slot, entries, index } = chunk;
    return {
      key: chunk,
      start: firstAfter(entries, floor.at(slot)!),
      stop: entries.length,
      floor,
      heldBack: null,
      at: (i) => entries[i]!.entry,
      candidates: (subscription) => index.candidates(subscription),
      isDue: () => true,
      ownPositionsAfter: (i) => floor.with(slot, entries[i]!.next),
    };
  }

  /** Counts a slice of history against the limits of its stream. */
  spend({ spending }: Subscriber, { chunk, delivery }: Slice): void {
    spending!.events += delivery.events;
    spending!.bytes += chunk?.bytes ?? 0;
  }

  /** The event log lost or replaced records. */
  clear(): void {
    this.#reads.clear();
    this.#history.clear();
  }

  #isSpent({ startMs, events, bytes }: ReplaySpending): boolean {
    const { maxRecords, maxBytes, maxMs } = this.#limits;
    return events >= maxRecords || bytes >= maxBytes || performance.now() - startMs >= maxMs;
  }

  #heldBack({ heldBack }: HistoryPlace, missing: readonly number[]): Slots | null {
    if (missing.length === 0) return heldBack;
    // What came later in the same partition is held back as well, to keep the order.
    return new Set([...(heldBack ?? []), ...missing.flatMap((slot) => this.#history.slotsFrom(slot))]);
  }

  #request(subscriber: Subscriber, slot: number, from: bigint): void {
    const key = `${slot} ${from}`;
    const waiting = this.#reads.get(key);
    if (waiting !== undefined) {
      waiting.add(subscriber);
      return;
    }
    const waiters = new Set([subscriber]);
    this.#reads.set(key, waiters);
    // Up to the middle of the ring: what is read up to its oldest entry is behind it again as soon as that is evicted, and
    // many streams would read a few records again and again.
    const { base, head } = this.#ring;
    const to = this.#ring.positionIn(this.#ring.positionsAt(base + ((head - base) >>> 1)), slot);
    this.#history
      .read(slot, from, to, (start) => this.#onRead(waiters, slot, from, start))
      .finally(() => {
        if (this.#reads.get(key) === waiters) this.#reads.delete(key);
        for (const waiter of waiters)
          if (waiter.phase.name === 'replaying') this.#scheduler.addSubscriber(waiter);
      });
  }

  #onRead(waiters: ReadonlySet<Subscriber>, slot: number, from: bigint, start: bigint): void {
    for (const waiter of waiters) {
      if (start === from) {
        // One of them goes on at once: until the others have their turn, more reads may have evicted the chunk from the
        // cache, and streams at different places would read for ever. All of them when nothing is cached.
        const before = waiter.place;
        const floor = before?.floor;
        waiter.audience.catchUp.serve(waiter);
        const hasMoved = waiter.place !== before || waiter.place?.floor !== floor;
        if (hasMoved && this.#history.isCached) break;
        continue;
      }
      const { place } = waiter;
      if (place?.in === 'history' && place.floor.at(slot) === from)
        place.floor = place.floor.with(slot, start);
    }
  }
}

/** The first entry that a stream at `position` does not have; the number of entries when it has all. */
function firstAfter(entries: readonly HistoryEntry[], position: bigint): number {
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (entries[middle]!.next > position) high = middle;
    else low = middle + 1;
  }
  return low;
}
