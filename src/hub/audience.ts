import { CatchUp } from './catch-up';
import { type Chunk, createChunk } from './chunk';
import { type Clock, type Gather, nextPassMs, type PassTimes } from './pacing';
import type { Positions } from './positions';
import type { Replay } from './replay';
import type { RingEntry } from './ring';
import type { Scheduler } from './scheduler';
import { addFrame, type SliceOptions, type Slices } from './slice';
import type { Delivery, Subscriber } from './subscriber';
import { type Subscription, wantsEvent } from './subscription';

/** An audience does not wait for more events once the ring has gone on by this share of itself. */
export const WAITING_SHARE = 0.25;

/** One round over the members with the same bytes. The members keep it as the mark of their last write. */
export interface Pass extends Delivery, PassTimes {
  readonly start: number;
  readonly end: number;
  /** Positions after its last entry. */
  readonly endPositions: Positions;
  /** Both null once the pass is over, so that the marks do not keep what they refer to. */
  first: RingEntry | null;
  chunk: Chunk | null;
  /** The member to serve next; passes go from the last to the first. Below zero all have been served. */
  next: number;
  /** Zero while it runs. */
  endedAtMs: number;
}

/** A pass that is over: all members have been written to. */
export interface PassReport {
  readonly durationMs: number;
  readonly events: number;
  /** The entry that had waited the longest; null when the streams asked for that. */
  readonly first: RingEntry | null;
}

/** What was written to streams since the start. */
export class DeliveryCounts {
  writes = 0;
  events = 0;
  bytes = 0;

  /** The same events to some streams. */
  add(streams: number, events: number, bytes: number): void {
    this.writes += streams;
    this.events += streams * events;
    this.bytes += streams * bytes;
  }
}

/** What all audiences share. */
export interface AudienceDeps extends SliceOptions {
  readonly scheduler: Scheduler;
  readonly slices: Slices;
  readonly replay: Replay;
  readonly counts: DeliveryCounts;
  readonly clock: Clock;
  readonly gather: Gather;
  /** A sink threw: it is dropped, the others go on. */
  readonly onSinkError: (subscriber: Subscriber, error: unknown) => void;
  /** Must not throw. */
  readonly onPass: (pass: PassReport) => void;
}

/**
 * All streams of one subscription. The members are live: each pass gathers the entries that came since the last one
 * into one chunk and writes the same bytes to every member. The others are served alone until they have caught up.
 * docs/decisions/0002-ring-and-audiences.md has the rules and what breaks without each.
 */
export class Audience {
  readonly subscription: Subscription;
  readonly catchUp: CatchUp;
  /** In the queue of audiences that have something to serve, or waiting to be. The scheduler's own mark. */
  isQueued = false;
  readonly #deps: AudienceDeps;
  #members: Subscriber[] = [];
  /**
   * What came since the last pass began, never empty. A new array each time: one that is kept grows old, and then its
   * entries outlive minor garbage collections.
   */
  #pending: RingEntry[] | null = null;
  /** Bytes of what is pending. */
  #pendingBytes = 0;
  /** What is pending may wait for more. */
  #mayWait = true;
  #pass: Pass | null = null;
  #lastPass: Pass | null = null;
  /** Events of all passes that are over. */
  #passedEvents = 0;

  constructor(subscription: Subscription, deps: AudienceDeps) {
    this.subscription = subscription;
    this.#deps = deps;
    this.catchUp = new CatchUp(this, deps);
  }

  get isEmpty(): boolean {
    return this.#members.length === 0 && this.catchUp.isEmpty;
  }

  get isPassing(): boolean {
    return this.#pass !== null;
  }

  get isIdle(): boolean {
    return this.#pass === null && this.#pending === null;
  }

  /** How far the members have been served: the start of the running pass, else the first pending entry, else the head. */
  get position(): number {
    return this.#pass?.start ?? this.#pending?.[0]?.seq ?? this.#deps.ring.head;
  }

  /** Events sent to a subscriber since it subscribed. */
  sentTo(subscriber: Subscriber): number {
    if (subscriber.phase.name !== 'live') return subscriber.sent;
    const running = this.#pass !== null && subscriber.served === this.#pass ? this.#pass.events : 0;
    return subscriber.sent + this.#passedEvents + running;
  }

