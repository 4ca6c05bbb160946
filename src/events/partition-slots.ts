import type { Positions } from '../hub/positions';
import { EVERYTHING } from '../wire/since-time';

/** A partition, and where its slot starts. */
export interface SlotPartition {
  readonly topic: string;
  /** Names the topic in ids, in hex: a topic that was deleted and created again has another one. */
  readonly digest: string;
  readonly partition: number;
  /** The position of a client whose id does not name it: the first offset it was read from, or a `sinceTime`. */
  readonly start: bigint;
}

/** A topic as ids name it. */
export interface SlotTopic {
  readonly topic: string;
  readonly key: string;
  readonly positions: readonly bigint[];
  readonly epochs: readonly number[];
  /** This gateway has read less of a partition, so that the epoch of its position will be known later. */
  readonly isAhead: boolean;
}

/** A partition as ids name it. */
export interface SlotPlace {
  readonly topic: string;
  readonly partition: number;
  readonly position: bigint;
  readonly epoch: number;
}

/** A topic between its creation and its deletion. */
interface Incarnation {
  readonly digest: string;
  /** The beginning of the digest, as long as it takes to be unique. */
  key: string;
  /** By partition number, its slots: one, and one more for each truncation. */
  readonly chains: number[][];
  /** The last slot of each chain. */
  readonly current: number[];
  wasTruncated: boolean;
}

/** A slot replaced others, which get no more records. */
export interface Replacement {
  readonly topic: string;
  readonly reason: 'truncated' | 'recreated';
  /** The first slot added by it. */
  readonly slot: number;
  /** For `recreated`, all slots that the topic had. */
  readonly replaced: readonly number[];
}

/** A range of a partition that was read, with the leader epoch it was written under. */
export interface EpochRange {
  /** The position before it. */
  readonly from: bigint;
  /** Offset of its first record; null if it has none. */
  readonly first: bigint | null;
  readonly next: bigint;
  /** −1 if not known. */
  readonly leaderEpoch: number;
}

/** Leader epochs kept for each slot; for older ones the event log is asked. */
const MAX_EPOCHS = 32;
const UNKNOWN_EPOCH = -1;

/** Digits of the digest in a key, if they make it unique. */
const KEY_DIGITS = 8;

/**
 * Gives each partition a slot, its index in the positions, for the life of the process. Slots are only added, so older
 * positions stay valid: a slot that they lack was added later. Within a slot positions never go back: a partition that
 * was truncated, or whose topic was created again, goes on in a new slot.
 */
export class PartitionSlots {
  readonly #partitions: SlotPartition[] = [];
  readonly #epochs: LeaderEpochs[] = [];
  /** By name, the newest incarnation last. */
  readonly #topics = new Map<string, Incarnation[]>();
  readonly #replacements: Replacement[] = [];
  #version = 0;

  constructor(partitions: readonly SlotPartition[]) {
    this.add(partitions);
  }

  /** Adds slots for the partitions that have none yet. Those of a topic that was created again get new ones. */
  add(partitions: readonly SlotPartition[]): void {
    for (const found of [...partitions].sort((a, b) => a.partition - b.partition)) {
      const { topic, digest } = found;
      const incarnations = this.#topics.get(topic) ?? [];
      const last = incarnations.at(-1);
      const own = last?.digest === digest ? last : newIncarnation(digest);
      if (own !== last) {
        if (last !== undefined) this.#recreated(topic, last);
        this.#topics.set(topic, [...incarnations, own]);
      }
      // A lower partition that is not known yet: all its records will be new to every client.
      for (let partition = own.current.length; partition < found.partition; partition++)
        this.#push(own, { ...found, partition, start: EVERYTHING });
      if (own.current[found.partition] === undefined) this.#push(own, found);
    }
    this.#nameApart();
    this.#version++;
  }

  /** A partition was truncated at `to`: it goes on from there in a new slot, which is returned. */
  truncate(slot: number, to: bigint): number {
    const partition = this.partitionOf(slot);
    const own = this.#newest(partition.topic)!;
    // Slots of earlier truncations may start above this one.
    for (const earlier of own.chains[partition.partition]!)
      if (this.partitionOf(earlier).start > to) this.settle(earlier, to);
    const added = this.#push(own, { ...partition, start: to });
    own.wasTruncated = true;
    this.#epochs[added] = this.#epochs[slot]!.before(to);
    this.#replacements.push({ topic: partition.topic, reason: 'truncated', slot: added, replaced: [slot] });
    this.#version++;
    return added;
  }

