import type { AppendConfig } from '../../config';
import { GatewayError } from '../../errors';
import type { Service } from '../event-log';
import type { LogCounter } from '../records';
import { rejectionOf } from './append-rejection';
import { BrokerLinks, type LogUse } from './cluster/broker-links';
import { nameOf } from './cluster/broker-socket';
import type { Cluster, ClusterView } from './cluster/cluster';
import type { ConnectionState } from './connection-state';
import { LeaderSender } from './leader-sender';
import { PartitionWriter } from './partition-writer';
import { createProducerId } from './producer-sequence';
import type { BrokerAddress } from './protocol/metadata-request';
import { ERROR_CODE } from './protocol/protocol-error';
import { keyOf } from './protocol/request';
import { missingRight, TopicFaults, TrackedService, worstOf } from './service';

export interface AppendPartitionsOptions extends LogUse {
  readonly append: AppendConfig;
  readonly topics: readonly string[];
  readonly cluster: Cluster;
  readonly counter: LogCounter;
  /** Connected while one of the leaders can be reached. */
  readonly state: ConnectionState;
  /** Called with the duration of each request that was answered with success. */
  readonly onProduced: (durationMs: number) => void;
}

export interface AppendPartition {
  readonly writer: PartitionWriter;
  readonly service: TrackedService;
  /** Null while it has no leader. */
  sender: LeaderSender | null;
  lastSender: LeaderSender | null;
  /** On the clock of `performance.now()`; null while it has a leader. */
  leaderlessSinceMs: number | null;
}

/** The partitions that records are appended to, and one sender for each broker that leads some of them. */
export class AppendPartitions {
  /** What waits for a request in flight. */
  readonly queued = { records: 0, bytes: 0 };
  readonly #options: AppendPartitionsOptions;
  readonly #links: BrokerLinks;
  readonly #probes: BrokerLinks;
  readonly #producerId = createProducerId();
  /** By topic, each in the order of its partitions. */
  readonly #partitions = new Map<string, AppendPartition[]>();
  /** By the broker's name. */
  readonly #senders = new Map<string, LeaderSender>();
  readonly #ending = new Set<Promise<void>>();
  readonly #faults: TopicFaults;
  #isClosed = false;

