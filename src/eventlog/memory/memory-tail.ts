import type { Logger } from '../../logger';
import type { LogLayout, Tail, TailListener } from '../event-log';
import type { MemoryPartition } from './memory-partition';

interface MemoryTailOptions {
  readonly partitions: readonly MemoryPartition[];
  /** Records of one partition that are delivered in one turn of the event loop. */
  readonly batchRecords: number;
  /** Pause before records that the listener could not take are offered again. */
  readonly retryMs: number;
  readonly layout: () => LogLayout;
  readonly listener: TailListener;
  readonly logger: Logger;
  /** There may be room for more records now. */
  readonly onDelivered: () => void;
}

/** Delivers the memory log's records, always in a later turn of the event loop than their append, as Kafka would. */
export class MemoryTail implements Tail {
  readonly #options: MemoryTailOptions;
  #state: 'starting' | 'reading' | 'closed' = 'starting';
  #paused = false;
  #turn: NodeJS.Immediate | null = null;
  /** Partitions whose listener could not take their records, each with the timer that offers them again. */
  readonly #waiting = new Map<MemoryPartition, NodeJS.Timeout>();

  constructor(options: MemoryTailOptions) {
    this.#options = options;
    this.wake();
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.wake();
  }

  async close(): Promise<void> {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    if (this.#turn !== null) clearImmediate(this.#turn);
    this.#turn = null;
    for (const timer of this.#waiting.values()) clearTimeout(timer);
    for (const partition of this.#options.partitions) partition.endTail();
    this.#options.onDelivered();
  }

  wake(): void {
    if (this.#state === 'closed' || this.#turn !== null) return;
    this.#turn = setImmediate(() => {
      this.#turn = null;
      this.#takeTurn();
    });
  }

  #takeTurn(): void {
    const { partitions, logger, onDelivered } = this.#options;
    try {
      if (this.#state === 'starting') this.#start();
      for (const partition of partitions) this.#deliver(partition);
    } catch (error) {
      logger.error({ err: error }, 'Tail stopped: its listener threw');
      void this.close();
      return;
    }
    onDelivered();
    const hasMore = (partition: MemoryPartition) =>
      partition.undelivered.records > 0 && !this.#waiting.has(partition);
    if (!this.#paused && partitions.some(hasMore)) this.wake();
  }

  #start(): void {
    const { partitions, layout, listener } = this.#options;
    const found = layout();
    const positions = listener.onStart(found);
    this.#state = 'reading';
    for (const [index, partition] of partitions.entries()) {
      const { topic, logEnd: to, partition: number } = found.partitions[index]!;
      const start = positions[index]!;
      if (start > to) listener.onTruncated({ topic, partition: number, to });
      const gap = partition.startTail(start > to ? to : start);
      if (gap !== null) listener.onGap(gap);
    }
  }

  #deliver(partition: MemoryPartition): void {
    if (this.#paused || this.#state === 'closed') return;
    if (this.#waiting.has(partition)) return;
    const batch = partition.take(this.#options.batchRecords);
    if (batch === null) return;
    const untaken = this.#options.listener.onRecords(batch);
    partition.waitsFor = untaken?.detail ?? null;
    if (untaken === null) return;
    partition.giveBack(untaken);
    const timer = setTimeout(() => {
      this.#waiting.delete(partition);
      this.wake();
    }, this.#options.retryMs);
    this.#waiting.set(partition, timer);
  }
}
