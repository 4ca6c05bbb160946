import { performance } from 'node:perf_hooks';
import type { KafkaConfig } from '../../config';
import type { Logger } from '../../logger';
import type { EpochEnd, EpochQuery, LogLayout, PartitionBounds, TopicPartition } from '../event-log';
import { type Backoff, createBackoff, pause } from './backoff';
import { type BrokerAddress, type KafkaRequest, nameOf } from './broker-link';
import { BrokerLinks } from './broker-links';
import { type Metadata, metadataRequest, type TopicMetadata } from './metadata-request';
import { offsetForLeaderEpochRequest } from './offset-for-leader-epoch-request';
import { askBounds } from './partition-bounds';
import { ERROR_CODE } from './protocol-error';
import { createTopicCreator } from './topic-creator';
import { keyOf } from './topic-partitions';

export interface LedPartition extends TopicPartition {
  readonly topicId: string;
  /** Null while the partition has no leader. */
  readonly leader: BrokerAddress | null;
}

/** What is known of the Kafka cluster, at one moment. */
export interface ClusterView {
  readonly clusterId: string;
  /** Partitions of the topics in use that exist, in the order of the configuration, then by number. */
  readonly partitions: readonly LedPartition[];
}

export interface ClusterOptions {
  readonly kafka: KafkaConfig;
  readonly topics: readonly string[];
  readonly logger: Logger;
  readonly onView: (view: ClusterView) => void;
  readonly onUnreachable: (error: Error) => void;
}

/** Keeps an up-to-date view of the cluster, over connections of its own, and creates the topics it may create. */
export class Cluster {
  readonly #options: ClusterOptions;
  readonly #links: BrokerLinks;
  readonly #backoff: Backoff;
  readonly #closing = new AbortController();
  readonly #createMissing: ReturnType<typeof createTopicCreator>;
  readonly #running: Promise<void>;
  #wake = new AbortController();
  readonly #partitionCounts = new Map<string, number>();
  #view: ClusterView | null = null;
  #brokers: readonly BrokerAddress[];
  #loading: Promise<ClusterView> | null = null;

  constructor(options: ClusterOptions) {
    const { kafka, logger } = options;
    this.#options = options;
    this.#brokers = kafka.brokers.map(parseAddress);
    this.#backoff = createBackoff(kafka.retryMinMs, kafka.retryMaxMs);
    this.#links = new BrokerLinks({ kafka, logger, onLost: () => this.#wake.abort() });
    this.#createMissing = createTopicCreator(options);
    this.#running = this.#keepFresh();
  }

  /** The last view; null before the first one. */
  get view(): ClusterView | null {
    return this.#view;
  }

  /**
   * Partitions of a topic; 0 when it does not exist. A broker that has just started may not know a topic yet: what was
   * known stays, so that no key goes to a wrong partition.
   */
  partitionCount(topic: string): number {
    return this.#partitionCounts.get(topic) ?? 0;
  }

