import { type Chunk, createChunk } from './chunk';
import type { Ring, RingEntry } from './ring';
import type { Subscriber, WriteMark } from './subscriber';
import { matches, type Subscription } from './subscription';

/** One round over the members with the same bytes. Kept by those it served as the mark of their last write. */
interface Pass extends WriteMark {
  readonly start: number;
  readonly end: number;
  /** Null once the pass is over, so that the marks do not keep its bytes. */
  chunk: Chunk | null;
  events: number;
  /** The member to serve next; passes go from the last to the first. Below zero all have been served. */
  next: number;
}

/** Entries that a private subscriber is given in one write. */
interface Slice extends WriteMark {
  readonly start: number;
  readonly end: number;
  /** Null when none of the entries is for this audience. */
  readonly chunk: Chunk | null;
  readonly events: number;
}

export interface AudienceDeps {
  readonly ring: Ring;
  /** Bytes that one pass or slice gathers at the most, unless a single event is larger. */
  readonly sliceBytes: number;
  /** Ring entries that one slice looks at: bounds the work for a subscription that matches few of them. */
  readonly sliceEntries: number;
  /** There is something to serve to the members. */
  readonly onPending: (audience: Audience) => void;
  /** A private subscriber can go on. */
  readonly onFeedable: (subscriber: Subscriber) => void;
  /** A sink threw: it is dropped, the others go on. */
  readonly onSinkError: (subscriber: Subscriber, error: unknown) => void;
  readonly onDelivered: (streams: number, events: number) => void;
}

/**
 * All streams of one subscription. The members are live: each pass gathers the records that came since the last one
 * into one chunk and writes the same bytes to every member. The others are private and fed alone until they have
 * caught up. See docs/decisions/0002-ring-and-audiences.md for the rules and what breaks without each.
 */
export class Audience {
  readonly subscription: Subscription;
  /** Waits in the live queue. */
  queued = false;
  readonly #deps: AudienceDeps;
  readonly #members: Subscriber[] = [];
  readonly #private = new Set<Subscriber>();
  /** Private ones that have been fed as far as the members or further, but may not join in the middle of a pass. */
  readonly #waiting = new Set<Subscriber>();
  /** Records before it do not count any more. */
  #restartedAt = 0;
  #pending: RingEntry[] = [];
  #pass: Pass | null = null;
  /** The last slice made: whoever stands at the same place gets the same bytes. */
  #slice: Slice | null = null;

  constructor(subscription: Subscription, deps: AudienceDeps) {
    this.subscription = subscription;
    this.#deps = deps;
  }

  get isEmpty(): boolean {
    return this.#members.length === 0 && this.#private.size === 0;
  }

  get isIdle(): boolean {
    return this.#pass === null && this.#pending.length === 0;
  }

  /** How far the members have been served: the start of the running pass, else the first pending entry, else the head. */
  get position(): number {
    return this.#pass?.start ?? this.#pending[0]?.seq ?? this.#deps.ring.head;
  }

