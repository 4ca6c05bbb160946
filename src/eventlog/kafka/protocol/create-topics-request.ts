import { Reader, Writer } from './bytes';
import type { KafkaRequest } from './request';

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
      const writer = new Writer().int32(names.length);
      for (const name of names) {
        writer.string(name).int32(partitions).int16(replication).int32(0).int32(0);
      }
      return writer.int32(timeoutMs).boolean(false).bytes;
    },
    decode(payload) {
      const reader = new Reader(payload);
      const throttleMs = reader.int32();
      const topics = reader.array(() => ({
        topic: reader.string() ?? '',
        errorCode: reader.int16(),
        errorMessage: reader.string(),
      }));
      return { throttleMs, topics };
    },
  };
}
