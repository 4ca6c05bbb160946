import { Reader, Writer } from './bytes';
import { NO_REPLICA } from './list-offsets-request';
import type { KafkaRequest, TopicPartition } from './request';
import { readByTopic, writeByTopic } from './topic-partitions';

export interface EpochQuery extends TopicPartition {
  readonly leaderEpoch: number;
}

export interface ListedEpochEnd extends EpochQuery {
  readonly errorCode: number;
  /** −1 when the broker has no records of that epoch or an earlier one. */
  readonly endOffset: bigint;
}

const ANY_CURRENT_EPOCH = -1;

/** OffsetForLeaderEpoch version 3 (KIP-320), to be sent to the leader of the partitions. */
export function offsetForLeaderEpochRequest(
  asked: readonly EpochQuery[],
): KafkaRequest<{ throttleMs: number; ends: readonly ListedEpochEnd[] }> {
  return {
    apiName: 'OffsetForLeaderEpoch',
    apiKey: 23,
    apiVersion: 3,
    encode() {
      const writer = new Writer().int32(NO_REPLICA);
      return writeByTopic(writer, asked, ({ partition, leaderEpoch }) =>
        writer.int32(partition).int32(ANY_CURRENT_EPOCH).int32(leaderEpoch),
      ).bytes;
    },
    decode(payload) {
      const reader = new Reader(payload);
      const throttleMs = reader.int32();
      const ends = readByTopic(reader, (topic) => {
        const errorCode = reader.int16();
        const partition = reader.int32();
        const leaderEpoch = reader.int32();
        return { topic, partition, errorCode, leaderEpoch, endOffset: reader.int64() };
      });
      return { throttleMs, ends };
    },
  };
}
