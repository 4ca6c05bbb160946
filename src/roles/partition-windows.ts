import type { Config } from '../config';
import type { TopicPartition } from '../eventlog/event-log';
import { keyOf } from '../eventlog/records';
import { type AggregatedRecord, AggregationWindow } from './aggregation-window';

interface PartitionOwner {
  /** Commits the offset to resume from. Rejects when another member owns the partition by now. */
  commit(next: bigint): Promise<void>;
  /** Keeps the membership alive during long work. */
  heartbeat(): Promise<void>;
}

/** Records of one partition, in offset order. */
export interface OwnedBatch extends TopicPartition {
  readonly records: readonly AggregatedRecord[];
  readonly owner: PartitionOwner;
}

interface PartitionWindowsDeps {
  readonly config: Config['aggregation'];
  /** Appends the summaries of these windows. @throws when one was not stored, or its outcome is unknown */
  readonly publish: (windows: readonly AggregationWindow[]) => Promise<void>;
  readonly maxPublished: number;
  /** The summary of a window that closed by time was not stored: its partition must be read again. */
  readonly onFailure: (error: Error) => void;
}

/**
 * One open window per owned partition. A window starts at the committed offset, and its end is committed only after its
 * summary is stored: the next owner of the partition starts the same window again, with the same id, and no record is
 * skipped.
 */
export interface PartitionWindows {
  /**
   * Adds records and publishes the windows that they close. False when a rebalance came meanwhile: the batch counts as
   * not read.
   * @throws what `publish`, `commit` or `heartbeat` threw; from then on it throws the same until `restart`
   */
  add(batch: OwnedBatch): Promise<boolean>;
  /** At a rebalance: drops all open windows, since reading resumes from the committed offsets. */
  restart(): void;
  /** Drops all open windows; resolves when no append is in flight any more. */
  close(): Promise<void>;
}

/** From one rebalance to the next. */
class Ownership {
  readonly open = new Map<string, { readonly window: AggregationWindow; readonly timer: NodeJS.Timeout }>();
  failure: Error | null = null;
  isOver = false;

  end(): void {
    this.isOver = true;
    for (const { timer } of this.open.values()) clearTimeout(timer);
    this.open.clear();
  }
}

export function createPartitionWindows({
  config,
  publish,
  maxPublished,
  onFailure,
}: PartitionWindowsDeps): PartitionWindows {
  let ownership = new Ownership();
  let turn: Promise<unknown> = Promise.resolve();

  /** Runs one task after the other, so that the windows of a partition are published in order. */
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = turn.then(work);
    // The caller handles the rejection; the next task only waits.
    turn = result.catch(() => undefined);
    return result;
  }

  function restart(): void {
    ownership.end();
    ownership = new Ownership();
  }

  /** The windows that the batch completes; its last records stay in an open window. */
  function fill(batch: OwnedBatch, owned: Ownership): AggregationWindow[] {
    const { topic, partition, records } = batch;
    const key = keyOf(batch);
    const before = owned.open.get(key);
    let window = before?.window ?? null;
    const closed: AggregationWindow[] = [];
    for (const record of records) {
      window ??= new AggregationWindow({ topic, partition }, record.offset, config.sampleBytes);
      window.add(record);
      if (window.stats.totalEvents >= config.events) {
        closed.push(window);
        window = null;
      }
    }
    if (before !== undefined && window === before.window) return closed;
    clearTimeout(before?.timer);
    owned.open.delete(key);
    if (window !== null) openWindow(key, window, batch.owner, owned);
    return closed;
  }

  function openWindow(key: string, window: AggregationWindow, owner: PartitionOwner, owned: Ownership): void {
    const timer = setTimeout(() => {
      inTurn(async () => {
        // Completed by a batch that ran before this task.
        if (owned.open.get(key)?.window !== window) return;
        owned.open.delete(key);
        await store([window], owner, owned);
      }).catch((error: Error) => {
        if (owned.isOver) return;
        owned.failure ??= error;
        onFailure(error);
      });
    }, config.windowMs);
    owned.open.set(key, { window, timer });
  }

  async function store(
    windows: readonly AggregationWindow[],
    owner: PartitionOwner,
    owned: Ownership,
  ): Promise<void> {
    // A commit sent after the next rebalance would be accepted as if it came from the partition's new owner.
    const whileOwned = async (work: () => Promise<void>) => {
      if (owned.isOver) throw new Error('the consumer group was rebalanced');
      await work();
    };
    for (let from = 0; from < windows.length; from += maxPublished) {
      const slice = windows.slice(from, from + maxPublished);
      // A fence: commits nothing new, but rejects when this process stood still and lost the partition. The new owner
      // publishes this window with more records, which the summary of this one must not replace.
      await whileOwned(() => owner.commit(slice[0]!.firstOffset));
      await whileOwned(() => publish(slice));
      await whileOwned(() => owner.commit(slice.at(-1)!.next));
      await owner.heartbeat();
    }
  }

  return {
    add(batch) {
      const owned = ownership;
      return inTurn(async () => {
        if (owned.isOver) return false;
        if (owned.failure !== null) throw owned.failure;
        try {
          await store(fill(batch, owned), batch.owner, owned);
          return !owned.isOver;
        } catch (error) {
          if (owned.isOver) return false;
          owned.failure ??= error as Error;
          throw error;
        }
      });
    },
    restart,
    async close() {
      restart();
      await turn;
    },
  };
}
