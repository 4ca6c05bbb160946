import { z } from 'zod';
import {
  KAFKA_SECURITY_SETTINGS,
  kafkaSecurity,
  kafkaSecurityContradictions,
} from './kafka-security-settings';
import { bytes, int, list, ms, type SettingsOf, text } from './setting-types';
import {
  DEFAULT_TOPIC,
  plainTopic,
  TOPIC_NAME,
  type TopicSetting,
  topicList,
  topicNameFault,
} from './topic-settings';
import { topicsFile } from './topics-file';

export const KAFKA_SETTINGS = {
  KAFKA_BROKERS: brokers().describe(
    'bootstrap brokers, `host:port,…`, IPv6 as `[::1]:9092`; unset: the memory log',
  ),
  KAFKA_CLIENT_ID: text('kafka-sse-gateway').describe('client id in the brokers’ logs and quotas'),
  ...KAFKA_SECURITY_SETTINGS,
  KAFKA_CONNECT_TIMEOUT_MS: ms(5_000, 100).describe('longest time to connect to a broker, TLS included'),
  KAFKA_REQUEST_TIMEOUT_MS: ms(10_000, 500).describe(
    'time without a byte of a broker’s answer after which its connection is closed; an answer that keeps arriving may take longer',
  ),
  KAFKA_SILENCE_MS: ms(3_000, 1_000).describe(
    'silence of the brokers after which Kafka counts as unreachable',
  ),
  KAFKA_RETRY_MIN_MS: ms(100, 1).describe(
    'backoff: first pause before a broker is tried again; doubles each time',
  ),
  KAFKA_RETRY_MAX_MS: ms(2_000, 1).describe('backoff: longest pause before a broker is tried again'),
  KAFKA_METADATA_REFRESH_MS: ms(30_000, 100).describe(
    'how often to look for new partitions and re-created topics',
  ),
  KAFKA_FETCH_MAX_WAIT_MS: ms(500, 1).describe(
    'how long a broker may hold a fetch without records (`fetch.max.wait.ms`)',
  ),
  KAFKA_FETCH_MAX_BYTES: bytes(4 << 20, 1024).describe(
    'most bytes of one fetch over all partitions; over a slow link the gateway asks for less',
  ),
  KAFKA_FETCH_PARTITION_BYTES: bytes(1 << 20, 1024).describe('most bytes of one fetch from one partition'),
  KAFKA_TOPICS: topicList()
    .optional()
    .describe(
      'topics to serve: `topic`; `topic=/base` under a channel; `topic=/base/{key}` on channels made of [keys, headers and values](topics.md); `;base64` after it for binary values; unset: `events-topic`',
    ),
  TOPICS_FILE: topicsFile().describe(
    'YAML file with [all that can be said of topics](topics.md#topics_file), instead of `KAFKA_TOPICS`',
  ),
  KAFKA_SUMMARY_TOPIC: z
    .string()
    .regex(TOPIC_NAME, 'must be a Kafka topic name')
    .default('events-summary-table')
    .describe('topic that the aggregator writes its summaries to'),
  // Unwrapped: unset must not become the list's default, an empty list.
  KAFKA_CREATE_TOPICS: list(topicNameFault)
    .unwrap()
    .optional()
    .describe('topics to create when missing; unset: `events-topic` and the summary topic, if they are used'),
  KAFKA_TOPIC_PARTITIONS: int(1, 1, 10_000).describe('partitions of a topic that the gateway creates'),
  KAFKA_TOPIC_REPLICATION: int(1, 1, 100).describe('replication factor of a topic that the gateway creates'),
} as const;

export type KafkaSettings = SettingsOf<typeof KAFKA_SETTINGS>;

interface BrokerSetting {
  /** `host:port` */
  readonly address: string;
  /** As configured. */
  readonly text: string;
  /** By its scheme, as in Kafka's `listeners`; null: no scheme, or `kafka`. */
  readonly isTls: boolean | null;
}