  /** The listener of this audience's channels. Must not throw: the emitter would skip the audiences after it. */
  readonly onEntry = (entry: RingEntry): void => {
    if (this.#members.length === 0 && this.#pass === null) return;
    if (!wantsEvent(this.subscription, entry)) return;
    if (this.#pending === null) {
      this.#pending = [entry];
      this.#pendingBytes = 0;
      this.#mayWait = true;
    } else this.#pending.push(entry);
    this.#pendingBytes += entry.bytes.length;
    const { scheduler, sliceBytes } = this.#deps;
    // More would not share its write; and what the gateway itself has to say must not be late.
    if (this.#pendingBytes >= sliceBytes || entry.channel === null) {
      this.#mayWait = false;
      scheduler.release(this);
    }
    scheduler.addAudience(this);
  };

  remove(subscriber: Subscriber): void {
    if (subscriber.phase.name === 'live') this.#leave(subscriber);
    this.catchUp.remove(subscriber);
  }

  /** Nothing before the ring's head counts any more. */
  restart(): void {
    this.#pending = null;
    this.catchUp.restart();
    if (this.#pass === null) this.#proceed();
  }

  /** A partition was truncated: some entries are void. */
  onTruncated(): void {
    const pending = this.#pending?.filter(({ isVoid }) => !isVoid) ?? [];
    this.#pending = pending.length === 0 ? null : pending;
    this.catchUp.onTruncated();
    if (this.#pass === null) this.#proceed();
  }

  /** When it may begin its next pass, by the time that passes of all audiences have taken so far; zero: now. */
  nextPassMs(workMs: number): number {
    const { ring, gather } = this.#deps;
    const last = this.#lastPass;
    // It must neither hold back the reader nor keep what the ring evicts.
    if (last === null || !this.#mayWait || ring.shareBehind(this.position) > WAITING_SHARE) return 0;
    return Math.max(nextPassMs(gather, last, workMs), last.endedAtMs + this.subscription.everyMs);
  }

  /** Goes on with the running pass, or begins one, for up to `budget` writes. Answers how many it made. */
  serve(budget: number): number {
    const pass = this.#pass ?? this.#beginPass();
    if (pass === null) return 0;
    let writes = this.#serveMembers(pass, budget);
    if (pass.next < 0) {
      const late = this.catchUp.serveLate(pass, budget - writes);
      writes += late.writes;
      if (late.isDone) this.#endPass(pass);
    }
    return writes;
  }

  /** Takes a subscriber that stands exactly where the members are, between two passes. */
  join(subscriber: Subscriber): void {
    subscriber.sent -= this.#passedEvents;
    // A literal has room for one: many audiences have one stream only.
    if (this.#members.length === 0) this.#members = [subscriber];
    else this.#members.push(subscriber);
    subscriber.index = this.#members.length - 1;
  }

  #beginPass(): Pass | null {
    const pending = this.#pending;
    if (pending === null) return null;
    const parts: Uint8Array[] = [];
    let bytes = 0;
    let events = 0;
    let records = 0;
    for (const entry of pending) {
      const frame = this.subscription.meta ? this.#deps.withMeta(entry) : entry;
      if (events > 0 && bytes + frame.bytes.length > this.#deps.sliceBytes) break;
      bytes += addFrame(parts, this.subscription, frame, this.#deps.lineInstead(this.subscription, entry));
      events++;
      if (entry.channel !== null) records++;
    }
    const first = pending[0]!;
    const last = pending[events - 1]!;
    const atMs = this.#deps.clock.nowMs();
    this.#pending = events === pending.length ? null : pending.slice(events);
    // What does not fit goes with the next write, at once.
    this.#mayWait = this.#pending === null;
    this.#pass = {
      start: first.seq,
      end: last.seq + 1,
      endPositions: last.positions,
      first,
      chunk: createChunk(parts, bytes),
      events,
      records,
      next: this.#members.length - 1,
      atMs,
      workMs: this.#deps.scheduler.workUntil(atMs),
      endedAtMs: 0,
    };
    return this.#pass;
  }

  #serveMembers(pass: Pass, budget: number): number {
    const chunk = pass.chunk!;
    let writes = 0;
    while (pass.next >= 0 && writes < budget) {
      const member = this.#members[pass.next--];
      // A member that left was replaced by the last one, which had its turn already.
      if (member === undefined || member.served === pass) continue;
      member.served = pass;
      writes++;
      if (this.write(member, chunk) || member.phase.name !== 'live') continue;
      // A slow client: it is served alone from here on.
      member.sent = this.sentTo(member);
      this.#leave(member);
      this.catchUp.takeBack(member, pass);
    }
    this.#deps.counts.add(writes, pass.events, chunk.bytes);
    return writes;
  }

  #endPass(pass: Pass): void {
    const { atMs, events, first } = pass;
    pass.endedAtMs = this.#deps.clock.nowMs();
    this.#deps.onPass({
      durationMs: pass.endedAtMs - atMs,
      events,
      first: this.subscription.everyMs > 0 ? null : first,
    });
    pass.first = null;
    pass.chunk = null;
    this.#pass = null;
    this.#lastPass = pass;
    this.#passedEvents += pass.events;
    // All that matches since the end of the pass is pending: from there to the first pending entry nothing is to be sent.
    this.catchUp.skipTo(this.position, pass);
    this.#proceed();
  }

  /** Between two passes: streams that have caught up join; without members nothing is gathered. */
  #proceed(): void {
    this.catchUp.proceedJoining();
    if (this.#members.length > 0 || this.#pending === null) return;
    this.#pending = null;
    this.catchUp.proceedJoining();
  }

  /** Swap-remove, so that leaving costs the same for any number of members. */
  #leave(member: Subscriber): void {
    const last = this.#members.pop()!;
    if (last !== member) {
      this.#members[member.index] = last;
      last.index = member.index;
    }
    if (this.#members.length === 0 && this.#pass === null) this.#proceed();
  }

  /** False when the socket is full. A sink that throws is dropped. */
  write(subscriber: Subscriber, chunk: Chunk): boolean {
    try {
      return subscriber.sink.write(chunk);
    } catch (error) {
      this.#deps.onSinkError(subscriber, error);
      return true;
    }
  }
}
