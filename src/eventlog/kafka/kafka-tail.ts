import type { KafkaConfig } from '../../config';
import type { Logger } from '../../logger';
import type {
  LogLayout,
  LogReset,
  PartitionBounds,
  PartitionStatus,
  Tail,
  TailListener,
  TopicPartition,
} from '../event-log';
import { createBackoff } from './backoff';
import { BrokerLinks } from './broker-links';
import type { Cluster, ClusterView } from './cluster';
import type { ConnectionState } from './connection-state';
import { FetchLoops } from './fetch-loops';
import { PartitionReader } from './partition-reader';
import { keyOf } from './topic-partitions';

export interface KafkaTailOptions {
  readonly kafka: KafkaConfig;
  readonly logger: Logger;
  readonly cluster: Pick<Cluster, 'view' | 'refresh' | 'layout' | 'bounds'>;
  readonly listener: TailListener;
  readonly state: ConnectionState;
  /** Called for each request and connection that failed. */
  readonly onFailure: () => void;
}

/** The one reader of all partitions: assign mode, without a consumer group, one fetch loop per leading broker. */
export class KafkaTail implements Tail {
  readonly #options: KafkaTailOptions;
  readonly #links: BrokerLinks;
  readonly #closing = new AbortController();
  readonly #loops: FetchLoops;
  readonly #tasks = new Set<Promise<void>>();
  #readers = new Map<string, PartitionReader>();
  /** Null before the start. */
  #clusterId: string | null = null;
  #resetting = false;
  #joining = false;
  /** Null while fetching. */
  #resuming: AbortController | null = null;

