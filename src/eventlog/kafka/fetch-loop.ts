import { setImmediate as turn } from 'node:timers/promises';
import { type Backoff, createBackoff, pause } from '../../backoff';
import type { KafkaConfig } from '../../config';
import type { BrokerLinks } from './cluster/broker-links';
import { nameOf } from './cluster/broker-socket';
import type { Cluster } from './cluster/cluster';
import { FetchSizing } from './fetch-sizing';
import type { KafkaTail } from './kafka-tail';
import type { PartitionReader } from './partition-reader';
import { type FetchedPartition, fetchRequest } from './protocol/fetch-request';
import type { BrokerAddress } from './protocol/metadata-request';
import { ERROR_CODE, ProtocolError } from './protocol/protocol-error';
import { keyOf } from './protocol/request';
import { missingRight } from './service';

interface FetchLoopOptions {
  readonly address: BrokerAddress;
  readonly kafka: KafkaConfig;
  readonly cluster: Pick<Cluster, 'refresh' | 'bounds'>;
  readonly links: BrokerLinks;
  readonly tail: Pick<KafkaTail, 'partitions' | 'paused' | 'guard' | 'failed' | 'checkLiveness'>;
  readonly signal: AbortSignal;
}

/** Answers of a broker that leads a partition no more, or not yet; or that has not heard of its topic yet. */
const MOVES: ReadonlySet<number> = new Set([
  ERROR_CODE.UNKNOWN_TOPIC_OR_PARTITION,
  ERROR_CODE.UNKNOWN_TOPIC_ID,
  ERROR_CODE.LEADER_NOT_AVAILABLE,
  ERROR_CODE.NOT_LEADER_OR_FOLLOWER,
  ERROR_CODE.REPLICA_NOT_AVAILABLE,
  ERROR_CODE.FENCED_LEADER_EPOCH,
  ERROR_CODE.UNKNOWN_LEADER_EPOCH,
  ERROR_CODE.OFFSET_NOT_AVAILABLE,
]);

/** When to ask for a partition again that the broker answered with an error. */
interface Retry {
  readonly backoff: Backoff;
  /** By `performance.now()`. */
  notBeforeMs: number;
}

/** Fetches from one broker what that broker leads, one request after the other; ends when it leads nothing. */
export class FetchLoop {
  readonly ended: Promise<void>;
  readonly #options: FetchLoopOptions;
  readonly #name: string;
  readonly #sizing: FetchSizing;
  /** Readers that were replaced are not kept. */
  readonly #retries = new WeakMap<PartitionReader, Retry>();
  #rotation = 0;

  constructor(options: FetchLoopOptions) {
    this.#options = options;
    this.#name = nameOf(options.address);
    const { fetchMaxBytes, fetchMaxWaitMs, silenceMs } = options.kafka;
    // While the broker may wait for records, an answer is not slow.
    this.#sizing = new FetchSizing({ maxBytes: fetchMaxBytes, slowMs: fetchMaxWaitMs + silenceMs / 2 });
    this.ended = this.#run();
  }

