import { atMost } from '../../backoff';
import { GatewayError } from '../../errors';
import type { AppendResult, NewRecord } from '../event-log';
import { type AppendPartition, AppendPartitions, type AppendPartitionsOptions } from './append-partitions';
import type { PendingAppend } from './append-queue';
import { withRoomForMark } from './origin-mark';
import { partitionOf } from './protocol/partitioner';
import { recordBytes } from './protocol/record-encoder';

/**
 * Appends, to each partition by itself: one batch at a time, in the order in which its records came, with one request in
 * flight for each leader. Records for a partition that cannot be reached are rejected at once and hold up nothing else.
 */
export class Appender {
  readonly partitions: AppendPartitions;
  readonly #options: AppendPartitionsOptions;
  /** By topic, counts records without a key. */
  readonly #turns = new Map<string, number>();
  #unsettled = 0;
  #isDraining = false;
  #onSettled: () => void = () => undefined;
  #expiry: NodeJS.Timeout | null = null;

  constructor(options: AppendPartitionsOptions) {
    this.#options = options;
    this.partitions = new AppendPartitions(options);
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
          if (--left === 0) {
            this.#options.counter.appended(results);
            resolve(results);
          }
          if (--this.#unsettled === 0) this.#onSettled();
        });
      }
    });
  }

  /** Takes no more and waits, up to the deadline, for what was taken. */
  async flush(deadlineMs: number): Promise<void> {
    this.#isDraining = true;
    if (this.#unsettled === 0) return;
    const settled = new Promise<void>((resolve) => {
      this.#onSettled = resolve;
    });
    await atMost(deadlineMs, settled);
  }

  async close(): Promise<void> {
    this.#isDraining = true;
    if (this.#expiry !== null) clearTimeout(this.#expiry);
    await this.partitions.close();
  }

  #enqueue(record: NewRecord, onSettled: PendingAppend['onSettled']): void {
    const { topic, key: given, value, markOriginal = false } = record;
    const { deadlineMs } = this.#options.append;
    const headers = markOriginal ? withRoomForMark(record.headers) : record.headers;
    const key = typeof given === 'string' ? Buffer.from(given) : given;
    const outgoing = { key, value, headers };
    const bytes = recordBytes(outgoing);
    const partition = this.#rejection(topic, bytes) ?? this.#partitionFor(topic, key);
    if (partition instanceof GatewayError) {
      onSettled({ ok: false, error: partition });
      return;
    }
    const { writer, sender } = partition;
    writer.push({
      record: outgoing,
      bytes,
      deadlineMs: performance.now() + deadlineMs,
      onSettled,
      settled: false,
    });
    sender?.offer(writer);
    this.#expiry ??= setTimeout(() => this.#expire(), deadlineMs);
  }

  #rejection(topic: string, bytes: number): GatewayError | null {
    const { append, cluster, state, topics } = this.#options;
    const { queued } = this.partitions;
    if (this.#isDraining) return new GatewayError('draining');
    if (!topics.includes(topic)) return new GatewayError('unknown-topic', `there is no topic ${topic} here`);
    if (cluster.view === null || !state.connected) return new GatewayError('log-unavailable');
    const fault = this.partitions.faultOf(topic);
    if (fault !== null) return fault;
    if (cluster.partitionCount(topic) === 0)
      return new GatewayError('log-unavailable', `Kafka does not tell of topic ${topic} at the moment`);
    if (bytes > append.queueBytes)
      return new GatewayError('event-too-large', 'the event is larger than all that may wait for Kafka');
    if (queued.records >= append.queueRecords || queued.bytes + bytes > append.queueBytes)
      return new GatewayError('too-many-in-flight', 'too many events are waiting for Kafka');
    return null;
  }

  /** Where the record goes: by its key, else each time to another partition that can take it. */
  #partitionFor(topic: string, key: Buffer | null): AppendPartition | GatewayError {
    const count = this.#options.cluster.partitionCount(topic);
    if (key !== null) return this.partitions.open(topic, partitionOf(key, count));
    const turn = this.#turns.get(topic) ?? 0;
    this.#turns.set(topic, turn + 1);
    let first: GatewayError | null = null;
    for (let i = 0; i < count; i++) {
      const found = this.partitions.open(topic, (turn + i) % count);
      if (!(found instanceof GatewayError)) return found;
      first ??= found;
    }
    return first!;
  }

  #expire(): void {
    const nowMs = performance.now();
    const nextMs = this.partitions.expire(nowMs);
    const isEmpty = nextMs === Number.POSITIVE_INFINITY;
    this.#expiry = isEmpty ? null : setTimeout(() => this.#expire(), Math.max(0, nextMs - nowMs));
  }
}
