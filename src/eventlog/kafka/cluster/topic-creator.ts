import type { KafkaConfig } from '../../../config';
import type { Logger } from '../../../logger';
import { createTopicsRequest } from '../protocol/create-topics-request';
import type { Metadata } from '../protocol/metadata-request';
import { ERROR_CODE, ProtocolError } from '../protocol/protocol-error';
import type { KafkaRequest } from '../protocol/request';

type Send = <T extends { readonly throttleMs: number }>(
  request: KafkaRequest<T>,
  timeoutMs: number,
) => Promise<T>;

/**
 * Creates the topics in use that are missing and may be created, and logs once when one cannot be. A topic that has been
 * there before is not created again, since it was deleted on purpose. Returns the topics that exist now.
 */
export function createTopicCreator({
  kafka,
  topics,
  logger,
}: {
  kafka: KafkaConfig;
  topics: readonly string[];
  logger: Logger;
}): (metadata: Metadata, send: Send) => Promise<readonly string[]> {
  const own = topics.filter((topic) => kafka.createTopics.names.includes(topic));
  const creatable = new Set(own);
  const reported = new Set<string>();
  let clusterId: string | null = null;

  function reportOnce(topic: string, error: Error): void {
    if (reported.has(topic)) return;
    reported.add(topic);
    logger.warn({ topic, error: error.message }, 'Topic not created; retrying');
  }

  return async ({ topics: found, ...metadata }, send) => {
    if (metadata.clusterId !== clusterId) {
      clusterId = metadata.clusterId;
      reported.clear();
      for (const topic of own) creatable.add(topic);
    }
    const missing: string[] = [];
    for (const { name, errorCode } of found) {
      if (errorCode === ERROR_CODE.UNKNOWN_TOPIC_OR_PARTITION && creatable.has(name)) missing.push(name);
      else if (errorCode === ERROR_CODE.NONE) creatable.delete(name);
    }
    if (missing.length === 0 || !metadata.brokers.has(metadata.controllerId)) return [];
    const { partitions, replication } = kafka.createTopics;
    const timeoutMs = kafka.requestTimeoutMs;
    const request = createTopicsRequest(missing, { partitions, replication, timeoutMs });
    const answer = await send(request, timeoutMs).catch((error: Error) => {
      for (const topic of missing) reportOnce(topic, error);
      return { topics: [] };
    });
    const existing: string[] = [];
    for (const { topic, errorCode, errorMessage } of answer.topics) {
      if (errorCode === ERROR_CODE.NONE) {
        logger.info({ topic, partitions, replication }, 'Topic created');
        reported.delete(topic);
        existing.push(topic);
      } else if (errorCode === ERROR_CODE.TOPIC_ALREADY_EXISTS) {
        existing.push(topic);
      } else {
        reportOnce(topic, new ProtocolError(`creating ${topic}`, errorCode, errorMessage));
      }
    }
    return existing;
  };
}
