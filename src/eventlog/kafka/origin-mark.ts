import { createHash } from 'node:crypto';
import type { LogRecord, RecordHeader } from '../event-log';
import type { OutgoingRecord } from './protocol/record-encoder';

/**
 * A header by which readers tell a record that a gateway appended from a copy of it. A copy has the same headers, but is
 * in another topic, or in a batch with another producer id, which the broker assigns. So the mark is made of the topic
 * and the producer id, and is valid only in a batch that has the same.
 */
const MARK_HEADER = 'gateway-mark';
const MARK_BYTES = 12;

/** As long as a mark, so that a record's size is known before its producer is. */
const PLACEHOLDER: RecordHeader = { key: MARK_HEADER, value: Buffer.alloc((MARK_BYTES / 3) * 4) };

function markOf(topicId: string, producerId: bigint): Buffer {
  const digest = createHash('sha256').update(`${topicId}/${producerId}`).digest();
  return Buffer.from(digest.subarray(0, MARK_BYTES).toString('base64url'), 'latin1');
}

export function withRoomForMark(headers: readonly RecordHeader[]): readonly RecordHeader[] {
  return [...headers, PLACEHOLDER];
}

/** The same record with its mark, if it has room for one. */
export function markRecord(record: OutgoingRecord, topicId: string, producerId: bigint): OutgoingRecord {
  if (record.headers.at(-1) !== PLACEHOLDER) return record;
  const mark = { key: MARK_HEADER, value: markOf(topicId, producerId) };
  return { ...record, headers: [...record.headers.slice(0, -1), mark] };
}

/** Finds the valid marks in one partition. */
export interface OriginalRecords {
  /** The record of a batch of this producer, with `isOriginal` when its mark is of that producer in this topic. */
  judge(record: LogRecord, producerId: bigint): LogRecord;
}

export function createOriginalRecords(topicId: string): OriginalRecords {
  /** Most batches are of the same producer as the one before. */
  let last: { readonly producerId: bigint; readonly mark: Buffer } | null = null;
  return {
    judge(record, producerId) {
      if (producerId < 0n) return record;
      const value = record.headers.findLast(({ key }) => key === MARK_HEADER)?.value;
      if (value === undefined || value === null) return record;
      if (last?.producerId !== producerId) last = { producerId, mark: markOf(topicId, producerId) };
      if (!last.mark.equals(value)) return record;
      const { offset, timestampMs, key, value: data, headers } = record;
      return { offset, timestampMs, key, value: data, headers, isOriginal: true };
    },
  };
}
