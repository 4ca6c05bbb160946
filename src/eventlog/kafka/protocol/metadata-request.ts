import { Reader, Writer } from './bytes';
import type { KafkaRequest } from './request';

export interface BrokerAddress {
  /** A name or an address; IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
}

export interface PartitionMetadata {
  readonly partition: number;
  readonly errorCode: number;
  /** Broker id; −1 while there is none. */
  readonly leader: number;
  /** Goes up with each election of a leader. */
  readonly leaderEpoch: number;
}

export interface TopicMetadata {
  readonly errorCode: number;
  readonly name: string;
  /** 32 hex digits. */
  readonly topicId: string;
  /** In order of their number. */
  readonly partitions: readonly PartitionMetadata[];
}

export interface Metadata {
  readonly throttleMs: number;
  readonly clusterId: string;
  readonly controllerId: number;
  readonly brokers: ReadonlyMap<number, BrokerAddress>;
  readonly topics: readonly TopicMetadata[];
}

/**
 * Metadata version 12, by hand: kafkajs stops at version 6, which has no topic ids (they came with version 10). No
 * topics asks for the cluster alone, `all` for every topic that may be described. Format: MetadataRequest.json and MetadataResponse.json of Apache Kafka.
 */
export function metadataRequest(topics: readonly string[] | 'all'): KafkaRequest<Metadata> {
  return {
    apiName: 'Metadata',
    apiKey: 3,
    apiVersion: 12,
    encode() {
      // kafkajs writes request header 1; header 2 has tagged fields after it, so they come first here.
      const writer = new Writer().uvarint(0).uvarint(topics === 'all' ? 0 : topics.length + 1);
      for (const topic of topics === 'all' ? [] : topics) {
        writer.raw(Buffer.alloc(16)).compactString(topic).uvarint(0);
      }
      return writer.boolean(false).boolean(false).uvarint(0).bytes;
    },
    decode(payload) {
      const reader = new Reader(payload);
      // Likewise for response header 1.
      reader.tags();
      const throttleMs = reader.int32();
      const brokers = new Map(
        reader.compactArray(() => {
          const id = reader.int32();
          const address = { host: reader.compactString(), port: reader.int32() };
          reader.compactString();
          reader.tags();
          return [id, address] as const;
        }),
      );
      const clusterId = reader.compactString();
      const controllerId = reader.int32();
      const found = reader.compactArray(() => readTopic(reader));
      return { throttleMs, clusterId, controllerId, brokers, topics: found };
    },
  };
}

function readTopic(reader: Reader): TopicMetadata {
  const errorCode = reader.int16();
  const name = reader.compactString();
  const topicId = reader.take(16).toString('hex');
  reader.boolean();
  const partitions = reader.compactArray(() => {
    const partition = {
      errorCode: reader.int16(),
      partition: reader.int32(),
      leader: reader.int32(),
      leaderEpoch: reader.int32(),
    };
    for (let list = 0; list < 3; list++) reader.compactArray(() => reader.int32());
    reader.tags();
    return partition;
  });
  reader.int32();
  reader.tags();
  return { errorCode, name, topicId, partitions: partitions.sort((a, b) => a.partition - b.partition) };
}
