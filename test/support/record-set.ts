import { crc32c } from '../../src/eventlog/kafka/crc32c';

// kafkajs's own encoder is the second opinion: these modules have no types.
const { RecordBatch } = require('kafkajs/src/protocol/recordBatch/v0');
const KafkaRecord = require('kafkajs/src/protocol/recordBatch/record/v0');
const Long = require('kafkajs/src/utils/long');

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

/** Where the batches of a well-formed record set begin. */
export function batchStarts(recordSet: Buffer): number[] {
  const starts: number[] = [];
  for (let at = 0; at < recordSet.length; at += 12 + recordSet.readInt32BE(at + 8)) starts.push(at);
  return starts;
}

/** Makes the checksum right again after a change to the batch that begins at `start`. */
export function seal(recordSet: Buffer, start = 0): void {
  const end = start + 12 + recordSet.readInt32BE(start + 8);
  recordSet.writeUInt32BE(crc32c(recordSet, start + 21, end), start + 17);
}
