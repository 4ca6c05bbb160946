import { gzipSync } from 'node:zlib';
import { crc32, crc32c } from '../../src/eventlog/kafka/protocol/checksums';
import type { DecodedRecords } from '../../src/eventlog/kafka/protocol/record-batch';

// kafkajs's own encoder is the second opinion: these modules have no types.
const { RecordBatch } = require('kafkajs/src/protocol/recordBatch/v0');
const KafkaRecord = require('kafkajs/src/protocol/recordBatch/record/v0');
const Long = require('kafkajs/src/utils/long');
const messageOf = require('kafkajs/src/protocol/message');

export interface BatchToEncode {
  readonly baseOffset: bigint;
  readonly lastOffsetDelta: number;
  readonly baseTimestampMs: number;
  readonly codec: 0 | 1;
  /** Null: outside of any transaction. */
  readonly transactionOf: bigint | null;
  readonly records: readonly {
    readonly offsetDelta: number;
    readonly timestampDelta: number;
    readonly key: Buffer | null;
    readonly value: Buffer | null;
    readonly headers: Readonly<Record<string, Buffer>>;
  }[];
}

/** A record batch as kafkajs's producer writes it. */
export async function encodeBatch(batch: BatchToEncode): Promise<Buffer> {
  const encoder = await RecordBatch({
    compression: batch.codec,
    firstOffset: Long.fromValue(String(batch.baseOffset)),
    firstTimestamp: batch.baseTimestampMs,
    maxTimestamp: batch.baseTimestampMs,
    lastOffsetDelta: batch.lastOffsetDelta,
    transactional: batch.transactionOf !== null,
    producerId: Long.fromValue(String(batch.transactionOf ?? -1)),
    records: batch.records.map((record) =>
      KafkaRecord({ ...record, timestampDelta: Long.fromValue(record.timestampDelta) }),
    ),
  });
  return encoder.buffer;
}

export interface MessageToEncode {
  /** What the message says of its offset: for one within another of format 1 a number from the first of them on. */
  readonly offset: bigint;
  readonly timestampMs: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  /** 1 says that the value is a compressed set. */
  readonly codec?: 0 | 1;
}

/** A message of the formats before Kafka 0.11, as kafkajs's producer wrote it. */
export function encodeMessage(magic: 0 | 1, message: MessageToEncode): Buffer {
  const { offset, timestampMs: timestamp, key, value, codec: compression = 0 } = message;
  const body: Buffer = messageOf({ version: magic })({ compression, timestamp, key, value }).buffer;
  const head = Buffer.alloc(12);
  head.writeBigInt64BE(offset);
  head.writeInt32BE(body.length, 8);
  return Buffer.concat([head, body]);
}

/** The messages within one whose value is their compressed set, as a broker of that time stored it. */
export function encodeMessageSet(magic: 0 | 1, messages: readonly MessageToEncode[]): Buffer {
  const { offset: first } = messages[0]!;
  const { offset: last, timestampMs } = messages.at(-1)!;
  const base = magic === 0 ? 0n : first;
  const set = messages.map((message) => encodeMessage(magic, { ...message, offset: message.offset - base }));
  return encodeMessage(magic, {
    offset: last,
    timestampMs,
    key: null,
    value: gzipSync(Buffer.concat(set)),
    codec: 1,
  });
}

/** Where the batches of a well-formed record set begin. */
export function batchStarts(recordSet: Buffer): number[] {
  const starts: number[] = [];
  for (let at = 0; at < recordSet.length; at += 12 + recordSet.readInt32BE(at + 8)) starts.push(at);
  return starts;
}

/** Makes the checksum right again after a change to the batch that begins at `start`. */
export function seal(recordSet: Buffer, start = 0): void {
  const end = start + 12 + recordSet.readInt32BE(start + 8);
  if (recordSet.readInt8(start + 16) < 2) {
    recordSet.writeUInt32BE(crc32(recordSet.subarray(0, end), start + 16), start + 12);
    return;
  }
  recordSet.writeUInt32BE(crc32c(recordSet, start + 21, end), start + 17);
}

/** What holds for every answer, whatever the bytes: nothing twice or out of order, no record in a gap. Null: it does. */
export function decodingFault({ records, gaps, next }: DecodedRecords, fetchOffset: bigint): string | null {
  const isAscending = (offsets: bigint[]) =>
    offsets.every((offset, i) => i === 0 || offset > offsets[i - 1]!);
  if (!isAscending(records.map(({ offset }) => offset))) return 'records that do not ascend';
  if (!isAscending(gaps.map(({ from }) => from))) return 'gaps that do not ascend';
  const pieces = [
    ...records.map(({ offset }) => ({ from: offset, to: offset + 1n })),
    ...gaps.map(({ from, to }) => ({ from, to })),
  ].toSorted((a, b) => (a.from < b.from ? -1 : 1));
  let position = fetchOffset;
  for (const { from, to } of pieces) {
    if (from < position) return `${from} lies before ${position}`;
    if (to <= from) return `an empty gap at ${from}`;
    position = to;
  }
  return next < position ? `the next position is ${next}, not ${position}` : null;
}
