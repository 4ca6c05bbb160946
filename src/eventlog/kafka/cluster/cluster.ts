import { type Backoff, createBackoff, pause } from '../../../backoff';
import { nearestName } from '../../../nearest-name';
import type { EpochEnd, EpochQuery, LogLayout, ServiceState, TopicPartition } from '../../event-log';
import {
  type BrokerAddress,
  type Metadata,
  metadataRequest,
  type TopicRights,
} from '../protocol/metadata-request';
import { ERROR_CODE, ProtocolError } from '../protocol/protocol-error';
import type { KafkaRequest } from '../protocol/request';
import { BrokerLinks, type LogUse } from './broker-links';
import { nameOf, parseAddress } from './broker-socket';
import { type BoundsQuery, type FoundBounds, Leaders } from './leaders';
import { createTopicCreator } from './topic-creator';

export interface LedPartition extends TopicPartition {
  readonly topicId: string;
  /** Null while the partition has no leader. */
  readonly leader: BrokerAddress | null;
  readonly leaderEpoch: number;
}

/** Why a topic has no partitions in the view. */
export interface TopicFault {
  readonly state: Extract<ServiceState, 'missing' | 'forbidden' | 'interrupted'>;
  readonly error: Error;
  /** The topic that was probably meant by the name of a missing one. */
  readonly nearest: string | null;
}

/** What is known of the Kafka cluster, at one moment. */
export interface ClusterView {
  readonly clusterId: string;
  /** Partitions of the topics in use that exist, in the order of the configuration, then by number. */
  readonly partitions: readonly LedPartition[];
  /** By topic in use; topics without a fault are not here. */
  readonly faults: ReadonlyMap<string, TopicFault>;
  /** By topic in use that exists and may be described. */
  readonly rights: ReadonlyMap<string, TopicRights>;
}

interface ClusterOptions extends LogUse {
  readonly topics: readonly string[];
  readonly onView: (view: ClusterView) => void;
  readonly onUnreachable: (error: Error) => void;
}

