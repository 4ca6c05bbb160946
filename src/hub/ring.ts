/** By slot, the offset of the next record that this replica has not read yet. Never changed once handed out. */
export type Positions = readonly bigint[];

export type Slots = ReadonlySet<number>;

/** An event as SSE bytes. */
export interface EntryFrame {
  /** Its `id:` being the cursor after it. */
  readonly bytes: Buffer;
  /** Where the `id:` line begins, which streams with ids of their own leave out. */
  readonly bodyEnd: number;
}

/** What is put into the ring. */
export interface RingItem extends EntryFrame {
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
  /** The partition it is about, by slot; null for what concerns only those who are connected at the moment. */
  readonly slot: number | null;
  /** What the event was made from, for subscriptions that want to see more of it. The hub does not look inside. */
  readonly source: unknown;
  /** What `source` costs beyond the bytes. */
  readonly sourceBytes: number;
  /**
   * Only for an event about a range of offsets, such as a gap: what it is for a stream that has the beginning of the
   * range already, up to `position`.
   */
  readonly frameFrom?: ((position: bigint) => EntryFrame) | undefined;
}

export interface RingEntry extends RingItem {
  /** Place in the order in which this replica read the log, without holes. */
  readonly seq: number;
  /** Positions after this entry. */
  readonly positions: Positions;
  /** Accounted bytes of everything that was put in before this entry. */
  readonly bytesBefore: number;
  /** The log lost its record: it is for nobody any more. */
  isVoid: boolean;
}

export interface RingLimits {
  readonly records: number;
  readonly bytes: number;
}

/** An entry's objects and positions, as far as the heap showed them; bench/ measures it. */
const ENTRY_OVERHEAD_BYTES = 320;
const POSITION_BYTES = 8;

/**
 * The last records of this replica in the order it read them, bounded by count and bytes. Holds entries
 * `base` ≤ seq < `head`; the newest one is always there, even if it alone is over the bounds.
 */
