import { createBackoff, pause } from '../../backoff';
import type {
  LogLayout,
  LogReset,
  Tail,
  TailListener,
  TopicPartition,
  UnavailablePartition,
} from '../event-log';
import { BrokerLinks, type LogUse } from './cluster/broker-links';
import type { Cluster, ClusterView } from './cluster/cluster';
import type { ConnectionState } from './connection-state';
import { FetchLoop } from './fetch-loop';
import { keyOf } from './protocol/request';
import { TailPartitions } from './tail-partitions';

interface KafkaTailOptions extends LogUse {
  readonly topics: readonly string[];
  readonly cluster: Pick<Cluster, 'view' | 'refresh' | 'layout' | 'bounds'>;
  readonly listener: TailListener;
  readonly state: ConnectionState;
}

/** The one reader of all partitions, without a consumer group: one fetch loop per broker. Waits for each partition alone. */
export class KafkaTail implements Tail {
  readonly partitions: TailPartitions;
  readonly #options: KafkaTailOptions;
  readonly #links: BrokerLinks;
  readonly #closing = new AbortController();
  /** By the broker's name. */
  readonly #loops = new Map<string, FetchLoop>();
  readonly #tasks = new Set<Promise<void>>();
  /** Null before the start. */
  #clusterId: string | null = null;
  #isReachable = true;
  /** Null while nothing is joining; aborted to look again at once. */
  #joining: AbortController | null = null;
  /** Null while fetching. */
  #resuming: AbortController | null = null;

  constructor(options: KafkaTailOptions) {
    this.#options = options;
    this.partitions = new TailPartitions(options);
    this.#links = new BrokerLinks(options);
    this.#run(() => this.#start());
  }

  pause(): void {
    if (!this.#closing.signal.aborted) this.#resuming ??= new AbortController();
  }

  resume(): void {
    this.#resuming?.abort();
    this.#resuming = null;
  }

  /** Null while fetching, else a signal that aborts when it may go on. */
  get paused(): AbortSignal | null {
    return this.#resuming?.signal ?? null;
  }

  async close(): Promise<void> {
    this.#stop();
    await Promise.all([...this.#tasks, ...[...this.#loops.values()].map(({ ended }) => ended)]);
  }

  /** Unix time until which a quota keeps it from reading; null when none does. */
  get throttledUntilMs(): number | null {
    return this.#links.throttledUntilMs;
  }

  /** Judges which partitions are being read; called regularly and at each answer. */
  checkLiveness(): void {
    if (this.#clusterId === null || this.#closing.signal.aborted) return;
    const { silenceMs } = this.#options.kafka;
    this.partitions.checkSilence(silenceMs, (leader) => this.#links.aliveUntilMs(leader));
    this.#judge();
  }

  /** To be called with every new view of the cluster. */
  follow(view: ClusterView): void {
    this.#isReachable = true;
    this.partitions.followTopics(view);
    if (this.#clusterId === null || this.#closing.signal.aborted) return;
    if (view.clusterId !== this.#clusterId) {
      if (!this.partitions.isResetting) this.#reset('cluster', this.#options.topics);
      return;
    }
    const recreated = this.partitions.recreated(view);
    if (recreated.length > 0) this.#reset('recreated', recreated);
    if (this.partitions.followPartitions(view)) this.#lookAgain();
    this.partitions.followLeaders(view.partitions);
    this.#startLoops();
    this.#judge();
  }

  /** To be called when no broker answers a question about the cluster. */
  lostCluster(error: Error): void {
    this.#isReachable = false;
    if (!this.partitions.isReading) this.#options.state.failed(error);
  }

  /** To be called for each request that failed. */
  failed(error: Error): void {
    this.#options.watch.requestFailed();
    this.#options.state.noted(error);
    this.#judge();
  }

  /** Calls the listener. One that throws is a defect: what it missed is lost for good, so the tail stops visibly. */
  guard(call: () => void): void {
    try {
      call();
    } catch (error) {
      const { logger, state } = this.#options;
      logger.error({ err: error }, 'Tail stopped: its listener threw');
      state.failed(new Error(`the tail stopped: ${(error as Error).message}`));
      this.#stop();
    }
  }

  async #start(): Promise<void> {
    const { cluster, listener } = this.#options;
    let unavailable: readonly UnavailablePartition[] = [];
    await this.#untilDone(async () => {
      const layout = await this.#patientLayout(() => true);
      if (this.#closing.signal.aborted) return;
      ({ unavailable } = layout);
      const startedMs = Date.now();
      this.guard(() => {
        const positions = listener.onStart(layout);
        this.#clusterId = layout.clusterId;
        for (const [index, bounds] of layout.partitions.entries())
          this.partitions.read(bounds, positions[index]!);
        this.#waitFor(layout.unavailable, startedMs);
        const faults = [...(cluster.view?.faults ?? [])].filter(([, { state }]) => state !== 'missing');
        this.partitions.hide(
          faults.map(([topic]) => topic),
          startedMs,
        );
      });
    });
    this.#followNow();
    this.#noteUnavailable(unavailable);
  }

  /** The layout; waits for a while when partitions that `isWanted` cannot be reached. */
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
    const { listener, logger, state } = this.#options;
    logger.warn({ reason, topics }, 'Topics were reset; resuming at their end');
    this.partitions.beginReset(topics);
    if (!this.partitions.isReading)
      state.failed(new Error(`the event log was replaced: ${reason} (${topics.join(', ')})`));
    const isReset = ({ topic }: TopicPartition) => topics.includes(topic);
    this.#run(async () => {
      await this.#untilDone(async () => {
        const layout = await this.#patientLayout(isReset);
        if (this.#closing.signal.aborted) return;
        this.partitions.endReset(topics);
        const added = layout.partitions.filter(isReset);
        const partitions = [...added, ...this.partitions.reached(layout)];
        if (reason === 'cluster') this.#clusterId = layout.clusterId;
        this.guard(() => listener.onReset({ reason, topics, layout: { ...layout, partitions } }));
        for (const bounds of added) this.partitions.read(bounds, bounds.logEnd);
        this.#waitFor(layout.unavailable.filter(isReset), reason === 'recreated' ? null : Date.now());
      });
      this.#followNow();
    });
  }

