import type { TopicPartition } from '../event-log';
import type { KafkaRequest } from './broker-link';
import { decodeFetchResponse, type FetchResponse } from './fetch-response';
import { KafkajsEncoder } from './kafkajs-internals';
import { NO_REPLICA, READ_COMMITTED } from './list-offsets-request';
import { writeByTopic } from './topic-partitions';

export interface FetchLimits {
  /** How long the broker may hold the request while it has nothing; 0 answers at once. */
  readonly maxWaitMs: number;
  readonly maxBytes: number;
  readonly partitionBytes: number;
}

const NO_SESSION = 0;
const NO_SESSION_EPOCH = -1;
const ANY_LEADER_EPOCH = -1;

/**
 * Fetch version 11. The broker fills the answer in the order of `partitions` and always puts in one batch, however
 * large (KIP-74), so the caller rotates them.
 */
export function fetchRequest(
  partitions: readonly (TopicPartition & { readonly position: bigint })[],
  { maxWaitMs, maxBytes, partitionBytes }: FetchLimits,
): KafkaRequest<FetchResponse> {
  return {
    apiName: 'Fetch',
    apiKey: 1,
    apiVersion: 11,
    encode() {
      const encoder = new KafkajsEncoder()
        .writeInt32(NO_REPLICA)
        .writeInt32(maxWaitMs)
        .writeInt32(1)
        .writeInt32(maxBytes)
        .writeInt8(READ_COMMITTED)
        .writeInt32(NO_SESSION)
        .writeInt32(NO_SESSION_EPOCH);
      writeByTopic(encoder, partitions, ({ partition, position }) =>
        encoder
          .writeInt32(partition)
          .writeInt32(ANY_LEADER_EPOCH)
          .writeInt64(position)
          .writeInt64(-1n)
          .writeInt32(partitionBytes),
      );
      return encoder.writeInt32(0).writeString('');
    },
    decode: decodeFetchResponse,
  };
}
