import { EventEmitter } from 'node:events';
import { ROOT_CHANNEL } from '../wire/channel';
import { Audience, type AudienceDeps, DeliveryCounts, type PassReport, WAITING_SHARE } from './audience';
import { type Clock, type Gather, SYSTEM_CLOCK } from './pacing';
import type { Positions } from './positions';
import { type History, Replay, type ReplayLimits } from './replay';
import { Ring, type RingEntry, type RingLimits } from './ring';
import { Scheduler } from './scheduler';
import { type SliceOptions, Slices } from './slice';
import { type Place, type Sink, type Start, Subscriber } from './subscriber';
import { isInScope, type Subscription } from './subscription';

export interface HubOptions extends Omit<SliceOptions, 'ring'> {
  readonly ring: RingLimits;
  /** Writes after which the event loop gets its turn. */
  readonly writesPerTurn: number;
  readonly gather: Gather;
  /** Unset: the system's. */
  readonly clock?: Clock;
  /** Connections accepted so far, of any kind; unset: fan-out does not yield to accepting. */
  readonly accepted?: () => number;
  readonly onSinkError: (error: unknown) => void;
  /** What is older than the ring. */
  readonly history: History;
  readonly replay: ReplayLimits;
  /** Called after each pass over the live streams of a subscription. Must not throw. */
  readonly onPass?: (pass: PassReport) => void;
}

/** What fills the hub. */
export interface Reader {
  pause(): void;
  resume(): void;
}

export interface HubStats {
  /** Entries put in since the start. */
  readonly published: number;
  /** Events written to streams since the start. */
  readonly deliveries: number;
  /** Writes to streams since the start; one write carries many events under load. */
  readonly writes: number;
  /** Bytes of events written to streams since the start, without the framing of HTTP. */
  readonly bytes: number;
  /** How often the reader was paused because fan-out was slower (backpressure). */
  readonly holds: number;
  readonly ringRecords: number;
  readonly ringBytes: number;
  /** Channels that are in the ring's index. */
  readonly ringChannels: number;
}

/** An audience that is further behind, in rings, makes the reader pause. */
const PRESSURE_SHARE = 0.5;

/**
 * Fan-out. An entry goes into the ring and is emitted on its channel and each channel above it; the one listener of
 * each subscription is its audience, which writes it to its streams.
 */
export class Hub {
  readonly ring: Ring;
  readonly #emitter = new EventEmitter();
  readonly #audienceDeps: AudienceDeps;
  readonly #audiences = new Map<string, Audience>();
  readonly #scheduler: Scheduler;
  readonly #replay: Replay;
  readonly #counts = new DeliveryCounts();
  /** No audience is further behind, of those that are being served and of those that wait. */
  #lowestPosition = 0;
  #lowestWaiting = 0;
  #held = false;
  #reader: Reader | null = null;
  #holds = 0;