  /** Begins to read partitions that are waited for as soon as they can be reached. */
  async #join(): Promise<void> {
    const { cluster, kafka, listener } = this.#options;
    const { signal } = this.#closing;
    const backoff = createBackoff(kafka.retryMinMs, kafka.retryMaxMs);
    while (this.partitions.isWaiting && !signal.aborted) {
      this.#joining = new AbortController();
      const wake = AbortSignal.any([this.#joining.signal, signal]);
      const asked = (cluster.view?.partitions ?? []).filter((led) => this.partitions.isWaitedFor(led));
      const sinceMs = this.partitions.waitingSinceMs;
      // The clock of a producer or a broker may be behind this one.
      const since = sinceMs === null ? {} : { timeMs: sinceMs - kafka.silenceMs };
      const found = await cluster.bounds(asked, { mustBeReadable: true, ...since });
      if (signal.aborted) break;
      this.#noteUnavailable(found.unavailable);
      const added = found.partitions
        .filter((bounds) => this.partitions.isWaitedFor(bounds))
        .map((bounds) => ({ ...bounds, start: this.partitions.startOf(bounds) }));
      if (added.length > 0) {
        this.guard(() => listener.onPartitions(added));
        for (const bounds of added) this.partitions.read(bounds, bounds.start);
        this.partitions.followLeaders(cluster.view?.partitions ?? []);
        this.#startLoops();
        backoff.reset();
      }
      this.#judge();
      if (this.partitions.isWaiting) await backoff.wait(wake);
    }
    this.#joining = null;
  }

  #followNow(): void {
    const { view } = this.#options.cluster;
    if (view !== null) this.follow(view);
  }

  #waitFor(partitions: readonly UnavailablePartition[], sinceMs: number | null): void {
    this.partitions.waitFor(partitions, sinceMs);
    if (partitions.length > 0) this.#lookAgain();
  }

  #lookAgain(): void {
    if (this.#joining === null) this.#run(() => this.#join());
    else this.#joining.abort();
  }

  #noteUnavailable(unavailable: readonly UnavailablePartition[]): void {
    for (const partition of unavailable) {
      const detail = this.partitions.becameUnavailable(partition);
      if (detail !== null) this.#options.state.noted(new Error(`${keyOf(partition)}: ${detail}`));
    }
  }

  /** One loop for each broker that leads a partition that is read. A loop ends when its broker leads none. */
  #startLoops(): void {
    const { cluster, kafka } = this.#options;
    const { signal } = this.#closing;
    if (signal.aborted) return;
    for (const { address, name } of this.partitions.leaders()) {
      if (this.#loops.has(name)) continue;
      const loop = new FetchLoop({ address, kafka, cluster, links: this.#links, tail: this, signal });
      this.#loops.set(name, loop);
      void loop.ended.then(() => {
        this.#loops.delete(name);
        // Its broker may have become a leader again in the meantime.
        this.#startLoops();
      });
    }
  }

  /** The consumer is connected while something is read, or there is nothing to read. */
  #judge(): void {
    const { state } = this.#options;
    if (this.#closing.signal.aborted) return;
    const all = [...this.partitions.all()];
    const [first] = all;
    if (first === undefined) {
      if (!this.partitions.isResetting && this.#isReachable) state.becameConnected();
    } else if (all.some(({ service }) => service.isServed)) {
      state.becameConnected(all.every(({ service }) => service.isServed));
    } else if (state.connected) {
      const { detail } = first.service.current;
      state.failed(new Error(`${keyOf(first)}: ${detail ?? 'it is not read yet'}`));
    }
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
        if (!signal.aborted) this.failed(error as Error);
        await backoff.wait(signal);
      }
    }
  }

  #run(task: () => Promise<void>): void {
    const running = task();
    this.#tasks.add(running);
    void running.finally(() => this.#tasks.delete(running));
  }

  #stop(): void {
    this.#closing.abort();
    this.resume();
    this.#links.close();
  }
}
