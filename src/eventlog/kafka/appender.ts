import { performance } from 'node:perf_hooks';
import type { AppendConfig, KafkaConfig } from '../../config';
import { GatewayError } from '../../errors';
import type { Logger } from '../../logger';
import type { AppendResult, NewRecord, Service, ServiceState, TopicPartition } from '../event-log';
import type { PendingAppend } from './append-queue';
import { refusalOf } from './append-refusal';
import { BrokerLinks, type LinkWatch } from './cluster/broker-links';
import { nameOf } from './cluster/broker-socket';
import type { Cluster, ClusterView } from './cluster/cluster';
import type { ConnectionState } from './connection-state';
import { LeaderSender } from './leader-sender';
import { withRoomForMark } from './origin-mark';
import { PartitionWriter } from './partition-writer';
import { createProducerId } from './producer-sequence';
import type { BrokerAddress } from './protocol/metadata-request';
import { partitionOf } from './protocol/partitioner';
import { ERROR_CODE } from './protocol/protocol-error';
import { recordBytes } from './protocol/record-encoder';
import { keyOf } from './protocol/topic-partitions';
import { missingRight, TopicFaults, TrackedService, worstOf } from './service';

export interface AppenderOptions {
  readonly kafka: KafkaConfig;
  readonly append: AppendConfig;
  readonly topics: readonly string[];
  readonly logger: Logger;
  readonly watch: LinkWatch;
  readonly cluster: Cluster;
  /** Connected while one of the leaders can be reached. */
  readonly state: ConnectionState;
  /** Called with how long each request took that was answered with success. */
  readonly onProduced: (durationMs: number) => void;
  /** Called for each request and connection that failed. */
  readonly onFailure: () => void;
}

/** A partition and who leads it. */
interface Place {
  readonly writer: PartitionWriter;
  readonly service: TrackedService;
  /** Null while it has no leader. */
  sender: LeaderSender | null;
  /** The last one that was not null. */
  lastSender: LeaderSender | null;
  /** On the clock of `performance.now()`; null while it has a leader. */
  leaderlessSinceMs: number | null;
}

/**
 * Appends, to each partition by itself: one batch at a time, in the order in which its records came, with one request in
 * flight for each leader. What cannot be reached is refused at once; it holds up nothing else.
 */
export class Appender {
  readonly #options: AppenderOptions;
  readonly #links: BrokerLinks;
  readonly #probes: BrokerLinks;
  readonly #producerId = createProducerId();
  /** By topic, each in the order of its partitions. */
  readonly #places = new Map<string, Place[]>();
  readonly #placeOf = new Map<PartitionWriter, Place>();
  readonly #senders = new Map<string, LeaderSender>();
  readonly #ending = new Set<Promise<void>>();
  readonly #turns = new Map<string, number>();
  readonly #faults: TopicFaults;
  readonly #reported = new Map<string, ServiceState>();
  readonly #queued = { records: 0, bytes: 0 };
  #unsettled = 0;
  #isDraining = false;
  #isClosed = false;
  #onSettled: () => void = () => undefined;
  #expiry: NodeJS.Timeout | null = null;

