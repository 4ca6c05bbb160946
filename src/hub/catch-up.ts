import type { StreamReset } from '../wire/gateway-events';
import { ownFrame } from '../wire/own-event';
import type { Audience, AudienceDeps, Pass } from './audience';
import { type Chunk, createChunk } from './chunk';
import { Positions } from './positions';
import type { HistoryChunk } from './replay';
import { addFrame, type SliceSource } from './slice';
import {
  type Delivery,
  type HistoryPlace,
  type Phase,
  type Place,
  phaseAt,
  type RingPlace,
  type Subscriber,
} from './subscriber';

const LIVE: Phase = { name: 'live' };
const CLOSED: Phase = { name: 'closed' };

/** While all streams of an audience are live: a set of its own takes 200 bytes even when it is empty. Never added to. */
const NOBODY: ReadonlySet<Subscriber> = new Set();

/**
 * The streams of one audience that are served alone: those that resumed, and slow clients. Each has a place of its own
 * and is served from history and then from the ring, until it has caught up with the members.
 */
export class CatchUp {
  readonly #audience: Audience;
  readonly #deps: AudienceDeps;
  #subscribers = NOBODY;
  /** Those of them in the phase `joining`. */
  #joining = NOBODY;
  /** Entries before this one do not count any more. */
  #restartedAt = 0;
  #restartPositions = Positions.NONE;

  constructor(audience: Audience, deps: AudienceDeps) {
    this.#audience = audience;
    this.#deps = deps;
  }

  get isEmpty(): boolean {
    return this.#subscribers === NOBODY;
  }

  /** Takes a new subscriber, which may become live before this returns. */
  add(subscriber: Subscriber): void {
    this.#subscribers = withOne(this.#subscribers, subscriber);
    this.#proceed(subscriber);
  }

  /** Takes a member whose socket was full after `pass`. */
  takeBack(member: Subscriber, pass: Pass): void {
    const isBefore = pass.end < this.#restartedAt;
    const place: RingPlace = {
      in: 'ring',
      seq: isBefore ? this.#restartedAt : pass.end,
      positions: isBefore ? this.#restartPositions : pass.endPositions,
      floor: null,
      heldBack: null,
    };
    this.#subscribers = withOne(this.#subscribers, member);
    this.#enter(member, { name: 'slow', place });
  }

  remove(subscriber: Subscriber): void {
    this.#leave(subscriber, CLOSED);
  }

  /** The socket of a slow client is writable again. */
  onWritable(subscriber: Subscriber): void {
    if (subscriber.phase.name === 'slow') this.#queue(subscriber, subscriber.phase.place);
  }

  /** The ring was restarted: all go on at its head. */
  restart(): void {
    const { ring, slices } = this.#deps;
    slices.forget(this);
    this.#restartedAt = ring.head;
    this.#restartPositions = ring.positions;
    for (const subscriber of this.#subscribers) {
      const { head: seq, positions } = ring;
      const place: RingPlace = { in: 'ring', seq, positions, floor: null, heldBack: null };
      const name = subscriber.phase.name === 'slow' ? 'slow' : 'joining';
      this.#enter(subscriber, { name, place });
    }
  }

  /**
   * A partition was truncated and goes on in a slot of its own: the last slice may have void entries, and streams that
   * hold the partition back do not hold back the new slot yet.
   */
  onTruncated(): void {
    this.#deps.slices.forget(this);
    this.releaseAll();
  }

  /** What is held back may be readable again. */
  releaseAll(): void {
    for (const subscriber of this.#subscribers) {
      const place = subscriber.place!;
      if (place.heldBack === null) continue;
      // The time that it waited does not count.
      subscriber.spending = null;
      this.#moveTo(subscriber, { in: 'history', floor: this.servedPositions(place), heldBack: null });
    }
  }

  /** A slot is about to be read from the offset `start` on: streams that have less of it leave the ring. */
  leaveRing(slot: number, start: bigint): void {
    const time = this.#deps.ring.positions.at(slot);
    for (const subscriber of this.#subscribers) {
      const place = subscriber.place!;
      const position = place.floor?.at(slot);
      if (position === undefined || position >= start || position === time) continue;
      const { heldBack } = place;
      this.#moveTo(subscriber, { in: 'history', floor: this.servedPositions(place), heldBack });
    }
  }

  /** What a stream at this place was sent, or had already. */
  servedPositions(place: Place): Positions {
    const { floor } = place;
    if (place.in === 'history') return place.floor;
    return floor === null ? place.positions : this.#deps.ring.merge(place.positions, floor, place.heldBack);
  }

