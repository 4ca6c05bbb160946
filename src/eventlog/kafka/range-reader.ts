import { createBackoff } from '../../backoff';
import { GatewayError } from '../../errors';
import type { LogGap, LogRecord, ReadChunk, ReadLimits, TopicPartition } from '../event-log';
import { contentBytes } from '../records';
import { BrokerLinks, type LogUse } from './cluster/broker-links';
import { nameOf } from './cluster/broker-socket';
import type { Cluster, LedPartition } from './cluster/cluster';
import { FetchSizing } from './fetch-sizing';
import { type FetchedPartition, fetchRequest } from './protocol/fetch-request';
import type { BrokerAddress } from './protocol/metadata-request';
import { ERROR_CODE, ProtocolError } from './protocol/protocol-error';
import { decodeRecordSet } from './protocol/record-batch';
import { keyOf } from './protocol/request';

interface RangeReaderOptions extends LogUse {
  readonly cluster: Cluster;
}

const UNKNOWN_EPOCH = -1;

/** Reads ranges of the event log. It has its own connections: on the tail's they would wait for the idle fetch. */
export class RangeReader {
  readonly #options: RangeReaderOptions;
  readonly #links: BrokerLinks;
  readonly #closing = new AbortController();
  readonly #sizings = new Map<string, FetchSizing>();

  constructor(options: RangeReaderOptions) {
    this.#options = options;
    this.#links = new BrokerLinks(options);
  }

  async read(partition: TopicPartition, from: bigint, to: bigint, limits: ReadLimits): Promise<ReadChunk> {
    const { cluster, kafka } = this.#options;
    const backoff = createBackoff(kafka.retryMinMs, kafka.retryMaxMs);
    const giveUpAtMs = Date.now() + kafka.requestTimeoutMs;
    if (to <= from) return { ...partition, records: [], next: from, leaderEpoch: UNKNOWN_EPOCH, gaps: [] };
    for (;;) {
      limits.signal?.throwIfAborted();
      try {
        return await this.#tryRead(partition, from, to, limits);
      } catch (error) {
        limits.signal?.throwIfAborted();
        if (error instanceof GatewayError) throw error;
        this.#options.watch.requestFailed();
        if (Date.now() > giveUpAtMs || this.#closing.signal.aborted) throw unavailable(error as Error);
        await backoff.wait(this.#closing.signal);
        await cluster.refresh().catch((lost: Error) => {
          throw unavailable(lost);
        });
      }
    }
  }

  close(): void {
    this.#closing.abort();
    this.#links.close();
  }

  async #tryRead(
    partition: TopicPartition,
    from: bigint,
    to: bigint,
    { maxBytes, signal }: ReadLimits,
  ): Promise<ReadChunk> {
    const { kafka } = this.#options;
    const led = this.#find(partition);
    if (led.leader === null) throw new ProtocolError(keyOf(led), ERROR_CODE.LEADER_NOT_AVAILABLE);
    const link = await this.#links.get(led.leader);
    signal?.throwIfAborted();
    const sizing = this.#sizingOf(led.leader);
    const bytes = Math.min(maxBytes, sizing.bytes);
    const request = fetchRequest([{ ...partition, position: from }], {
      maxWaitMs: 0,
      maxBytes: bytes,
      partitionBytes: bytes,
    });
    let answer = await sizing.send(link, request, kafka.requestTimeoutMs);
    // Over its quota a reader is given nothing but the time to wait; the link does.
    while (answer.throttleMs > 0 && answer.partitions.length === 0) {
      signal?.throwIfAborted();
      answer = await sizing.send(link, request, kafka.requestTimeoutMs);
    }
    const { errorCode, partitions } = answer;
    const [fetched] = partitions;
    const code = errorCode === ERROR_CODE.NONE ? (fetched?.errorCode ?? ERROR_CODE.NONE) : errorCode;
    if (code === ERROR_CODE.OFFSET_OUT_OF_RANGE) return this.#readOutOfRange(led, from, to, { maxBytes });
    if (fetched === undefined || code !== ERROR_CODE.NONE) throw new ProtocolError(keyOf(led), code);
    if (fetched.highWatermark >= 0n && from > fetched.highWatermark) throw outOfRange(led, from);
    return this.#chunk(led, from, to, maxBytes, fetched);
  }

  #sizingOf(leader: BrokerAddress): FetchSizing {
    const { fetchMaxBytes: maxBytes, silenceMs } = this.#options.kafka;
    const name = nameOf(leader);
    const sizing = this.#sizings.get(name) ?? new FetchSizing({ maxBytes, slowMs: silenceMs / 2 });
    this.#sizings.set(name, sizing);
    return sizing;
  }

  async #readOutOfRange(led: LedPartition, from: bigint, to: bigint, limits: ReadLimits): Promise<ReadChunk> {
    const {
      partitions: [bounds],
    } = await this.#options.cluster.bounds([led]);
    if (bounds === undefined) throw new ProtocolError(keyOf(led), ERROR_CODE.LEADER_NOT_AVAILABLE);
    if (from >= bounds.logStart) throw outOfRange(led, from);
    const { topic, partition } = led;
    const start = bounds.logStart < to ? bounds.logStart : to;
    const gap: LogGap = { topic, partition, from, to: start, reason: 'retention' };
    if (start === to)
      return { topic, partition, records: [], next: to, leaderEpoch: UNKNOWN_EPOCH, gaps: [gap] };
    const chunk = await this.#tryRead(led, start, to, limits);
    return { ...chunk, gaps: [gap, ...chunk.gaps] };
  }

  #chunk(
    led: LedPartition,
    from: bigint,
    to: bigint,
    maxBytes: number,
    { recordSet, abortedTransactions, highWatermark }: FetchedPartition,
  ): ReadChunk {
    const { topic, partition } = led;
    const decoded = decodeRecordSet(recordSet, from, abortedTransactions, undefined, highWatermark);
    const { records, next } = cut(decoded.records, to, maxBytes, decoded.next < to ? decoded.next : to);
    const gaps = decoded.gaps
      .filter((gap) => gap.from < next)
      .map((gap) => ({
        topic,
        partition,
        from: gap.from,
        to: gap.to < next ? gap.to : next,
        reason: gap.reason,
      }));
    return { topic, partition, records, next, leaderEpoch: decoded.leaderEpoch, gaps };
  }

  #find(partition: TopicPartition): LedPartition {
    const { view } = this.#options.cluster;
    if (view === null) throw unavailable(new Error('Kafka has not been reached yet'));
    const led = view.partitions.find((known) => keyOf(known) === keyOf(partition));
    if (led === undefined)
      throw new GatewayError('unknown-topic', `there is no partition ${keyOf(partition)}`);
    return led;
  }
}

/** The records before `to` that fit, at least one; `next` is where the first that does not fit begins, else `end`. */
function cut(
  records: readonly LogRecord[],
  to: bigint,
  maxBytes: number,
  end: bigint,
): { records: readonly LogRecord[]; next: bigint } {
  let bytes = 0;
  for (const [index, record] of records.entries()) {
    if (record.offset >= to) return { records: records.slice(0, index), next: end };
    bytes += contentBytes(record);
    if (index > 0 && bytes > maxBytes) return { records: records.slice(0, index), next: record.offset };
  }
  return { records, next: end };
}

function unavailable(cause: Error): GatewayError {
  return new GatewayError('log-unavailable', `Kafka cannot be read at the moment: ${cause.message}`, {
    cause,
  });
}

function outOfRange(partition: TopicPartition, offset: bigint): GatewayError {
  return new GatewayError('offset-out-of-range', `${keyOf(partition)} has no offset ${offset}`);
}
