import { Writer } from './bytes';
import { type KafkaRequest, kafkaRequest, readByTopic, type TopicPartition, writeByTopic } from './request';

export interface PartitionBatch extends TopicPartition {
  /** One record batch: from version 3 on a partition may have no more in one request. */
  readonly batch: Buffer;
}

export interface ProducedBatch extends TopicPartition {
  readonly errorCode: number;
  readonly baseOffset: bigint;
}

const ALL_IN_SYNC_REPLICAS = -1;

/** Produce, acks −1. The broker waits up to `timeoutMs` for the replicas. */
export function produceRequest(
  batches: readonly PartitionBatch[],
  timeoutMs: number,
): KafkaRequest<{ throttleMs: number; batches: readonly ProducedBatch[] }> {
  return kafkaRequest(
    ['Produce', 0, 7],
    (writer) =>
      writeByTopic(
        writer.string(null).int16(ALL_IN_SYNC_REPLICAS).int32(timeoutMs),
        batches,
        ({ partition, batch }) => writer.int32(partition).blob(batch),
      ),
    (reader) => {
      const produced = readByTopic(reader, (topic) => {
        const partition = reader.int32();
        const errorCode = reader.int16();
        const baseOffset = reader.int64();
        reader.int64();
        reader.int64();
        return { topic, partition, errorCode, baseOffset };
      });
      return { batches: produced, throttleMs: reader.int32() };
    },
    () => new Writer(batches.reduce((sum, { batch }) => sum + batch.length, 1_024)),
  );
}

/** Of no meaning without a transactional id. */
const TRANSACTION_TIMEOUT_MS = 0;

/** InitProducerId without a transactional id: any broker answers, with an id that nobody had before. */
export function initProducerIdRequest(): KafkaRequest<{
  throttleMs: number;
  errorCode: number;
  producerId: bigint;
}> {
  return kafkaRequest(
    ['InitProducerId', 22, 1],
    (writer) => writer.string(null).int32(TRANSACTION_TIMEOUT_MS),
    (reader) => ({ throttleMs: reader.int32(), errorCode: reader.int16(), producerId: reader.int64() }),
  );
}
