import type { TopicPartition } from '../../event-log';
import type { KafkaRequest } from '../cluster/broker-link';
import { KafkajsDecoder, KafkajsEncoder } from '../cluster/kafkajs-internals';
import { readByTopic, writeByTopic } from './topic-partitions';

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
      const encoder = new KafkajsEncoder(size)
        .writeString(null)
        .writeInt16(ALL_IN_SYNC_REPLICAS)
        .writeInt32(timeoutMs);
      return writeByTopic(encoder, batches, ({ partition, batch }) =>
        encoder.writeInt32(partition).writeBytes(batch),
      );
    },
    decode(payload) {
      const decoder = new KafkajsDecoder(payload);
      const produced = readByTopic(decoder, (topic) => {
        const partition = decoder.readInt32();
        const errorCode = decoder.readInt16();
        const baseOffset = decoder.readInt64();
        decoder.readInt64();
        decoder.readInt64();
        return { topic, partition, errorCode, baseOffset };
      });
      return { batches: produced, throttleMs: decoder.readInt32() };
    },
  };
}