  constructor(options: KafkaTailOptions) {
    this.#options = options;
    this.#links = new BrokerLinks({ kafka: options.kafka, logger: options.logger });
    this.#loops = new FetchLoops({
      kafka: options.kafka,
      links: this.#links,
      signal: this.#closing.signal,
      readers: () => this.#readers,
      paused: () => this.#resuming?.signal ?? null,
      deliver: (reader, fetched) => this.#guard(() => reader.take(fetched)),
      onAnswer: () => this.checkLiveness(),
      onFailure: (error) => this.#failed(error),
      onOutOfRange: (reader) => this.#settle(reader),
      refresh: () => options.cluster.refresh(),
    });
    this.#run(() => this.#start());
  }

  pause(): void {
    if (!this.#closing.signal.aborted) this.#resuming ??= new AbortController();
  }

  resume(): void {
    this.#resuming?.abort();
    this.#resuming = null;
  }

  async close(): Promise<void> {
    this.#stop();
    await Promise.all([...this.#tasks, this.#loops.ended()]);
  }

  status(): PartitionStatus[] {
    return [...this.#readers.values()].map((reader) => reader.status());
  }

  hasDropped(partition: TopicPartition, offset: bigint): boolean {
    return this.#readers.get(keyOf(partition))?.hasDropped(offset) ?? false;
  }

  /** Judges whether every partition is being read; called regularly and at each answer. */
  checkLiveness(): void {
    const { kafka, state } = this.#options;
    if (this.#readers.size === 0 || this.#closing.signal.aborted) return;
    for (const [key, reader] of this.#readers) {
      if (reader.silentMs <= kafka.livenessMs) continue;
      if (state.connected) state.failed(new Error(`${key}: no answer from its leader`));
      return;
    }
    state.becameConnected();
  }

  /** To be called with every new view of the cluster. */
  follow(view: ClusterView): void {
    if (this.#clusterId === null || this.#resetting || this.#closing.signal.aborted) return;
    const known = new Map(view.partitions.map((led) => [keyOf(led), led]));
    const reason =
      view.clusterId !== this.#clusterId
        ? 'cluster'
        : [...this.#readers].some(([key, { topicId }]) => (known.get(key)?.topicId ?? topicId) !== topicId)
          ? 'recreated'
          : null;
    if (reason !== null) {
      this.#reset(reason);
      return;
    }
    this.#loops.follow(view.partitions);
    if (this.#joining || this.#unread(view).length === 0) {
      if (this.#readers.size === 0) this.#options.state.becameConnected();
      return;
    }
    this.#joining = true;
    this.#run(() => this.#join());
  }

  /** To be called when no broker answers a question about the cluster. */
  lostCluster(error: Error): void {
    if (this.#readers.size === 0) this.#options.state.failed(error);
  }

  async #start(): Promise<void> {
    const { cluster, listener } = this.#options;
    await this.#untilDone(async () => {
      const layout = await cluster.layout();
      if (this.#closing.signal.aborted) return;
      this.#guard(() => {
        const positions = listener.onStart(layout);
        this.#clusterId = layout.clusterId;
        this.#read(layout.partitions, (_bounds, index) => positions[index]!);
      });
    });
    if (cluster.view !== null) this.follow(cluster.view);
  }

  #reset(reason: LogReset['reason']): void {
    const { cluster, listener, logger, state } = this.#options;
    state.failed(new Error(`the log is not the one that was read: ${reason}`));
    logger.warn({ reason }, 'the log was reset; reading goes on at its end');
    this.#resetting = true;
    this.#readers = new Map();
    this.#run(async () => {
      await this.#untilDone(async () => {
        const layout = await cluster.layout();
        if (this.#closing.signal.aborted) return;
        this.#resetting = false;
        this.#clusterId = layout.clusterId;
        this.#guard(() => listener.onReset({ reason, topics: topicsOf(layout), layout }));
        this.#read(layout.partitions, ({ logEnd }) => logEnd);
      });
      if (cluster.view !== null) this.follow(cluster.view);
    });
  }

  /** Reads partitions that appeared from their first record. */
  async #join(): Promise<void> {
    const { cluster, listener } = this.#options;
    await this.#untilDone(async () => {
      const view = await cluster.refresh();
      if (this.#resetting) return;
      const readers = this.#readers;
      const added = await cluster.bounds(this.#unread(view));
      if (this.#closing.signal.aborted || this.#readers !== readers || added.length === 0) return;
      this.#guard(() =>
        listener.onPartitions(added.map((bounds) => ({ ...bounds, start: bounds.logStart }))),
      );
      this.#read(added, ({ logStart }) => logStart);
    });
    this.#joining = false;
    // More of them may have been found meanwhile.
    if (cluster.view !== null) this.follow(cluster.view);
  }

  /** Settles a position that the broker does not have: records deleted below it, or a log that became shorter. */
  async #settle(reader: PartitionReader): Promise<void> {
    const { cluster } = this.#options;
    const view = await cluster.refresh();
    const led = view.partitions.find((partition) => keyOf(partition) === keyOf(reader));
    if (led === undefined || !this.#isCurrent(reader)) return;
    const [bounds] = await cluster.bounds([led]);
    if (bounds === undefined || !this.#isCurrent(reader)) return;
    if (reader.position < bounds.logStart) this.#guard(() => reader.skip(bounds.logStart, 'retention'));
    else if (reader.position > bounds.logEnd) this.#reset('truncated');
  }

  #unread(view: ClusterView): ClusterView['partitions'] {
    return view.partitions.filter((led) => !this.#readers.has(keyOf(led)));
  }

  #isCurrent(reader: PartitionReader): boolean {
    return this.#readers.get(keyOf(reader)) === reader;
  }

  #read(
    partitions: readonly PartitionBounds[],
    startOf: (bounds: PartitionBounds, index: number) => bigint,
  ): void {
    const { cluster, listener, logger } = this.#options;
    for (const [index, bounds] of partitions.entries()) {
      const reader = new PartitionReader({ bounds, position: startOf(bounds, index), listener, logger });
      this.#readers.set(keyOf(bounds), reader);
    }
    this.#loops.follow(cluster.view?.partitions ?? []);
  }

  async #untilDone(step: () => Promise<void>): Promise<void> {
    const { kafka } = this.#options;
    const { signal } = this.#closing;
    const backoff = createBackoff(kafka.retryMinMs, kafka.retryMaxMs);
    while (!signal.aborted) {
      try {
        await step();
        return;
      } catch (error) {
        if (!signal.aborted) this.#failed(error as Error);
        await backoff.wait(signal);
      }
    }
  }

  #failed(error: Error): void {
    const { onFailure, state } = this.#options;
    onFailure();
    state.failed(error);
  }

  #run(task: () => Promise<void>): void {
    const running = task();
    this.#tasks.add(running);
    void running.finally(() => this.#tasks.delete(running));
  }

  /** A listener that throws is a defect: what it missed cannot be made good, so the tail ends, in sight of all. */
  #guard(call: () => void): void {
    try {
      call();
    } catch (error) {
      const { logger, state } = this.#options;
      logger.error({ err: error }, 'the tail stopped: its listener threw');
      state.failed(new Error(`the tail stopped: ${(error as Error).message}`));
      this.#stop();
    }
  }

  #stop(): void {
    this.#closing.abort();
    this.resume();
    this.#links.close();
  }
}

function topicsOf({ partitions }: LogLayout): readonly string[] {
  return [...new Set(partitions.map(({ topic }) => topic))];
}
