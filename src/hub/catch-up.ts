import type { Audience, AudienceDeps, Pass } from './audience';
import { type Chunk, createChunk } from './chunk';
import { addFrame } from './frame-order';
import type { EntryFrame, Positions, RingEntry, Slots } from './ring';
import type { Delivery, Subscriber } from './subscriber';
import { matches } from './subscription';

/** Entries that a private subscriber is given in one write. */
interface Slice {
  readonly start: number;
  readonly end: number;
  /** Null: for everyone without a floor. */
  readonly floor: Positions | null;
  /** Of the floor's slots those that it has nothing of. */
  readonly held: Slots | null;
  /** Of what the log lost, or of topics that were created again. */
  readonly tells: boolean;
  /** Null when none of the entries is for this audience. */
  readonly chunk: Chunk | null;
  /** Apart from the chunk, whose bytes the streams it was written to are not to keep. */
  readonly delivery: Delivery;
}

/** Ring entries that one slice looks at: bounds the work for a subscription that matches few of them. */
const SLICE_ENTRIES = 4_096;

/**
 * The private subscribers of one audience: those that came with a past, and those whose sockets were full. Each has a
 * position of its own and is fed from the ring, from what is older than the ring first, until it stands where the
 * members stand.
 */
export class CatchUp {
  readonly #audience: Audience;
  readonly #deps: AudienceDeps;
  readonly #private = new Set<Subscriber>();
  /** Fed as far as the members or further, but not to join in the middle of a pass. */
  readonly #waiting = new Set<Subscriber>();
  /** Had more before than this replica has read; they wait for it. */
  readonly #ahead = new Set<Subscriber>();
  /** Records before this one do not count any more. */
  #restartedAt = 0;
  #restartPositions: Positions = [];
  /** The last slice made: whoever stands at the same place gets the same bytes. */
  #slice: Slice | null = null;

  constructor(audience: Audience, deps: AudienceDeps) {
    this.#audience = audience;
    this.#deps = deps;
  }

  get isEmpty(): boolean {
    return this.#private.size === 0;
  }

  /** Takes a new subscriber, which stands at its `seq` or, without one, at its floor. */
  add(subscriber: Subscriber): void {
    this.#private.add(subscriber);
    this.#judge(subscriber);
  }

