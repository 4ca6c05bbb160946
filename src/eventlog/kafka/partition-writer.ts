import { type Backoff, createBackoff } from '../../backoff';
import type { AppendConfig, KafkaConfig } from '../../config';
import { GatewayError } from '../../errors';
import type { Logger } from '../../logger';
import type { TopicPartition } from '../event-log';
import { AppendQueue, type PendingAppend, type QueueTally, settle } from './append-queue';
import { FOR_ONE_RECORD, rejectionOf, TRANSIENT, UNCERTAIN } from './append-rejection';
import { markRecord } from './origin-mark';
import { type ProducerId, ProducerSequence } from './producer-sequence';
import type { ProducedBatch } from './protocol/produce-request';
import { ERROR_CODE, ProtocolError } from './protocol/protocol-error';
import { encodeRecordBatch } from './protocol/record-encoder';
import { keyOf } from './protocol/request';

interface PartitionWriterOptions {
  readonly partition: TopicPartition;
  readonly kafka: KafkaConfig;
  readonly append: AppendConfig;
  readonly logger: Logger;
  readonly tally: QueueTally;
  readonly producerId: ProducerId;
}

/** Records that go to the log together, in this order. */
interface Batch {
  appends: readonly PendingAppend[];
  /** As they are sent, and sent again. Null while it is certain that the log does not have them. */
  bytes: Buffer | null;
  producerId: bigint;
  /** The number of the try that is not answered yet; null when none is. */
  inFlight: number | null;
  /** An earlier try may have been stored. */
  uncertain: boolean;
}

/** Makes batches, one after the other: the next is numbered when it is known whether the log has the one before. */
export class PartitionWriter implements TopicPartition {
  readonly topic: string;
  readonly partition: number;
  /** As in the last view of the cluster: after an election the epoch is too low until the next view. */
  topicId = '';
  leaderEpoch = -1;
  readonly #options: PartitionWriterOptions;
  readonly #queue: AppendQueue;
  readonly #sequence = new ProducerSequence();
  /** Parts of a batch that was rejected as a whole; they go before what is queued. */
  #parts: (readonly PendingAppend[])[] = [];
  #batch: Batch | null = null;
  #tries = 0;
  readonly #backoff: Backoff;
  /** In a row. */
  #failures = 0;
  #notBeforeMs = 0;
  #failedMs = Number.NEGATIVE_INFINITY;
  #failure: Error | null = null;
  #isForbidden = false;

  constructor(options: PartitionWriterOptions) {
    this.topic = options.partition.topic;
    this.partition = options.partition.partition;
    this.#options = options;
    this.#queue = new AppendQueue(options.tally);
    this.#backoff = createBackoff(options.kafka.retryMinMs, options.kafka.retryMaxMs);
  }