/** Keeps a view of the cluster up to date, over its own connections, and creates the topics it may create. */
export class Cluster {
  readonly #options: ClusterOptions;
  readonly #links: BrokerLinks;
  readonly #backoff: Backoff;
  readonly #leaders: Leaders;
  readonly #closing = new AbortController();
  readonly #createMissing: ReturnType<typeof createTopicCreator>;
  readonly #running: Promise<void>;
  #wake = new AbortController();
  readonly #partitionCounts = new Map<string, number>();
  #view: ClusterView | null = null;
  #brokers: readonly BrokerAddress[];
  #loading: Promise<ClusterView> | null = null;
  #nearest: { readonly missing: readonly string[]; readonly names: ReadonlyMap<string, string> } = {
    missing: [],
    names: new Map(),
  };

  constructor(options: ClusterOptions) {
    const { kafka } = options;
    this.#options = options;
    this.#brokers = kafka.brokers.map(parseAddress);
    this.#backoff = createBackoff(kafka.retryMinMs, kafka.retryMaxMs);
    this.#links = new BrokerLinks({ ...options, onLost: () => this.#wake.abort() });
    this.#leaders = new Leaders({
      kafka,
      links: this.#links,
      signal: this.#closing.signal,
      isMember: (name) => this.#brokers.some((broker) => nameOf(broker) === name),
      onStale: () => this.#wake.abort(),
    });
    this.#createMissing = createTopicCreator(options);
    this.#running = this.#keepFresh();
  }

  /** The last view; null before the first one. */
  get view(): ClusterView | null {
    return this.#view;
  }

  /** 0: it does not exist. What was known stays when a new broker does not know it: no key goes to a wrong partition. */
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

  /** A fresh view with the bounds of every partition. @throws Error when no broker answers */
  async layout(query: BoundsQuery = {}): Promise<LogLayout> {
    const view = await this.refresh();
    const found = await this.bounds(view.partitions, query);
    return { clusterId: view.clusterId, ...found };
  }

  bounds(partitions: readonly LedPartition[], query: BoundsQuery = {}): Promise<FoundBounds> {
    return this.#leaders.bounds(partitions, query);
  }

  /** What cannot be asked now is left out. @throws Error before the first view when no broker answers */
  async epochEnds(asked: readonly EpochQuery[]): Promise<EpochEnd[]> {
    const { partitions } = this.#view ?? (await this.refresh());
    return this.#leaders.epochEnds(partitions, asked);
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#wake.abort();
    this.#links.close();
    await Promise.all([this.#running, this.#leaders.ended()]);
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
        const complete = topics.every((name) => partitions.some(({ topic }) => topic === name));
        const periodMs = complete
          ? kafka.metadataRefreshMs
          : Math.min(kafka.metadataRefreshMs, kafka.silenceMs / 2);
        await pause(periodMs, this.#wake.signal);
        // A broker that answers once and ends the connection each time must not be asked without a pause.
        if (this.#wake.signal.aborted) await this.#backoff.wait(signal);
        else this.#backoff.reset();
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
    const patientUntilMs = performance.now() + kafka.silenceMs;
    while (created.some((topic) => !hasLeaders(metadata, topic)) && performance.now() < patientUntilMs) {
      await pause(kafka.retryMinMs / 2, this.#closing.signal);
      metadata = await this.#ask(metadataRequest(topics));
    }
    this.#brokers = [...metadata.brokers.values()];
    this.#view = viewOf(metadata, topics, await this.#nearestNames(metadata));
    for (const { name, partitions } of metadata.topics) {
      if (partitions.length > 0) this.#partitionCounts.set(name, partitions.length);
    }
    onView(this.#view);
    return this.#view;
  }

  /** For each missing topic the name that was probably meant. Asks once while the same topics are missing. */
  async #nearestNames({ topics }: Metadata): Promise<ReadonlyMap<string, string>> {
    const missing = topics
      .filter(({ errorCode }) => faultOf(errorCode) === 'missing')
      .map(({ name }) => name);
    if (missing.join() === this.#nearest.missing.join()) return this.#nearest.names;
    const names = new Map<string, string>();
    if (missing.length > 0) {
      try {
        const existing = (await this.#ask(metadataRequest('all'))).topics.map(({ name }) => name);
        for (const name of missing) {
          const nearest = nearestName(name, existing);
          if (nearest !== null) names.set(name, nearest);
        }
      } catch (error) {
        if (this.#closing.signal.aborted) throw error;
        this.#options.logger.debug({ err: error }, 'Lookup of all topic names failed');
      }
    }
    this.#nearest = { missing, names };
    return names;
  }

  /** Asks one broker after the other: one that is connected, those known, those configured. */
  async #ask<T extends { readonly throttleMs: number }>(request: KafkaRequest<T>): Promise<T> {
    const { kafka } = this.#options;
    // Those known to be away come last.
    const known = this.#brokers
      .map((address) => ({ address, order: Math.random() + (this.#leaders.failureOf(address) ? 1 : 0) }))
      .sort((a, b) => a.order - b.order)
      .map(({ address }) => address);
    const candidates = [this.#links.any()?.address, ...known, ...kafka.brokers.map(parseAddress)]
      .filter((address) => address !== undefined)
      .sort((a, b) => this.#links.restMs(a) - this.#links.restMs(b));
    const tried = new Set<string>();
    let failure = new Error('no broker is known');
    for (const address of candidates) {
      if (tried.has(nameOf(address))) continue;
      tried.add(nameOf(address));
      try {
        const link = await this.#links.get(address);
        return await link.send(request, kafka.silenceMs);
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
    const failure = this.#leaders.failureOf(address);
    if (failure !== null) throw failure;
    try {
      const link = await this.#links.get(address);
      return await link.send(request, timeoutMs);
    } catch (error) {
      this.#leaders.failed(address, error as Error);
      throw error;
    }
  }
}

function hasLeaders({ topics }: Metadata, name: string): boolean {
  const partitions = topics.find((topic) => topic.name === name)?.partitions ?? [];
  return partitions.length > 0 && partitions.every(({ leader }) => leader >= 0);
}

function viewOf(
  { clusterId, brokers, topics }: Metadata,
  names: readonly string[],
  nearest: ReadonlyMap<string, string>,
): ClusterView {
  const byName = new Map(topics.map((topic) => [topic.name, topic]));
  const partitions: LedPartition[] = [];
  const faults = new Map<string, TopicFault>();
  const rights = new Map<string, TopicRights>();
  for (const topic of names) {
    const found = byName.get(topic);
    if (found === undefined) continue;
    const { errorCode, topicId } = found;
    for (const { partition, leader, leaderEpoch } of found.partitions)
      partitions.push({ topic, partition, topicId, leader: brokers.get(leader) ?? null, leaderEpoch });
    if (errorCode === ERROR_CODE.NONE) {
      rights.set(topic, found.rights);
      continue;
    }
    const error = new ProtocolError(topic, errorCode);
    faults.set(topic, { state: faultOf(errorCode), error, nearest: nearest.get(topic) ?? null });
  }
  return { clusterId, partitions, faults, rights };
}

function faultOf(errorCode: number): TopicFault['state'] {
  if (errorCode === ERROR_CODE.UNKNOWN_TOPIC_OR_PARTITION) return 'missing';
  return errorCode === ERROR_CODE.TOPIC_AUTHORIZATION_FAILED ? 'forbidden' : 'interrupted';
}
