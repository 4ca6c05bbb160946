import type { KafkaConfig } from '../../config';
import type { Logger } from '../../logger';
import type {
  LogLayout,
  PartitionBounds,
  PartitionStatus,
  Service,
  TailListener,
  TopicPartition,
  UnavailablePartition,
} from '../event-log';
import { nameOf } from './cluster/broker-socket';
import type { ClusterView, LedPartition } from './cluster/cluster';
import { PartitionReader } from './partition-reader';
import type { BrokerAddress } from './protocol/metadata-request';
import { keyOf } from './protocol/request';
import { missingRight, TopicFaults, TrackedService, worstOf } from './service';

interface TailPartitionsOptions {
  readonly kafka: KafkaConfig;
  readonly topics: readonly string[];
  readonly listener: TailListener;
  readonly logger: Logger;
}

interface WaitingPartition extends TopicPartition {
  readonly topicId: string;
  /** It existed unread at this Unix time, so older records are not for the streams; null: all of it is new. */
  readonly sinceMs: number | null;
  readonly service: TrackedService;
  /** As it was when the cluster was last asked. */
  leader: string | null;
}

interface Leader {
  readonly address: BrokerAddress;
  readonly name: string;
}

const NO_LEADER = 'it has no leader';
const UNKNOWN_EPOCH = -1;

/** The partitions of the topics in use: those that are read, and those that are waited for. */
export class TailPartitions {
  readonly #options: TailPartitionsOptions;
  readonly #faults: TopicFaults;
  readonly #readers = new Map<string, PartitionReader>();
  readonly #waiting = new Map<string, WaitingPartition>();
  readonly #resetting = new Set<string>();
  /** Topics of which nothing could be seen at the start, not even whether they exist: since this Unix time. */
  readonly #hiddenSinceMs = new Map<string, number>();
  #led: ReadonlyMap<string, { readonly leader: Leader | null; readonly leaderEpoch: number }> = new Map();

  constructor(options: TailPartitionsOptions) {
    this.#options = options;
    this.#faults = new TopicFaults(options);
  }

  get isReading(): boolean {
    return this.#readers.size > 0;
  }

  get isWaiting(): boolean {
    return this.#waiting.size > 0;
  }

  get isResetting(): boolean {
    return this.#resetting.size > 0;
  }

  *all(): Iterable<PartitionReader | WaitingPartition> {
    yield* this.#readers.values();
    yield* this.#waiting.values();
  }

