import { Reader, Writer } from './bytes';
import type { KafkaRequest, TopicPartition } from './request';
import { readByTopic, writeByTopic } from './topic-partitions';

export const READ_COMMITTED = 1;
/** What a consumer gives as its replica id. */
export const NO_REPLICA = -1;

const EARLIEST = -2n;
const LATEST = -1n;

/** `timeMs` is Unix time and asks for the first record of that time or later. */
export type OffsetQuery = 'earliest' | 'latest' | { readonly timeMs: number };

export interface ListedOffset extends TopicPartition {
  readonly errorCode: number;
  /** −1 when there is no record of that time or later. */
  readonly offset: bigint;
}

/** ListOffsets version 3. `latest` is the last stable offset: a reader of committed records gets no further. */
export function listOffsetsRequest(
  query: OffsetQuery,
  partitions: readonly TopicPartition[],
): KafkaRequest<{ throttleMs: number; offsets: readonly ListedOffset[] }> {
  return {
    apiName: 'ListOffsets',
    apiKey: 2,
    apiVersion: 3,
    encode() {
      const timestamp = timestampOf(query);
      const writer = new Writer().int32(NO_REPLICA).int8(READ_COMMITTED);
      return writeByTopic(writer, partitions, ({ partition }) => writer.int32(partition).int64(timestamp))
        .bytes;
    },
    decode(payload) {
      const reader = new Reader(payload);
      const throttleMs = reader.int32();
      const offsets = readByTopic(reader, (topic) => {
        const partition = reader.int32();
        const errorCode = reader.int16();
        reader.int64();
        return { topic, partition, errorCode, offset: reader.int64() };
      });
      return { throttleMs, offsets };
    },
  };
}

/** Kafka gives times below zero meanings of their own, and takes whole milliseconds of at most 64 bits. */
function timestampOf(query: OffsetQuery): bigint {
  if (query === 'earliest') return EARLIEST;
  if (query === 'latest') return LATEST;
  return BigInt(Math.min(Math.max(Math.ceil(query.timeMs), 0), Number.MAX_SAFE_INTEGER));
}
