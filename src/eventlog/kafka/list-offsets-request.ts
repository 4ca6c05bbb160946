import type { TopicPartition } from '../event-log';
import type { KafkaRequest } from './broker-link';
import { KafkajsDecoder, KafkajsEncoder } from './kafkajs-internals';
import { readByTopic, writeByTopic } from './topic-partitions';

export const READ_COMMITTED = 1;
/** What a consumer gives as its replica id. */
export const NO_REPLICA = -1;

const TIMESTAMP = { earliest: -2n, latest: -1n } as const;

export interface ListedOffset extends TopicPartition {
  readonly errorCode: number;
  readonly offset: bigint;
}

/** ListOffsets version 3. `latest` is the last stable offset: a reader of committed records gets no further. */
export function listOffsetsRequest(
  which: keyof typeof TIMESTAMP,
  partitions: readonly TopicPartition[],
): KafkaRequest<{ throttleMs: number; offsets: readonly ListedOffset[] }> {
  return {
    apiName: 'ListOffsets',
    apiKey: 2,
    apiVersion: 3,
    encode() {
      const encoder = new KafkajsEncoder().writeInt32(NO_REPLICA).writeInt8(READ_COMMITTED);
      return writeByTopic(encoder, partitions, ({ partition }) =>
        encoder.writeInt32(partition).writeInt64(TIMESTAMP[which]),
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