  /** Brokers that lead a partition that is read. */
  leaders(): readonly Leader[] {
    return [...this.#readers.keys()].flatMap((key) => this.#led.get(key)?.leader ?? []);
  }

  ledBy(name: string): readonly PartitionReader[] {
    return [...this.#readers].flatMap(([key, reader]) =>
      this.#led.get(key)?.leader?.name === name ? [reader] : [],
    );
  }

  /** As the metadata has it; −1 when it is not known. */
  leaderEpochOf(reader: PartitionReader): number {
    return this.#led.get(keyOf(reader))?.leaderEpoch ?? UNKNOWN_EPOCH;
  }

  /** False once the reader was replaced: what was fetched for it is void. */
  isCurrent(reader: PartitionReader): boolean {
    return this.#readers.get(keyOf(reader)) === reader;
  }

  isWaitedFor(partition: TopicPartition & { readonly topicId: string }): boolean {
    return this.#waiting.get(keyOf(partition))?.topicId === partition.topicId;
  }

  isForbidden(partition: TopicPartition): boolean {
    const key = keyOf(partition);
    const service = this.#readers.get(key)?.service ?? this.#waiting.get(key)?.service;
    return service?.current.state === 'forbidden';
  }

  /** In the order of the configuration, then by number. */
  statuses(): PartitionStatus[] {
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
    const places = new Map(this.#options.topics.map((topic, place) => [topic, place]));
    const place = ({ topic }: TopicPartition) => places.get(topic)!;
    return found.sort((a, b) => place(a) - place(b) || a.partition - b.partition);
  }

  services(): ReadonlyMap<string, Service> {
    const services = new Map<string, Service[]>(this.#options.topics.map((topic) => [topic, []]));
    for (const { topic, service } of this.all()) services.get(topic)!.push(service.current);
    return new Map(
      [...services].map(([topic, found]) => {
        const fault = this.#faults.of(topic);
        if (fault.state !== 'ok') return [topic, fault];
        // A topic that is looked up anew has no partitions for a moment.
        return [topic, worstOf(found) ?? { ...fault, state: 'starting' }];
      }),
    );
  }

  /** @param aliveUntilMs by `performance.now()`: up to then a leader's silence means nothing */
  checkSilence(limitMs: number, aliveUntilMs: (leader: BrokerAddress) => number): void {
    for (const [key, reader] of this.#readers) {
      const leader = this.#led.get(key)?.leader ?? null;
      if (leader !== null) reader.aliveUntil(aliveUntilMs(leader.address));
      if (!this.#faults.isDoubtful(reader.topic)) reader.checkSilence(limitMs);
    }
  }

  /** To be called with every view, and before the others that follow it. */
  followTopics(view: ClusterView): void {
    const read = new Set([...this.#readers.values()].map(({ topic }) => topic));
    this.#faults.follow(view, (topic) => read.has(topic));
  }

  followLeaders(partitions: readonly LedPartition[]): void {
    this.#led = new Map(
      partitions.map((led) => {
        const leader = led.leader === null ? null : { address: led.leader, name: nameOf(led.leader) };
        return [keyOf(led), { leader, leaderEpoch: led.leaderEpoch }];
      }),
    );
  }

  /** Topics that are read and have another id by now. */
  recreated(view: ClusterView): readonly string[] {
    const ids = new Map(view.partitions.map(({ topic, topicId }) => [topic, topicId]));
    const found = [...this.#readers.values()].filter(
      ({ topic, topicId }) => (ids.get(topic) ?? topicId) !== topicId,
    );
    return [...new Set(found.map(({ topic }) => topic))];
  }

  /** True when another partition is waited for, or one of them has another leader. */
  followPartitions(view: ClusterView): boolean {
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
    const added = unread.filter((led) => !this.isWaitedFor(led));
    this.waitFor(added, null);
    let isChanged = added.length > 0;
    for (const led of unread) {
      const waiting = this.#waiting.get(keyOf(led))!;
      const leader = led.leader === null ? null : nameOf(led.leader);
      isChanged ||= leader !== waiting.leader;
      waiting.leader = leader;
    }
    return isChanged;
  }

  /** Topics of which nothing is known at the start. */
  hide(topics: readonly string[], sinceMs: number): void {
    for (const topic of topics) this.#hiddenSinceMs.set(topic, sinceMs);
  }

  read(bounds: PartitionBounds, position: bigint): void {
    const { listener, logger } = this.#options;
    this.#readers.set(keyOf(bounds), new PartitionReader({ bounds, position, listener, logger }));
    this.#waiting.delete(keyOf(bounds));
  }

  /** @param sinceMs null: they are new, unless their topic was hidden at the start */
  waitFor(partitions: readonly Omit<UnavailablePartition, 'reason'>[], sinceMs: number | null): void {
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
  }

  /** The earliest `sinceMs` of all that are waited for; null when all are new. */
  get waitingSinceMs(): number | null {
    const times = [...this.#waiting.values()].flatMap(({ sinceMs }) => (sinceMs === null ? [] : [sinceMs]));
    return times.length === 0 ? null : Math.min(...times);
  }

  /** Where to begin to read a partition that was waited for. */
  startOf({ logStart, atTime, ...partition }: PartitionBounds): bigint {
    const isNew = this.#waiting.get(keyOf(partition))!.sinceMs === null;
    return isNew ? logStart : (atTime ?? logStart);
  }

  /** Says what is wrong with a partition that is waited for; null for others. */
  becameUnavailable(partition: UnavailablePartition): string | null {
    const waiting = this.#waiting.get(keyOf(partition));
    if (waiting === undefined) return null;
    const { leader, service, topic } = waiting;
    if (partition.reason === 'forbidden') {
      service.become('forbidden', missingRight(this.#options.kafka, 'Read', topic));
    } else {
      service.become('interrupted', leader === null ? NO_LEADER : `its leader ${leader} does not answer`);
    }
    return service.current.detail;
  }

  /** Forgets the partitions of these topics until `endReset`. */
  beginReset(topics: readonly string[]): void {
    for (const topic of topics) this.#resetting.add(topic);
    for (const group of [this.#readers, this.#waiting]) {
      for (const [key, { topic }] of group) if (this.#resetting.has(topic)) group.delete(key);
    }
  }

  endReset(topics: readonly string[]): void {
    for (const topic of topics) this.#resetting.delete(topic);
  }

  /** The partitions being read, each up to where it has been read, whether or not its leader answers at the moment. */
  reached({ partitions }: LogLayout): PartitionBounds[] {
    const starts = new Map(partitions.map((bounds) => [keyOf(bounds), bounds.logStart]));
    return [...this.#readers].map(([key, { topic, partition, topicId, position }]) => {
      const start = starts.get(key) ?? position;
      return { topic, partition, topicId, logStart: start < position ? start : position, logEnd: position };
    });
  }
}
