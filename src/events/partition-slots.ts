import type { Positions } from '../hub/ring';
import { EVERYTHING } from '../wire/since-time';
import { type EpochRange, LeaderEpochs } from './leader-epochs';

/** A partition as the log names it. */
export interface SlotPartition {
  readonly topic: string;
  /** Stands for the topic in a cursor, in hex: another one for a topic that was deleted and created again. */
  readonly digest: string;
  readonly partition: number;
  /** The position of whoever has never heard of it: the first offset it was read from, or `sinceTime`. */
  readonly start: bigint;
}

/** A topic as cursors name it. */
export interface SlotTopic {
  readonly key: string;
  readonly positions: readonly bigint[];
  readonly epochs: readonly number[];
}

/** A topic between its creation and its deletion. */
interface Incarnation {
  readonly digest: string;
  /** As much of the digest as tells it from all others. */
  key: string;
  /** By partition number, its slots: one, and one more each time that its log was truncated. */
  readonly chains: number[][];
  /** The last ones of the chains. */
  readonly current: number[];
  wasTruncated: boolean;
}

/** A slot took the place of others, which get no more records. */
export interface Replacement {
  readonly topic: string;
  readonly reason: 'truncated' | 'recreated';
  /** The first slot that came with it. */
  readonly slot: number;
  /** Of `recreated` all that the topic had. */
  readonly replaced: readonly number[];
}

/** Digits of a topic's digest that a key has when they are enough. */
const KEY_DIGITS = 8;

/**
 * Gives each partition a place in the positions, for the life of the process. Slots are only ever added, so positions
 * that were noted before stay readable: a slot they do not have was not there yet. Within a slot positions never go
 * back: a partition whose log was truncated, or whose topic was created again, goes on in a slot of its own.
 */
export class PartitionSlots {
  readonly #partitions: SlotPartition[] = [];
  readonly #epochs: LeaderEpochs[] = [];
  /** By name, the newest incarnation last. */
  readonly #topics = new Map<string, Incarnation[]>();
  readonly #replacements: Replacement[] = [];

  constructor(partitions: readonly SlotPartition[]) {
    this.add(partitions);
  }

  /** Partitions that have no slot yet. Those of a topic that was created again get slots of their own. */
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
      // One below it that is not known yet: whatever it holds is new to everyone.
      for (let partition = own.current.length; partition < found.partition; partition++)
        this.#push(own, { ...found, partition, start: EVERYTHING });
      if (own.current[found.partition] === undefined) this.#push(own, found);
    }
    this.#nameApart();
  }

  /** A partition's log was truncated at `to`: it goes on from there in a slot of its own. Answers which. */
  truncate(slot: number, to: bigint): number {
    const partition = this.partitionOf(slot);
    const own = this.#newest(partition.topic)!;
    // What it was truncated to before is gone as well.
    for (const earlier of own.chains[partition.partition]!)
      if (this.partitionOf(earlier).start > to) this.settle(earlier, to);
    const added = this.#push(own, { ...partition, start: to });
    own.wasTruncated = true;
    this.#epochs[added] = this.#epochs[slot]!.before(to);
    this.#replacements.push({ topic: partition.topic, reason: 'truncated', slot: added, replaced: [slot] });
    return added;
  }

  /** The first offset of a partition that was not known by offset until now. */
  settle(slot: number, start: bigint): void {
    this.#partitions[slot] = { ...this.partitionOf(slot), start };
  }

  /** Learns from what was read the leader epochs of a slot. */
  noteEpoch(slot: number, range: EpochRange): void {
    this.#epochs[slot]!.note(range);
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

  /** Names of all topics that there are slots of. */
  get topics(): readonly string[] {
    return [...this.#topics.keys()];
  }

  /** Names of the topics that a cursor's key may mean: none for one that is not here (any more). */
  named(key: string): readonly string[] {
    return [...this.#topics].flatMap(([name, all]) => (all.at(-1)!.digest.startsWith(key) ? [name] : []));
  }

  /** How ids name a topic now. @throws RangeError for a topic that was never added */
  keyOf(topic: string): string {
    const newest = this.#newest(topic);
    if (newest === undefined) throw new RangeError(`topic ${topic} is not known`);
    return newest.key;
  }

  /** By partition number, the slots of a topic that get records. */
  slotsOf(topic: string): readonly number[] {
    return this.#newest(topic)?.current ?? [];
  }

  /** All slots of a partition, the one that gets records last. */
  chainOf(topic: string, partition: number): readonly number[] {
    return this.#newest(topic)?.chains[partition] ?? [];
  }

  /** Those that positions of `length` slots do not know of. */
  replacementsAfter(length: number): readonly Replacement[] {
    return this.#replacements.filter(({ slot }) => slot >= length);
  }

  /** The position that `positions` gives for a slot, which may have been added after they were noted. */
  positionIn(positions: Positions, slot: number): bigint {
    return positions[slot] ?? this.#partitions[slot]!.start;
  }

  /** Each topic as it was named when these positions were noted, with its positions by partition number. */
  byTopic(positions: Positions): SlotTopic[] {
    const found: SlotTopic[] = [];
    const isNewest = positions.length === this.#partitions.length;
    for (const incarnations of this.#topics.values()) {
      const newest = incarnations.at(-1)!;
      const own = isNewest ? newest : incarnationAt(incarnations, positions.length);
      const offsets: bigint[] = [];
      const epochs: number[] = [];
      for (let partition = 0; partition < own.current.length; partition++) {
        const slot = own.wasTruncated
          ? this.#slotReached(own.chains[partition]!, positions)
          : own.current[partition]!;
        const position = this.positionIn(positions, slot);
        offsets.push(position);
        epochs.push(this.#epochs[slot]!.at(position));
      }
      found.push({ key: own.key, positions: offsets, epochs });
    }
    return found;
  }

  /** In a chain the slot where these positions stand: each but the last is to be read up to the start of the next. */
  #slotReached(chain: readonly number[], positions: Positions): number {
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

  /** A key that would mean two topics is the whole digest, whatever the order in which they became known. */
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

/** The topic that positions of so many slots are about: what was there before they were noted, if anything was. */
function incarnationAt(incarnations: readonly Incarnation[], length: number): Incarnation {
  return incarnations.findLast(({ chains }) => chains.some(([first]) => first! < length)) ?? incarnations[0]!;
}
