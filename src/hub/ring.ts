import type { Frame } from '../wire/frame';
import { type Candidates, ChannelIndex, type ChannelPath } from './channel-index';
import { Positions } from './positions';
import type { Subscription } from './subscription';

export type Slots = ReadonlySet<number>;

/** What decides which subscriptions an event is for. */
export interface Addressed {
  /** Null: for every subscription, whatever its channels, or as `scope` says. */
  readonly channel: string | null;
  /**
   * Only without a channel: for subscriptions that may get events of this channel or below it, by one above it or one
   * below. Null: for all.
   */
  readonly scope?: string | null;
  /** Null: unnamed, which a browser dispatches as `message`. */
  readonly event: string | null;
  /** An event of the gateway itself, which passes every filter of event names. */
  readonly isOwn: boolean;
}

/** Makes the frame of an event about a range of offsets for a client that has the range up to `position` already. */
export type FrameFrom = (position: bigint) => Frame;

/** An event, ready to be written: one object from its encoding to the sockets. The id of its frame is the cursor after it. */
export interface RingEntry extends Frame, Addressed {
  /** The slot of its partition; null for what concerns only streams that are open at the moment. */
  readonly slot: number | null;
  /** What the event was made from, for subscriptions that want to see more of it. The hub does not look inside. */
  readonly origin: unknown;
  /** About what `origin` takes. */
  readonly originBytes: number;
  /** Only for an event about a range of offsets, such as a gap. */
  readonly frameFrom: FrameFrom | null;
  /** Place in the order in which this gateway read the event log, without holes. Set by the ring, like all that follows. */
  seq: number;
  /** Positions after this entry. */
  positions: Positions;
  /** Accounted bytes of everything that was put in before this entry. */
  bytesBefore: number;
  /** The event log lost its record: it is not delivered any more. */
  isVoid: boolean;
}

/** The only place where entries are made: all have the same shape, which the hot path depends on. */
export function createEntry(
  { bytes, bodyEnd }: Frame,
  { channel, scope = null, event, isOwn }: Addressed,
  slot: number | null,
  origin: unknown = null,
  originBytes = 0,
  frameFrom: FrameFrom | null = null,
): RingEntry {
  return {
    channel,
    scope,
    event,
    isOwn,
    bytes,
    bodyEnd,
    slot,
    origin,
    originBytes,
    frameFrom,
    seq: -1,
    positions: Positions.NONE,
    bytesBefore: 0,
    isVoid: false,
  };
}

export interface RingLimits {
  readonly records: number;
  readonly bytes: number;
}

/** Heap that an entry takes besides its bytes and its positions, as bench/ measured it. */
const ENTRY_OVERHEAD_BYTES = 264;

/**
 * The latest events in the order in which this gateway read them, bounded by count and bytes. Holds the entries
 * `base` ≤ seq < `head`; the newest one is always there, even if it alone is over the bounds.
 */
export class Ring {
  readonly #limits: RingLimits;
  readonly #entries: (RingEntry | undefined)[];
  readonly #index = new ChannelIndex();
  #base = 0;
  #head = 0;
  #bytesIn = 0;
  /** Positions before the oldest entry, and after everything read so far. */
  #basePositions = Positions.NONE;
  #positions = Positions.NONE;
  /** By slot, its position in positions that were noted before the slot was added. */
  #starts = Positions.NONE;
  /** By slot whose start was a time before it was found as an offset: that time. */
  readonly #times = new Map<number, bigint>();
  /** By slot that was truncated: where it ends now. */
  readonly #ends = new Map<number, bigint>();
  /** Slots of topics that were deleted. */
  readonly #retired = new Set<number>();

  constructor(limits: RingLimits) {
    this.#limits = limits;
    this.#entries = new Array<RingEntry | undefined>(limits.records);
  }

  get base(): number {
    return this.#base;
  }

  get head(): number {
    return this.#head;
  }

  get positions(): Positions {
    return this.#positions;
  }

  get bytes(): number {
    const oldest = this.#entries[this.#base % this.#limits.records];
    return this.#bytesIn - (oldest?.bytesBefore ?? this.#bytesIn) + this.#index.bytes;
  }

  /** Channels that have entries, and those above them, without the root. */
  get channels(): number {
    return this.#index.channels;
  }