  /** The one listener of this audience's channels. Must not throw: the emitter would skip the audiences after it. */
  readonly onEntry = (entry: RingEntry): void => {
    if (this.#members.length === 0 && this.#pass === null) return;
    this.#pending.push(entry);
    this.#deps.onPending(this);
  };

  /** Takes a new subscriber, which stands at `subscriber.seq`. */
  add(subscriber: Subscriber): void {
    this.#private.add(subscriber);
    this.#joinOrWait(subscriber);
  }

  remove(subscriber: Subscriber): void {
    if (subscriber.state === 'live') this.#leave(subscriber);
    else this.#forgetPrivate(subscriber);
    subscriber.state = 'gone';
  }

  /** Nothing before the head counts any more: who was behind goes on from there. */
  restart(): void {
    this.#pending = [];
    this.#slice = null;
    this.#restartedAt = this.#deps.ring.head;
    for (const subscriber of this.#private) subscriber.seq = this.#restartedAt;
    if (this.#pass === null) this.#settle();
  }

  /** Goes on with the running pass, or begins one, up to `budget` writes. Answers how many it made. */
  serve(budget: number): number {
    const pass = this.#pass ?? this.#beginPass();
    if (pass === null) return 0;
    let writes = this.#serveMembers(pass, budget);
    if (pass.next < 0) writes += this.#serveLate(pass, budget - writes);
    this.#deps.onDelivered(writes, pass.events * writes);
    return writes;
  }

  /** Gives a private subscriber its next slice, or makes it a member. Answers how many bytes it was given. */
  feed(subscriber: Subscriber): number {
    if (subscriber.state !== 'private' || subscriber.blocked) return 0;
    if (subscriber.seq < this.#deps.ring.base) {
      subscriber.sink.outrun();
      return 0;
    }
    let bytes = 0;
    if (subscriber.seq < this.position) {
      const slice = this.#sliceAt(subscriber.seq);
      subscriber.seq = slice.end;
      if (slice.chunk !== null) {
        bytes = slice.chunk.bare.length;
        subscriber.served = slice;
        subscriber.blocked = !this.#write(subscriber, slice.chunk);
        this.#deps.onDelivered(1, slice.events);
      }
    }
    if (subscriber.state === 'private' && !subscriber.blocked) this.#joinOrWait(subscriber);
    return bytes;
  }

  #serveMembers(pass: Pass, budget: number): number {
    const chunk = pass.chunk!;
    let writes = 0;
    while (pass.next >= 0 && writes < budget) {
      const member = this.#members[pass.next--];
      // Who left was replaced by the last member, who had its turn already.
      if (member === undefined || member.served === pass) continue;
      member.served = pass;
      writes++;
      if (!this.#write(member, chunk) && member.state === 'live') this.#fallBehind(member, pass.end);
    }
    return writes;
  }

  /** Who came to stand where the pass began, while it ran, gets its bytes too: else it would run after every pass. */
  #serveLate(pass: Pass, budget: number): number {
    let writes = 0;
    for (const subscriber of this.#waiting) {
      if (subscriber.seq !== pass.start) continue;
      if (writes === budget) return writes;
      writes++;
      subscriber.seq = pass.end;
      subscriber.served = pass;
      if (this.#write(subscriber, pass.chunk!)) continue;
      subscriber.blocked = true;
      this.#waiting.delete(subscriber);
    }
    this.#endPass(pass);
    return writes;
  }

  #beginPass(): Pass | null {
    const first = this.#pending[0];
    if (first === undefined) return null;
    let count = 1;
    let bytes = first.bytes.length;
    for (; count < this.#pending.length; count++) {
      const next = this.#pending[count]!.bytes.length;
      if (bytes + next > this.#deps.sliceBytes) break;
      bytes += next;
    }
    const taken = count === this.#pending.length ? this.#pending : this.#pending.slice(0, count);
    this.#pending = count === this.#pending.length ? [] : this.#pending.slice(count);
    this.#pass = {
      start: first.seq,
      end: taken[count - 1]!.seq + 1,
      chunk: createChunk(
        taken.map((entry) => entry.bytes),
        bytes,
      ),
      events: count,
      next: this.#members.length - 1,
      atMs: performance.now(),
    };
    return this.#pass;
  }

  #endPass(pass: Pass): void {
    pass.chunk = null;
    this.#pass = null;
    // All that matches since the end of the pass is pending, so from there to the first pending entry is nothing to feed.
    const { position } = this;
    for (const subscriber of this.#waiting) {
      if (subscriber.seq >= pass.end && subscriber.seq < position) subscriber.seq = position;
    }
    this.#settle();
  }

  /** Between two passes: lets join who can, sends to be fed who cannot, and gathers nothing when there are no members. */
  #settle(): void {
    for (const subscriber of this.#waiting) this.#joinOrWait(subscriber);
    if (this.#members.length > 0 || this.#pending.length === 0) return;
    this.#pending = [];
    for (const subscriber of this.#waiting) this.#joinOrWait(subscriber);
  }

  /** A live member that holds too much unsent goes on alone from `seq`, where it has been served to. */
  #fallBehind(member: Subscriber, seq: number): void {
    this.#leave(member);
    member.state = 'private';
    member.seq = Math.max(seq, this.#restartedAt);
    member.blocked = true;
    this.#private.add(member);
  }

  /** Swap-remove, so that leaving costs the same for any number of members. */
  #leave(member: Subscriber): void {
    const last = this.#members.pop()!;
    if (last !== member) {
      this.#members[member.place] = last;
      last.place = member.place;
    }
    if (this.#members.length === 0 && this.#pass === null) this.#settle();
  }

  /** A private subscriber joins only between passes and only exactly where the members are. */
  #joinOrWait(subscriber: Subscriber): void {
    const { position } = this;
    if (this.#pass === null && subscriber.seq === position) {
      this.#forgetPrivate(subscriber);
      subscriber.state = 'live';
      subscriber.place = this.#members.push(subscriber) - 1;
    } else if (subscriber.seq < position) {
      this.#waiting.delete(subscriber);
      this.#deps.onFeedable(subscriber);
    } else {
      this.#waiting.add(subscriber);
    }
  }

  #forgetPrivate(subscriber: Subscriber): void {
    this.#private.delete(subscriber);
    this.#waiting.delete(subscriber);
    if (this.#private.size === 0) this.#slice = null;
  }

  #sliceAt(start: number): Slice {
    if (this.#slice?.start === start) return this.#slice;
    const { ring, sliceBytes, sliceEntries } = this.#deps;
    const limit = Math.min(this.position, start + sliceEntries);
    const parts: Buffer[] = [];
    let bytes = 0;
    let end = start;
    for (; end < limit; end++) {
      const entry = ring.at(end);
      if (!matches(this.subscription, entry)) continue;
      if (parts.length > 0 && bytes + entry.bytes.length > sliceBytes) break;
      parts.push(entry.bytes);
      bytes += entry.bytes.length;
    }
    const chunk = parts.length === 0 ? null : createChunk(parts, bytes);
    this.#slice = { start, end, chunk, events: parts.length, atMs: performance.now() };
    return this.#slice;
  }

  #write(subscriber: Subscriber, chunk: Chunk): boolean {
    try {
      return subscriber.sink.write(chunk);
    } catch (error) {
      this.#deps.onSinkError(subscriber, error);
      return true;
    }
  }
}