  /** Asks for a new view, or joins a request that is under way. @throws Error when no broker answers */
  refresh(): Promise<ClusterView> {
    this.#loading ??= this.#load().finally(() => {
      this.#loading = null;
    });
    return this.#loading;
  }

  /**
   * A fresh view with the bounds of every partition, with `atTime` when `timeMs` is given.
   * @throws Error when a broker or a leader is missing
   */
  async layout(timeMs?: number): Promise<LogLayout> {
    const view = await this.refresh();
    const partitions = await this.bounds(view.partitions, timeMs);
    return { clusterId: view.clusterId, partitions, unavailable: [] };
  }

  /** Bounds of these partitions, asked now, in the same order. @throws Error as `layout` */
  bounds(partitions: readonly LedPartition[], timeMs?: number): Promise<PartitionBounds[]> {
    return askBounds(partitions, this.#links, this.#options.kafka.livenessMs, timeMs);
  }

  /** Asks the leaders of these partitions. @throws Error when one of them does not answer or knows better */
  async epochEnds(asked: readonly EpochQuery[]): Promise<EpochEnd[]> {
    const view = this.#view ?? (await this.refresh());
    const leaders = new Map(view.partitions.map((led) => [keyOf(led), led.leader]));
    const byLeader = new Map<BrokerAddress, EpochQuery[]>();
    for (const query of asked) {
      const leader = leaders.get(keyOf(query)) ?? null;
      if (leader === null) continue;
      byLeader.set(leader, [...(byLeader.get(leader) ?? []), query]);
    }
    const answers = [...byLeader].map(async ([leader, queries]) => {
      const link = await this.#links.get(leader);
      const { ends } = await link.send(offsetForLeaderEpochRequest(queries), this.#options.kafka.livenessMs);
      return ends.filter(({ errorCode }) => errorCode === ERROR_CODE.NONE);
    });
    return (await Promise.all(answers)).flat();
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#wake.abort();
    this.#links.close();
    await this.#running;
  }

  async #keepFresh(): Promise<void> {
    const { kafka, topics, onUnreachable } = this.#options;
    const { signal } = this.#closing;
    while (!signal.aborted) {
      this.#wake = new AbortController();
      try {
        const { partitions } = await this.refresh();
        if (partitions.some(({ leader }) => leader === null)) {
          await this.#backoff.wait(signal);
          continue;
        }
        this.#backoff.reset();
        const complete = topics.every((name) => partitions.some(({ topic }) => topic === name));
        const periodMs = complete
          ? kafka.metadataRefreshMs
          : Math.min(kafka.metadataRefreshMs, kafka.livenessMs / 2);
        await pause(periodMs, this.#wake.signal);
      } catch (error) {
        if (signal.aborted) return;
        onUnreachable(error as Error);
        await this.#backoff.wait(signal);
      }
    }
  }

  async #load(): Promise<ClusterView> {
    const { kafka, topics, onView } = this.#options;
    let metadata = await this.#ask(metadataRequest(topics));
    const created = await this.#createMissing(metadata, (request, timeoutMs) =>
      this.#askController(metadata, request, timeoutMs),
    );
    // A topic is in the metadata of every broker only a moment after it was created.
    const patientUntilMs = performance.now() + kafka.livenessMs;
    while (created.some((topic) => !hasLeaders(metadata, topic)) && performance.now() < patientUntilMs) {
      await pause(kafka.retryMinMs / 2, this.#closing.signal);
      metadata = await this.#ask(metadataRequest(topics));
    }
    this.#brokers = [...metadata.brokers.values()];
    this.#view = viewOf(metadata, topics);
    for (const { name, partitions } of metadata.topics) {
      if (partitions.length > 0) this.#partitionCounts.set(name, partitions.length);
    }
    onView(this.#view);
    return this.#view;
  }

  /** Asks one broker after the other: one that is connected, those known, those configured. */
  async #ask<T extends { readonly throttleMs: number }>(request: KafkaRequest<T>): Promise<T> {
    const { kafka } = this.#options;
    const known = [...this.#brokers].sort(() => Math.random() - 0.5);
    const candidates = [this.#links.any()?.address, ...known, ...kafka.brokers.map(parseAddress)];
    const tried = new Set<string>();
    let failure = new Error('no broker is known');
    for (const address of candidates) {
      if (address === undefined || tried.has(nameOf(address))) continue;
      tried.add(nameOf(address));
      try {
        const link = await this.#links.get(address);
        return await link.send(request, kafka.livenessMs);
      } catch (error) {
        if (this.#closing.signal.aborted) throw error;
        failure = error as Error;
      }
    }
    throw failure;
  }

  async #askController<T extends { readonly throttleMs: number }>(
    { brokers, controllerId }: Metadata,
    request: KafkaRequest<T>,
    timeoutMs: number,
  ): Promise<T> {
    const address = brokers.get(controllerId);
    if (address === undefined) throw new Error('the cluster has no controller');
    const link = await this.#links.get(address);
    return link.send(request, timeoutMs);
  }
}

function hasLeaders({ topics }: Metadata, name: string): boolean {
  const partitions = topics.find((topic) => topic.name === name)?.partitions ?? [];
  return partitions.length > 0 && partitions.every(({ leader }) => leader >= 0);
}

function viewOf({ clusterId, brokers, topics }: Metadata, names: readonly string[]): ClusterView {
  const byName = new Map(topics.map((topic) => [topic.name, topic]));
  return {
    clusterId,
    partitions: names
      .map((name) => byName.get(name))
      .filter((topic): topic is TopicMetadata => topic !== undefined)
      .flatMap(({ name, topicId, partitions }) =>
        partitions.map(({ partition, leader }) => ({
          topic: name,
          partition,
          topicId,
          leader: brokers.get(leader) ?? null,
        })),
      ),
  };
}

function parseAddress(broker: string): BrokerAddress {
  const colon = broker.lastIndexOf(':');
  return { host: broker.slice(0, colon), port: Number(broker.slice(colon + 1)) };
}
