import type { EpochQuery } from '../../event-log';
import type { KafkaRequest } from '../cluster/broker-link';
import { KafkajsDecoder, KafkajsEncoder } from '../cluster/kafkajs-internals';
import { NO_REPLICA } from './list-offsets-request';
import { readByTopic, writeByTopic } from './topic-partitions';

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
      const encoder = new KafkajsEncoder().writeInt32(NO_REPLICA);
      return writeByTopic(encoder, asked, ({ partition, leaderEpoch }) =>
        encoder.writeInt32(partition).writeInt32(ANY_CURRENT_EPOCH).writeInt32(leaderEpoch),
      );
    },
    decode(payload) {
      const decoder = new KafkajsDecoder(payload);
      const throttleMs = decoder.readInt32();
      const ends = readByTopic(decoder, (topic) => {
        const errorCode = decoder.readInt16();
        const partition = decoder.readInt32();
        const leaderEpoch = decoder.readInt32();
        return { topic, partition, errorCode, leaderEpoch, endOffset: decoder.readInt64() };
      });
      return { throttleMs, ends };
    },
  };
}