  constructor(options: HubOptions) {
    this.ring = new Ring(options.ring);
    this.#emitter.setMaxListeners(0);
    const { clock = SYSTEM_CLOCK, gather } = options;
    this.#scheduler = new Scheduler({
      clock,
      writesPerTurn: options.writesPerTurn,
      accepted: options.accepted ?? (() => 0),
      onTurn: () => this.#judgePressure(),
    });
    this.#replay = new Replay(this.ring, options.history, options.replay, this.#scheduler);
    options.history.onReadable(() => {
      for (const { catchUp } of this.#audiences.values()) catchUp.releaseAll();
    });
    const { sliceBytes, withMeta, idLine, lineInstead } = options;
    const slicing = { ring: this.ring, sliceBytes, withMeta, idLine, lineInstead };
    this.#audienceDeps = {
      ...slicing,
      scheduler: this.#scheduler,
      slices: new Slices(slicing),
      replay: this.#replay,
      onSinkError: (subscriber, error) => {
        this.unsubscribe(subscriber);
        subscriber.sink.failed();
        options.onSinkError(error);
      },
      counts: this.#counts,
      clock,
      gather,
      onPass: (pass) => options.onPass?.(pass),
    };
  }

  /** Pauses this reader of the event log while some audience is more than half a ring behind. */
  holdBack(reader: Reader): void {
    this.#reader = reader;
  }

  /** Puts an event into the ring and hands it to the audiences it is for. `positions` are those after it. */
  publish(entry: RingEntry, positions: Positions): void {
    const path = this.ring.append(entry, positions);
    if (entry.channel === null) {
      for (const audience of this.#audiences.values())
        if (isInScope(audience.subscription, entry)) audience.onEntry(entry);
      return;
    }
    // The index has these strings, so that they need not be made and hashed again for each record.
    for (let at = path; at !== null; at = at.above) this.#emitter.emit(at.channel, entry);
    this.#emitter.emit(ROOT_CHANNEL, entry);
  }

  /** To be called after each batch: the reader pauses when fan-out is slower than the event log. */
  flush(): void {
    this.#scheduler.wakeAhead();
    this.#judgePressure();
  }

  /** The event log is another one: nothing that was read before counts. All streams go on with what is published next. */
  restart(positions: Positions): void {
    this.ring.restart(positions);
    for (const audience of this.#audiences.values()) audience.restart();
    this.#replay.clear();
  }

  /** The event log lost the records of a slot from `end` on: they are not delivered any more. */
  truncate(slot: number, end: bigint): void {
    this.ring.truncate(slot, end);
    for (const audience of this.#audiences.values()) audience.onTruncated();
    this.#replay.clear();
  }

  /** The topic of a slot was deleted: the slot gets no more entries, those that it has stay. */
  retire(slot: number): void {
    this.ring.retire(slot);
    this.#replay.clear();
  }

  /** A slot whose start was a time is read from this offset on. Streams that have less are sent what lies between. */
  setStart(slot: number, start: bigint): void {
    for (const { catchUp } of this.#audiences.values()) catchUp.leaveRing(slot, start);
    this.ring.setStart(slot, start);
  }

  /** Adds a stream. It may be written to before this returns. */
  subscribe(subscription: Subscription, sink: Sink, start: Start = { at: 'head' }): Subscriber {
    const audience = this.#audiences.get(subscription.key) ?? this.#openAudience(subscription);
    const { head: seq, positions } = this.ring;
    const place: Place =
      start.at === 'floor'
        ? { in: 'history', floor: start.floor, heldBack: null }
        : { in: 'ring', seq, positions, floor: null, heldBack: null };
    const subscriber = new Subscriber(audience, sink, place);
    audience.catchUp.add(subscriber);
    return subscriber;
  }

  /** Different subscriptions that have a stream. */
  get subscriptions(): number {
    return this.#audiences.size;
  }

  /** @param key of a subscription */
  isSubscribed(key: string): boolean {
    return this.#audiences.has(key);
  }

  unsubscribe(subscriber: Subscriber): void {
    const { audience } = subscriber;
    if (subscriber.phase.name === 'closed') return;
    audience.remove(subscriber);
    if (audience.isEmpty) this.#closeAudience(audience);
  }

  /** The socket of a stream is writable again. */
  onWritable(subscriber: Subscriber): void {
    subscriber.audience.catchUp.onWritable(subscriber);
  }

  /**
   * How far this stream has been served, for an id; null when that cannot be said, because a live stream with something
   * pending has not been sent all that was read.
   */
  servedPositions(subscriber: Subscriber): Positions | null {
    const { audience, place } = subscriber;
    if (place !== null) return audience.catchUp.servedPositions(place);
    return audience.isIdle ? this.ring.positions : null;
  }

  /** Events sent to this stream since it subscribed. */
  sentTo(subscriber: Subscriber): number {
    return subscriber.audience.sentTo(subscriber);
  }

  /** Records that were read and that this stream has yet to be sent or to skip, whatever it subscribed to. */
  recordsBehind({ phase, place, audience }: Subscriber): number {
    const { ring } = this;
    if (phase.name === 'closed') return 0;
    if (place === null) return ring.head - audience.position;
    if (place.in === 'ring') return ring.head - place.seq;
    let behind = 0n;
    for (let slot = 0; slot < ring.positions.length; slot++) {
      const position = ring.positions.at(slot)!;
      const reached = ring.positionIn(place.floor, slot);
      // How much lies between a time and an offset is not known.
      if (reached >= 0n && position > reached) behind += position - reached;
    }
    return Number(behind);
  }

  stats(): HubStats {
    return {
      published: this.ring.head,
      deliveries: this.#counts.events,
      writes: this.#counts.writes,
      bytes: this.#counts.bytes,
      holds: this.#holds,
      ringRecords: this.ring.head - this.ring.base,
      ringBytes: this.ring.bytes,
      ringChannels: this.ring.channels,
    };
  }

  close(): void {
    this.#scheduler.close();
    this.#emitter.removeAllListeners();
    this.#audiences.clear();
  }

  #openAudience(subscription: Subscription): Audience {
    const audience = new Audience(subscription, this.#audienceDeps);
    this.#audiences.set(subscription.key, audience);
    for (const channel of subscription.channels) this.#emitter.on(channel, audience.onEntry);
    return audience;
  }

  #closeAudience(audience: Audience): void {
    this.#audiences.delete(audience.subscription.key);
    this.#scheduler.forget(audience);
    for (const channel of audience.subscription.channels) this.#emitter.off(channel, audience.onEntry);
  }

  /** Asked after each batch, so it looks at all audiences only when one of them may be behind. */
  #isBehind(): boolean {
    const { ring } = this;
    const { busy } = this.#scheduler;
    if (busy.length === 0) this.#lowestPosition = ring.head;
    if (ring.shareBehind(this.#lowestPosition) <= PRESSURE_SHARE) return false;
    this.#lowestPosition = ring.head;
    for (const { position } of busy) this.#lowestPosition = Math.min(this.#lowestPosition, position);
    return ring.shareBehind(this.#lowestPosition) > PRESSURE_SHARE;
  }

  /** Nobody waits so long that it would hold back the reader. */
  #releaseWaiting(): void {
    const { ring } = this;
    if (ring.shareBehind(this.#lowestWaiting) <= WAITING_SHARE) return;
    this.#lowestWaiting = ring.head;
    for (const audience of this.#scheduler.waiting) {
      if (ring.shareBehind(audience.position) > WAITING_SHARE) this.#scheduler.release(audience);
      else this.#lowestWaiting = Math.min(this.#lowestWaiting, audience.position);
    }
  }

  #judgePressure(): void {
    this.#releaseWaiting();
    const behind = this.#isBehind();
    if (behind === this.#held) return;
    this.#held = behind;
    if (behind) this.#holds++;
    if (behind) this.#reader?.pause();
    else this.#reader?.resume();
  }
}
