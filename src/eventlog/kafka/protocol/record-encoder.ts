import { varintBytes, Writer } from './bytes';
import { crc32c } from './checksums';
import type { RecordHeader } from './record';
import { ATTRIBUTES_AT, BODY_AT, CRC_AT, MAGIC, RECORDS_AT } from './record-batch';

/** What a batch's header says of who wrote it; the base sequence is the number of its first record. */
export interface BatchProducer {
  readonly producerId: bigint;
  readonly producerEpoch: number;
  readonly baseSequence: number;
}

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
  const bytes = RECORDS_AT + bodies.reduce((sum, body) => sum + varintBytes(body) + body, 0);
  const writer = new Writer(bytes)
    .int64(0n)
    .int32(bytes - BODY_AT)
    .int32(-1)
    .int8(MAGIC)
    .uint32(0)
    .int16(0)
    .int32(records.length - 1)
    .int64(BigInt(timestampMs))
    .int64(BigInt(timestampMs))
    .int64(producerId)
    .int16(producerEpoch)
    .int32(baseSequence)
    .int32(records.length);
  for (const [offsetDelta, record] of records.entries()) {
    writer.varint(bodies[offsetDelta]!);
    writeBody(writer, record, offsetDelta);
  }
  const batch = writer.bytes;
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

function writeBody(writer: Writer, { key, value, headers }: OutgoingRecord, offsetDelta: number): void {
  writer.int8(0).varint(0).varint(offsetDelta).varBlob(key).varBlob(value).varint(headers.length);
  for (const header of headers) writer.varString(header.key).varBlob(header.value);
}

/** Null has length −1. */
function blobBytes(blob: Buffer | null): number {
  return blob === null ? 1 : varintBytes(blob.length) + blob.length;
}
