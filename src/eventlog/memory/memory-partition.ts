import { randomBytes } from 'node:crypto';
import { GatewayError } from '../../errors';
import { createSlabs } from '../../slabs';
import type {
  EpochEnd,
  LogGap,
  LogRecord,
  NewRecord,
  PartitionBounds,
  PartitionStatus,
  ReadChunk,
  RecordBatch,
  Service,
  Untaken,
} from '../event-log';
import { contentBytes } from '../records';
import { Fifo } from './fifo';

const PARTITION = 0;
/** There are no elections. */
export const LEADER_EPOCH = 0;

/** A memory log is always served. */
export const SERVED: Service = { state: 'ok', since: new Date().toISOString(), detail: null };

/** The one partition of a topic of the memory log, and the tail's position in it. */
export class MemoryPartition {
  readonly topic: string;
  readonly topicId = randomBytes(16).toString('hex');
  readonly #records = new Fifo<LogRecord>();
  readonly #allocate = createSlabs();
  #logStart = 0n;
  /** Null while there is no tail: then nothing counts as undelivered. */
  #position: bigint | null = null;
  #undeliveredBytes = 0;
  #lastRecordAt: string | null = null;
  #read = SERVED;

  constructor(topic: string) {
    this.topic = topic;
  }

  /** With `atTime` when `timeMs`, Unix time, is given. */
  bounds(timeMs?: number): PartitionBounds {
    const { topic, topicId } = this;
    const bounds = { topic, partition: PARTITION, topicId, logStart: this.#logStart, logEnd: this.#logEnd };
    return timeMs === undefined ? bounds : { ...bounds, atTime: this.#offsetAt(timeMs) };
  }

  /** What the tail has not read yet. */
  get undelivered(): { readonly records: number; readonly bytes: number } {
    if (this.#position === null) return { records: 0, bytes: 0 };
    return { records: Number(this.#logEnd - this.#position), bytes: this.#undeliveredBytes };
  }

  append({ key, value, headers, markOriginal = false }: NewRecord): bigint {
    const offset = this.#logEnd;
    const record = {
      offset,
      timestampMs: Date.now(),
      key: key === null ? null : this.#copy(typeof key === 'string' ? Buffer.from(key) : key),
      value: this.#copy(value),
      headers: headers.map((header) => ({
        key: header.key,
        value: header.value === null ? null : this.#copy(header.value),
      })),
      ...(markOriginal ? { isOriginal: true } : {}),
    };
    this.#records.push(record);
    if (this.#position !== null) this.#undeliveredBytes += contentBytes(record);
    return offset;
  }

  /** Drops the oldest record and returns its bytes; null when the tail has not read it yet. */
  dropOldest(): number | null {
    if (this.#position !== null && this.#position <= this.#logStart) return null;
    const oldest = this.#records.shift();
    if (oldest === undefined) return null;
    this.#logStart++;
    return contentBytes(oldest);
  }

  /** The tail reads from here on, at most the log's end. Returns the gap when records from there on were dropped already. */
  startTail(position: bigint): LogGap | null {
    const { topic } = this;
    const gone = position < this.#logStart;
    const start = gone ? this.#logStart : position;
    this.#position = start;
    this.#undeliveredBytes = this.#slice(start, this.#logEnd).reduce(
      (sum, record) => sum + contentBytes(record),
      0,
    );
    return gone ? { topic, partition: PARTITION, from: position, to: start, reason: 'retention' } : null;
  }

  endTail(): void {
    this.#position = null;
    this.#undeliveredBytes = 0;
  }

  /** The next records for the tail, up to a maximum; null when it has read all. */
  take(maxRecords: number): RecordBatch | null {
    if (this.#position === null || this.#position === this.#logEnd) return null;
    const records = this.#slice(this.#position, this.#position + BigInt(maxRecords));
    this.#position += BigInt(records.length);
    for (const record of records) this.#undeliveredBytes -= contentBytes(record);
    this.#lastRecordAt = new Date().toISOString();
    return {
      topic: this.topic,
      partition: PARTITION,
      records,
      next: this.#position,
      leaderEpoch: LEADER_EPOCH,
    };
  }

  /** The tail could not take what it was given from here on. */
  giveBack(untaken: Untaken): void {
    for (const record of this.#slice(untaken.from, this.#position!))
      this.#undeliveredBytes += contentBytes(record);
    this.#position = untaken.from;
  }

  /** What the listener of the tail waits for. */
  set waitsFor(detail: string | null) {
    if (detail === this.#read.detail) return;
    this.#read = detail === null ? SERVED : { state: 'waiting', since: new Date().toISOString(), detail };
  }

  /** @throws GatewayError `offset-out-of-range` */
  read(from: bigint, to: bigint, maxBytes: number): ReadChunk {
    const { topic } = this;
    if (from > this.#logEnd) {
      throw new GatewayError('offset-out-of-range', `${topic}/${PARTITION} has no offset ${from}`);
    }
    const end = to < this.#logEnd ? to : this.#logEnd;
    let next = from;
    const gaps: LogGap[] = [];
    if (from < this.#logStart) {
      next = this.#logStart < to ? this.#logStart : to;
      gaps.push({ topic, partition: PARTITION, from, to: next, reason: 'retention' });
    }
    const records: LogRecord[] = [];
    for (let bytes = 0; next < end; next++) {
      const record = this.#records.at(Number(next - this.#logStart))!;
      bytes += contentBytes(record);
      if (records.length > 0 && bytes > maxBytes) break;
      records.push(record);
    }
    return { topic, partition: PARTITION, records, next, leaderEpoch: LEADER_EPOCH, gaps };
  }

  status(): PartitionStatus {
    return {
      topic: this.topic,
      partition: PARTITION,
      position: this.#position ?? this.#logEnd,
      highWatermark: this.#logEnd,
      lastStableOffset: this.#logEnd,
      heldBackSince: null,
      lastRecordAt: this.#lastRecordAt,
      read: this.#read,
    };
  }

  epochEnd(): EpochEnd {
    return { topic: this.topic, partition: PARTITION, leaderEpoch: LEADER_EPOCH, endOffset: this.#logEnd };
  }

  /** One by one, because the clock may have been set back between two records. */
  #offsetAt(timeMs: number): bigint {
    const held = this.#records.length;
    let index = 0;
    while (index < held && this.#records.at(index)!.timestampMs < timeMs) index++;
    return this.#logStart + BigInt(index);
  }

  get #logEnd(): bigint {
    return this.#logStart + BigInt(this.#records.length);
  }

  /** A small buffer is mostly a part of a larger block, which would be kept for as long as the record is. */
  #copy(bytes: Buffer): Buffer {
    const copy = this.#allocate(bytes.length);
    bytes.copy(copy);
    return copy;
  }

  #slice(from: bigint, to: bigint): LogRecord[] {
    return this.#records.slice(Number(from - this.#logStart), Number(to - this.#logStart));
  }
}