  get #readers(): readonly PartitionReader[] {
    return this.#options.tail.partitions.ledBy(this.#name);
  }

  async #run(): Promise<void> {
    const { cluster, kafka, signal, tail } = this.#options;
    const backoff = createBackoff(kafka.retryMinMs, kafka.retryMaxMs);
    let reachable = true;
    while (!signal.aborted) {
      try {
        // After a loss the cluster may be another one, or the leader another broker: look before reading on.
        if (!reachable) await cluster.refresh();
        reachable = true;
        if (this.#readers.length === 0) return;
        await this.#step();
        backoff.reset();
      } catch (error) {
        if (signal.aborted) return;
        reachable = false;
        for (const reader of this.#readers) reader.lost('interrupted', (error as Error).message);
        tail.failed(error as Error);
        await backoff.wait(signal);
      }
    }
  }

  async #step(): Promise<void> {
    const { address, kafka, links, signal, tail } = this.#options;
    const { partitions, paused } = tail;
    if (paused !== null) {
      await links.ping(address);
      for (const reader of this.#readers) reader.leaderAnswered();
      tail.checkLiveness();
      if (!paused.aborted) await pause(kafka.silenceMs / 2, paused);
      return;
    }
    const readers = this.#ready();
    if (readers.length === 0) {
      await pause(kafka.retryMinMs, signal);
      return;
    }
    const asked = readers.map((reader) => ({
      topic: reader.topic,
      partition: reader.partition,
      position: reader.position,
      currentLeaderEpoch: partitions.leaderEpochOf(reader),
      lastFetchedEpoch: reader.lastFetchedEpoch,
      reader,
    }));
    const link = await links.get(address);
    const { bytes } = this.#sizing;
    const request = fetchRequest(asked, {
      maxWaitMs: kafka.fetchMaxWaitMs,
      maxBytes: bytes,
      partitionBytes: Math.min(bytes, kafka.fetchPartitionBytes),
    });
    const answer = await this.#sizing.send(link, request, kafka.fetchMaxWaitMs + kafka.silenceMs);
    if (answer.errorCode !== ERROR_CODE.NONE) throw new ProtocolError('Fetch', answer.errorCode);
    const byKey = new Map(asked.map((entry) => [keyOf(entry), entry.reader]));
    for (const fetched of answer.partitions) {
      const reader = byKey.get(keyOf(fetched));
      if (reader === undefined || signal.aborted || !partitions.isCurrent(reader)) continue;
      if (fetched.errorCode === ERROR_CODE.NONE) {
        const { position } = reader;
        reader.fetched();
        let isTaken = true;
        tail.guard(() => {
          isTaken = reader.take(fetched);
        });
        if (isTaken || reader.position !== position) this.#retries.delete(reader);
        if (!isTaken) this.#retryLater(reader);
      } else {
        await this.#rejected(reader, fetched);
      }
      // A large answer takes a while to decode; others get their turn between its partitions.
      if (fetched.recordSet.length > 0 && answer.partitions.length > 1) await turn();
    }
    tail.checkLiveness();
  }

  async #rejected(reader: PartitionReader, { errorCode, ...partition }: FetchedPartition): Promise<void> {
    const { cluster, kafka, tail } = this.#options;
    this.#retryLater(reader);
    if (errorCode === ERROR_CODE.OFFSET_OUT_OF_RANGE) {
      await this.#settle(reader);
      return;
    }
    const error = new ProtocolError(keyOf(partition), errorCode);
    const isForbidden = errorCode === ERROR_CODE.TOPIC_AUTHORIZATION_FAILED;
    if (isForbidden) reader.lost('forbidden', missingRight(kafka, 'Read', reader.topic));
    // A leader that moves is usually found again at once; if it is not, its silence interrupts the partition.
    else if (!MOVES.has(errorCode)) reader.lost('interrupted', error.message);
    tail.failed(error);
    // Not waited for: the other partitions of this broker are well.
    if (!isForbidden) cluster.refresh().catch((failed: Error) => tail.failed(failed));
  }

  /** Settles a position that the broker does not have: records deleted below it, or a log that became shorter. */
  async #settle(reader: PartitionReader): Promise<void> {
    const { cluster, tail } = this.#options;
    const view = await cluster.refresh();
    const led = view.partitions.find((partition) => keyOf(partition) === keyOf(reader));
    if (led === undefined || !tail.partitions.isCurrent(reader)) return;
    const [bounds] = (await cluster.bounds([led])).partitions;
    if (bounds === undefined || !tail.partitions.isCurrent(reader)) return;
    if (reader.position < bounds.logStart) tail.guard(() => reader.skip(bounds.logStart, 'retention'));
    else tail.guard(() => reader.truncate(bounds.logEnd));
  }

  /** The readers whose turn it is, each time another one first: the broker fills its answer in this order. */
  #ready(): readonly PartitionReader[] {
    const now = performance.now();
    const ready = this.#readers.filter((reader) => (this.#retries.get(reader)?.notBeforeMs ?? now) <= now);
    this.#rotation = (this.#rotation + 1) % Math.max(1, ready.length);
    return [...ready.slice(this.#rotation), ...ready.slice(0, this.#rotation)];
  }

  /** A partition that fails, such as for a missing right, must not slow down the others. */
  #retryLater(reader: PartitionReader): void {
    const { retryMinMs, retryMaxMs } = this.#options.kafka;
    const retry = this.#retries.get(reader) ?? {
      backoff: createBackoff(retryMinMs, retryMaxMs),
      notBeforeMs: 0,
    };
    this.#retries.set(reader, retry);
    retry.notBeforeMs = performance.now() + retry.backoff.nextMs();
  }
}
