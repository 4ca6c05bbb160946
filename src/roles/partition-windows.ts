import type { Config } from '../config';
import type { LogRecord, TopicPartition } from '../eventlog/event-log';
import { AggregationWindow } from './aggregation-window';

/** What the owner of a partition can do about it. */
export interface PartitionOwner {
  /** Stores where this partition is to be read from next time. Rejects when another process owns it by now. */
  commit(next: bigint): Promise<void>;
  /** Tells the group that this process is alive; to be called during long work. */
  heartbeat(): Promise<void>;
}

/** Records of one partition, in offset order. */
export interface OwnedBatch extends TopicPartition {
  readonly records: readonly Pick<LogRecord, 'offset' | 'timestampMs' | 'value'>[];
  readonly owner: PartitionOwner;
}

export interface PartitionWindowsDeps {
  readonly config: Config['aggregation'];
  /** Stores the summaries of these windows. @throws when one of them was not stored, or may not have been */
  readonly publish: (windows: readonly AggregationWindow[]) => Promise<void>;
  /** Most windows that are published at once. */
  readonly maxPublished: number;
  /** A window that closed by time could not be published: its partition must be read again. */
  readonly onFailure: (error: Error) => void;
}

/**
 * One open window for each partition that this process owns. A window begins where the one before was committed, and
 * only after its summary is stored is its own end committed: whoever reads the partition next begins the same window
 * again, under the same id, and no record is left out.
 */
export interface PartitionWindows {
  /**
   * Adds records and publishes what they close. False when ownership ended meanwhile: the batch counts as not read.
   * @throws what `publish`, `commit` or `heartbeat` threw; from then on it throws the same until `restart`
   */
  add(batch: OwnedBatch): Promise<boolean>;
  /** Ownership ended or began anew: drops all open windows, since reading goes on where it was committed. */
  restart(): void;
  /** Drops all open windows; resolves when nothing is being published any more. */
  close(): Promise<void>;
}

interface OpenWindow {
  readonly window: AggregationWindow;
  readonly timer: NodeJS.Timeout;
}

/** From one join of the group to the next. */
class Ownership {
  readonly open = new Map<string, OpenWindow>();
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

  /** One after the other, so that the windows of a partition are published in order. */
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = turn.then(work);
    turn = result.catch(() => 'it is told to whom it was given');
    return result;
  }

  function restart(): void {
    ownership.end();
    ownership = new Ownership();
  }

  /** What the batch fills up, leaving its last records in an open window. */
  function fill(batch: OwnedBatch, owned: Ownership): AggregationWindow[] {
    const { topic, partition, records } = batch;
    const key = `${topic}/${partition}`;
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
        // Filled up by a batch that was before this in turn.
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
    // In the group's eyes what is said after the next join is the new owner's word.
    const whileOwned = async (work: () => Promise<void>) => {
      if (owned.isOver) throw new Error('the group has been joined anew');
      await work();
    };
    for (let from = 0; from < windows.length; from += maxPublished) {
      const slice = windows.slice(from, from + maxPublished);
      // Changes nothing, but rejects after a standstill in which the partition was given to another: it would publish
      // this window with more in it, and what is published here must not replace that.
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