export class Ring {
  readonly #limits: RingLimits;
  readonly #entries: (RingEntry | undefined)[];
  #base = 0;
  #head = 0;
  #bytesIn = 0;
  /** Positions before the oldest entry, and after everything read so far. */
  #basePositions: Positions = [];
  #positions: Positions = [];
  /** Positions that stand for a slot in what was noted before the slot was added. */
  #starts: Positions = [];
  /** By slot, the time that its start was known by before it was known as an offset. */
  readonly #times = new Map<number, bigint>();
  /** By slot, where its log was truncated: nothing lies beyond. */
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
    return this.#bytesIn - (this.#entries[this.#base % this.#limits.records]?.bytesBefore ?? this.#bytesIn);
  }

  /** Forgets all entries; `seq` goes on growing. */
  restart(positions: Positions): void {
    this.#entries.fill(undefined);
    this.#base = this.#head;
    this.#basePositions = positions;
    this.#positions = positions;
    this.#starts = positions;
    this.#times.clear();
    this.#ends.clear();
    this.#retired.clear();
  }

  /** Adds slots; what was noted before has these positions in them. */
  grow(starts: Positions): void {
    this.#starts = [...this.#starts, ...starts];
  }

  /** A slot whose start was a time begins at this offset, also in what was noted before. */
  settle(slot: number, start: bigint): void {
    this.#times.set(slot, this.#starts[slot]!);
    this.#starts = this.#starts.with(slot, start);
    this.advance(this.#positions.with(slot, start));
  }

  /** The log of a slot was truncated: entries from `end` on are for nobody, and positions beyond mean `end`. */
  truncate(slot: number, end: bigint): void {
    if ((this.#ends.get(slot) ?? end) < end) return;
    this.#ends.set(slot, end);
    for (let seq = this.#base; seq < this.#head; seq++) {
      const entry = this.at(seq);
      if (entry.slot === slot && entry.positions[slot]! > end) entry.isVoid = true;
    }
  }

  /** Moves on over records that are not to be delivered. */
  advance(positions: Positions): void {
    if (this.#base === this.#head) this.#basePositions = positions;
    this.#positions = positions;
  }

  append(item: RingItem, positions: Positions): RingEntry {
    // Field by field: a spread takes several times longer, and makes entries of more than one shape.
    const entry: RingEntry = {
      channel: item.channel,
      scope: item.scope ?? null,
      event: item.event,
      isOwn: item.isOwn,
      bytes: item.bytes,
      bodyEnd: item.bodyEnd,
      slot: item.slot,
      source: item.source,
      sourceBytes: item.sourceBytes,
      frameFrom: item.frameFrom,
      seq: this.#head,
      positions,
      bytesBefore: this.#bytesIn,
      isVoid: false,
    };
    this.#bytesIn +=
      item.bytes.length + item.sourceBytes + ENTRY_OVERHEAD_BYTES + POSITION_BYTES * positions.length;
    if (this.#head - this.#base === this.#limits.records) this.#evict();
    this.#entries[this.#head++ % this.#limits.records] = entry;
    this.#positions = positions;
    while (this.bytes > this.#limits.bytes && this.#head - this.#base > 1) this.#evict();
    return entry;
  }

  /** @throws RangeError when `seq` is not in the ring (any more) */
  at(seq: number): RingEntry {
    const entry =
      seq >= this.#base && seq < this.#head ? this.#entries[seq % this.#limits.records] : undefined;
    if (entry === undefined)
      throw new RangeError(`seq ${seq} is not in the ring (${this.#base} to ${this.#head})`);
    return entry;
  }

  /** Positions before the entry `seq`; `base` ≤ seq ≤ `head`. */
  positionsAt(seq: number): Positions {
    if (seq === this.#head) return this.#positions;
    return seq === this.#base ? this.#basePositions : this.at(seq - 1).positions;
  }

  /** The position that `positions` give for a slot, which may have been added after they were noted. */
  positionIn(positions: Positions, slot: number): bigint {
    let position = this.#rawIn(positions, slot);
    if (position < 0n && position === this.#times.get(slot)) position = this.#starts[slot]!;
    const end = this.#ends.size === 0 ? undefined : this.#ends.get(slot);
    return end !== undefined && position > end ? end : position;
  }

  /** A slot whose topic was deleted gets no more entries; those that it has stay. */
  retire(slot: number): void {
    this.truncate(slot, this.#positions[slot]!);
    this.#retired.add(slot);
  }

  /** A floor of `length` slots for a stream that has been told of all that was lost: it needs nothing more of that. */
  toldFloor(floor: Positions, length: number): Positions {
    return Array.from({ length }, (_, slot) =>
      this.#retired.has(slot) ? this.#ends.get(slot)! : this.positionIn(floor, slot),
    );
  }

  /**
   * True when `positions` are as far as `other` or further in every slot.
   * @param except slots that do not count
   */
  reaches(positions: Positions, other: Positions, except: Slots | null = null): boolean {
    for (let slot = 0; slot < this.#positions.length; slot++) {
      if (this.positionIn(positions, slot) < this.positionIn(other, slot) && !except?.has(slot)) return false;
    }
    return true;
  }

  /**
   * True when an id made of `positions` may stand for `other`: they are as far, and name each slot that `other` names.
   * What an id leaves out begins elsewhere where another replica first saw it, which may be earlier than here. Whoever
   * has something that the log lost has to be told of it first.
   */
  covers(positions: Positions, other: Positions): boolean {
    if (positions.length < other.length || !this.reaches(positions, other)) return false;
    for (const [slot, end] of this.#ends) {
      const raw = this.#rawIn(other, slot);
      if (raw > end && this.#rawIn(positions, slot) < raw) return false;
    }
    return true;
  }

  /**
   * By slot the further of the two. Gives `positions` itself when they cover `other`.
   * @param held slots in which it is `other`
   */
  furthest(positions: Positions, other: Positions, held: Slots | null = null): Positions {
    if (held === null && this.covers(positions, other)) return positions;
    // No longer than they are: a slot that neither has may stand for something that the stream has yet to be told.
    const further: bigint[] = [];
    for (let slot = 0; slot < Math.max(positions.length, other.length); slot++) {
      const [a, b] = [this.positionIn(positions, slot), this.positionIn(other, slot)];
      const [own, others] = [this.#rawIn(positions, slot), this.#rawIn(other, slot)];
      further.push(held?.has(slot) || a < b || (a === b && own < others) ? others : own);
    }
    return further;
  }

  /**
   * Where a stream goes on that has everything before `floor`: no entry before this one is new to it. Null when the
   * ring does not reach back so far, or has let go of an entry about slots that the floor does not have.
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
    const slots = [...this.#positions.keys()];
    return slots.filter((slot) => this.positionIn(floor, slot) < this.positionIn(this.#basePositions, slot));
  }

  /** How far `seq` is behind the head, as a share of the bounds: 1 is a whole ring. */
  shareBehind(seq: number): number {
    if (seq >= this.#head) return 0;
    const oldest = this.at(Math.max(seq, this.#base));
    return Math.max(
      (this.#head - seq) / this.#limits.records,
      (this.#bytesIn - oldest.bytesBefore) / this.#limits.bytes,
    );
  }

  /** True when all entries before `seq` are older than the floor. */
  #isBehind(floor: Positions, seq: number, except: Slots | null): boolean {
    const positions = this.positionsAt(seq);
    return floor.length >= positions.length && this.reaches(floor, positions, except);
  }

  /** As it was noted, which may be something that the log lost. */
  #rawIn(positions: Positions, slot: number): bigint {
    return positions[slot] ?? this.#starts[slot]!;
  }

  #evict(): void {
    const index = this.#base % this.#limits.records;
    this.#basePositions = this.#entries[index]?.positions ?? this.#basePositions;
    this.#entries[index] = undefined;
    this.#base++;
  }
}
