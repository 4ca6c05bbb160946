import {
  CompressionCodecs,
  CompressionTypes,
  type Consumer,
  type ConsumerConfig,
  Kafka,
  type KafkaConfig as KafkajsConfig,
  type KafkaMessage,
} from 'kafkajs';
import type { KafkaConfig } from '../../../config';
import type { Logger } from '../../../logger';
import type { LogRecord, RecordHeader } from '../../event-log';
import { type Codec, createCodecs } from '../protocol/codecs';
import { createSocketFactory, seedOf, tlsOptions } from './broker-socket';
import { type KafkajsLogEntry, LOG_LEVEL } from './kafkajs-internals';
import { saslOptions } from './sasl';

export type { Consumer, EachBatchPayload } from 'kafkajs';

export type CreateConsumer = (config: ConsumerConfig) => Consumer;

/** Consumers that read every codec and do not restart themselves: kafkajs's restart (`onCrash`) cannot be cancelled. */
export function createGroupConsumers(kafka: KafkaConfig, logger: Logger): CreateConsumer {
  registerCodecs();
  const options = kafkaClientOptions(kafka, logger);
  const client = new Kafka(options);
  const retry = { ...options.retry, restartOnFailure: async () => false };
  return (config) => client.consumer({ ...config, allowAutoTopicCreation: false, retry });
}

/** kafkajs's own consumer reads gzip only, and stops for good at any other batch; this gives it all codecs. */
export function registerCodecs(): void {
  const codecs = createCodecs();
  const { GZIP, Snappy, LZ4, ZSTD } = CompressionTypes;
  for (const type of [GZIP, Snappy, LZ4, ZSTD] as const) {
    const decompress: Codec = codecs.get(type)!;
    CompressionCodecs[type] = () => ({
      compress: () => Promise.reject(new Error('the gateway compresses nothing')),
      decompress: async (compressed: Buffer) => decompress(compressed),
    });
  }
}

/** Its message says it all: nothing of this program has failed. */
export function isKafkajsError(error: unknown): boolean {
  return error instanceof Error && error.name.startsWith('KafkaJS');
}

/** A record that kafkajs's own consumer read, as the event log has it. */
export function logRecordOf({ offset, timestamp, key, value, headers = {} }: KafkaMessage): LogRecord {
  const list: RecordHeader[] = [];
  for (const [name, values] of Object.entries(headers)) {
    // Null is not in kafkajs's types, but in Kafka's records.
    for (const text of [values].flat() as (Buffer | string | null | undefined)[]) {
      list.push({ key: name, value: typeof text === 'string' ? Buffer.from(text) : (text ?? null) });
    }
  }
  return { offset: BigInt(offset), timestampMs: Number(timestamp), key, value, headers: list };
}

/**
 * Options of kafkajs's public client (`new Kafka(…)`) with the same security, sockets, time limits and retries as
 * the event log. The retries are explicit because kafkajs takes other defaults when NODE_ENV is `test`.
 */
export function kafkaClientOptions(kafka: KafkaConfig, logger: Logger): KafkajsConfig {
  const ssl = tlsOptions(kafka);
  const sasl = saslOptions(kafka);
  return {
    brokers: kafka.brokers.map(seedOf),
    clientId: kafka.clientId,
    ...(ssl === null ? {} : { ssl }),
    ...(sasl === null ? {} : { sasl }),
    connectionTimeout: kafka.connectTimeoutMs,
    requestTimeout: kafka.requestTimeoutMs,
    socketFactory: createSocketFactory(kafka) as NonNullable<KafkajsConfig['socketFactory']>,
    retry: {
      initialRetryTime: kafka.retryMinMs,
      maxRetryTime: kafka.retryMaxMs,
      multiplier: 2,
      factor: 0.2,
      retries: 8,
    },
    logLevel: LOG_LEVEL.INFO,
    logCreator: () => (entry) => logKafkajs(logger, entry),
  };
}

/** Parts of kafkajs that log what they retry as an error: lost connections, rebalances, stale leaders. */
const RETRYING = new Set([
  'Connection',
  'Runner',
  'BrokerPool',
  'Broker',
  'Cluster',
  'ConsumerGroup',
  'Producer',
]);

function logKafkajs(logger: Logger, { namespace, level, log }: KafkajsLogEntry): void {
  const { message, timestamp: _timestamp, logger: _logger, ...fields } = log;
  const entry = { kafkajs: namespace, ...fields };
  // What ends a consumer is in its CRASH event too, and the aggregator logs that.
  if (namespace === 'Consumer') logger.debug(entry, message);
  else if (level === LOG_LEVEL.ERROR && !RETRYING.has(namespace)) logger.error(entry, message);
  else if (level === LOG_LEVEL.ERROR || level === LOG_LEVEL.WARN) logger.warn(entry, message);
  else logger.debug(entry, message);
}
