import { createBackoff, pause } from '../../backoff';
import type { KafkaConfig } from '../../config';
import type { Logger } from '../../logger';
import type {
  LogLayout,
  LogReset,
  PartitionBounds,
  PartitionStatus,
  Service,
  Tail,
  TailListener,
  TopicPartition,
  UnavailablePartition,
} from '../event-log';
import { BrokerLinks, type LinkWatch } from './cluster/broker-links';
import { nameOf } from './cluster/broker-socket';
import type { Cluster, ClusterView } from './cluster/cluster';
import type { ConnectionState } from './connection-state';
import { FetchLoops } from './fetch-loops';
import { missingRight } from './kafka-rights';
import { PartitionReader } from './partition-reader';
import { keyOf } from './protocol/topic-partitions';
import { TopicFaults } from './topic-faults';
import { TrackedService, worstOf } from './tracked-service';

export interface KafkaTailOptions {
  readonly kafka: KafkaConfig;
  /** Names of the topics to read. */
  readonly topics: readonly string[];
  readonly logger: Logger;
  readonly watch: LinkWatch;
  readonly cluster: Pick<Cluster, 'view' | 'refresh' | 'layout' | 'bounds'>;
  readonly listener: TailListener;
  readonly state: ConnectionState;
  /** Called for each request and connection that failed. */
  readonly onFailure: () => void;
}

const NO_LEADER = 'it has no leader';

/** A partition that exists and is not read yet. */
interface WaitingPartition extends TopicPartition {
  readonly topicId: string;
  /** It existed unread at this Unix time, so older records are not for the streams; null: all of it is new. */
  readonly sinceMs: number | null;
  readonly service: TrackedService;
  /** As it was when it was last looked for. */
  leader: string | null;
}

/**
 * The one reader of all partitions: assign mode, without a consumer group, one fetch loop per leading broker. What can
 * be read is read; each partition that cannot is waited for by itself.
 */
export class KafkaTail implements Tail {
  readonly #options: KafkaTailOptions;
  readonly #links: BrokerLinks;
  readonly #closing = new AbortController();
  readonly #loops: FetchLoops;
  readonly #tasks = new Set<Promise<void>>();
  readonly #faults: TopicFaults;
  /** Places of the topics in the configuration. */
  readonly #order: ReadonlyMap<string, number>;
  readonly #readers = new Map<string, PartitionReader>();
  readonly #waiting = new Map<string, WaitingPartition>();
  /** Topics whose partitions are looked up anew. */
  readonly #resetting = new Set<string>();
  /** Topics of which nothing could be seen at the start, not even whether they exist: since this Unix time. */
  readonly #hiddenSinceMs = new Map<string, number>();
  /** Null before the start. */
  #clusterId: string | null = null;
  #isReachable = true;
  /** Null while nothing is joining; aborted to look again at once. */
  #joining: AbortController | null = null;
  /** Null while fetching. */
  #resuming: AbortController | null = null;

