import { type KafkaRequest, kafkaRequest, readByTopic, type TopicPartition, writeByTopic } from './request';

export const READ_COMMITTED = 1;
/** What a consumer gives as its replica id. */
export const NO_REPLICA = -1;

const EARLIEST = -2n;
const LATEST = -1n;

/** `timeMs` is Unix time and asks for the first record of that time or later. */
export type OffsetQuery = 'earliest' | 'latest' | { readonly timeMs: number };

interface ListedOffset extends TopicPartition {
  readonly errorCode: number;
  /** −1 when there is no record of that time or later. */
  readonly offset: bigint;
}

/** ListOffsets. `latest` is the last stable offset: a reader of committed records gets no further. */
export function listOffsetsRequest(
  query: OffsetQuery,
  partitions: readonly TopicPartition[],
): KafkaRequest<{ throttleMs: number; offsets: readonly ListedOffset[] }> {
  const timestamp = timestampOf(query);
  return kafkaRequest(
    ['ListOffsets', 2, 3],
    (writer) =>
      writeByTopic(writer.int32(NO_REPLICA).int8(READ_COMMITTED), partitions, ({ partition }) =>
        writer.int32(partition).int64(timestamp),
      ),
    (reader) => ({
      throttleMs: reader.int32(),
      offsets: readByTopic(reader, (topic) => {
        const partition = reader.int32();
        const errorCode = reader.int16();
        reader.int64();
        return { topic, partition, errorCode, offset: reader.int64() };
      }),
    }),
  );
}

/** Kafka gives times below zero meanings of their own, and takes whole milliseconds of at most 64 bits. */
function timestampOf(query: OffsetQuery): bigint {
  if (query === 'earliest') return EARLIEST;
  if (query === 'latest') return LATEST;
  return BigInt(Math.min(Math.max(Math.ceil(query.timeMs), 0), Number.MAX_SAFE_INTEGER));
}

export interface EpochQuery extends TopicPartition {
  readonly leaderEpoch: number;
}

interface ListedEpochEnd extends EpochQuery {
  readonly errorCode: number;
  /** −1 when the broker has no records of that epoch or an earlier one. */
  readonly endOffset: bigint;
}

const ANY_CURRENT_EPOCH = -1;

/** OffsetForLeaderEpoch (KIP-320), to be sent to the leader of the partitions. */
export function offsetForLeaderEpochRequest(
  asked: readonly EpochQuery[],
): KafkaRequest<{ throttleMs: number; ends: readonly ListedEpochEnd[] }> {
  return kafkaRequest(
    ['OffsetForLeaderEpoch', 23, 3],
    (writer) =>
      writeByTopic(writer.int32(NO_REPLICA), asked, ({ partition, leaderEpoch }) =>
        writer.int32(partition).int32(ANY_CURRENT_EPOCH).int32(leaderEpoch),
      ),
    (reader) => ({
      throttleMs: reader.int32(),
      ends: readByTopic(reader, (topic) => {
        const errorCode = reader.int16();
        const partition = reader.int32();
        const leaderEpoch = reader.int32();
        return { topic, partition, errorCode, leaderEpoch, endOffset: reader.int64() };
      }),
    }),
  );
}
