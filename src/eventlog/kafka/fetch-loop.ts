import { performance } from 'node:perf_hooks';
import { setImmediate as turn } from 'node:timers/promises';
import { createBackoff, pause } from '../../backoff';
import type { KafkaConfig } from '../../config';
import type { BrokerLinks } from './cluster/broker-links';
import type { BrokerAddress } from './cluster/broker-socket';
import { createFetchSizing, type FetchSizing, sendSized } from './fetch-sizing';
import type { PartitionReader } from './partition-reader';
import { fetchRequest } from './protocol/fetch-request';
import type { FetchedPartition } from './protocol/fetch-response';
import { ERROR_CODE, ProtocolError } from './protocol/protocol-error';
import { keyOf } from './protocol/topic-partitions';

export interface FetchLoopOptions {
  readonly address: BrokerAddress;
  readonly kafka: KafkaConfig;
  readonly links: BrokerLinks;
  readonly signal: AbortSignal;
  /** The partitions to fetch from this broker, asked before each fetch; none ends the loop. */
  readers(): readonly PartitionReader[];
  /** As the metadata has it; −1 when it is not known. */
  leaderEpochOf(reader: PartitionReader): number;
  /** False once the reader was replaced: what was fetched for it is void. */
  isCurrent(reader: PartitionReader): boolean;
  /** Null while fetching, else a signal that aborts when it may go on. */
  paused(): AbortSignal | null;
  deliver(reader: PartitionReader, fetched: FetchedPartition): void;
  onAnswer(): void;
  /** The right to read this partition is missing. */
  onForbidden(reader: PartitionReader): void;
  onFailure(error: Error): void;
  /** Settles a position that the broker does not have. */
  onOutOfRange(reader: PartitionReader): Promise<void>;
  /** Looks at the cluster again. @throws Error when it cannot be reached */
  refresh(): Promise<unknown>;
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

/** Fetches, one request after the other, from one broker what that broker leads. */
export class FetchLoop {
  readonly ended: Promise<void>;
  readonly #options: FetchLoopOptions;
  readonly #sizing: FetchSizing;
  readonly #retries = new Map<PartitionReader, { count: number; notBeforeMs: number }>();
  #rotation = 0;

  constructor(options: FetchLoopOptions) {
    this.#options = options;
    const { fetchMaxBytes, fetchMaxWaitMs, livenessMs } = options.kafka;
    // While the broker may wait for records, an answer is not slow.
    this.#sizing = createFetchSizing({ maxBytes: fetchMaxBytes, slowMs: fetchMaxWaitMs + livenessMs / 2 });
    this.ended = this.#run();
  }

  /** Silence of the broker that means nothing is none of its partitions'. */
  noteAlive(): void {
    const { address, kafka, links, readers } = this.#options;
    const untilMs = links.aliveUntilMs(address);
    if (untilMs > performance.now() - kafka.livenessMs)
      for (const reader of readers()) reader.aliveUntil(untilMs);
  }

  async #run(): Promise<void> {
    const { kafka, signal, onFailure, refresh } = this.#options;
    const backoff = createBackoff(kafka.retryMinMs, kafka.retryMaxMs);
    let reachable = true;
    while (!signal.aborted) {
      try {
        // After a loss the cluster may be another one, or the leader another broker: look before reading on.
        if (!reachable) await refresh();
        reachable = true;
        if (this.#options.readers().length === 0) return;
        await this.#step();
        backoff.reset();
      } catch (error) {
        if (signal.aborted) return;
        reachable = false;
        for (const reader of this.#options.readers()) reader.lost('interrupted', (error as Error).message);
        onFailure(error as Error);
        await backoff.wait(signal);
      }
    }
  }

  async #step(): Promise<void> {
    const { address, kafka, links, paused, signal } = this.#options;
    const resumed = paused();
    if (resumed !== null) {
      await this.#ping();
      if (!resumed.aborted) await pause(kafka.livenessMs / 2, resumed);
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
      currentLeaderEpoch: this.#options.leaderEpochOf(reader),
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
    const { errorCode, partitions } = await sendSized(
      link,
      request,
      kafka.fetchMaxWaitMs + kafka.livenessMs,
      this.#sizing,
    );
    if (errorCode !== ERROR_CODE.NONE) throw new ProtocolError('Fetch', errorCode);
    const byKey = new Map(asked.map((entry) => [keyOf(entry), entry.reader]));
    for (const fetched of partitions) {
      const reader = byKey.get(keyOf(fetched));
      if (reader === undefined || signal.aborted || !this.#options.isCurrent(reader)) continue;
      await this.#take(reader, fetched);
      // A large answer takes a while to decode; others get their turn between its partitions.
      if (fetched.recordSet.length > 0 && partitions.length > 1) await turn();
    }
    this.#options.onAnswer();
  }

  async #take(reader: PartitionReader, fetched: FetchedPartition): Promise<void> {
    if (fetched.errorCode === ERROR_CODE.NONE) {
      this.#retries.delete(reader);
      reader.fetched();
      this.#options.deliver(reader, fetched);
      return;
    }
    this.#retryLater(reader);
    const error = new ProtocolError(keyOf(fetched), fetched.errorCode);
    switch (fetched.errorCode) {
      case ERROR_CODE.OFFSET_OUT_OF_RANGE:
        await this.#options.onOutOfRange(reader);
        return;
      case ERROR_CODE.TOPIC_AUTHORIZATION_FAILED:
        this.#options.onForbidden(reader);
        break;
      default:
        // A leader that moves is found again before its silence counts; one that goes on like this is noticed by it.
        if (!MOVES.has(fetched.errorCode)) reader.lost('interrupted', error.message);
    }
    this.#options.onFailure(error);
    // Not waited for: the other partitions of this broker are well. Who keeps the view says when it cannot be had.
    if (fetched.errorCode !== ERROR_CODE.TOPIC_AUTHORIZATION_FAILED)
      this.#options.refresh().catch((failed: Error) => this.#options.onFailure(failed));
  }

  async #ping(): Promise<void> {
    const { address, links } = this.#options;
    await links.ping(address);
    for (const reader of this.#options.readers()) reader.leaderAnswered();
    this.#options.onAnswer();
  }

  /** The readers whose turn it is, each time another one first: the broker fills its answer in this order. */
  #ready(): readonly PartitionReader[] {
    const now = performance.now();
    const ready = this.#options
      .readers()
      .filter((reader) => (this.#retries.get(reader)?.notBeforeMs ?? now) <= now);
    this.#rotation = (this.#rotation + 1) % Math.max(1, ready.length);
    return [...ready.slice(this.#rotation), ...ready.slice(0, this.#rotation)];
  }

  /** One partition's trouble, such as a missing permission, must not slow its neighbours down. */
  #retryLater(reader: PartitionReader): void {
    const { retryMinMs, retryMaxMs } = this.#options.kafka;
    const count = (this.#retries.get(reader)?.count ?? 0) + 1;
    const waitMs = Math.min(retryMaxMs, retryMinMs * 2 ** Math.min(count - 1, 30));
    this.#retries.set(reader, { count, notBeforeMs: performance.now() + waitMs });
  }
}
