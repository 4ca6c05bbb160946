import { GatewayError } from '../../errors';
import type { TopicPartition } from '../event-log';
import { ERROR_CODE, ProtocolError } from './protocol/protocol-error';
import { keyOf } from './protocol/request';

/** Answers that leave open whether a batch is in the log: a leader that is deposed meanwhile has it all the same. */
export const UNCERTAIN: ReadonlySet<number> = new Set<number>([
  ERROR_CODE.UNKNOWN_SERVER_ERROR,
  ERROR_CODE.UNKNOWN_TOPIC_OR_PARTITION,
  ERROR_CODE.LEADER_NOT_AVAILABLE,
  ERROR_CODE.NOT_LEADER_OR_FOLLOWER,
  ERROR_CODE.REQUEST_TIMED_OUT,
  ERROR_CODE.REPLICA_NOT_AVAILABLE,
  ERROR_CODE.NETWORK_EXCEPTION,
  ERROR_CODE.NOT_ENOUGH_REPLICAS_AFTER_APPEND,
  ERROR_CODE.KAFKA_STORAGE_ERROR,
]);

/** Answers that another try may change. */
export const TRANSIENT: ReadonlySet<number> = new Set<number>([
  ...UNCERTAIN,
  ERROR_CODE.CORRUPT_MESSAGE,
  ERROR_CODE.NOT_ENOUGH_REPLICAS,
  ERROR_CODE.OUT_OF_ORDER_SEQUENCE_NUMBER,
  ERROR_CODE.UNKNOWN_PRODUCER_ID,
  ERROR_CODE.INVALID_PRODUCER_EPOCH,
  ERROR_CODE.PRODUCER_FENCED,
]);

/** The broker rejects a batch for what one of its records is: without it, the others are taken. */
export const FOR_ONE_RECORD: ReadonlySet<number> = new Set<number>([
  ERROR_CODE.MESSAGE_TOO_LARGE,
  ERROR_CODE.RECORD_LIST_TOO_LARGE,
  ERROR_CODE.INVALID_TIMESTAMP,
  ERROR_CODE.INVALID_RECORD,
]);

/** The error for an answer that another try would not change. */
export function rejectionOf(partition: TopicPartition, errorCode: number): GatewayError {
  const { topic } = partition;
  const cause = new ProtocolError(keyOf(partition), errorCode);
  switch (errorCode) {
    case ERROR_CODE.MESSAGE_TOO_LARGE:
    case ERROR_CODE.RECORD_LIST_TOO_LARGE:
      return new GatewayError('event-too-large', `the event is larger than Kafka takes for ${topic}`, {
        cause,
      });
    case ERROR_CODE.TOPIC_AUTHORIZATION_FAILED:
      return forbidden(topic, `the right WRITE on topic ${topic} is missing`, cause);
    case ERROR_CODE.CLUSTER_AUTHORIZATION_FAILED:
      return forbidden(
        topic,
        `the right WRITE on topic ${topic} is missing; a broker before Kafka 3.0 also asks for IDEMPOTENT_WRITE on the cluster`,
        cause,
      );
    case ERROR_CODE.INVALID_TOPIC_EXCEPTION:
      return forbidden(topic, `${topic} is not a topic for clients`, cause);
    case ERROR_CODE.INVALID_TIMESTAMP:
    case ERROR_CODE.UNSUPPORTED_FOR_MESSAGE_FORMAT:
    case ERROR_CODE.POLICY_VIOLATION:
    case ERROR_CODE.INVALID_RECORD:
      return new GatewayError('event-rejected', `Kafka does not take this event: ${cause.message}`, {
        cause,
      });
    default:
      return new GatewayError('log-unavailable', `Kafka rejected the event: ${cause.message}`, { cause });
  }
}

function forbidden(topic: string, why: string, cause: Error): GatewayError {
  return new GatewayError('topic-forbidden', `Kafka does not let the gateway write: ${why}`, {
    cause,
    details: { topic },
  });
}