  /** Sets the start of a slot once it is known. */
  settle(slot: number, start: bigint): void {
    this.#partitions[slot] = { ...this.partitionOf(slot), start };
    this.#version++;
  }

  /** Notes under which leader epoch records of a slot were read. */
  noteEpoch(slot: number, range: EpochRange): void {
    if (this.#epochs[slot]!.note(range)) this.#version++;
  }

  epochsOf(slot: number): LeaderEpochs {
    return this.#epochs[slot]!;
  }

  get size(): number {
    return this.#partitions.length;
  }

  /** Null for a partition that was never added. */
  find(topic: string, partition: number): number | null {
    return this.#newest(topic)?.current[partition] ?? null;
  }

  /** @throws RangeError for a partition that was never added */
  slotOf(topic: string, partition: number): number {
    const slot = this.find(topic, partition);
    if (slot === null) throw new RangeError(`partition ${partition} of ${topic} is not known`);
    return slot;
  }

  /** @throws RangeError for a slot that was never given */
  partitionOf(slot: number): SlotPartition {
    const partition = this.#partitions[slot];
    if (partition === undefined) throw new RangeError(`there is no slot ${slot}`);
    return partition;
  }

  /** Names of all topics that have slots. */
  get topics(): readonly string[] {
    return [...this.#topics.keys()];
  }

  /** Names of the topics that a key in an id may mean; empty for a topic that is not there, or no longer. */
  named(key: string): readonly string[] {
    return [...this.#topics].flatMap(([name, all]) => (all.at(-1)!.digest.startsWith(key) ? [name] : []));
  }

  /** How ids name a topic now. @throws RangeError for a topic that was never added */
  keyOf(topic: string): string {
    const newest = this.#newest(topic);
    if (newest === undefined) throw new RangeError(`topic ${topic} is not known`);
    return newest.key;
  }

  /** By partition number, the slots of a topic that get its records now. */
  slotsOf(topic: string): readonly number[] {
    return this.#newest(topic)?.current ?? [];
  }

  /** All slots of a partition, the one that gets records last. */
  chainOf(topic: string, partition: number): readonly number[] {
    return this.#newest(topic)?.chains[partition] ?? [];
  }

  /** The replacements since positions had `length` slots. */
  replacementsAfter(length: number): readonly Replacement[] {
    return this.#replacements.filter(({ slot }) => slot >= length);
  }

  /** The position of a slot in `positions`; its start if it was added after they were noted. */
  positionIn(positions: Positions, slot: number): bigint {
    return positions.at(slot) ?? this.#partitions[slot]!.start;
  }

  /** Grows with whatever changes how positions are written, other than the positions themselves. */
  get version(): number {
    return this.#version;
  }

  /**
   * Those of the topics that are known, each under the key it had when these positions were noted, with its positions by
   * partition number.
   */
  byTopic(positions: Positions, topics: ReadonlySet<string>): SlotTopic[] {
    const found: SlotTopic[] = [];
    const isNewest = positions.length === this.#partitions.length;
    for (const [topic, incarnations] of this.#topics) {
      if (!topics.has(topic)) continue;
      const newest = incarnations.at(-1)!;
      const own = isNewest ? newest : incarnationAt(incarnations, positions.length);
      const offsets: bigint[] = [];
      const epochs: number[] = [];
      let isAhead = false;
      for (let partition = 0; partition < own.current.length; partition++) {
        const slot = this.#slotReached(own, partition, positions);
        const position = this.positionIn(positions, slot);
        offsets.push(position);
        epochs.push(this.#epochs[slot]!.at(position));
        isAhead ||= this.#epochs[slot]!.isBefore(position);
      }
      found.push({ topic, key: own.key, positions: offsets, epochs, isAhead });
    }
    return found;
  }

  /** As `byTopic`, of the partition of a slot that gets its records now, or did earlier. */
  placeIn(positions: Positions, slot: number): SlotPlace {
    const { topic, partition } = this.#partitions[slot]!;
    const reached = this.#slotReached(this.#newest(topic)!, partition, positions);
    const position = this.positionIn(positions, reached);
    return { topic, partition, position, epoch: this.#epochs[reached]!.at(position) };
  }

  /** The slot of a chain that these positions have reached: each is read up to the start of the next. */
  #slotReached(own: Incarnation, partition: number, positions: Positions): number {
    if (!own.wasTruncated) return own.current[partition]!;
    const chain = own.chains[partition]!;
    let reached = chain[0]!;
    for (const slot of chain) {
      if (slot >= positions.length || this.positionIn(positions, reached) < this.#partitions[slot]!.start)
        break;
      reached = slot;
    }
    return reached;
  }

  #newest(topic: string): Incarnation | undefined {
    return this.#topics.get(topic)?.at(-1);
  }

  #push(own: Incarnation, partition: SlotPartition): number {
    const slot = this.#partitions.push(partition) - 1;
    this.#epochs.push(new LeaderEpochs());
    own.current[partition.partition] = slot;
    own.chains[partition.partition] = [...(own.chains[partition.partition] ?? []), slot];
    return slot;
  }

  #recreated(topic: string, { chains }: Incarnation): void {
    const replaced = chains.flat();
    this.#replacements.push({ topic, reason: 'recreated', slot: this.#partitions.length, replaced });
  }

  /** Topics whose digests begin alike get the whole digest as key, in whatever order they became known. */
  #nameApart(): void {
    const all = [...this.#topics.values()].flat();
    const counts = new Map<string, number>();
    for (const { digest } of all) {
      const key = digest.slice(0, KEY_DIGITS);
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    for (const own of all) {
      const key = own.digest.slice(0, KEY_DIGITS);
      own.key = counts.get(key) === 1 ? key : own.digest;
    }
  }
}

function newIncarnation(digest: string): Incarnation {
  return { digest, key: '', chains: [], current: [], wasTruncated: false };
}

/** The incarnation that positions of `length` slots mean: the newest one that had slots then, else the first. */
function incarnationAt(incarnations: readonly Incarnation[], length: number): Incarnation {
  return incarnations.findLast(({ chains }) => chains.some(([first]) => first! < length)) ?? incarnations[0]!;
}

/** The leader epochs of one slot, as far as this gateway has read them. */
class LeaderEpochs {
  /** Ascending; the begin of each is exact unless offsets without records precede it. */
  #epochs: { readonly epoch: number; readonly from: bigint; readonly isExact: boolean }[] = [];
  #next = 0n;

  /** In offset order. @returns true when the latest epoch is another one, or something is known for the first time */
  note({ from, first, next, leaderEpoch }: EpochRange): boolean {
    const isFirst = this.#next === 0n;
    this.#next = next;
    const last = this.#epochs.at(-1)?.epoch ?? UNKNOWN_EPOCH;
    if (leaderEpoch === last) return isFirst;
    if (leaderEpoch < last) this.#epochs = [];
    if (leaderEpoch === UNKNOWN_EPOCH) return true;
    this.#epochs.push({ epoch: leaderEpoch, from, isExact: first === from });
    if (this.#epochs.length > MAX_EPOCHS) this.#epochs.shift();
    return true;
  }

  /** True when some of the partition was read, but less than up to `position`. */
  isBefore(position: bigint): boolean {
    return this.#next > 0n && this.#next < position;
  }

  /** A copy for the records before `to`, after a truncation there. */
  before(to: bigint): LeaderEpochs {
    const kept = new LeaderEpochs();
    kept.#epochs = this.#epochs.filter(({ from }) => from < to);
    kept.#next = this.#next < to ? this.#next : to;
    return kept;
  }

  /**
   * The latest epoch whose log has everything before `position`; −1 if none is known. It may be later than the epoch of
   * the record before `position`: after a truncation below `position`, both end at the same offset.
   */
  at(position: bigint): number {
    return position > this.#next ? UNKNOWN_EPOCH : (this.#epochs.at(-1)?.epoch ?? UNKNOWN_EPOCH);
  }

  /**
   * Checks a position that was reached under an epoch: `kept` if the log still has the records before it, the offset
   * where that epoch ended if it lost some of them, `unknown` if only the event log can tell.
   */
  judge(position: bigint, epoch: number): 'kept' | 'unknown' | bigint {
    const index = this.#epochs.findLastIndex((known) => known.epoch <= epoch);
    if (index < 0) return 'unknown';
    const later = this.#epochs[index + 1];
    if (position <= (later?.from ?? this.#next)) return 'kept';
    return later?.isExact ? later.from : 'unknown';
  }
}