  constructor(options: AppenderOptions) {
    const { kafka, logger, onFailure, watch } = options;
    this.#options = options;
    this.#faults = new TopicFaults(options);
    this.#probes = new BrokerLinks({ kafka, logger, watch });
    this.#links = new BrokerLinks({
      kafka,
      logger,
      watch,
      onLost: (address, reason) => {
        onFailure();
        this.#senders.get(nameOf(address))?.lost(reason);
      },
    });
  }

  append(records: readonly NewRecord[]): Promise<readonly AppendResult[]> {
    return new Promise((resolve) => {
      const results = new Array<AppendResult>(records.length);
      let left = records.length;
      this.#unsettled += left;
      if (left === 0) resolve(results);
      for (const [index, record] of records.entries()) {
        this.#enqueue(record, (result) => {
          results[index] = result;
          if (--left === 0) resolve(results);
          if (--this.#unsettled === 0) this.#onSettled();
        });
      }
    });
  }

  /** Unix time until which a quota keeps it from storing; null when none does. */
  get throttledUntilMs(): number | null {
    return this.#links.throttledUntilMs;
  }

  /** What waits for a request in flight. */
  get queued(): { readonly queuedRecords: number; readonly queuedBytes: number } {
    return { queuedRecords: this.#queued.records, queuedBytes: this.#queued.bytes };
  }

  /** To be called with every new view of the cluster. */
  follow(view: ClusterView): void {
    if (this.#isClosed) return;
    this.#faults.follow(view, (topic) => this.#places.has(topic));
    const leaders = new Map<string, LeaderSender>();
    const led = new Map<PartitionWriter, LeaderSender>();
    for (const { topic, topicId, partition, leader, leaderEpoch } of view.partitions) {
      const { writer } = this.#place({ topic, partition });
      writer.topicId = topicId;
      writer.leaderEpoch = leaderEpoch;
      if (leader === null) continue;
      const name = nameOf(leader);
      const sender = this.#senders.get(name) ?? this.#connect(leader);
      leaders.set(name, sender);
      led.set(writer, sender);
    }
    for (const [name, sender] of this.#senders) if (!leaders.has(name)) this.#disconnect(name, sender);
    for (const place of this.#placeOf.values()) {
      place.sender = led.get(place.writer) ?? null;
      if (place.sender !== null && place.sender !== place.lastSender) {
        if (place.lastSender !== null) place.writer.moved();
        place.lastSender = place.sender;
      }
      place.leaderlessSinceMs = place.sender === null ? (place.leaderlessSinceMs ?? performance.now()) : null;
      if (place.writer.hasWork) place.sender?.offer(place.writer);
    }
    for (const [topic, places] of this.#places) {
      const fault = this.#faultOf(topic);
      if (fault !== null) for (const { writer } of places) if (writer.hasWork) writer.refuse(fault);
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
    for (const place of this.#placeOf.values()) this.#judgePlace(place);
    this.#reportTopics();
  }

  /** Of a topic in use. */
  topic(topic: string): Service {
    const fault = this.#faults.of(topic);
    if (fault.state !== 'ok') return fault;
    const places = this.#places.get(topic) ?? [];
    for (const place of places) this.#judgePlace(place);
    return worstOf(places.map(({ service }) => service.current)) ?? fault;
  }

  /** Takes no more and waits, up to the deadline, for what was taken. */
  async flush(deadlineMs: number): Promise<void> {
    this.#isDraining = true;
    if (this.#unsettled === 0) return;
    await new Promise<void>((resolve) => {
      const patience = setTimeout(resolve, deadlineMs);
      this.#onSettled = () => {
        clearTimeout(patience);
        resolve();
      };
    });
  }

  /** Settles whatever is left. */
  async close(): Promise<void> {
    this.#isDraining = true;
    this.#isClosed = true;
    for (const [name, sender] of this.#senders) this.#disconnect(name, sender);
    this.#links.close();
    this.#probes.close();
    this.#expire(Number.POSITIVE_INFINITY);
    if (this.#expiry !== null) clearTimeout(this.#expiry);
    await Promise.all(this.#ending);
  }

  #enqueue(record: NewRecord, onSettled: PendingAppend['onSettled']): void {
    const { topic, key: text, value, markOriginal = false } = record;
    const headers = markOriginal ? withRoomForMark(record.headers) : record.headers;
    const key = text === null ? null : Buffer.from(text);
    const outgoing = { key, value, headers };
    const bytes = recordBytes(outgoing);
    const place = this.#refusal(topic, bytes) ?? this.#placeFor(topic, key);
    if (place instanceof GatewayError) {
      onSettled({ ok: false, error: place });
      return;
    }
    const deadlineMs = performance.now() + this.#options.append.deadlineMs;
    place.writer.push({ record: outgoing, bytes, deadlineMs, onSettled, settled: false });
    place.sender?.offer(place.writer);
    this.#expiry ??= setTimeout(() => this.#expireAndWait(), this.#options.append.deadlineMs);
  }

  #refusal(topic: string, bytes: number): GatewayError | null {
    const { append, cluster, state, topics } = this.#options;
    if (this.#isDraining) return new GatewayError('draining');
    if (!topics.includes(topic)) return unknownTopic(topic);
    if (cluster.view === null || !state.connected)
      return unavailable('Kafka cannot be reached at the moment');
    const fault = this.#faultOf(topic);
    if (fault !== null) return fault;
    if (cluster.partitionCount(topic) === 0)
      return unavailable(`Kafka does not tell of topic ${topic} at the moment`);
    if (bytes > append.queueBytes) {
      return new GatewayError('event-too-large', 'the event is larger than all that may wait for Kafka');
    }
    if (this.#queued.records >= append.queueRecords || this.#queued.bytes + bytes > append.queueBytes) {
      return new GatewayError('too-many-in-flight', 'too many events are waiting for Kafka');
    }
    return null;
  }

  /** What no waiting would change about the topic, or null. */
  #faultOf(topic: string): GatewayError | null {
    const { state, detail } = this.#faults.of(topic);
    if (state === 'missing') return new GatewayError('unknown-topic', detail ?? topic);
    // Who may write to a topic may see it.
    if (state === 'forbidden')
      return refusalOf({ topic, partition: 0 }, ERROR_CODE.TOPIC_AUTHORIZATION_FAILED);
    return null;
  }

  /** Where the record goes: by its key, else each time to another partition that can take it. */
  #placeFor(topic: string, key: Buffer | null): Place | GatewayError {
    const count = this.#options.cluster.partitionCount(topic);
    if (key !== null) return this.#open(this.#place({ topic, partition: partitionOf(key, count) }));
    const turn = this.#turns.get(topic) ?? 0;
    this.#turns.set(topic, turn + 1);
    let first: GatewayError | null = null;
    for (let i = 0; i < count; i++) {
      const found = this.#open(this.#place({ topic, partition: (turn + i) % count }));
      if (!(found instanceof GatewayError)) return found;
      first ??= found;
    }
    return first!;
  }

  /** The place, or why it takes nothing at the moment. */
  #open(place: Place): Place | GatewayError {
    const trouble = this.#troubleOf(place);
    if (trouble === null) return place;
    const message = `Kafka does not take events for ${keyOf(place.writer)} at the moment: ${trouble.message}`;
    return new GatewayError('log-unavailable', message, { cause: trouble });
  }

  #troubleOf({ writer, service, sender, leaderlessSinceMs }: Place): Error | null {
    if (leaderlessSinceMs === null) return sender?.failure ?? writer.trouble;
    // An election is a matter of moments, unless the leader was away before.
    const isElection =
      service.current.state !== 'interrupted' &&
      performance.now() - leaderlessSinceMs <= this.#options.kafka.livenessMs;
    return isElection ? null : new Error('it has no leader');
  }

  #place({ topic, partition }: TopicPartition): Place {
    const { append, kafka, logger } = this.#options;
    let places = this.#places.get(topic);
    if (places === undefined) {
      places = [];
      this.#places.set(topic, places);
    }
    while (places.length <= partition) {
      const writer = new PartitionWriter({
        partition: { topic, partition: places.length },
        kafka,
        append,
        logger,
        tally: this.#queued,
        producerId: this.#producerId,
      });
      const place: Place = {
        writer,
        service: new TrackedService('starting'),
        sender: null,
        lastSender: null,
        leaderlessSinceMs: performance.now(),
      };
      places.push(place);
      this.#placeOf.set(writer, place);
    }
    return places[partition]!;
  }

  #connect(address: BrokerAddress): LeaderSender {
    const { append, cluster, kafka, onFailure, onProduced, state } = this.#options;
    const sender = new LeaderSender({
      address,
      kafka,
      append,
      links: this.#links,
      probes: this.#probes,
      producerId: this.#producerId,
      senderOf: (writer) => this.#placeOf.get(writer)?.sender ?? null,
      refresh: () => cluster.refresh(),
      onStored: onProduced,
      onFailure,
      onChange: () => {
        if (sender.failure !== null) state.noted(sender.failure);
        this.#judge();
      },
    });
    this.#senders.set(nameOf(address), sender);
    this.#ending.add(sender.ended);
    void sender.ended.then(() => this.#ending.delete(sender.ended));
    return sender;
  }

  #disconnect(name: string, sender: LeaderSender): void {
    this.#senders.delete(name);
    sender.close();
  }

  #judgePlace(place: Place): void {
    const { writer, service, sender } = place;
    const trouble = this.#troubleOf(place);
    if (trouble !== null) service.become('interrupted', trouble.message);
    else if (writer.isForbidden)
      service.become('forbidden', missingRight(this.#options.kafka, 'Write', writer.topic));
    else if (sender?.isReached === true) service.become('ok');
  }

  /** While nothing can be reached, that is told once for all topics. */
  #reportTopics(): void {
    const { logger, state, topics } = this.#options;
    if (!state.connected) return;
    for (const topic of topics) {
      const { state: now, detail } = this.topic(topic);
      const before = this.#reported.get(topic) ?? 'starting';
      if (now === before) continue;
      this.#reported.set(topic, now);
      if (now !== 'ok') logger.warn({ topic, state: now, detail }, 'Appends to topic failing');
      else if (before !== 'starting') logger.info({ topic }, 'Appends to topic recovered');
    }
  }

  #judge(): void {
    const { cluster, state } = this.#options;
    if (this.#isClosed) return;
    for (const place of this.#placeOf.values()) this.#judgePlace(place);
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

  #expireAndWait(): void {
    const nowMs = performance.now();
    const nextMs = this.#expire(nowMs);
    this.#expiry =
      nextMs === Number.POSITIVE_INFINITY
        ? null
        : setTimeout(() => this.#expireAndWait(), Math.max(0, nextMs - nowMs));
  }

  /** Settles what is past its deadline; answers with the next deadline, infinite when nothing waits. */
  #expire(nowMs: number): number {
    let nextMs = Number.POSITIVE_INFINITY;
    for (const writer of this.#placeOf.keys()) nextMs = Math.min(nextMs, writer.expire(nowMs));
    return nextMs;
  }
}

function unknownTopic(topic: string): GatewayError {
  return new GatewayError('unknown-topic', `there is no topic ${topic} here`);
}

function unavailable(message: string): GatewayError {
  return new GatewayError('log-unavailable', message);
}
