import type { Reader } from './bytes';
import { NO_REPLICA, READ_COMMITTED } from './list-offsets-request';
import { type KafkaRequest, kafkaRequest, type TopicPartition, writeCompactByTopic } from './request';

interface FetchLimits {
  /** How long the broker may hold the request while it has nothing; 0 answers at once. */
  readonly maxWaitMs: number;
  readonly maxBytes: number;
  readonly partitionBytes: number;
}

interface FetchQuery extends TopicPartition {
  readonly position: bigint;
  /** As the metadata had it: a broker that leads under another one refuses. −1 (default): whatever it is. */
  readonly currentLeaderEpoch?: number;
  /** Of what lies before `position`: the answer tells where the log went another way. −1 (default): not known. */
  readonly lastFetchedEpoch?: number;
}

/** A transaction whose records, from `firstOffset` to its abort marker, are not to be delivered. */
export interface AbortedTransaction {
  readonly producerId: bigint;
  readonly firstOffset: bigint;
}

export interface FetchedPartition extends TopicPartition {
  /** Kafka's error code; 0 is none. */
  readonly errorCode: number;
  /** −1 when the broker does not know, as in most errors. */
  readonly highWatermark: bigint;
  /** End of what a reader of committed records may see; −1 when the broker does not know. */
  readonly lastStableOffset: bigint;
  readonly logStart: bigint;
  readonly abortedTransactions: readonly AbortedTransaction[];
  /**
   * Null while what was fetched before is in this log. Else the latest epoch up to the one asked with that this log
   * has, and where that ends: what was fetched beyond is of a log that was truncated. −1 stands for none.
   */
  readonly diverging: { readonly leaderEpoch: number; readonly endOffset: bigint } | null;
  /** A view of the answer; empty when there are no records. */
  readonly recordSet: Buffer;
}

export interface FetchResponse {
  /** How long the broker asks not to be asked again. */
  readonly throttleMs: number;
  /** Of the whole answer; 0 is none. */
  readonly errorCode: number;
  readonly partitions: readonly FetchedPartition[];
}

const DIVERGING_EPOCH = 0;
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
  return kafkaRequest(
    ['Fetch', 1, 12],
    (writer) => {
      // kafkajs writes request header 1; header 2 has tagged fields after it, so they come first here.
      writer
        .uvarint(0)
        .int32(NO_REPLICA)
        .int32(maxWaitMs)
        .int32(1)
        .int32(maxBytes)
        .int8(READ_COMMITTED)
        .int32(NO_SESSION)
        .int32(NO_SESSION_EPOCH);
      writeCompactByTopic(writer, partitions, ({ partition, position, ...epochs }) =>
        writer
          .int32(partition)
          .int32(epochs.currentLeaderEpoch ?? NO_EPOCH)
          .int64(position)
          .int32(epochs.lastFetchedEpoch ?? NO_EPOCH)
          .int64(-1n)
          .int32(partitionBytes)
          .uvarint(0),
      );
      return writer.uvarint(1).compactString('').uvarint(0);
    },
    readFetchResponse,
  );
}

/** What follows the correlation id (https://kafka.apache.org/protocol.html#The_Messages_Fetch). */
function readFetchResponse(reader: Reader): FetchResponse {
  reader.tags(); // of the response's header
  const throttleMs = reader.int32();
  const errorCode = reader.int16();
  reader.int32(); // session id: we ask for none
  const byTopic = reader.compactArray(() => {
    const topic = reader.compactString();
    const partitions = reader.compactArray(() => readPartition(reader, topic));
    reader.tags();
    return partitions;
  });
  reader.tags();
  return { throttleMs, errorCode, partitions: byTopic.flat() };
}

function readPartition(reader: Reader, topic: string): FetchedPartition {
  const head = {
    topic,
    partition: reader.int32(),
    errorCode: reader.int16(),
    highWatermark: reader.int64(),
    lastStableOffset: reader.int64(),
    logStart: reader.int64(),
    abortedTransactions: reader.compactArray(() => {
      const transaction = { producerId: reader.int64(), firstOffset: reader.int64() };
      reader.tags();
      return transaction;
    }),
  };
  reader.int32(); // preferred read replica: given only to readers that name their rack
  const recordSet = reader.compactBlob();
  let diverging: FetchedPartition['diverging'] = null;
  reader.tags((tag) => {
    if (tag === DIVERGING_EPOCH) diverging = { leaderEpoch: reader.int32(), endOffset: reader.int64() };
  });
  return { ...head, diverging, recordSet };
}
