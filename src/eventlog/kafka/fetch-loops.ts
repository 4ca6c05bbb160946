import { type BrokerAddress, nameOf } from './cluster/broker-socket';
import type { LedPartition } from './cluster/cluster';
import { FetchLoop, type FetchLoopOptions } from './fetch-loop';
import type { PartitionReader } from './partition-reader';
import { keyOf } from './protocol/topic-partitions';

export interface FetchLoopsOptions
  extends Omit<FetchLoopOptions, 'address' | 'readers' | 'isCurrent' | 'leaderEpochOf'> {
  /** The readers there are, by their partition's key. */
  readers(): ReadonlyMap<string, PartitionReader>;
}

const NO_EPOCH = -1;

/** One fetch loop for each broker that leads a partition being read. */
export class FetchLoops {
  readonly #options: FetchLoopsOptions;
  readonly #loops = new Map<string, FetchLoop>();
  #led: ReadonlyMap<string, LedPartition> = new Map();

  constructor(options: FetchLoopsOptions) {
    this.#options = options;
  }

  /** To be called with the leaders as they are now, and when there are other readers. */
  follow(partitions: readonly LedPartition[]): void {
    this.#led = new Map(partitions.map((led) => [keyOf(led), led]));
    this.#start();
  }

  /** To be called before the silence of leaders is judged. */
  noteAlive(): void {
    for (const loop of this.#loops.values()) loop.noteAlive();
  }

  /** Resolves when no loop runs any more, after the signal. */
  async ended(): Promise<void> {
    await Promise.all([...this.#loops.values()].map(({ ended }) => ended));
  }

  #start(): void {
    const { readers, signal } = this.#options;
    if (signal.aborted) return;
    for (const reader of readers().values()) {
      const leader = this.#led.get(keyOf(reader))?.leader ?? null;
      if (leader !== null && !this.#loops.has(nameOf(leader))) this.#startLoop(leader, nameOf(leader));
    }
  }

  #startLoop(address: BrokerAddress, name: string): void {
    const loop = new FetchLoop({
      ...this.#options,
      address,
      readers: () => [...this.#options.readers().values()].filter((reader) => this.#isLedBy(reader, name)),
      leaderEpochOf: (reader) => this.#led.get(keyOf(reader))?.leaderEpoch ?? NO_EPOCH,
      isCurrent: (reader) => this.#options.readers().get(keyOf(reader)) === reader,
    });
    this.#loops.set(name, loop);
    void loop.ended.then(() => {
      this.#loops.delete(name);
      // Its broker may have become a leader again in the meantime.
      this.#start();
    });
  }

  #isLedBy(reader: PartitionReader, name: string): boolean {
    const leader = this.#led.get(keyOf(reader))?.leader ?? null;
    return leader !== null && nameOf(leader) === name;
  }
}
