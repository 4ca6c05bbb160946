import { performance } from 'node:perf_hooks';
import type { AppendConfig, KafkaConfig } from '../../config';
import { GatewayError } from '../../errors';
import type { Logger } from '../../logger';
import type { AppendResult, NewRecord } from '../event-log';
import { AppendQueue } from './append-queue';
import { createStamper, STAMP_BYTES, type StampedAppend, type Stamper } from './append-stamper';
import { pause } from './backoff';
import { sendBatch, settle } from './batch-sender';
import { BrokerLinks } from './broker-links';
import type { Cluster } from './cluster';
import type { ConnectionState } from './connection-state';
import { leadersOf, pingAll } from './leader-ping';
import { recordBytes } from './record-encoder';

export interface AppenderOptions {
  readonly kafka: KafkaConfig;
  readonly append: AppendConfig;
  readonly topics: readonly string[];
  readonly logger: Logger;
  readonly cluster: Cluster;
  /** Also the circuit breaker: only while connected are records taken. */
  readonly state: ConnectionState;
  /** Called with how long each request took that was answered with success. */
  readonly onProduced: (durationMs: number) => void;
  /** Called for each request and connection that failed. */
  readonly onFailure: () => void;
}

const PINGS_PER_LIVENESS = 4;

/**
 * Appends with acks −1, one request at a time: what arrives meanwhile goes into the next batch, which is what makes
 * it fast, and a batch starts only when the one before is settled, which is what keeps the order.
 */
export class Appender {
  readonly #options: AppenderOptions;
  readonly #links: BrokerLinks;
  readonly #closing = new AbortController();
  readonly #probing: Promise<void>;
  readonly #stamp: Stamper;
  readonly #queue = new AppendQueue();
  #batch: readonly StampedAppend[] = [];
  #batchSinceMs = 0;
  #sending: Promise<void> | null = null;
  #draining = false;
  #failures = 0;
  #expiry: NodeJS.Timeout | null = null;
  #wake = new AbortController();

