import { encodeFrame } from '../wire/frame';
import type { StreamReset } from '../wire/gateway-events';
import type { Audience, AudienceDeps, Pass } from './audience';
import { type Chunk, createChunk } from './chunk';
import type { HistoryChunk } from './replay';
import type { Positions } from './ring';
import { addFrame, type SliceSource } from './slice';
import type { Delivery, Subscriber } from './subscriber';

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
  /** Records before this one do not count any more. */
  #restartedAt = 0;
  #restartPositions: Positions = [];

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
    this.#deps.scheduler.removeAhead(subscriber);
    if (this.#private.size === 0) this.#deps.slices.forget(this);
  }

  /** Who was behind, or ahead, goes on from the head. */
  restart(): void {
    const { ring } = this.#deps;
    this.#deps.slices.forget(this);
    this.#restartedAt = ring.head;
    this.#restartPositions = ring.positions;
    for (const subscriber of this.#private) {
      this.#deps.scheduler.removeAhead(subscriber);
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
    this.#deps.slices.forget(this);
    this.releaseAll();
  }

  /** What was held back may be readable again. */
  releaseAll(): void {
    for (const subscriber of this.#private) if (subscriber.held !== null) this.#release(subscriber);
  }

  /** What a private subscriber has been given, told, or had already. */
  servedPositions({ seq, floor, covered, held }: Subscriber): Positions {
    if (floor === null) return covered;
    return seq === null ? floor : this.#deps.ring.furthest(covered, floor, held);
  }

  #release(subscriber: Subscriber): void {
    subscriber.floor = this.servedPositions(subscriber);
    subscriber.seq = null;
    subscriber.held = null;
    // The time that it waited does not count.
    subscriber.spending = null;
    this.#deps.scheduler.removeAhead(subscriber);
    this.#deps.scheduler.addSubscriber(subscriber);
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
      this.#deps.scheduler.removeAhead(subscriber);
      behind.push(subscriber);
    }
    return behind;
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
      this.#give(subscriber, pass.chunk, pass);
      if (subscriber.blocked) this.#waiting.delete(subscriber);
    }
    return { writes, isDone: true };
  }

  /** Gives a private subscriber its next slice, or makes it a member. Answers how many bytes it was given. */
  serve(subscriber: Subscriber): number {
    if (subscriber.state !== 'private' || subscriber.blocked) return 0;
    const seq = this.#seqOf(subscriber);
    const bytes = seq === null ? this.#serveHistory(subscriber) : this.#serveRing(subscriber, seq);
    if (bytes === null) return 0;
    if (subscriber.state === 'private' && !subscriber.blocked) this.#judge(subscriber);
    return bytes;
  }

  #serveRing(subscriber: Subscriber, seq: number): number {
    const limit = this.#limitOf(subscriber);
    if (seq >= limit) return 0;
    const { ring, slices } = this.#deps;
    const slice = slices.of(this.#audience.subscription, this.#sourceOf(subscriber, seq, limit));
    const positions = ring.positionsAt(slice.end);
    const { floor } = subscriber;
    if (slice.announcesReset && floor !== null)
      subscriber.floor = ring.toldFloor(floor, Math.max(floor.length, positions.length));
    this.#stand(subscriber, slice.end, positions);
    return this.#give(subscriber, slice.chunk, slice.delivery);
  }

  /** Null: it is served again when a read is done, or has ended. */
  #serveHistory(subscriber: Subscriber): number | null {
    const { ring, replay } = this.#deps;
    const floor = subscriber.floor!;
    if (floor.length !== ring.positions.length) {
      // Partitions were replaced while the stream was behind the ring.
      const reached = ring.toldFloor(floor, ring.positions.length);
      const reset = replay.resetAfter(floor, reached);
      subscriber.floor = reached;
      if (reset !== null) return this.#announce(subscriber, reset, reached);
    }
    const step = replay.next(subscriber);
    if (step.do === 'serve') return this.#serveChunk(subscriber, step.chunk);
    if (step.do === 'skip') {
      subscriber.held = step.held;
      return 0;
    }
    // Far in the past and with few events for it, a client that only knew its last id might resume there for ever.
    if (step.do === 'end') subscriber.sink.comeBack(subscriber.floor!);
    return null;
  }

  #serveChunk(subscriber: Subscriber, chunk: HistoryChunk): number {
    const { ring, slices, replay } = this.#deps;
    const floor = ring.positions.map((_, slot) => ring.positionIn(subscriber.floor!, slot));
    const {
      end,
      chunk: bytes,
      delivery,
    } = slices.of(this.#audience.subscription, replay.sourceOf(chunk, floor));
    const reached = end < chunk.entries.length ? chunk.entries[end - 1]!.next : chunk.next;
    subscriber.floor = reached > floor[chunk.slot]! ? floor.with(chunk.slot, reached) : floor;
    const spending = subscriber.spending!;
    spending.events += delivery.events;
    spending.bytes += bytes?.bytes ?? 0;
    return this.#give(subscriber, bytes, delivery);
  }

  #announce(subscriber: Subscriber, reset: StreamReset, positions: Positions): number {
    const parts: Uint8Array[] = [];
    const frame = encodeFrame(null, 'gateway.reset', Buffer.from(JSON.stringify(reset)));
    const bytes = addFrame(parts, this.#audience.subscription, frame, this.#deps.idLine(positions));
    return this.#give(subscriber, createChunk(parts, bytes), {
      atMs: performance.now(),
      events: 1,
      records: 0,
    });
  }

  /** Writes to a private subscriber what is for it alone. Answers how many bytes. */
  #give(subscriber: Subscriber, chunk: Chunk | null, delivery: Delivery): number {
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
      this.#deps.scheduler.addSubscriber(subscriber);
    } else if (subscriber.floor !== null) {
      this.#deps.scheduler.addAhead(subscriber);
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

  /** The entries of the ring from `start` on. */
  #sourceOf({ floor, held }: Subscriber, start: number, limit: number): SliceSource {
    const { ring } = this.#deps;
    return {
      key: this,
      start,
      stop: Math.min(limit, start + SLICE_ENTRIES),
      floor,
      held,
      at: (seq) => ring.at(seq),
      isDue(seq) {
        const { isVoid, slot, positions } = ring.at(seq);
        if (isVoid || floor === null) return !isVoid;
        // An entry without a slot is about slots that were added with it.
        if (slot === null) return positions.length > floor.length;
        return ring.positionIn(positions, slot) > ring.positionIn(floor, slot) && !held?.has(slot);
      },
      ownPositionsAfter(seq) {
        const { positions } = ring.at(seq);
        if (floor === null) return null;
        // A stream that is ahead of this gateway in another partition has ids of its own.
        const own = ring.furthest(positions, floor, held);
        return own === positions ? null : own;
      },
    };
  }
}
