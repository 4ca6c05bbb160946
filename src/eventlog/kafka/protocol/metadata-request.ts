import type { KafkaRequest } from '../cluster/broker-link';
import type { BrokerAddress } from '../cluster/broker-socket';
import { type Decoder, KafkajsDecoder, KafkajsEncoder } from '../cluster/kafkajs-internals';

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
      const encoder = new KafkajsEncoder()
        .writeUVarInt(0)
        .writeUVarInt(topics === 'all' ? 0 : topics.length + 1);
      for (const topic of topics === 'all' ? [] : topics) {
        encoder.writeBuffer(Buffer.alloc(16)).writeUVarIntString(topic).writeUVarInt(0);
      }
      return encoder.writeBoolean(false).writeBoolean(false).writeUVarInt(0);
    },
    decode(payload) {
      const decoder = new KafkajsDecoder(payload);
      // Likewise for response header 1.
      skipTags(decoder);
      const throttleMs = decoder.readInt32();
      const brokers = new Map(
        readCompactArray(decoder, () => {
          const id = decoder.readInt32();
          const address = { host: decoder.readUVarIntString() ?? '', port: decoder.readInt32() };
          decoder.readUVarIntString();
          skipTags(decoder);
          return [id, address] as const;
        }),
      );
      const clusterId = decoder.readUVarIntString() ?? '';
      const controllerId = decoder.readInt32();
      const found = readCompactArray(decoder, () => readTopic(decoder));
      return { throttleMs, clusterId, controllerId, brokers, topics: found };
    },
  };
}

function readTopic(decoder: Decoder): TopicMetadata {
  const errorCode = decoder.readInt16();
  const name = decoder.readUVarIntString() ?? '';
  const topicId = decoder.readBytes(16).toString('hex');
  decoder.readBoolean();
  const partitions = readCompactArray(decoder, () => {
    const partition = {
      errorCode: decoder.readInt16(),
      partition: decoder.readInt32(),
      leader: decoder.readInt32(),
      leaderEpoch: decoder.readInt32(),
    };
    for (let list = 0; list < 3; list++) readCompactArray(decoder, () => decoder.readInt32());
    skipTags(decoder);
    return partition;
  });
  decoder.readInt32();
  skipTags(decoder);
  return { errorCode, name, topicId, partitions: partitions.sort((a, b) => a.partition - b.partition) };
}

function readCompactArray<T>(decoder: Decoder, read: () => T): T[] {
  const length = decoder.readUVarInt() - 1;
  const items: T[] = [];
  for (let i = 0; i < length; i++) items.push(read());
  return items;
}

function skipTags(decoder: Decoder): void {
  for (let left = decoder.readUVarInt(); left > 0; left--) {
    decoder.readUVarInt();
    decoder.readBytes(decoder.readUVarInt());
  }
}