  constructor(options: AppenderOptions) {
    const { cluster, kafka, logger } = options;
    this.#options = options;
    this.#stamp = createStamper(cluster);
    this.#links = new BrokerLinks({
      kafka,
      logger,
      onLost: (_address, reason) => this.#failed(reason, true),
    });
    this.#probing = this.#probe();
  }

  append(records: readonly NewRecord[]): Promise<readonly AppendResult[]> {
    return new Promise((resolve) => {
      const results = new Array<AppendResult>(records.length);
      let left = records.length;
      if (left === 0) resolve(results);
      for (const [index, record] of records.entries()) {
        this.#enqueue(record, (result) => {
          results[index] = result;
          if (--left === 0) resolve(results);
        });
      }
    });
  }

  /** What waits for the request in flight. */
  get queued(): { readonly queuedRecords: number; readonly queuedBytes: number } {
    return { queuedRecords: this.#queue.length, queuedBytes: this.#queue.bytes };
  }

  /** To be called when the cluster can be asked again, so that a probe need not wait for its turn. */
  clusterFound(): void {
    if (!this.#options.state.connected) this.#wake.abort();
  }

  /** Judges whether the request in flight has been silent for too long; called regularly. */
  checkLiveness(): void {
    const { kafka, state } = this.#options;
    const silentMs = performance.now() - this.#batchSinceMs;
    if (this.#batch.length > 0 && silentMs > kafka.livenessMs && state.connected) {
      state.failed(new Error('an append is not answered'));
    }
  }

  /** Takes no more and waits, up to the deadline, for what was taken. */
  async flush(deadlineMs: number): Promise<void> {
    this.#draining = true;
    if (this.#sending === null) return;
    const patience = new AbortController();
    await Promise.race([this.#sending, pause(deadlineMs, patience.signal)]);
    patience.abort();
  }

  /** Settles whatever is left. */
  async close(): Promise<void> {
    this.#draining = true;
    this.#closing.abort();
    this.#wake.abort();
    this.#links.close();
    this.#expire(Number.POSITIVE_INFINITY);
    if (this.#expiry !== null) clearTimeout(this.#expiry);
    await Promise.all([this.#sending, this.#probing]);
  }

  #enqueue({ topic, key: text, value, headers }: NewRecord, onSettled: (result: AppendResult) => void): void {
    const key = text === null ? null : Buffer.from(text);
    const bytes = recordBytes({ key, value, headers }) + STAMP_BYTES;
    const refusal = this.#refusal(topic, bytes);
    if (refusal !== null) {
      onSettled({ ok: false, error: refusal });
      return;
    }
    const deadlineMs = performance.now() + this.#options.append.deadlineMs;
    this.#queue.push({ topic, key, value, headers, bytes, deadlineMs, onSettled });
    this.#watchDeadlines();
    this.#sending ??= this.#send();
  }

  #refusal(topic: string, bytes: number): GatewayError | null {
    const { append, cluster, state, topics } = this.#options;
    if (this.#draining) return new GatewayError('draining', 'the gateway is shutting down');
    const { view } = cluster;
    if (!topics.includes(topic)) return unknownTopic(topic);
    if (view === null || !state.connected) {
      return new GatewayError('log-unavailable', 'Kafka cannot be reached at the moment');
    }
    if (cluster.partitionCount(topic) === 0) return unknownTopic(topic);
    if (bytes > append.queueBytes) {
      return new GatewayError('event-too-large', 'the event is larger than all that may wait for Kafka');
    }
    if (this.#queue.length >= append.queueRecords || this.#queue.bytes + bytes > append.queueBytes) {
      return new GatewayError('too-many-in-flight', 'too many events are waiting for Kafka');
    }
    return null;
  }

  async #send(): Promise<void> {
    const { kafka, append, cluster } = this.#options;
    // What is appended in the same turn of the event loop belongs into the first batch too.
    await Promise.resolve();
    while (this.#queue.length > 0) {
      this.#batch = this.#queue.take(append.batchRecords, append.batchBytes).map(this.#stamp);
      this.#batchSinceMs = performance.now();
      await sendBatch(this.#batch, {
        kafka,
        append,
        cluster,
        links: this.#links,
        signal: this.#closing.signal,
        onStored: (durationMs) => {
          this.#options.onProduced(durationMs);
          this.#answered();
        },
        onFailure: (error, lost) => this.#failed(error, lost),
      });
      if (!this.#closing.signal.aborted) this.#batch = [];
    }
    this.#sending = null;
  }

  #answered(): void {
    this.#failures = 0;
    this.#batchSinceMs = performance.now();
    this.#options.state.becameConnected();
  }

  #failed(error: Error, lost: boolean): void {
    const { append, state } = this.#options;
    if (this.#closing.signal.aborted) return;
    this.#options.onFailure();
    this.#failures++;
    if (!lost && this.#failures < append.breakerFailures) return;
    const wasConnected = state.connected;
    state.failed(error);
    if (wasConnected) this.#wake.abort();
  }

  /** Asks the leaders now and then whether they are there; while they are not, this is what ends the outage. */
  async #probe(): Promise<void> {
    const { append, cluster, kafka, state } = this.#options;
    const { signal } = this.#closing;
    while (!signal.aborted) {
      const wasConnected = state.connected;
      try {
        if (!wasConnected) await cluster.refresh();
        const leaders = leadersOf(cluster.view?.partitions ?? []);
        if (this.#batch.length === 0 || !wasConnected) await pingAll(leaders, this.#links, kafka.livenessMs);
        if (!wasConnected) this.#answered();
      } catch (error) {
        if (signal.aborted) return;
        this.#failed(error as Error, true);
      }
      this.#wake = new AbortController();
      const restMs = state.connected ? kafka.livenessMs / PINGS_PER_LIVENESS : append.breakerProbeMs;
      await pause(restMs, this.#wake.signal);
    }
  }

  #watchDeadlines(): void {
    if (this.#expiry !== null) return;
    const next = this.#batch.find(({ settled }) => !settled) ?? this.#queue.oldest;
    if (next === undefined) return;
    this.#expiry = setTimeout(
      () => {
        this.#expiry = null;
        this.#expire(performance.now());
        this.#watchDeadlines();
      },
      Math.max(0, next.deadlineMs - performance.now()),
    );
  }

  /** Settles what is past its deadline. */
  #expire(nowMs: number): void {
    for (const sent of this.#batch) {
      if (sent.deadlineMs > nowMs || sent.settled) continue;
      const error = sent.uncertain
        ? new GatewayError('outcome-unknown', 'Kafka has not answered in time; the event may still be stored')
        : new GatewayError('log-unavailable', 'Kafka did not take the event in time');
      settle(sent, { ok: false, error });
    }
    for (const queued of this.#queue.takeExpired(nowMs)) {
      const error = new GatewayError('log-unavailable', 'Kafka did not take the event in time');
      queued.onSettled({ ok: false, error });
    }
  }
}

function unknownTopic(topic: string): GatewayError {
  return new GatewayError('unknown-topic', `there is no topic ${topic} here`);
}