const BROKER =
  /^(?:(PLAINTEXT|SASL_PLAINTEXT|SSL|SASL_SSL|kafka):\/\/)?((?:[^\s/@:[\]]+|\[[\da-f:.]+\]):\d{1,5})\/?$/i;

/** Brokers separated by commas. */
function brokers() {
  return z
    .string()
    .transform((text, context) => {
      const found: BrokerSetting[] = [];
      for (const word of text.split(',').map((part) => part.trim())) {
        if (word === '') continue;
        const [, scheme, address] = BROKER.exec(word) ?? [];
        if (address === undefined) {
          const message = `entry "${word}" is not host:port or [IPv6]:port, also with PLAINTEXT://, SSL://, SASL_PLAINTEXT:// or SASL_SSL:// before it`;
          context.addIssue({ code: 'custom', message });
          continue;
        }
        const isTls = scheme === undefined || /^kafka$/i.test(scheme) ? null : /ssl$/i.test(scheme);
        found.push({ address, text: word, isTls });
      }
      return found;
    })
    .default([]);
}

/** How to connect to the brokers and fetch from them. */
export function kafkaConfig(s: KafkaSettings) {
  return {
    brokers: s.KAFKA_BROKERS.map(({ address }) => address),
    clientId: s.KAFKA_CLIENT_ID,
    ...kafkaSecurity(s),
    connectTimeoutMs: s.KAFKA_CONNECT_TIMEOUT_MS,
    requestTimeoutMs: s.KAFKA_REQUEST_TIMEOUT_MS,
    silenceMs: s.KAFKA_SILENCE_MS,
    retryMinMs: s.KAFKA_RETRY_MIN_MS,
    retryMaxMs: s.KAFKA_RETRY_MAX_MS,
    metadataRefreshMs: s.KAFKA_METADATA_REFRESH_MS,
    fetchMaxWaitMs: s.KAFKA_FETCH_MAX_WAIT_MS,
    fetchMaxBytes: s.KAFKA_FETCH_MAX_BYTES,
    fetchPartitionBytes: s.KAFKA_FETCH_PARTITION_BYTES,
  };
}

export function* kafkaContradictions(s: KafkaSettings): Iterable<string> {
  if (s.KAFKA_RETRY_MIN_MS > s.KAFKA_RETRY_MAX_MS)
    yield 'KAFKA_RETRY_MIN_MS must not be greater than KAFKA_RETRY_MAX_MS';
  if (s.KAFKA_FETCH_MAX_WAIT_MS >= s.KAFKA_SILENCE_MS)
    yield 'KAFKA_FETCH_MAX_WAIT_MS must be less than KAFKA_SILENCE_MS';
  const other = s.KAFKA_BROKERS.find(({ isTls }) => isTls !== null && isTls !== s.KAFKA_SSL);
  if (other !== undefined)
    yield `KAFKA_SSL must be ${other.isTls ? 'on' : 'off'} for the broker ${other.text}, or remove its scheme: ${other.address}`;
  yield* kafkaSecurityContradictions(s);
  if (s.KAFKA_TOPICS !== undefined && s.TOPICS_FILE !== undefined)
    yield 'KAFKA_TOPICS and TOPICS_FILE must not be set together';
}

/** The topics to serve. */
export function servedTopics(s: KafkaSettings): readonly TopicSetting[] {
  return s.TOPICS_FILE ?? s.KAFKA_TOPICS ?? [plainTopic(DEFAULT_TOPIC)];
}

/** Which missing topics are created, and how. */
export function topicCreation(s: KafkaSettings) {
  return {
    names: s.KAFKA_CREATE_TOPICS ?? [DEFAULT_TOPIC, s.KAFKA_SUMMARY_TOPIC],
    partitions: s.KAFKA_TOPIC_PARTITIONS,
    replication: s.KAFKA_TOPIC_REPLICATION,
  };
}
