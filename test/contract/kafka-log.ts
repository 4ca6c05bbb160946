import { parseConfig } from '../../src/config';
import type { EventLog } from '../../src/eventlog/event-log';
import { createKafkaEventLog } from '../../src/eventlog/kafka/kafka-event-log';
import { createQuietLogger } from '../support/quiet-logger';
import type { Env } from './use-event-logs';

/** The Kafka log with these topics, which it creates; its owner closes it. */
export function openKafkaLog(
  bootstrap: readonly string[],
  topics: readonly string[],
  env: Env = {},
): EventLog {
  const { kafka, append } = parseConfig({
    KAFKA_BROKERS: bootstrap.join(','),
    KAFKA_CREATE_TOPICS: topics.join(','),
    ...env,
  });
  return createKafkaEventLog({ kafka, append, topics, logger: createQuietLogger() });
}