  constructor(options: KafkaTailOptions) {
    const { cluster, kafka, logger, topics, watch } = options;
    this.#options = options;
    this.#faults = new TopicFaults({ kafka, topics });
    this.#order = new Map(topics.map((topic, place) => [topic, place]));
    this.#links = new BrokerLinks({ kafka, logger, watch });
    this.#loops = new FetchLoops({
      kafka,
      links: this.#links,
      signal: this.#closing.signal,
      readers: () => this.#readers,
      paused: () => this.#resuming?.signal ?? null,
      deliver: (reader, fetched) => this.#guard(() => reader.take(fetched)),
      onAnswer: () => this.checkLiveness(),
      onForbidden: (reader) => reader.lost('forbidden', missingRight(kafka, 'Read', reader.topic)),
      onFailure: (error) => this.#failed(error),
      onOutOfRange: (reader) => this.#settle(reader),
      refresh: () => cluster.refresh(),
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

  /** Unix time until which a quota keeps it from reading; null when none does. */
  get throttledUntilMs(): number | null {
    return this.#links.throttledUntilMs;
  }

  partitions(): PartitionStatus[] {
    const waiting = [...this.#waiting.values()].map(
      ({ topic, partition, service }): PartitionStatus => ({
        topic,
        partition,
        position: null,
        highWatermark: null,
        lastStableOffset: null,
        heldBackSince: null,
        lastRecordAt: null,
        read: service.current,
      }),
    );
    const found = [...[...this.#readers.values()].map((reader) => reader.status()), ...waiting];
    const place = ({ topic }: TopicPartition) => this.#order.get(topic)!;
    return found.sort((a, b) => place(a) - place(b) || a.partition - b.partition);
  }

  /** By name, each topic in use. */
  topics(): ReadonlyMap<string, Service> {
    const services = new Map<string, Service[]>();
    for (const { topic, service } of this.#all()) {
      const own = services.get(topic);
      if (own === undefined) services.set(topic, [service.current]);
      else own.push(service.current);
    }
    return new Map(
      this.#options.topics.map((topic) => {
        const fault = this.#faults.of(topic);
        if (fault.state !== 'ok') return [topic, fault];
        // A topic that is looked up anew has no partitions for a moment.
        return [topic, worstOf(services.get(topic) ?? []) ?? { ...fault, state: 'starting' }];
      }),
    );
  }

  isForbidden(partition: TopicPartition): boolean {
    const key = keyOf(partition);
    const service = this.#readers.get(key)?.service ?? this.#waiting.get(key)?.service;
    return service?.current.state === 'forbidden';
  }

  /** Judges which partitions are being read; called regularly and at each answer. */
  checkLiveness(): void {
    if (this.#clusterId === null || this.#closing.signal.aborted) return;
    const { livenessMs } = this.#options.kafka;
    this.#loops.noteAlive();
    for (const reader of this.#readers.values()) {
      if (!this.#faults.isDoubtful(reader.topic)) reader.checkSilence(livenessMs);
    }
    this.#judge();
  }

  /** To be called with every new view of the cluster. */
  follow(view: ClusterView): void {
    this.#isReachable = true;
    const read = new Set([...this.#readers.values()].map(({ topic }) => topic));
    this.#faults.follow(view, (topic) => read.has(topic));
    if (this.#clusterId === null || this.#closing.signal.aborted) return;
    if (view.clusterId !== this.#clusterId) {
      if (this.#resetting.size === 0) this.#reset('cluster', this.#options.topics);
      return;
    }
    const ids = new Map(view.partitions.map(({ topic, topicId }) => [topic, topicId]));
    const recreated = [...this.#readers.values()].filter(
      ({ topic, topicId }) => (ids.get(topic) ?? topicId) !== topicId,
    );
    if (recreated.length > 0) this.#reset('recreated', [...new Set(recreated.map(({ topic }) => topic))]);
    this.#followPartitions(view);
    this.#loops.follow(view.partitions);
    this.#judge();
  }

  /** To be called when no broker answers a question about the cluster. */
  lostCluster(error: Error): void {
    this.#isReachable = false;
    if (this.#readers.size === 0) this.#options.state.failed(error);
  }

  async #start(): Promise<void> {
    const { cluster, listener } = this.#options;
    let unavailable: readonly UnavailablePartition[] = [];
    await this.#untilDone(async () => {
      const layout = await this.#patientLayout(() => true);
      if (this.#closing.signal.aborted) return;
      ({ unavailable } = layout);
      const startedMs = Date.now();
      this.#guard(() => {
        const positions = listener.onStart(layout);
        this.#clusterId = layout.clusterId;
        this.#read(layout.partitions, (_bounds, index) => positions[index]!);
        this.#await(layout.unavailable, startedMs);
        for (const [topic, { state }] of cluster.view?.faults ?? [])
          if (state !== 'missing') this.#hiddenSinceMs.set(topic, startedMs);
      });
    });
    if (cluster.view !== null) this.follow(cluster.view);
    this.#noteUnavailable(unavailable);
  }

  /** The layout, after a little patience for those partitions of it that `isWanted` and are not to be had at once. */
  async #patientLayout(isWanted: (partition: UnavailablePartition) => boolean): Promise<LogLayout> {
    const { cluster, kafka } = this.#options;
    const { signal } = this.#closing;
    let patientUntilMs: number | null = null;
    for (;;) {
      const layout = await cluster.layout({ mustBeReadable: true });
      patientUntilMs ??= performance.now() + kafka.retryMaxMs;
      const isComplete = !layout.unavailable.some((it) => it.reason === 'unreachable' && isWanted(it));
      if (isComplete || performance.now() >= patientUntilMs || signal.aborted) return layout;
      await pause(kafka.retryMinMs, signal);
    }
  }

  #reset(reason: LogReset['reason'], topics: readonly string[]): void {
    const { cluster, listener, logger, state } = this.#options;
    logger.warn({ reason, topics }, 'Topics were reset; resuming at their end');
    for (const topic of topics) this.#resetting.add(topic);
    for (const group of [this.#readers, this.#waiting]) {
      for (const [key, { topic }] of group) if (this.#resetting.has(topic)) group.delete(key);
    }
    if (this.#readers.size === 0)
      state.failed(new Error(`the log is not the one that was read: ${reason} (${topics.join(', ')})`));
    this.#run(async () => {
      await this.#untilDone(async () => {
        const layout = await this.#patientLayout(({ topic }) => topics.includes(topic));
        if (this.#closing.signal.aborted) return;
        for (const topic of topics) this.#resetting.delete(topic);
        const isReset = ({ topic }: TopicPartition) => topics.includes(topic);
        const partitions = [...layout.partitions.filter(isReset), ...this.#reached(layout)];
        if (reason === 'cluster') this.#clusterId = layout.clusterId;
        this.#guard(() => listener.onReset({ reason, topics, layout: { ...layout, partitions } }));
        this.#read(partitions.filter(isReset), ({ logEnd }) => logEnd);
        this.#await(layout.unavailable.filter(isReset), reason === 'recreated' ? null : Date.now());
      });
      if (cluster.view !== null) this.follow(cluster.view);
    });
  }

  /** The partitions being read, each up to where it has been read, whether or not its leader answers at the moment. */
  #reached({ partitions }: LogLayout): PartitionBounds[] {
    const starts = new Map(partitions.map((bounds) => [keyOf(bounds), bounds.logStart]));
    return [...this.#readers].map(([key, { topic, partition, topicId, position }]) => {
      const logStart = starts.get(key) ?? position;
      return {
        topic,
        partition,
        topicId,
        logStart: logStart < position ? logStart : position,
        logEnd: position,
      };
    });
  }

  /** Reads what is waited for as soon as it can be had. */
  async #join(): Promise<void> {
    const { cluster, kafka, listener } = this.#options;
    const { signal } = this.#closing;
    const backoff = createBackoff(kafka.retryMinMs, kafka.retryMaxMs);
    while (this.#waiting.size > 0 && !signal.aborted) {
      this.#joining = new AbortController();
      const wake = AbortSignal.any([this.#joining.signal, signal]);
      const asked = (cluster.view?.partitions ?? []).filter((led) => this.#isWaitedFor(led));
      const times = [...this.#waiting.values()].flatMap(({ sinceMs }) => (sinceMs === null ? [] : [sinceMs]));
      // The clock of a producer or a broker may be behind this one.
      const since = times.length === 0 ? {} : { timeMs: Math.min(...times) - kafka.livenessMs };
      const found = await cluster.bounds(asked, { mustBeReadable: true, ...since });
      if (signal.aborted) break;
      this.#noteUnavailable(found.unavailable);
      const added = found.partitions
        .filter((bounds) => this.#isWaitedFor(bounds))
        .map((bounds) => {
          const isNew = this.#waiting.get(keyOf(bounds))!.sinceMs === null;
          return { ...bounds, start: isNew ? bounds.logStart : (bounds.atTime ?? bounds.logStart) };
        });
      if (added.length > 0) {
        this.#guard(() => listener.onPartitions(added));
        this.#read(added, (_bounds, index) => added[index]!.start);
        backoff.reset();
      }
      this.#judge();
      if (this.#waiting.size > 0) await backoff.wait(wake);
    }
    this.#joining = null;
  }

  /** Brings what is known of each partition up to date with the view. */
  #followPartitions(view: ClusterView): void {
    const known = new Map(view.partitions.map((led) => [keyOf(led), led]));
    for (const [key, { topic, service }] of [...this.#readers, ...this.#waiting]) {
      const fault = this.#faults.of(topic);
      if (known.has(key)) {
        if (known.get(key)!.leader === null) service.become('interrupted', NO_LEADER);
      } else if (fault.state !== 'ok') {
        service.become(fault.state, fault.detail);
        // Once it is there again, it is another one.
        if (fault.state === 'missing') this.#waiting.delete(key);
      }
    }
    const unread = view.partitions.filter(
      (led) => !this.#readers.has(keyOf(led)) && !this.#resetting.has(led.topic),
    );
    this.#await(
      unread.filter((led) => !this.#isWaitedFor(led)),
      null,
    );
    for (const led of unread) {
      const waiting = this.#waiting.get(keyOf(led))!;
      const leader = led.leader === null ? null : nameOf(led.leader);
      if (leader !== waiting.leader) this.#joining?.abort();
      waiting.leader = leader;
    }
  }

  /** @param sinceMs null: they are new, unless their topic was hidden at the start */
  #await(partitions: readonly Omit<UnavailablePartition, 'reason'>[], sinceMs: number | null): void {
    for (const { topic, partition, topicId } of partitions) {
      this.#waiting.set(keyOf({ topic, partition }), {
        topic,
        partition,
        topicId,
        sinceMs: sinceMs ?? this.#hiddenSinceMs.get(topic) ?? null,
        service: new TrackedService('starting'),
        leader: null,
      });
    }
    if (partitions.length === 0) return;
    if (this.#joining === null) this.#run(() => this.#join());
    else this.#joining.abort();
  }

  #isWaitedFor(partition: TopicPartition & { readonly topicId: string }): boolean {
    return this.#waiting.get(keyOf(partition))?.topicId === partition.topicId;
  }

  #noteUnavailable(unavailable: readonly UnavailablePartition[]): void {
    const { kafka, state } = this.#options;
    for (const partition of unavailable) {
      const waiting = this.#waiting.get(keyOf(partition));
      if (waiting === undefined) continue;
      const { leader, service, topic } = waiting;
      if (partition.reason === 'forbidden') {
        service.become('forbidden', missingRight(kafka, 'Read', topic));
      } else {
        service.become('interrupted', leader === null ? NO_LEADER : `its leader ${leader} does not answer`);
      }
      state.noted(new Error(`${keyOf(partition)}: ${service.current.detail}`));
    }
  }

  *#all(): Iterable<PartitionReader | WaitingPartition> {
    yield* this.#readers.values();
    yield* this.#waiting.values();
  }

  /** The consumer is connected while something is read, or there is nothing to read. */
  #judge(): void {
    const { state } = this.#options;
    if (this.#closing.signal.aborted) return;
    let first: PartitionReader | WaitingPartition | null = null;
    let isAny = false;
    let isWhole = true;
    for (const partition of this.#all()) {
      first ??= partition;
      if (partition.service.isOk) isAny = true;
      else isWhole = false;
    }
    if (first === null) {
      if (this.#resetting.size === 0 && this.#isReachable) state.becameConnected();
    } else if (isAny) {
      state.becameConnected(isWhole);
    } else if (state.connected) {
      const { detail } = first.service.current;
      state.failed(new Error(`${keyOf(first)}: ${detail ?? 'it is not read yet'}`));
    }
  }

  /** Settles a position that the broker does not have: records deleted below it, or a log that became shorter. */
  async #settle(reader: PartitionReader): Promise<void> {
    const { cluster } = this.#options;
    const view = await cluster.refresh();
    const led = view.partitions.find((partition) => keyOf(partition) === keyOf(reader));
    if (led === undefined || !this.#isCurrent(reader)) return;
    const {
      partitions: [bounds],
    } = await cluster.bounds([led]);
    if (bounds === undefined || !this.#isCurrent(reader)) return;
    if (reader.position < bounds.logStart) this.#guard(() => reader.skip(bounds.logStart, 'retention'));
    else this.#guard(() => reader.truncate(bounds.logEnd));
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
      this.#waiting.delete(keyOf(bounds));
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
    state.noted(error);
    this.#judge();
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
      logger.error({ err: error }, 'Tail stopped: its listener threw');
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
