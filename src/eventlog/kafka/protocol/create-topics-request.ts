import type { KafkaRequest } from '../cluster/broker-link';
import { KafkajsDecoder, KafkajsEncoder } from '../cluster/kafkajs-internals';

export interface TopicCreation {
  readonly topic: string;
  readonly errorCode: number;
  readonly errorMessage: string | null;
}

/** CreateTopics version 3, to be sent to the controller. The broker waits up to `timeoutMs` for the topics to be there. */
export function createTopicsRequest(
  names: readonly string[],
  { partitions, replication, timeoutMs }: { partitions: number; replication: number; timeoutMs: number },
): KafkaRequest<{ throttleMs: number; topics: readonly TopicCreation[] }> {
  return {
    apiName: 'CreateTopics',
    apiKey: 19,
    apiVersion: 3,
    encode() {
      const encoder = new KafkajsEncoder().writeInt32(names.length);
      for (const name of names) {
        encoder.writeString(name).writeInt32(partitions).writeInt16(replication).writeInt32(0).writeInt32(0);
      }
      return encoder.writeInt32(timeoutMs).writeBoolean(false);
    },
    decode(payload) {
      const decoder = new KafkajsDecoder(payload);
      const throttleMs = decoder.readInt32();
      const topics: TopicCreation[] = [];
      for (let left = decoder.readInt32(); left > 0; left--) {
        topics.push({
          topic: decoder.readString() ?? '',
          errorCode: decoder.readInt16(),
          errorMessage: decoder.readString(),
        });
      }
      return { throttleMs, topics };
    },
  };
}