  /** Forgets all entries; `seq` goes on growing. */
  restart(positions: Positions): void {
    this.#entries.fill(undefined);
    this.#index.clear();
    this.#base = this.#head;
    this.#basePositions = positions;
    this.#positions = positions;
    this.#starts = positions;
    this.#times.clear();
    this.#ends.clear();
    this.#retired.clear();
  }

  /** Adds slots, whose positions in what was noted before are `starts`. */
  grow(starts: readonly bigint[]): void {
    this.#starts = this.#starts.concat(starts);
  }

  /** The start of a slot was a time, and is now known as an offset: that counts for what was noted before as well. */
  setStart(slot: number, start: bigint): void {
    this.#times.set(slot, this.#starts.at(slot)!);
    this.#starts = this.#starts.with(slot, start);
    this.advance(this.#positions.with(slot, start));
  }

  /** A slot was truncated: entries from `end` on are void, and positions beyond it mean `end`. */
  truncate(slot: number, end: bigint): void {
    if ((this.#ends.get(slot) ?? end) < end) return;
    this.#ends.set(slot, end);
    for (let seq = this.#base; seq < this.#head; seq++) {
      const entry = this.at(seq);
      if (entry.slot === slot && entry.positions.at(slot)! > end) entry.isVoid = true;
    }
  }

  /** Moves on over records that are not delivered. */
  advance(positions: Positions): void {
    if (this.#base === this.#head) this.#basePositions = positions;
    this.#positions = positions;
  }

  /** Puts an entry in, which is the ring's from then on: it can be put in once. */
  append(entry: RingEntry, positions: Positions): ChannelPath | null {
    entry.seq = this.#head;
    entry.positions = positions;
    entry.bytesBefore = this.#bytesIn;
    this.#bytesIn += entry.bytes.length + entry.originBytes + ENTRY_OVERHEAD_BYTES + positions.ownBytes;
    if (this.#head - this.#base === this.#limits.records) this.#evict();
    this.#entries[this.#head % this.#limits.records] = entry;
    const path = this.#index.add(this.#head++, entry);
    this.#positions = positions;
    while (this.bytes > this.#limits.bytes && this.#head - this.#base > 1) this.#evict();
    return path;
  }

  /** @throws RangeError when `seq` is not in the ring (any more) */
  at(seq: number): RingEntry {
    const entry =
      seq >= this.#base && seq < this.#head ? this.#entries[seq % this.#limits.records] : undefined;
    if (entry === undefined)
      throw new RangeError(`seq ${seq} is not in the ring (${this.#base} to ${this.#head})`);
    return entry;
  }

  /** By `seq`, the entries that may be for a subscription. */
  candidates(subscription: Subscription): Candidates {
    return this.#index.candidates(subscription);
  }

  /** Positions before the entry `seq`; `base` ≤ seq ≤ `head`. */
  positionsAt(seq: number): Positions {
    if (seq === this.#head) return this.#positions;
    return seq === this.#base ? this.#basePositions : this.at(seq - 1).positions;
  }

  /** The position that `positions` give for a slot, which may have been added after they were noted. */
  positionIn(positions: Positions, slot: number): bigint {
    let position = this.#rawIn(positions, slot);
    if (position < 0n && position === this.#times.get(slot)) position = this.#starts.at(slot)!;
    const end = this.#ends.size === 0 ? undefined : this.#ends.get(slot);
    return end !== undefined && position > end ? end : position;
  }

  /** What positions that were noted earlier mean now, in all slots. */
  positionsIn(positions: Positions): Positions {
    if (this.#ends.size === 0 && this.#times.size === 0 && positions.length === this.#positions.length)
      return positions;
    return Positions.of(
      Array.from({ length: this.#positions.length }, (_, slot) => this.positionIn(positions, slot)),
    );
  }

  /** The topic of a slot was deleted: no more entries come, those that are there stay. */
  retire(slot: number): void {
    this.truncate(slot, this.#positions.at(slot)!);
    this.#retired.add(slot);
  }

  /**
   * The floor, with `length` slots, of a stream to which every truncation and deletion was announced: it needs nothing
   * more of what was lost or deleted.
   */
  floorAfterReset(floor: Positions, length: number): Positions {
    const after = Array.from({ length }, (_, slot) =>
      this.#retired.has(slot) ? this.#ends.get(slot)! : this.positionIn(floor, slot),
    );
    return Positions.of(after);
  }

  /**
   * True when `positions` are at least as far as `other` in every slot.
   * @param except slots that do not count
   */
  reaches(positions: Positions, other: Positions, except: Slots | null = null): boolean {
    const { length } = this.#positions;
    for (let slot = positions.nextUnshared(other, 0, length); slot < length; ) {
      if (this.positionIn(positions, slot) < this.positionIn(other, slot) && !except?.has(slot)) return false;
      slot = positions.nextUnshared(other, slot + 1, length);
    }
    return true;
  }

  /**
   * True if an id built from `positions` can safely replace one built from `other`: they are at least as far in every
   * slot, and name every slot that `other` names. A gateway that resumes an id starts a slot without a name where it first
   * saw it, which may be earlier than here. False while `other` has records that the event log lost: a reset comes first.
   */
  canStandFor(positions: Positions, other: Positions): boolean {
    if (positions.length < other.length || !this.reaches(positions, other)) return false;
    for (const [slot, end] of this.#ends) {
      const raw = this.#rawIn(other, slot);
      if (raw > end && this.#rawIn(positions, slot) < raw) return false;
    }
    // A time may mean another offset elsewhere, so it does not stand for one.
    for (const slot of this.#times.keys())
      if (this.#rawIn(positions, slot) < 0n && this.#rawIn(other, slot) >= 0n) return false;
    return true;
  }

  /**
   * By slot the further of the two. Answers `positions` itself, for which there is an id already, when they can stand for
   * both.
   * @param heldBack slots in which it is `other`
   */
  merge(positions: Positions, other: Positions, heldBack: Slots | null = null): Positions {
    if (heldBack === null && this.canStandFor(positions, other)) return positions;
    // No longer than the longer one: a slot that neither has may come with a reset that the stream has yet to get.
    const further: bigint[] = [];
    for (let slot = 0; slot < Math.max(positions.length, other.length); slot++) {
      const [a, b] = [this.positionIn(positions, slot), this.positionIn(other, slot)];
      const [own, others] = [this.#rawIn(positions, slot), this.#rawIn(other, slot)];
      further.push(heldBack?.has(slot) || a < b || (a === b && own < others) ? others : own);
    }
    return Positions.of(further);
  }

  /**
   * Where a stream that has everything before `floor` goes on: no entry before this one is new to it. Null when the ring
   * does not reach back so far, or has evicted an entry about slots that the floor does not have.
   * @param except slots that do not count
   */
  seqAfter(floor: Positions, except: Slots | null = null): number | null {
    if (!this.#isBehind(floor, this.#base, except)) return null;
    let low = this.#base;
    let high = this.#head;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (this.#isBehind(floor, middle, except)) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** The slots of which the ring does not hold all that follows the floor. */
  missingSlots(floor: Positions): number[] {
    const missing: number[] = [];
    const { length } = this.#positions;
    for (let slot = floor.nextUnshared(this.#basePositions, 0, length); slot < length; ) {
      if (this.positionIn(floor, slot) < this.positionIn(this.#basePositions, slot)) missing.push(slot);
      slot = floor.nextUnshared(this.#basePositions, slot + 1, length);
    }
    return missing;
  }

  /** How far `seq` is behind the head, as a share of the bounds: 1 is a whole ring. */
  shareBehind(seq: number): number {
    if (seq >= this.#head) return 0;
    const oldest = this.at(Math.max(seq, this.#base));
    return Math.max(
      (this.#head - seq) / this.#limits.records,
      (this.#bytesIn - oldest.bytesBefore) / Math.max(1, this.#limits.bytes - this.#index.bytes),
    );
  }

  /** True when all entries before `seq` are older than the floor. */
  #isBehind(floor: Positions, seq: number, except: Slots | null): boolean {
    const positions = this.positionsAt(seq);
    return floor.length >= positions.length && this.reaches(floor, positions, except);
  }

  /** As it was noted: it may be beyond the end of a slot that was truncated. */
  #rawIn(positions: Positions, slot: number): bigint {
    return positions.at(slot) ?? this.#starts.at(slot)!;
  }

  #evict(): void {
    const oldest = this.at(this.#base);
    this.#basePositions = oldest.positions;
    this.#index.dropFirst(oldest);
    this.#entries[this.#base++ % this.#limits.records] = undefined;
  }
}
