import type { TopicPartition } from '../../event-log';
import type { KafkaRequest } from '../cluster/broker-link';
import { KafkajsDecoder, KafkajsEncoder } from '../cluster/kafkajs-internals';
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
      const encoder = new KafkajsEncoder().writeInt32(NO_REPLICA).writeInt8(READ_COMMITTED);
      return writeByTopic(encoder, partitions, ({ partition }) =>
        encoder.writeInt32(partition).writeInt64(timestamp),
      );
    },
    decode(payload) {
      const decoder = new KafkajsDecoder(payload);
      const throttleMs = decoder.readInt32();
      const offsets = readByTopic(decoder, (topic) => {
        const partition = decoder.readInt32();
        const errorCode = decoder.readInt16();
        decoder.readInt64();
        return { topic, partition, errorCode, offset: decoder.readInt64() };
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