  /** To be called between two passes. */
  proceedJoining(): void {
    for (const subscriber of this.#joining) this.#proceed(subscriber);
  }

  /** Nothing matches between the end of `pass` and `position`, so streams that stand in between may skip it. */
  skipTo(position: number, pass: Pass): void {
    for (const { phase } of this.#joining) {
      if (phase.name !== 'joining') continue;
      const { place } = phase;
      if (place.seq >= pass.end && place.seq < position) place.seq = position;
    }
  }

  /** Streams that reached the beginning of the pass while it ran get its bytes too: else they would run after each pass. */
  serveLate(pass: Pass, budget: number): { readonly writes: number; readonly isDone: boolean } {
    let writes = 0;
    for (const subscriber of this.#joining) {
      const { phase } = subscriber;
      if (phase.name !== 'joining' || phase.place.seq !== pass.start) continue;
      if (writes === budget) return { writes, isDone: false };
      writes++;
      this.#stand(phase.place, pass.end, pass.endPositions);
      this.#give(subscriber, phase.place, pass.chunk, pass);
    }
    return { writes, isDone: true };
  }

  /** Sends a stream its next slice, or makes it live. Answers how many bytes were sent. */
  serve(subscriber: Subscriber): number {
    const { phase } = subscriber;
    if (phase.name === 'live' || phase.name === 'closed' || phase.name === 'slow') return 0;
    const place = this.#locate(phase.place);
    if (place !== phase.place) this.#enter(subscriber, phaseAt(place));
    const bytes =
      place.in === 'ring' ? this.#serveRing(subscriber, place) : this.#serveHistory(subscriber, place);
    if (bytes === null) return 0;
    this.#proceed(subscriber);
    return bytes;
  }

  #serveRing(subscriber: Subscriber, place: RingPlace): number {
    const limit = this.#limitOf(subscriber, place);
    if (place.seq >= limit) return 0;
    const { ring, slices } = this.#deps;
    const slice = slices.of(this.#audience.subscription, this.#sourceOf(place, limit));
    const positions = ring.positionsAt(slice.end);
    if (slice.announcesReset && place.floor !== null)
      place.floor = ring.floorAfterReset(place.floor, Math.max(place.floor.length, positions.length));
    this.#stand(place, slice.end, positions);
    return this.#give(subscriber, place, slice.chunk, slice.delivery);
  }

  /** Null: it waits for a read, or has ended. */
  #serveHistory(subscriber: Subscriber, place: HistoryPlace): number | null {
    const step = this.#deps.replay.next(subscriber, place);
    switch (step.do) {
      case 'announce':
        return this.#announce(subscriber, place, step.reset);
      case 'serve':
        return this.#serveChunk(subscriber, place, step.chunk);
      case 'skip':
        place.heldBack = step.heldBack;
        return 0;
      case 'end':
        // With the positions: if few events matched, the client would resume at the same id for ever.
        subscriber.sink.endReplay(place.floor);
        return null;
      case 'wait':
        return null;
    }
  }

  #serveChunk(subscriber: Subscriber, place: HistoryPlace, chunk: HistoryChunk): number {
    const { ring, slices, replay } = this.#deps;
    const floor = ring.positionsIn(place.floor);
    const slice = slices.of(this.#audience.subscription, replay.sourceOf(chunk, floor));
    const isWhole = slice.end === chunk.entries.length;
    place.floor = floor.with(chunk.slot, isWhole ? chunk.next : chunk.entries[slice.end - 1]!.next);
    replay.spend(subscriber, slice);
    return this.#give(subscriber, place, slice.chunk, slice.delivery);
  }