  get #isInFlight(): boolean {
    return this.#batch !== null && this.#batch.inFlight !== null;
  }

  get hasWork(): boolean {
    return this.#batch !== null || this.#parts.length > 0 || this.#queue.length > 0;
  }

  /** Time until the next try; 0 when it is due, infinite while a batch is in flight or nothing waits. */
  waitMs(nowMs: number): number {
    if (!this.hasWork || this.#isInFlight) return Number.POSITIVE_INFINITY;
    return Math.max(0, this.#notBeforeMs - nowMs);
  }

  /** Why records are rejected at the moment, or null: several tries in a row have failed (circuit breaker). */
  get trouble(): Error | null {
    const { breakerFailures, breakerProbeMs } = this.#options.append;
    if (this.#failures < breakerFailures) return null;
    const isTrying = this.#batch !== null || performance.now() - this.#failedMs < breakerProbeMs;
    return isTrying ? this.#failure : null;
  }

  /** The broker has rejected the last batch for a missing right. */
  get isForbidden(): boolean {
    return this.#isForbidden;
  }

  push(append: PendingAppend): void {
    this.#queue.push(append);
  }

  /** What is sent now: the next batch, or the one before again, and the number of this try. Null: nothing is left. */
  seal(
    producerId: bigint,
    maxRecords: number,
    maxBytes: number,
  ): { readonly bytes: Buffer; readonly records: number; readonly tried: number } | null {
    for (;;) {
      const batch = this.#batch ?? this.#nextBatch(maxRecords, maxBytes);
      if (batch === null) return null;
      this.#batch = batch;
      const wanted = batch.appends.filter(({ settled }) => !settled);
      if (wanted.length === 0) {
        // All its records are past their deadline. Whether the log has it stays open, so the next one cannot follow it.
        if (batch.uncertain) this.#beginAnew(batch.producerId);
        this.#batch = null;
        continue;
      }
      if (batch.bytes === null) {
        // What was reported as not stored must not be stored later.
        batch.appends = wanted;
        batch.producerId = producerId;
        batch.bytes = encodeRecordBatch(
          wanted.map(({ record }) => markRecord(record, this.topicId, producerId)),
          Date.now(),
          this.#sequence.next(producerId),
        );
      }
      batch.inFlight = ++this.#tries;
      return { bytes: batch.bytes, records: batch.appends.length, tried: this.#tries };
    }
  }

  lost(tried: number): void {
    const batch = this.#batch;
    if (batch?.inFlight !== tried) return;
    batch.inFlight = null;
    batch.uncertain = true;
  }

  /** Another broker leads the partition: what is in flight to the one before is sent to this one without waiting. */
  moved(): void {
    this.#recovered();
    this.#notBeforeMs = 0;
    this.lost(this.#tries);
  }

  /** The next batch could not be sent, for a reason in this partition; it is tried again after a backoff. */
  failed(error: Error): void {
    this.#failure = error;
    this.#failedMs = performance.now();
    this.#notBeforeMs = this.#failedMs + this.#backoff.nextMs();
    this.#failures++;
  }

  /** This try was answered, perhaps by a broker that leads no more. Returns the error when it is tried again. */
  answered(
    tried: number,
    { errorCode, baseOffset }: Pick<ProducedBatch, 'errorCode' | 'baseOffset'>,
  ): Error | null {
    const batch = this.#batch;
    if (batch?.inFlight !== tried) return null;
    batch.inFlight = null;
    if (errorCode === ERROR_CODE.NONE || errorCode === ERROR_CODE.DUPLICATE_SEQUENCE_NUMBER) {
      this.#stored(batch, errorCode === ERROR_CODE.NONE ? baseOffset : -1n);
      return null;
    }
    if (TRANSIENT.has(errorCode)) {
      const error = new ProtocolError(keyOf(this), errorCode);
      this.#judge(batch, errorCode);
      this.failed(error);
      return error;
    }
    this.#batch = null;
    this.#recovered();
    if (batch.uncertain) {
      this.#beginAnew(batch.producerId);
      const { message } = new ProtocolError(keyOf(this), errorCode);
      for (const append of batch.appends) settle(append, { ok: false, error: unknownOutcome(message) });
    } else if (FOR_ONE_RECORD.has(errorCode) && batch.appends.length > 1) {
      const middle = batch.appends.length >> 1;
      this.#parts.unshift(batch.appends.slice(0, middle), batch.appends.slice(middle));
    } else {
      this.#reject(batch.appends, errorCode);
    }
    return null;
  }

  reject(error: GatewayError): void {
    this.#isForbidden = error.code === 'topic-forbidden';
    this.#giveUp(Number.POSITIVE_INFINITY, error, error.message);
  }

  /** Settles what is past its deadline; returns the next deadline, infinite when nothing waits. */
  expire(nowMs: number): number {
    if (this.#oldestDeadlineMs() > nowMs) return this.#oldestDeadlineMs();
    const error = new GatewayError('log-unavailable', 'Kafka did not take the event in time');
    this.#giveUp(nowMs, error, 'Kafka has not answered in time');
    return this.#oldestDeadlineMs();
  }

  #oldestDeadlineMs(): number {
    const sent = this.#batch?.appends.find(({ settled }) => !settled);
    const oldest = sent ?? this.#parts.flat().find(({ settled }) => !settled) ?? this.#queue.oldest;
    return oldest?.deadlineMs ?? Number.POSITIVE_INFINITY;
  }

  /** Settles what has a deadline until then: `outcome-unknown` for a batch that may be stored, the error for the rest. */
  #giveUp(untilMs: number, error: GatewayError, why: string): void {
    const batch = this.#batch;
    if (batch !== null) {
      const isOpen = this.#isInFlight || batch.uncertain;
      settleUntil(batch.appends, untilMs, isOpen ? unknownOutcome(why) : error);
    }
    for (const part of this.#parts) settleUntil(part, untilMs, error);
    settleUntil(this.#queue.takeExpired(untilMs), untilMs, error);
  }

  #nextBatch(maxRecords: number, maxBytes: number): Batch | null {
    const appends = this.#parts.shift() ?? this.#queue.take(maxRecords, maxBytes);
    if (appends.length === 0) return null;
    return { appends, bytes: null, producerId: -1n, inFlight: null, uncertain: false };
  }

  #stored({ appends }: Batch, baseOffset: bigint): void {
    const { topic, partition, leaderEpoch } = this;
    this.#batch = null;
    this.#recovered();
    this.#isForbidden = false;
    this.#sequence.stored(appends.length);
    for (const [index, append] of appends.entries()) {
      settle(
        append,
        baseOffset < 0n
          ? { ok: false, error: unknownOutcome('Kafka has the event, but does not say where') }
          : { ok: true, topic, partition, offset: baseOffset + BigInt(index), leaderEpoch },
      );
    }
  }

  /** What the answer says of whether the log has the batch. */
  #judge(batch: Batch, errorCode: number): void {
    const { logger, producerId } = this.#options;
    switch (errorCode) {
      case ERROR_CODE.OUT_OF_ORDER_SEQUENCE_NUMBER:
      case ERROR_CODE.UNKNOWN_PRODUCER_ID:
      case ERROR_CODE.INVALID_PRODUCER_EPOCH:
      case ERROR_CODE.PRODUCER_FENCED:
        // The log was truncated, or the leader does not know this producer. So the log does not have this batch: the
        // leader would know it.
        logger.warn(
          { topic: this.topic, partition: this.partition, errorCode },
          'Kafka lost the producer sequence; starting a new one',
        );
        this.#beginAnew(batch.producerId);
        if (errorCode === ERROR_CODE.INVALID_PRODUCER_EPOCH || errorCode === ERROR_CODE.PRODUCER_FENCED)
          producerId.drop(batch.producerId);
        batch.uncertain = false;
        batch.bytes = null;
        break;
      default:
        batch.uncertain ||= UNCERTAIN.has(errorCode);
        if (!batch.uncertain) batch.bytes = null;
    }
  }

  #recovered(): void {
    this.#failures = 0;
    this.#backoff.reset();
  }

  #beginAnew(producerId: bigint): void {
    if (!this.#sequence.bump()) this.#options.producerId.drop(producerId);
  }

  #reject(appends: readonly PendingAppend[], errorCode: number): void {
    const error = rejectionOf(this, errorCode);
    this.#isForbidden = error.code === 'topic-forbidden';
    for (const append of appends) settle(append, { ok: false, error });
  }
}

function unknownOutcome(why: string): GatewayError {
  return new GatewayError('outcome-unknown', `${why}; the event may still be stored`);
}

function settleUntil(appends: readonly PendingAppend[], untilMs: number, error: GatewayError): void {
  for (const append of appends) if (append.deadlineMs <= untilMs) settle(append, { ok: false, error });
}
