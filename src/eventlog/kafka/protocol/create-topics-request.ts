import { type KafkaRequest, kafkaRequest } from './request';

interface TopicCreation {
  readonly topic: string;
  readonly errorCode: number;
  readonly errorMessage: string | null;
}

/** CreateTopics, to be sent to the controller. The broker waits up to `timeoutMs` for the topics to be there. */
export function createTopicsRequest(
  names: readonly string[],
  { partitions, replication, timeoutMs }: { partitions: number; replication: number; timeoutMs: number },
): KafkaRequest<{ throttleMs: number; topics: readonly TopicCreation[] }> {
  return kafkaRequest(
    ['CreateTopics', 19, 3],
    (writer) => {
      writer.int32(names.length);
      for (const name of names) writer.string(name).int32(partitions).int16(replication).int32(0).int32(0);
      return writer.int32(timeoutMs).boolean(false);
    },
    (reader) => ({
      throttleMs: reader.int32(),
      topics: reader.array(() => ({
        topic: reader.string() ?? '',
        errorCode: reader.int16(),
        errorMessage: reader.string(),
      })),
    }),
  );
}
