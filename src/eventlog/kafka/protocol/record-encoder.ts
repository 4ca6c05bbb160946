import type { RecordHeader } from '../../event-log';
import type { BatchProducer } from '../producer-sequence';
import { crc32c } from './crc32c';
import { ATTRIBUTES_AT, BODY_AT, CRC_AT, MAGIC, RECORDS_AT } from './record-batch-header';

export interface OutgoingRecord {
  readonly key: Buffer | null;
  readonly value: Buffer;
  readonly headers: readonly RecordHeader[];
}

/** A batch of nobody in particular, which a broker stores as often as it comes. */
const NO_PRODUCER: BatchProducer = { producerId: -1n, producerEpoch: -1, baseSequence: -1 };

/**
 * One uncompressed record batch (magic 2, https://kafka.apache.org/documentation/#recordbatch) of records that were
 * created together. Ours and not kafkajs's, since that sorts headers into an object and fails on null header values.
 */
export function encodeRecordBatch(
  records: readonly OutgoingRecord[],
  timestampMs: number,
  { producerId, producerEpoch, baseSequence }: BatchProducer = NO_PRODUCER,
): Buffer {
  const bodies = records.map((record, offsetDelta) => bodyBytes(record, offsetDelta));
  const batch = Buffer.allocUnsafe(
    RECORDS_AT + bodies.reduce((sum, bytes) => sum + varintBytes(bytes) + bytes, 0),
  );
  let at = batch.writeBigInt64BE(0n, 0);
  at = batch.writeInt32BE(batch.length - BODY_AT, at);
  at = batch.writeInt32BE(-1, at);
  at = batch.writeInt8(MAGIC, at);
  at = batch.writeUInt32BE(0, at);
  at = batch.writeInt16BE(0, at);
  at = batch.writeInt32BE(records.length - 1, at);
  at = batch.writeBigInt64BE(BigInt(timestampMs), at);
  at = batch.writeBigInt64BE(BigInt(timestampMs), at);
  at = batch.writeBigInt64BE(producerId, at);
  at = batch.writeInt16BE(producerEpoch, at);
  at = batch.writeInt32BE(baseSequence, at);
  at = batch.writeInt32BE(records.length, at);
  for (const [offsetDelta, record] of records.entries()) {
    at = writeVarint(batch, at, bodies[offsetDelta]!);
    at = writeBody(batch, at, record, offsetDelta);
  }
  batch.writeUInt32BE(crc32c(batch, ATTRIBUTES_AT, batch.length), CRC_AT);
  return batch;
}

/** Bytes that a record adds to a batch, at the most. */
export function recordBytes(record: OutgoingRecord): number {
  const bytes = bodyBytes(record, 0x7fffffff);
  return varintBytes(bytes) + bytes;
}

function bodyBytes({ key, value, headers }: OutgoingRecord, offsetDelta: number): number {
  // Attributes and timestamp delta are one byte each: all records of a batch share its timestamp.
  let bytes = 2 + varintBytes(offsetDelta) + blobBytes(key) + blobBytes(value) + varintBytes(headers.length);
  for (const header of headers) {
    const keyBytes = Buffer.byteLength(header.key);
    bytes += varintBytes(keyBytes) + keyBytes + blobBytes(header.value);
  }
  return bytes;
}

function writeBody(
  batch: Buffer,
  start: number,
  { key, value, headers }: OutgoingRecord,
  offsetDelta: number,
): number {
  let at = batch.writeInt8(0, start);
  at = writeVarint(batch, at, 0);
  at = writeVarint(batch, at, offsetDelta);
  at = writeBlob(batch, at, key);
  at = writeBlob(batch, at, value);
  at = writeVarint(batch, at, headers.length);
  for (const header of headers) {
    const keyBytes = Buffer.byteLength(header.key);
    at = writeVarint(batch, at, keyBytes);
    at += batch.write(header.key, at);
    at = writeBlob(batch, at, header.value);
  }
  return at;
}

/** Null has length −1. */
function blobBytes(blob: Buffer | null): number {
  return blob === null ? 1 : varintBytes(blob.length) + blob.length;
}

function writeBlob(batch: Buffer, at: number, blob: Buffer | null): number {
  if (blob === null) return writeVarint(batch, at, -1);
  const start = writeVarint(batch, at, blob.length);
  return start + blob.copy(batch, start);
}

/** Zig-zag varint of a 32-bit integer. */
function writeVarint(batch: Buffer, start: number, value: number): number {
  let at = start;
  let rest = ((value << 1) ^ (value >> 31)) >>> 0;
  while (rest > 0x7f) {
    batch[at++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  batch[at++] = rest;
  return at;
}

function varintBytes(value: number): number {
  let bytes = 1;
  for (let rest = ((value << 1) ^ (value >> 31)) >>> 0; rest > 0x7f; rest >>>= 7) bytes++;
  return bytes;
}