  constructor(options: AppendPartitionsOptions) {
    this.#options = options;
    this.#faults = new TopicFaults(options);
    this.#probes = new BrokerLinks(options);
    this.#links = new BrokerLinks({
      ...options,
      onLost: (address, reason) => {
        options.watch.requestFailed();
        this.#senders.get(nameOf(address))?.lost(reason);
      },
    });
  }

  /** Unix time until which a quota keeps it from storing; null when none does. */
  get throttledUntilMs(): number | null {
    return this.#links.throttledUntilMs;
  }

  /** To be called with every new view of the cluster. */
  follow(view: ClusterView): void {
    if (this.#isClosed) return;
    this.#faults.follow(view, (topic) => this.#partitions.has(topic));
    const led = new Map<AppendPartition, LeaderSender>();
    for (const { topic, topicId, partition, leader, leaderEpoch } of view.partitions) {
      const found = this.#get(topic, partition);
      found.writer.topicId = topicId;
      found.writer.leaderEpoch = leaderEpoch;
      if (leader !== null) led.set(found, this.#senders.get(nameOf(leader)) ?? this.#connect(leader));
    }
    const leading = new Set(led.values());
    for (const sender of this.#senders.values()) if (!leading.has(sender)) this.#disconnect(sender);
    for (const partition of this.#all()) {
      const { lastSender, writer } = partition;
      const sender = led.get(partition) ?? null;
      partition.sender = sender;
      partition.leaderlessSinceMs =
        sender === null ? (partition.leaderlessSinceMs ?? performance.now()) : null;
      if (sender === null) continue;
      if (lastSender !== null && lastSender !== sender) writer.moved();
      partition.lastSender = sender;
      if (writer.hasWork) sender.offer(writer);
    }
    for (const [topic, partitions] of this.#partitions) {
      const fault = this.faultOf(topic);
      if (fault !== null) for (const { writer } of partitions) if (writer.hasWork) writer.reject(fault);
    }
    this.#judge();
  }

  /** To be called when no broker answers a question about the cluster. */
  lostCluster(error: Error): void {
    if (this.#senders.size === 0) this.#options.state.failed(error);
  }

  /** Judges what can be reached; called regularly. */
  checkLiveness(): void {
    for (const sender of this.#senders.values()) sender.checkLiveness();
    for (const partition of this.#all()) this.#judgeOne(partition);
  }

  /** Of a topic in use. */
  service(topic: string): Service {
    const fault = this.#faults.of(topic);
    if (fault.state !== 'ok') return fault;
    const partitions = this.#partitions.get(topic) ?? [];
    for (const partition of partitions) this.#judgeOne(partition);
    return worstOf(partitions.map(({ service }) => service.current)) ?? fault;
  }

  /** What no waiting would change about the topic, or null. */
  faultOf(topic: string): GatewayError | null {
    const { state, detail } = this.#faults.of(topic);
    if (state === 'missing') return new GatewayError('unknown-topic', detail ?? topic);
    // A right to write includes the right to see the topic.
    if (state === 'forbidden')
      return rejectionOf({ topic, partition: 0 }, ERROR_CODE.TOPIC_AUTHORIZATION_FAILED);
    return null;
  }

  open(topic: string, number: number): AppendPartition | GatewayError {
    const partition = this.#get(topic, number);
    const trouble = this.#troubleOf(partition);
    if (trouble === null) return partition;
    const message = `Kafka does not take events for ${keyOf(partition.writer)} at the moment: ${trouble.message}`;
    return new GatewayError('log-unavailable', message, { cause: trouble });
  }

  /** Settles what is past its deadline; returns the next deadline, infinite when nothing waits. */
  expire(nowMs: number): number {
    let nextMs = Number.POSITIVE_INFINITY;
    for (const { writer } of this.#all()) nextMs = Math.min(nextMs, writer.expire(nowMs));
    return nextMs;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const sender of this.#senders.values()) this.#disconnect(sender);
    this.#links.close();
    this.#probes.close();
    this.expire(Number.POSITIVE_INFINITY);
    await Promise.all(this.#ending);
  }

  *#all(): Iterable<AppendPartition> {
    for (const partitions of this.#partitions.values()) yield* partitions;
  }

  #get(topic: string, partition: number): AppendPartition {
    const partitions = this.#partitions.get(topic) ?? [];
    this.#partitions.set(topic, partitions);
    while (partitions.length <= partition) {
      const writer = new PartitionWriter({
        ...this.#options,
        partition: { topic, partition: partitions.length },
        tally: this.queued,
        producerId: this.#producerId,
      });
      const service = new TrackedService('starting');
      const leaderlessSinceMs = performance.now();
      partitions.push({ writer, service, sender: null, lastSender: null, leaderlessSinceMs });
    }
    return partitions[partition]!;
  }

  #troubleOf({ writer, service, sender, leaderlessSinceMs }: AppendPartition): Error | null {
    if (leaderlessSinceMs === null) return sender?.failure ?? writer.trouble;
    // An election takes moments, unless the leader was away before.
    const isElection =
      service.current.state !== 'interrupted' &&
      performance.now() - leaderlessSinceMs <= this.#options.kafka.silenceMs;
    return isElection ? null : new Error('it has no leader');
  }

  #connect(address: BrokerAddress): LeaderSender {
    const { state } = this.#options;
    const sender = new LeaderSender({
      ...this.#options,
      address,
      links: this.#links,
      probes: this.#probes,
      producerId: this.#producerId,
      senderOf: ({ topic, partition }) => this.#partitions.get(topic)?.[partition]?.sender ?? null,
      onChange: () => {
        if (sender.failure !== null) state.noted(sender.failure);
        this.#judge();
      },
    });
    this.#senders.set(sender.name, sender);
    this.#ending.add(sender.ended);
    void sender.ended.then(() => this.#ending.delete(sender.ended));
    return sender;
  }

  #disconnect(sender: LeaderSender): void {
    this.#senders.delete(sender.name);
    sender.close();
  }

  #judgeOne(partition: AppendPartition): void {
    const { writer, service, sender } = partition;
    const trouble = this.#troubleOf(partition);
    if (trouble !== null) service.become('interrupted', trouble.message);
    else if (writer.isForbidden)
      service.become('forbidden', missingRight(this.#options.kafka, 'Write', writer.topic));
    else if (sender?.isReached === true) service.become('ok');
  }

  #judge(): void {
    const { cluster, state } = this.#options;
    if (this.#isClosed) return;
    for (const partition of this.#all()) this.#judgeOne(partition);
    const senders = [...this.#senders.values()];
    const isIdle = cluster.view?.partitions.length === 0;
    if (isIdle || senders.some(({ isReached }) => isReached)) {
      state.becameConnected();
      return;
    }
    const failure = senders.find((sender) => sender.failure !== null)?.failure;
    if (failure) state.failed(failure);
    else if (senders.length === 0) state.failed(new Error('no partition has a leader'));
  }
}
