import type { Positions } from './ring';

/** A partition as the log names it. */
export interface SlotPartition {
  readonly topic: string;
  /** Stands for the topic in a cursor: another one for a topic that was deleted and created again. */
  readonly topicKey: number;
  readonly partition: number;
  /** Its first offset when it was first seen: the position of whoever has never heard of it. */
  readonly logStart: bigint;
}

/**
 * Gives each partition a place in the positions, for the life of the process. Slots are only ever added, so positions
 * that were noted before stay readable: a slot they do not have was not there yet.
 */
export class PartitionSlots {
  readonly #partitions: SlotPartition[] = [];
  readonly #slots = new Map<string, number>();
  /** By topic, the slots by partition number. */
  readonly #topics = new Map<string, { readonly topicKey: number; readonly slots: number[] }>();

  constructor(partitions: readonly SlotPartition[]) {
    this.add(partitions);
  }

  /** @throws RangeError when two topics have the same key, since a cursor could not tell them apart */
  add(partitions: readonly SlotPartition[]): void {
    for (const found of [...partitions].sort((a, b) => a.partition - b.partition)) {
      for (const [name, { topicKey }] of this.#topics) {
        if (name === found.topic || topicKey !== found.topicKey) continue;
        throw new RangeError(`topics ${name} and ${found.topic} have the same key; create one of them again`);
      }
      const slot = this.#partitions.push(found) - 1;
      this.#slots.set(`${found.topic}/${found.partition}`, slot);
      const topic = this.#topics.get(found.topic) ?? { topicKey: found.topicKey, slots: [] };
      topic.slots.push(slot);
      this.#topics.set(found.topic, topic);
    }
  }

  get size(): number {
    return this.#partitions.length;
  }

  /** Null for a partition that was never added. */
  find(topic: string, partition: number): number | null {
    return this.#slots.get(`${topic}/${partition}`) ?? null;
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

  /** By partition number; null for a topic that is not known by this key. */
  slotsOf(topicKey: number): readonly number[] | null {
    for (const topic of this.#topics.values()) if (topic.topicKey === topicKey) return topic.slots;
    return null;
  }

  /** The position that `positions` gives for a slot, which may have been added after they were noted. */
  positionIn(positions: Positions, slot: number): bigint {
    return positions[slot] ?? this.#partitions[slot]!.logStart;
  }

  /** Each topic with its positions by partition number. */
  byTopic(positions: Positions): { topicKey: number; positions: bigint[] }[] {
    const found = [];
    for (const { topicKey, slots } of this.#topics.values())
      found.push({ topicKey, positions: slots.map((slot) => this.positionIn(positions, slot)) });
    return found;
  }
}