  #announce(subscriber: Subscriber, place: HistoryPlace, reset: StreamReset): number {
    const frame = ownFrame('gateway.reset', reset);
    const parts: Uint8Array[] = [];
    const bytes = addFrame(
      parts,
      this.#audience.subscription,
      frame,
      this.#deps.idLine(this.#audience.subscription, place.floor),
    );
    const delivery = { atMs: performance.now(), events: 1, records: 0 };
    return this.#give(subscriber, place, createChunk(parts, bytes), delivery);
  }

  /** Writes to one stream. Answers how many bytes. */
  #give(subscriber: Subscriber, place: Place, chunk: Chunk | null, delivery: Delivery): number {
    if (chunk === null) return 0;
    subscriber.served = delivery;
    subscriber.sent += delivery.events;
    if (subscriber.replayed !== null) subscriber.replayed += delivery.records;
    const isWritable = this.#audience.write(subscriber, chunk);
    if (!isWritable && subscriber.phase.name !== 'closed') this.#enter(subscriber, { name: 'slow', place });
    this.#deps.counts.add(1, delivery.events, chunk.bytes);
    return chunk.bytes;
  }

  /** Serves it in its turn, makes it live, or lets it wait. It joins only between passes, exactly where the members are. */
  #proceed(subscriber: Subscriber): void {
    const { phase } = subscriber;
    if (phase.name === 'live' || phase.name === 'closed' || phase.name === 'slow') return;
    const { place } = phase;
    if (place.in === 'history' || place.seq < this.#limitOf(subscriber, place))
      this.#queue(subscriber, place);
    else if (place.floor !== null) this.#enter(subscriber, { name: 'ahead', place });
    else if (this.#audience.isPassing || place.seq !== this.#audience.position) {
      this.#enter(subscriber, { name: 'joining', place });
      // The audience may wait for long with what is pending, and this stream has had all of that.
      if (!this.#audience.isPassing) this.#announceLive(subscriber, place);
    } else this.#join(subscriber, place);
  }

  #join(subscriber: Subscriber, place: RingPlace): void {
    this.#leave(subscriber, LIVE);
    this.#audience.join(subscriber);
    subscriber.spending = null;
    this.#announceLive(subscriber, place);
  }

  /** A stream that resumed is told once that it has caught up. */
  #announceLive(subscriber: Subscriber, { positions }: RingPlace): void {
    const { replayed } = subscriber;
    subscriber.replayed = null;
    if (replayed === null) return;
    try {
      subscriber.sink.caughtUp(positions, replayed);
    } catch (error) {
      this.#deps.onSinkError(subscriber, error);
    }
  }

  #leave(subscriber: Subscriber, phase: Phase): void {
    this.#enter(subscriber, phase);
    this.#subscribers = withoutOne(this.#subscribers, subscriber);
    if (this.#subscribers === NOBODY) this.#deps.slices.forget(this);
  }

  /** Changes its place, and serves it there when its socket is writable. */
  #moveTo(subscriber: Subscriber, place: Place): void {
    if (subscriber.phase.name === 'slow') this.#enter(subscriber, { name: 'slow', place });
    else this.#queue(subscriber, place);
  }

  /** The only place where phases change, and the lists of those that wait with them. */
  #enter(subscriber: Subscriber, phase: Phase): void {
    const { scheduler } = this.#deps;
    const before = subscriber.phase.name;
    subscriber.phase = phase;
    if (before === 'joining' && phase.name !== 'joining')
      this.#joining = withoutOne(this.#joining, subscriber);
    if (before === 'ahead' && phase.name !== 'ahead') scheduler.removeAhead(subscriber);
    if (phase.name === 'joining') this.#joining = withOne(this.#joining, subscriber);
    else if (phase.name === 'ahead') scheduler.addAhead(subscriber);
  }

  /** It has something to be sent: it is served in its turn. */
  #queue(subscriber: Subscriber, place: Place): void {
    this.#enter(subscriber, phaseAt(place));
    this.#deps.scheduler.addSubscriber(subscriber);
  }

  /** Finds its place again when the ring has gone over it, or reaches back to its floor. */
  #locate(place: Place): Place {
    const { ring } = this.#deps;
    const { heldBack } = place;
    if (place.in === 'ring' && place.seq >= ring.base) {
      // The event log may have gone on without an entry, over records that are not to be delivered.
      if (place.seq === ring.head) this.#stand(place, ring.head, ring.positions);
      return place;
    }
    const floor = this.servedPositions(place);
    const seq = ring.seqAfter(floor, heldBack);
    if (seq === null) return place.in === 'history' ? place : { in: 'history', floor, heldBack };
    const found: RingPlace = { in: 'ring', seq, positions: ring.positionsAt(seq), floor, heldBack };
    this.#stand(found, found.seq, found.positions);
    return found;
  }

  /** Puts a stream at `seq`, with the positions before that entry. */
  #stand(place: RingPlace, seq: number, positions: Positions): void {
    place.seq = seq;
    place.positions = positions;
    const { floor, heldBack } = place;
    if (floor !== null && heldBack === null && this.#deps.ring.canStandFor(positions, floor))
      place.floor = null;
  }

  /**
   * Up to where it is served: as far as the members, or all there is: while its client has more, and until it has caught
   * up with an audience that may wait for long with what is pending.
   */
  #limitOf({ replayed }: Subscriber, { floor }: RingPlace): number {
    const { subscription, isPassing, position } = this.#audience;
    const isWaitedFor = subscription.everyMs > 0 && replayed !== null && !isPassing;
    return floor === null && !isWaitedFor ? position : this.#deps.ring.head;
  }

  /** The entries of the ring from its place on. */
  #sourceOf({ seq: start, floor, heldBack }: RingPlace, stop: number): SliceSource {
    const { ring } = this.#deps;
    return {
      key: this,
      start,
      stop,
      floor,
      heldBack,
      at: (seq) => ring.at(seq),
      candidates: (subscription) => ring.candidates(subscription),
      isDue(seq) {
        const { isVoid, slot, positions } = ring.at(seq);
        if (isVoid || floor === null) return !isVoid;
        // An entry without a slot is about slots that were added with it.
        if (slot === null) return positions.length > floor.length;
        return ring.positionIn(positions, slot) > ring.positionIn(floor, slot) && !heldBack?.has(slot);
      },
      ownPositionsAfter(seq) {
        const { positions } = ring.at(seq);
        if (floor === null) return null;
        // A stream that is ahead of this gateway in another partition has ids of its own.
        const own = ring.merge(positions, floor, heldBack);
        return own === positions ? null : own;
      },
    };
  }
}

/** The set with one more, which is the same one unless it was `NOBODY`. */
function withOne(set: ReadonlySet<Subscriber>, one: Subscriber): ReadonlySet<Subscriber> {
  return set === NOBODY ? new Set([one]) : (set as Set<Subscriber>).add(one);
}

/** The set without one of it; `NOBODY` instead of an empty one. */
function withoutOne(set: ReadonlySet<Subscriber>, one: Subscriber): ReadonlySet<Subscriber> {
  if (set !== NOBODY) (set as Set<Subscriber>).delete(one);
  return set.size === 0 ? NOBODY : set;
}
