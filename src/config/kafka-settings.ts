import { z } from 'zod';
import { bytes, file, ms, oneOf, onOff, type SettingsOf, text } from './setting-types';

export const KAFKA_SETTINGS = {
  KAFKA_BROKERS: brokers().describe(
    'bootstrap brokers, `host:port,…`, IPv6 as `[::1]:9092`; unset: the memory log',
  ),
  KAFKA_CLIENT_ID: text('kafka-sse-gateway').describe('client id in the brokers’ logs and quotas'),
  KAFKA_SSL: onOff(false).describe('TLS to the brokers'),
  KAFKA_SSL_CA_FILE: file().describe('PEM file of the authority that signed the brokers’ certificates'),
  KAFKA_SSL_CERT_FILE: file().describe('PEM file of the client certificate'),
  KAFKA_SSL_KEY_FILE: file().describe('PEM file of the client key'),
  KAFKA_SSL_VERIFY: onOff(true).describe('`off`: accept any certificate; for tests only'),
  KAFKA_SASL_MECHANISM: oneOf(['plain', 'scram-sha-256', 'scram-sha-512'])
    .optional()
    .describe('SASL mechanism; unset: none'),
  KAFKA_SASL_USERNAME: z.string().optional().describe('SASL user'),
  KAFKA_SASL_PASSWORD: z.string().optional().describe('SASL password'),
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
} as const;

export type KafkaSettings = SettingsOf<typeof KAFKA_SETTINGS>;

interface BrokerSetting {
  /** `host:port` */
  readonly address: string;
  /** As it was written. */
  readonly text: string;
  /** What its scheme says, as in Kafka's `listeners`; null: it has none that does. */
  readonly isTls: boolean | null;
}

const BROKER =
  /^(?:(PLAINTEXT|SASL_PLAINTEXT|SSL|SASL_SSL|kafka):\/\/)?((?:[^\s/@:[\]]+|\[[\da-f:.]+\]):\d{1,5})\/?$/i;

/** Separated by commas. */
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

/** How the brokers are reached and asked. */
export function kafkaConfig(s: KafkaSettings) {
  return {
    brokers: s.KAFKA_BROKERS.map(({ address }) => address),
    clientId: s.KAFKA_CLIENT_ID,
    /** Null: no TLS. */
    ssl: s.KAFKA_SSL
      ? {
          ca: s.KAFKA_SSL_CA_FILE ?? null,
          cert: s.KAFKA_SSL_CERT_FILE ?? null,
          key: s.KAFKA_SSL_KEY_FILE ?? null,
          rejectUnauthorized: s.KAFKA_SSL_VERIFY,
        }
      : null,
    /** Null: no SASL. */
    sasl:
      s.KAFKA_SASL_MECHANISM === undefined
        ? null
        : {
            mechanism: s.KAFKA_SASL_MECHANISM,
            username: s.KAFKA_SASL_USERNAME ?? '',
            password: s.KAFKA_SASL_PASSWORD ?? '',
          },
    connectTimeoutMs: s.KAFKA_CONNECT_TIMEOUT_MS,
    requestTimeoutMs: s.KAFKA_REQUEST_TIMEOUT_MS,
    livenessMs: s.KAFKA_SILENCE_MS,
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
    yield 'KAFKA_RETRY_MIN_MS must not be over KAFKA_RETRY_MAX_MS';
  if (s.KAFKA_FETCH_MAX_WAIT_MS >= s.KAFKA_SILENCE_MS)
    yield 'KAFKA_FETCH_MAX_WAIT_MS must be under KAFKA_SILENCE_MS';
  const other = s.KAFKA_BROKERS.find(({ isTls }) => isTls !== null && isTls !== s.KAFKA_SSL);
  if (other !== undefined)
    yield `KAFKA_SSL must be ${other.isTls ? 'on' : 'off'} for the broker ${other.text}, or that one be written as ${other.address}`;
  const sasl = [s.KAFKA_SASL_MECHANISM, s.KAFKA_SASL_USERNAME, s.KAFKA_SASL_PASSWORD];
  if (sasl.some((value) => value !== undefined) && sasl.includes(undefined))
    yield 'KAFKA_SASL_MECHANISM, KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD must be set together';
  if ((s.KAFKA_SSL_CERT_FILE === undefined) !== (s.KAFKA_SSL_KEY_FILE === undefined))
    yield 'KAFKA_SSL_CERT_FILE and KAFKA_SSL_KEY_FILE must be set together';
  if (!s.KAFKA_SSL && (s.KAFKA_SSL_CA_FILE ?? s.KAFKA_SSL_CERT_FILE) !== undefined)
    yield 'KAFKA_SSL must be on for the KAFKA_SSL_*_FILE settings to count';
}