  /** Takes a member whose sink was full after `pass`. */
  takeBack(member: Subscriber, pass: Pass): void {
    member.state = 'private';
    member.blocked = true;
    this.#private.add(member);
    if (pass.end >= this.#restartedAt) this.#stand(member, pass.end, pass.endPositions);
    else this.#stand(member, this.#restartedAt, this.#restartPositions);
  }

  forget(subscriber: Subscriber): void {
    this.#private.delete(subscriber);
    this.#waiting.delete(subscriber);
    this.#ahead.delete(subscriber);
    if (this.#private.size === 0) this.#slice = null;
  }

  /** Who was behind, or ahead, goes on from the head. */
  restart(): void {
    const { ring } = this.#deps;
    this.#slice = null;
    this.#restartedAt = ring.head;
    this.#restartPositions = ring.positions;
    this.#ahead.clear();
    for (const subscriber of this.#private) {
      subscriber.floor = null;
      subscriber.held = null;
      this.#stand(subscriber, ring.head, ring.positions);
      if (!subscriber.blocked) this.#waiting.add(subscriber);
    }
  }

  /**
   * A partition goes on in a slot of its own: the last slice may have entries that are void, and whoever holds the
   * partition back does not hold that slot back yet.
   */
  onTruncated(): void {
    this.#slice = null;
    for (const subscriber of this.#private) this.release(subscriber);
  }

  /** What a private subscriber has been given, told, or had already. */
  servedPositions({ seq, floor, covered, held }: Subscriber): Positions {
    if (floor === null) return covered;
    return seq === null ? floor : this.#deps.ring.furthest(covered, floor, held);
  }

  /** What was held back can be read again. */
  release(subscriber: Subscriber): void {
    if (subscriber.state !== 'private' || subscriber.held === null) return;
    subscriber.floor = this.servedPositions(subscriber);
    subscriber.seq = null;
    subscriber.held = null;
    this.#ahead.delete(subscriber);
    this.#deps.onFeedable(subscriber);
  }

  /** A slot is about to be read from `start` on: those that have less leave their place in the ring. */
  takeBehind(slot: number, start: bigint): Subscriber[] {
    const time = this.#deps.ring.positions[slot];
    const behind: Subscriber[] = [];
    for (const subscriber of this.#private) {
      const position = subscriber.floor?.[slot];
      if (position === undefined || position >= start || position === time) continue;
      subscriber.floor = this.servedPositions(subscriber);
      subscriber.seq = null;
      this.#waiting.delete(subscriber);
      this.#ahead.delete(subscriber);
      behind.push(subscriber);
    }
    return behind;
  }

  /** The log was read on: who was ahead of this replica may have something to get, or be caught up with. */
  wakeAhead(): void {
    for (const subscriber of this.#ahead) this.#deps.onFeedable(subscriber);
    this.#ahead.clear();
  }

  /** To be called between two passes. */
  judgeWaiting(): void {
    for (const subscriber of this.#waiting) this.#judge(subscriber);
  }

  /** Whoever waits between the end of `pass` and `position` has nothing to get in between. */
  skipTo(position: number, pass: Pass): void {
    for (const subscriber of this.#waiting) {
      const { seq } = subscriber;
      if (seq !== null && seq >= pass.end && seq < position) subscriber.seq = position;
    }
  }

  /** Who came to stand where the pass began, while it ran, gets its bytes too: else it would run after every pass. */
  serveLate(pass: Pass, budget: number): { readonly writes: number; readonly isDone: boolean } {
    let writes = 0;
    for (const subscriber of this.#waiting) {
      if (subscriber.seq !== pass.start) continue;
      if (writes === budget) return { writes, isDone: false };
      writes++;
      this.#stand(subscriber, pass.end, pass.endPositions);
      this.give(subscriber, pass.chunk, pass);
      if (subscriber.blocked) this.#waiting.delete(subscriber);
    }
    return { writes, isDone: true };
  }

  /** Gives a private subscriber its next slice, or makes it a member. Answers how many bytes it was given. */
  feed(subscriber: Subscriber): number {
    if (subscriber.state !== 'private' || subscriber.blocked) return 0;
    const seq = this.#seqOf(subscriber);
    if (seq === null) return this.#deps.onBeforeRing(subscriber);
    let bytes = 0;
    const limit = this.#limitOf(subscriber);
    if (seq < limit) {
      const slice = this.#sliceAt(seq, subscriber, limit);
      const positions = this.#deps.ring.positionsAt(slice.end);
      const { floor } = subscriber;
      if (slice.tells && floor !== null) {
        const length = Math.max(floor.length, positions.length);
        subscriber.floor = this.#deps.ring.toldFloor(floor, length);
      }
      this.#stand(subscriber, slice.end, positions);
      bytes = this.give(subscriber, slice.chunk, slice.delivery);
    }
    if (subscriber.state === 'private' && !subscriber.blocked) this.#judge(subscriber);
    return bytes;
  }

  /** Writes to a private subscriber what is for it alone. Answers how many bytes. */
  give(subscriber: Subscriber, chunk: Chunk | null, delivery: Delivery): number {
    if (chunk === null) return 0;
    subscriber.served = delivery;
    subscriber.sent += delivery.events;
    if (subscriber.replayed !== null) subscriber.replayed += delivery.records;
    subscriber.blocked = !this.#audience.write(subscriber, chunk);
    this.#deps.onDelivered(1, delivery.events, chunk.bytes);
    return chunk.bytes;
  }

  /** Feeds, lets join, or lets wait. A subscriber joins only between passes and exactly where the members are. */
  #judge(subscriber: Subscriber): void {
    const { seq } = subscriber;
    if (seq === null || seq < this.#limitOf(subscriber)) {
      this.#waiting.delete(subscriber);
      this.#deps.onFeedable(subscriber);
    } else if (subscriber.floor !== null) {
      this.#ahead.add(subscriber);
      this.#deps.onAhead(this.#audience);
    } else if (!this.#audience.isPassing && seq === this.#audience.position) {
      this.#join(subscriber);
    } else {
      this.#waiting.add(subscriber);
    }
  }

  #join(subscriber: Subscriber): void {
    this.forget(subscriber);
    this.#audience.join(subscriber);
    const { replayed } = subscriber;
    if (replayed === null) return;
    subscriber.replayed = null;
    try {
      subscriber.sink.caughtUp(subscriber.covered, replayed);
    } catch (error) {
      this.#deps.onSinkError(subscriber, error);
    }
  }

  /** Its place in the ring, found anew when the ring has gone over it; null when the ring does not reach back to it. */
  #seqOf(subscriber: Subscriber): number | null {
    const { ring } = this.#deps;
    if (subscriber.seq !== null && subscriber.seq >= ring.base) {
      // The log may have gone on without an entry, over records that are not to be delivered.
      if (subscriber.seq === ring.head) this.#stand(subscriber, ring.head, ring.positions);
      return subscriber.seq;
    }
    if (subscriber.seq !== null) {
      subscriber.floor = this.servedPositions(subscriber);
      subscriber.seq = null;
    }
    const seq = ring.seqAfter(subscriber.floor!, subscriber.held);
    if (seq !== null) this.#stand(subscriber, seq, ring.positionsAt(seq));
    return seq;
  }

  /** Puts it at `seq`, with the positions before that entry; from where they cover its floor, it needs none. */
  #stand(subscriber: Subscriber, seq: number, positions: Positions): void {
    subscriber.seq = seq;
    subscriber.covered = positions;
    const { floor, held } = subscriber;
    if (floor !== null && held === null && this.#deps.ring.covers(positions, floor)) subscriber.floor = null;
  }

  /** Up to where it may be fed: as far as the members, or, while it is ahead of this replica, all there is. */
  #limitOf({ floor }: Subscriber): number {
    return floor === null ? this.#audience.position : this.#deps.ring.head;
  }

  #sliceAt(start: number, { floor, held }: Subscriber, limit: number): Slice {
    const last = this.#slice;
    if (last?.start === start && sameFloor(last.floor, floor) && sameSlots(last.held, held)) return last;
    const { ring, sliceBytes, idLine } = this.#deps;
    const { subscription } = this.#audience;
    const parts: Uint8Array[] = [];
    let bytes = 0;
    let events = 0;
    let records = 0;
    let tells = false;
    let end = start;
    for (const stop = Math.min(limit, start + SLICE_ENTRIES); end < stop; end++) {
      const entry = ring.at(end);
      if (entry.isVoid || !matches(subscription, entry)) continue;
      if (floor !== null && (!this.#isNewTo(floor, entry) || held?.has(entry.slot!))) continue;
      const frame = this.#frameAfter(floor, entry);
      if (events > 0 && bytes + frame.bytes.length > sliceBytes) break;
      events++;
      if (entry.channel !== null) records++;
      if (entry.slot === null) tells = true;
      const positions = floor === null ? entry.positions : ring.furthest(entry.positions, floor, held);
      // Ahead of this replica in another partition, a stream has ids of its own.
      const ownId = positions === entry.positions ? null : idLine(positions);
      bytes += addFrame(parts, subscription, frame, ownId);
    }
    const chunk = events === 0 ? null : createChunk(parts, bytes);
    this.#slice = {
      start,
      end,
      floor,
      held,
      tells,
      chunk,
      delivery: { atMs: performance.now(), events, records },
    };
    return this.#slice;
  }

  #frameAfter(floor: Positions | null, entry: RingEntry): EntryFrame {
    const { slot, frameFrom } = entry;
    if (floor === null || slot === null || frameFrom === undefined) return this.#audience.frameOf(entry);
    return frameFrom(this.#deps.ring.positionIn(floor, slot));
  }

  #isNewTo(floor: Positions, { slot, positions }: RingEntry): boolean {
    const { ring } = this.#deps;
    // What is of no partition is about slots that came with it.
    if (slot === null) return positions.length > floor.length;
    return ring.positionIn(positions, slot) > ring.positionIn(floor, slot);
  }
}

/** Streams that came back with the same id have equal floors, each its own. */
function sameFloor(a: Positions | null, b: Positions | null): boolean {
  if (a === null || b === null) return a === b;
  return a === b || (a.length === b.length && a.every((position, slot) => position === b[slot]));
}

function sameSlots(a: Slots | null, b: Slots | null): boolean {
  if (a === null || b === null) return a === b;
  return a.size === b.size && [...a].every((slot) => b.has(slot));
}
