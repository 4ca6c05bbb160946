import { Reader } from './bytes';

export interface RecordHeader {
  readonly key: string;
  readonly value: Buffer | null;
}

export interface KafkaRecord {
  readonly offset: bigint;
  /** Unix time. */
  readonly timestampMs: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: readonly RecordHeader[];
}

const NO_HEADERS: readonly RecordHeader[] = Object.freeze([]);

/** What the records of one batch have in common, from its header. */
interface RecordContext {
  readonly baseOffset: bigint;
  readonly lastOffsetDelta: number;
  /** How many records the batch says it holds; fewer than its offsets after compaction. */
  readonly count: number;
  readonly baseTimestampMs: number;
  /** Time of all its records when the broker stamped them, else null. */
  readonly logAppendTimeMs: number | null;
}

/**
 * Reads the records of one batch of format version 2 (https://kafka.apache.org/documentation/#record); keys and
 * values are views of `bytes`. Records below `from` are left out.
 * @throws Error when they are not well formed: none of them can be trusted then
 */
export function decodeRecords(bytes: Buffer, context: RecordContext, from: bigint): KafkaRecord[] {
  const { baseOffset, lastOffsetDelta, count, baseTimestampMs, logAppendTimeMs } = context;
  // Offsets above 2^53 are legal, but adding plain numbers makes one BigInt a record instead of two.
  const baseNumber = Number(baseOffset);
  const exact = baseNumber + lastOffsetDelta <= Number.MAX_SAFE_INTEGER;
  const firstDelta = from <= baseOffset ? 0 : Number(from - baseOffset);
  const reader = new Reader(bytes);
  const records: KafkaRecord[] = [];
  let headers = NO_HEADERS;
  let previousDelta = -1;
  for (let i = 0; i < count; i++) {
    const length = reader.varint();
    const end = reader.at + length;
    if (length < 0 || end > bytes.length) throw new Error('a record reaches past its batch');
    reader.at++; // the attributes of a record are unused
    const timestampDelta = reader.varint();
    const offsetDelta = reader.varint();
    if (offsetDelta <= previousDelta || offsetDelta > lastOffsetDelta) {
      throw new Error('the offsets of the records do not ascend within their batch');
    }
    previousDelta = offsetDelta;
    if (offsetDelta < firstDelta) {
      reader.at = end;
      continue;
    }
    const key = reader.varBlob();
    const value = reader.varBlob();
    headers = readHeaders(reader, headers);
    if (reader.at !== end) throw new Error('a record does not have the length it says');
    records.push({
      offset: exact ? BigInt(baseNumber + offsetDelta) : baseOffset + BigInt(offsetDelta),
      timestampMs: logAppendTimeMs ?? baseTimestampMs + timestampDelta,
      key,
      value,
      headers,
    });
  }
  if (reader.at !== bytes.length) throw new Error('bytes follow the last record of a batch');
  return records;
}

/** @param like headers of a neighbour, which mostly has the same keys: these are not made again */
function readHeaders(reader: Reader, like: readonly RecordHeader[]): readonly RecordHeader[] {
  const count = reader.varint();
  if (count === 0) return NO_HEADERS;
  if (count < 0) throw new Error('a negative number of headers');
  const headers: RecordHeader[] = [];
  for (let i = 0; i < count; i++) {
    headers.push({ key: reader.varString(like[i]?.key ?? ''), value: reader.varBlob() });
  }
  return headers;
}
