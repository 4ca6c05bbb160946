import type { TopicPartition } from '../../event-log';
import type { KafkaRequest } from '../cluster/broker-link';
import { KafkajsEncoder } from '../cluster/kafkajs-internals';
import { decodeFetchResponse, type FetchResponse } from './fetch-response';
import { NO_REPLICA, READ_COMMITTED } from './list-offsets-request';
import { writeCompactByTopic } from './topic-partitions';

export interface FetchLimits {
  /** How long the broker may hold the request while it has nothing; 0 answers at once. */
  readonly maxWaitMs: number;
  readonly maxBytes: number;
  readonly partitionBytes: number;
}

export interface FetchQuery extends TopicPartition {
  readonly position: bigint;
  /** As the metadata had it: a broker that leads under another one refuses. −1 (default): whatever it is. */
  readonly currentLeaderEpoch?: number;
  /** Of what lies before `position`: the answer tells where the log went another way. −1 (default): not known. */
  readonly lastFetchedEpoch?: number;
}

const NO_SESSION = 0;
const NO_SESSION_EPOCH = -1;
const NO_EPOCH = -1;

/**
 * Fetch version 12, the first with leader epochs (KIP-320, KIP-595). The broker fills the answer in the order of
 * `partitions` and always puts in one batch, however large (KIP-74), so the caller rotates them.
 */
export function fetchRequest(
  partitions: readonly FetchQuery[],
  { maxWaitMs, maxBytes, partitionBytes }: FetchLimits,
): KafkaRequest<FetchResponse> {
  return {
    apiName: 'Fetch',
    apiKey: 1,
    apiVersion: 12,
    encode() {
      // kafkajs writes request header 1; header 2 has tagged fields after it, so they come first here.
      const encoder = new KafkajsEncoder()
        .writeUVarInt(0)
        .writeInt32(NO_REPLICA)
        .writeInt32(maxWaitMs)
        .writeInt32(1)
        .writeInt32(maxBytes)
        .writeInt8(READ_COMMITTED)
        .writeInt32(NO_SESSION)
        .writeInt32(NO_SESSION_EPOCH);
      writeCompactByTopic(encoder, partitions, ({ partition, position, ...epochs }) =>
        encoder
          .writeInt32(partition)
          .writeInt32(epochs.currentLeaderEpoch ?? NO_EPOCH)
          .writeInt64(position)
          .writeInt32(epochs.lastFetchedEpoch ?? NO_EPOCH)
          .writeInt64(-1n)
          .writeInt32(partitionBytes)
          .writeUVarInt(0),
      );
      return encoder.writeUVarInt(1).writeUVarIntString('').writeUVarInt(0);
    },
    decode: decodeFetchResponse,
  };
}
