import type { Reader } from './bytes';
import { type KafkaRequest, kafkaRequest } from './request';

export interface BrokerAddress {
  /** A name or an address; IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
}

interface PartitionMetadata {
  readonly partition: number;
  readonly errorCode: number;
  /** Broker id; −1 while there is none. */
  readonly leader: number;
  /** Goes up with each election of a leader. */
  readonly leaderEpoch: number;
}

interface TopicMetadata {
  readonly errorCode: number;
  readonly name: string;
  /** 32 hex digits. */
  readonly topicId: string;
  /** In order of their number. */
  readonly partitions: readonly PartitionMetadata[];
  readonly rights: TopicRights;
}

/** What the asker may do with a topic. Where the cluster has no rights at all, everything. */
export interface TopicRights {
  readonly read: boolean;
  readonly write: boolean;
}

export interface Metadata {
  readonly throttleMs: number;
  readonly clusterId: string;
  readonly controllerId: number;
  readonly brokers: ReadonlyMap<number, BrokerAddress>;
  readonly topics: readonly TopicMetadata[];
}

/** Metadata; kafkajs's version 6 has no topic ids. No topics: the cluster alone; `all`: all that may be described. */
export function metadataRequest(topics: readonly string[] | 'all'): KafkaRequest<Metadata> {
  return kafkaRequest(
    ['Metadata', 3, 12],
    (writer) => {
      // kafkajs writes request header 1; header 2 has tagged fields after it, so they come first here.
      writer.uvarint(0).uvarint(topics === 'all' ? 0 : topics.length + 1);
      for (const topic of topics === 'all' ? [] : topics)
        writer.raw(Buffer.alloc(16)).compactString(topic).uvarint(0);
      // No topic is created; rights are wanted.
      return writer.boolean(false).boolean(true).uvarint(0);
    },
    (reader) => {
      // Likewise for response header 1.
      reader.tags();
      return {
        throttleMs: reader.int32(),
        brokers: new Map(reader.compactArray(() => readBroker(reader))),
        clusterId: reader.compactString(),
        controllerId: reader.int32(),
        topics: reader.compactArray(() => readTopic(reader)),
      };
    },
  );
}

function readBroker(reader: Reader): [id: number, BrokerAddress] {
  const id = reader.int32();
  const address = { host: reader.compactString(), port: reader.int32() };
  reader.compactString();
  reader.tags();
  return [id, address];
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
  const rights = rightsOf(reader.int32());
  reader.tags();
  partitions.sort((a, b) => a.partition - b.partition);
  return { errorCode, name, topicId, partitions, rights };
}

/** Kafka's codes of operations (AclOperation), each a bit. */
const READ = 3;
const WRITE = 4;

function rightsOf(operations: number): TopicRights {
  return { read: (operations & (1 << READ)) !== 0, write: (operations & (1 << WRITE)) !== 0 };
}
