import { Reader, Writer } from './bytes';
import { type KafkaRequest, readByTopic, type TopicPartition, writeByTopic } from './request';

export interface PartitionBatch extends TopicPartition {
  /** One record batch: from version 3 on a partition may have no more in one request. */
  readonly batch: Buffer;
}

export interface ProducedBatch extends TopicPartition {
  readonly errorCode: number;
  readonly baseOffset: bigint;
}

const ALL_IN_SYNC_REPLICAS = -1;

/** Produce version 7, acks −1. The broker waits up to `timeoutMs` for the replicas. */
export function produceRequest(
  batches: readonly PartitionBatch[],
  timeoutMs: number,
): KafkaRequest<{ throttleMs: number; batches: readonly ProducedBatch[] }> {
  return {
    apiName: 'Produce',
    apiKey: 0,
    apiVersion: 7,
    encode() {
      const size = batches.reduce((sum, { batch }) => sum + batch.length, 1_024);
      const writer = new Writer(size).string(null).int16(ALL_IN_SYNC_REPLICAS).int32(timeoutMs);
      return writeByTopic(writer, batches, ({ partition, batch }) => writer.int32(partition).blob(batch))
        .bytes;
    },
    decode(payload) {
      const reader = new Reader(payload);
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
  };
}

export interface GrantedProducerId {
  readonly errorCode: number;
  readonly producerId: bigint;
  readonly producerEpoch: number;
}

/** Of no meaning without a transactional id. */
const TRANSACTION_TIMEOUT_MS = 0;

/** InitProducerId version 1 without a transactional id: any broker answers, with an id that nobody had before. */
export function initProducerIdRequest(): KafkaRequest<{ throttleMs: number } & GrantedProducerId> {
  return {
    apiName: 'InitProducerId',
    apiKey: 22,
    apiVersion: 1,
    encode: () => new Writer().string(null).int32(TRANSACTION_TIMEOUT_MS).bytes,
    decode(payload) {
      const reader = new Reader(payload);
      return {
        throttleMs: reader.int32(),
        errorCode: reader.int16(),
        producerId: reader.int64(),
        producerEpoch: reader.int16(),
      };
    },
  };
}
