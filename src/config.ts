import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { type ApiKeySetting, parseApiKey } from './auth/api-keys';
import { parseJwtKeyText } from './auth/jwt-key-text';
import { channelFault } from './hub/channel';
import { LOG_LEVELS } from './logger';

/** So that a full gateway can still say so, publish and be asked how it is: README's table names it. */
const CONNECTIONS_BESIDES_STREAMS = 500;
/** RFC 7518 §3.2 for HS256. */
const MIN_SECRET_BYTES = 32;
const TOPIC_NAME = /^(?!\.{1,2}$)[A-Za-z0-9._-]{1,249}$/;

/**
 * Every setting of the gateway: environment variable, type, default and meaning, in one place. README's table is
 * checked against this one. Units are in the names.
 */
export const SETTINGS = {
  PORT: port(3000).describe('HTTP port; 0 lets the system choose one'),
  HOST: text('0.0.0.0').describe('address to listen on'),
  LOG_LEVEL: z
    .enum(LOG_LEVELS)
    .default('info')
    .describe('how much is logged, as JSON lines on standard output'),
  LOG_STREAMS_PER_SECOND: int(0, 0, 100_000).describe(
    'lines per second about streams that open and close; those beyond are counted; 0 means none',
  ),
  NODE_ENV: z.string().default('development').describe('`production` refuses an accidental memory log'),
  EVENT_LOG: z
    .enum(['kafka', 'memory'])
    .optional()
    .describe('where events are kept; unset: `kafka` when KAFKA_BROKERS is set, else `memory`'),
  INGEST: onOff(true).describe('`off` makes a read-only gateway: no `/broadcast`'),

  KAFKA_BROKERS: list().describe('`host:port,…` of the brokers to ask first; unset means the memory log'),
  KAFKA_CLIENT_ID: text('kafka-sse-gateway').describe('client id in the broker’s logs and quotas'),
  KAFKA_TOPICS: topics().describe(
    'topics to serve: `topic`, `topic=/base` under a channel, `topic=/base;base64`',
  ),
  KAFKA_GROUP_ID: text('kafka-sse-gateway-aggregator').describe(
    'consumer group that all aggregators share; gateways need none',
  ),
  KAFKA_SESSION_TIMEOUT_MS: ms(15_000, 1_000).describe(
    'silence of an aggregator after which the others take over its partitions',
  ),
  KAFKA_SUMMARY_TOPIC: topicName('events-summary-table').describe('topic of the aggregator’s summaries'),
  // Without the list's default, which would stand in for the topics that unset means.
  KAFKA_CREATE_TOPICS: list()
    .unwrap()
    .optional()
    .describe(
      'topics to create when missing; unset: `events-topic` and the summary topic, as far as they are used',
    ),
  KAFKA_TOPIC_PARTITIONS: int(1, 1, 10_000).describe('partitions of a topic that the gateway creates'),
  KAFKA_TOPIC_REPLICATION: int(1, 1, 100).describe('replication factor of a topic that the gateway creates'),
  KAFKA_SSL: onOff(false).describe('TLS to the brokers'),
  KAFKA_SSL_CA_FILE: file().describe('PEM file of the authority that signed the brokers’ certificates'),
  KAFKA_SSL_CERT_FILE: file().describe('PEM file of the client certificate'),
  KAFKA_SSL_KEY_FILE: file().describe('PEM file of the client key'),
  KAFKA_SSL_VERIFY: onOff(true).describe('`off` accepts any certificate: for tests only'),
  KAFKA_SASL_MECHANISM: z
    .enum(['plain', 'scram-sha-256', 'scram-sha-512'])
    .optional()
    .describe('SASL mechanism; unset means none'),
  KAFKA_SASL_USERNAME: z.string().optional().describe('SASL user'),
  KAFKA_SASL_PASSWORD: z.string().optional().describe('SASL password'),
  KAFKA_CONNECT_TIMEOUT_MS: ms(5_000, 100).describe('limit of one connect to a broker, TLS included'),
  KAFKA_REQUEST_TIMEOUT_MS: ms(10_000, 500).describe(
    'limit of one request to a broker before its connection is dropped',
  ),
  KAFKA_LIVENESS_MS: ms(3_000, 1_000).describe('silence of the brokers after which Kafka counts as lost'),
  KAFKA_RETRY_MIN_MS: ms(100, 1).describe(
    'first pause before a broker is tried again; doubles up to the next one',
  ),
  KAFKA_RETRY_MAX_MS: ms(2_000, 1).describe('longest pause before a broker is tried again'),
  KAFKA_METADATA_REFRESH_MS: ms(30_000, 100).describe(
    'how often new partitions and re-created topics are looked for',
  ),
  KAFKA_FETCH_MAX_WAIT_MS: ms(500, 1).describe('how long a broker holds an idle fetch'),
  KAFKA_FETCH_MAX_BYTES: bytes(4 << 20, 1024).describe('bytes of one fetch over all partitions'),
  KAFKA_FETCH_PARTITION_BYTES: bytes(1 << 20, 1024).describe('bytes of one fetch from one partition'),

  PRODUCE_DEADLINE_MS: ms(5_000, 100).describe('after it the outcome of an append is reported as unknown'),
  PRODUCE_BATCH_RECORDS: int(500, 1, 100_000).describe('records of one produce request'),
  PRODUCE_BATCH_BYTES: bytes(512 << 10, 1024).describe('bytes of one produce request'),
  PRODUCE_QUEUE_RECORDS: int(10_000, 1, 1_000_000).describe('records waiting for the log; beyond it 503'),
  PRODUCE_QUEUE_BYTES: bytes(32 << 20, 1024).describe('bytes waiting for the log; beyond it 503'),
  BREAKER_FAILURES: int(3, 1, 1_000).describe(
    'failed produce requests in a row after which appends fail at once',
  ),
  BREAKER_PROBE_MS: ms(1_000, 10).describe('pause between probes while appends fail at once'),

  MEMORY_LOG_RECORDS: int(100_000, 1, 10_000_000).describe('records the memory log keeps'),
  MEMORY_LOG_BYTES: bytes(64 << 20, 1024).describe('bytes the memory log keeps'),

  RING_RECORDS: int(100_000, 1, 10_000_000).describe('records kept ready for streams that are behind'),
  RING_BYTES: bytes(64 << 20, 1024).describe(
    'bytes kept ready for streams that are behind, overhead included',
  ),

  RING_WARM_RECORDS: int(10_000, 0, 10_000_000).describe(
    'records read into the ring at start, so that clients of others can go on here',
  ),

  BACKFILL_READERS: int(4, 1, 1_000).describe('reads of older records at the same time'),
  BACKFILL_CHUNK_BYTES: bytes(512 << 10, 1024).describe('bytes of one read of older records'),
  BACKFILL_CACHE_BYTES: bytes(32 << 20, 1024).describe(
    'bytes of older records kept for streams that read the same',
  ),
  BACKFILL_MAX_RECORDS: int(1_000_000, 1, 1_000_000_000).describe(
    'older records one stream gets before it must come back',
  ),
  BACKFILL_MAX_BYTES: bytes(256 << 20, 1024).describe(
    'bytes of older records one stream gets before it must come back',
  ),
  BACKFILL_MAX_MS: ms(120_000, 100).describe(
    'time one stream is given older records before it must come back',
  ),
  RESUME_RECHECK_MS: ms(5_000, 1).describe('pause before an id beyond the log’s end is judged again'),
  RESUME_GROWTH_MS: ms(2_000, 1).describe(
    'time to wait for partitions that an id knows and this instance does not',
  ),

  STREAM_CHECK_MS: ms(1_000, 10).describe('how often all streams are looked at for silence and slowness'),
  LOG_CHECK_MS: ms(250, 10).describe('how often streams are told that Kafka went away or is back'),
  HEARTBEAT_MS: ms(15_000, 100).describe('silence on a stream after which a comment is sent'),
  RETRY_MIN_MS: ms(1_000, 1).describe('lower end of the reconnect time that a stream is told'),
  RETRY_MAX_MS: ms(5_000, 1).describe('upper end of the reconnect time that a stream is told'),
  MAX_CLIENT_BUFFER_BYTES: bytes(64 << 10, 1024).describe(
    'unsent bytes of a stream after which it is fed alone',
  ),
  MAX_BUFFERED_BYTES: bytes(512 << 20, 1024).describe(
    'unsent bytes of all streams; beyond it the fullest are closed',
  ),
  SLOW_GRACE_MS: ms(15_000, 100).describe('a stream that takes no byte for this long is closed'),
  MAX_STREAMS: int(18_000, 1, 1_000_000).describe('open streams of this process'),
  MAX_STREAMS_PER_IP: int(0, 0, 1_000_000).describe(
    'open streams of one client address, of IPv6 of one /64 network; 0 means no limit',
  ),
  ACCEPT_RATE_PER_S: int(0, 0, 1_000_000).describe(
    'new streams in a second; those beyond come back after their reconnect time; 0 means no limit',
  ),
  MAX_SUBSCRIPTIONS: int(18_000, 1, 1_000_000).describe(
    'different sets of channels and filters that the open streams have',
  ),
  MAX_EVENT_NAMES_PER_STREAM: int(20, 1, 1_000).describe('event names one stream may ask for'),
  MAX_CHANNELS_PER_STREAM: int(20, 1, 1_000).describe('channels one stream may ask for'),

  FANOUT_WRITE_BYTES: bytes(64 << 10, 1).describe(
    'bytes of events that one write to a stream gathers under load',
  ),
  FANOUT_TURN_WRITES: int(2_000, 2, 1_000_000).describe(
    'writes to streams after which other work gets its turn',
  ),
  MAX_FRAME_BYTES: bytes(1 << 20, 1024).describe(
    'size of one event on a stream; a larger record is shown as undecodable',
  ),

  HTTP_HEADERS_TIMEOUT_MS: ms(15_000, 100).describe('time a client has to send the head of a request'),
  HTTP_REQUEST_TIMEOUT_MS: ms(30_000, 100).describe('time a client has to send a whole request'),
  HTTP_CHECK_MS: ms(5_000, 10).describe(
    'how often connections are looked at for HTTP_HEADERS_TIMEOUT_MS and HTTP_REQUEST_TIMEOUT_MS',
  ),
  HTTP_MAX_HEADER_BYTES: bytes(16 << 10, 1024).describe('size of the head of a request'),
  HTTP_KEEP_ALIVE_MS: ms(75_000, 0).describe(
    'idle time of a connection between requests; more than the proxy’s',
  ),
  HTTP_BACKLOG: int(4_096, 1, 65_535).describe('connections that wait to be accepted'),
  MAX_CONNECTIONS: int(0, 0, 1_000_000).describe(
    'open connections, whatever they are for; beyond it new ones are closed at once; 0 means MAX_STREAMS + 500',
  ),
  RESERVED_FILES: int(200, 0, 1_000_000).describe(
    'open files kept free for Kafka and others, where the limit of the process would allow fewer than MAX_CONNECTIONS',
  ),

  MAX_EVENT_BYTES: bytes(256 << 10, 1).describe('size of one event'),
  MAX_BATCH_BYTES: bytes(1 << 20, 1).describe('size of one batch'),
  MAX_BATCH_EVENTS: int(10_000, 1, 1_000_000).describe('events of one batch'),
  MAX_INGEST_REQUESTS: int(2_000, 1, 1_000_000).describe('publishing requests in flight; beyond it 503'),
  MAX_INGEST_BYTES: bytes(64 << 20, 1024).describe('bytes of bodies in flight; beyond it 503'),
  INGEST_RATE_PER_S: int(0, 0, 10_000_000).describe(
    'events published in a second; beyond it 429; 0 means no limit',
  ),
  INGEST_RATE_PER_CLIENT_PER_S: int(0, 0, 10_000_000).describe(
    'the same for each key, token subject, or else client address; 0 means no limit',
  ),
  RATE_BURST_MS: ms(1_000, 1).describe('for how long a rate is saved up: so much may come at once'),
  RATE_CLIENTS: int(10_000, 1, 10_000_000).describe('clients whose rate is remembered at a time'),
  CORS_ORIGINS: list().describe('exact origins that may read; unset means any, without credentials'),
  TRUST_PROXY: int(0, 0, 100).describe(
    'number of proxies in front whose `X-Forwarded-For` is believed; 0 means the peer is the client',
  ),
  ADMIN_KEY: z
    .string()
    .optional()
    .describe('key for `/admin/`; unset: only requests made on this machine are answered'),

  API_KEYS: apiKeys().describe(
    'who may publish: `name=secret`, `name=sha256:<hex>`, each with `;/channel` for what it may publish to; unset, and no `JWT_*` either: anyone',
  ),
  API_KEYS_FILE: file()
    .unwrap()
    .transform((content, context) => apiKeysIn(content.split('\n'), context))
    .optional()
    .describe('file with one such key a line'),
  JWT_JWKS_URL: z
    .url({ protocol: /^https?$/, error: 'must be an http or https URL' })
    .refine((url) => !/^[^/]*\/\/[^/]*@/.test(url), 'must not hold a user or password')
    .optional()
    .describe(
      'key set that tokens are verified with; with it or one of the next two, subscribing needs a token',
    ),
  JWT_KEY_FILE: file().describe('PEM file of the public key or certificate, or a key set as JSON'),
  JWT_SECRET: z
    .string()
    .refine((secret) => Buffer.byteLength(secret) >= MIN_SECRET_BYTES, 'must have at least 32 bytes')
    .optional()
    .describe('shared secret of HS256 tokens, at least 32 bytes'),
  JWT_ALGORITHMS: list()
    .unwrap()
    .optional()
    .describe('the only algorithms taken; unset: `RS256`, with JWT_SECRET `HS256`'),
  JWT_ISSUER: z.string().optional().describe('`iss` that a token must have; unset: any'),
  JWT_AUDIENCE: z.string().optional().describe('`aud` that a token must have; unset: any'),
  JWT_SUBSCRIBE_CLAIM: text('subscribe').describe(
    'claim with the channels that a token may subscribe to; `a.b` is b inside a',
  ),
  JWT_PUBLISH_CLAIM: text('publish').describe('claim with the channels that a token may publish to'),
  JWT_COOKIE: z
    .string()
    .regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, 'must be the name of a cookie')
    .optional()
    .describe('cookie that may hold the token, since an EventSource sends no headers; unset: none'),
  JWT_CLOCK_SKEW_MS: ms(5_000, 0).describe('by how much other clocks may be wrong'),
  JWKS_TIMEOUT_MS: ms(5_000, 10).describe('limit of one request for the key set'),
  JWKS_CACHE_MS: ms(600_000, 0).describe('age after which the key set is asked for again'),
  JWKS_COOLDOWN_MS: ms(30_000, 0).describe(
    'pause after a key set before a token with an unknown key asks for it again',
  ),
  JWKS_RETRY_MS: ms(1_000, 0).describe('pause after a key set could not be had'),
  TOKEN_NOTICE_MS: ms(30_000, 0).describe(
    'how long before its token expires a stream is told `gateway.token-expiring`',
  ),
  PUBLIC_CHANNELS: channels().describe('channels, with those below them, that need no token; `/` is all'),

  TICK_MS: ms(1_000, 0).describe('pause between two timestamp events of the ticker; 0 means none'),
  TICK_FORMAT: z.enum(['json', 'ms']).default('json').describe('`json` payload or the bare `ms` number'),

  AGGREGATION_EVENTS: int(10, 1, 1_000).describe('events after which an aggregation window closes'),
  AGGREGATION_MS: ms(30_000, 100).describe('time after which an aggregation window closes with fewer events'),
  AGGREGATION_SAMPLE_BYTES: int(4 << 10, 16, 32 << 10).describe(
    'bytes of one event in a summary’s sample; a longer one is cut',
  ),

  DRAIN_MS: ms(20_000, 0).describe('time over which open streams are closed at shutdown'),
  SHUTDOWN_MS: ms(5_000, 100).describe(
    'time that requests in flight and the log get to finish after the streams',
  ),
} as const;

export interface TopicSetting {
  readonly name: string;
  /** Channel under which the topic's channels appear. */
  readonly base: string;
  readonly encoding: 'utf8' | 'base64';
}

export type Config = ReturnType<typeof arrange>;
export type KafkaConfig = Config['kafka'];
export type JwtConfig = NonNullable<Config['auth']['jwt']>;
export type AppendConfig = Config['append'];

/** Every fault of the environment at once, one a line, each naming its variable. */
export class ConfigError extends Error {
  readonly faults: readonly string[];

  constructor(faults: readonly string[]) {
    super(
      `the configuration has ${faults.length === 1 ? 'a fault' : `${faults.length} faults`}:\n  ${faults.join('\n  ')}`,
    );
    this.name = 'ConfigError';
    this.faults = faults;
  }
}

type Env = Readonly<Record<string, string | undefined>>;

/** Parses the environment once, whole. An empty variable counts as unset. @throws ConfigError */
export function parseConfig(env: Env): Config {
  const set = Object.fromEntries(
    Object.entries(env).filter(([, value]) => value !== undefined && value !== ''),
  );
  const parsed = z.object(SETTINGS).safeParse(set);
  const faults = [...misspellings(set)];
  if (parsed.success) faults.push(...contradictions(parsed.data));
  else faults.push(...parsed.error.issues.map((issue) => `${String(issue.path[0])} ${issue.message}`));
  if (!parsed.success || faults.length > 0) throw new ConfigError(faults);
  return deepFreeze(arrange(parsed.data));
}

type Settings = z.output<z.ZodObject<typeof SETTINGS>>;

function* contradictions(s: Settings): Iterable<string> {
  if (s.EVENT_LOG === 'kafka' && s.KAFKA_BROKERS.length === 0)
    yield 'KAFKA_BROKERS must be set with EVENT_LOG=kafka';
  if (s.NODE_ENV === 'production' && s.EVENT_LOG === undefined && s.KAFKA_BROKERS.length === 0) {
    yield 'KAFKA_BROKERS must be set with NODE_ENV=production (or say EVENT_LOG=memory to run without Kafka on purpose)';
  }
  if (s.MAX_CONNECTIONS !== 0 && s.MAX_CONNECTIONS < s.MAX_STREAMS)
    yield 'MAX_CONNECTIONS must not be under MAX_STREAMS';
  if (s.HTTP_HEADERS_TIMEOUT_MS > s.HTTP_REQUEST_TIMEOUT_MS)
    yield 'HTTP_HEADERS_TIMEOUT_MS must not be over HTTP_REQUEST_TIMEOUT_MS';
  yield* authContradictions(s);
  if (s.RETRY_MIN_MS > s.RETRY_MAX_MS) yield 'RETRY_MIN_MS must not be over RETRY_MAX_MS';
  if (s.KAFKA_RETRY_MIN_MS > s.KAFKA_RETRY_MAX_MS)
    yield 'KAFKA_RETRY_MIN_MS must not be over KAFKA_RETRY_MAX_MS';
  if (s.KAFKA_FETCH_MAX_WAIT_MS >= s.KAFKA_LIVENESS_MS)
    yield 'KAFKA_FETCH_MAX_WAIT_MS must be under KAFKA_LIVENESS_MS';
  const sasl = [s.KAFKA_SASL_MECHANISM, s.KAFKA_SASL_USERNAME, s.KAFKA_SASL_PASSWORD];
  if (sasl.some((value) => value !== undefined) && sasl.includes(undefined)) {
    yield 'KAFKA_SASL_MECHANISM, KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD must be set together';
  }
  if ((s.KAFKA_SSL_CERT_FILE === undefined) !== (s.KAFKA_SSL_KEY_FILE === undefined)) {
    yield 'KAFKA_SSL_CERT_FILE and KAFKA_SSL_KEY_FILE must be set together';
  }
  if (!s.KAFKA_SSL && (s.KAFKA_SSL_CA_FILE ?? s.KAFKA_SSL_CERT_FILE) !== undefined) {
    yield 'KAFKA_SSL must be on for the KAFKA_SSL_*_FILE settings to count';
  }
}

const ASYMMETRIC = /^(RS|PS)(256|384|512)$|^ES(256|384|512)$|^EdDSA$|^Ed25519$/;
const SYMMETRIC = /^HS(256|384|512)$/;

function* authContradictions(s: Settings): Iterable<string> {
  const keys = allApiKeys(s);
  for (const [i, { name, digest }] of keys.entries()) {
    if (keys.findIndex((key) => key.name === name || key.digest === digest) !== i)
      yield `API_KEYS has ${name} or its secret twice`;
  }
  const sources = [s.JWT_JWKS_URL, s.JWT_KEY_FILE, s.JWT_SECRET].filter((source) => source !== undefined);
  if (sources.length > 1) yield 'JWT_JWKS_URL, JWT_KEY_FILE and JWT_SECRET must not be set together';
  // Whoever sets one of these believes that tokens count.
  const needless = (['JWT_ALGORITHMS', 'JWT_ISSUER', 'JWT_AUDIENCE', 'JWT_COOKIE'] as const).filter(
    (name) => s[name] !== undefined,
  );
  if (s.PUBLIC_CHANNELS.length > 0 && sources.length === 0)
    yield `PUBLIC_CHANNELS ${NEEDS_JWT}: without them every channel is public`;
  if (sources.length === 0) for (const name of needless) yield `${name} ${NEEDS_JWT}`;
  // A public key is no secret: taken for one, it would let anyone sign (RFC 8725 §3.1).
  const fitting = s.JWT_SECRET === undefined ? ASYMMETRIC : SYMMETRIC;
  for (const algorithm of s.JWT_ALGORITHMS ?? []) {
    if (!fitting.test(algorithm))
      yield `JWT_ALGORITHMS must not have ${algorithm} with ${s.JWT_SECRET === undefined ? 'public keys' : 'JWT_SECRET'}`;
  }
  if (s.JWT_KEY_FILE !== undefined) {
    try {
      parseJwtKeyText(s.JWT_KEY_FILE);
    } catch (error) {
      yield `JWT_KEY_FILE ${(error as Error).message}`;
    }
  }
}

const NEEDS_JWT = 'counts only with JWT_JWKS_URL, JWT_KEY_FILE or JWT_SECRET';

function allApiKeys(s: Settings): readonly ApiKeySetting[] {
  return [...s.API_KEYS, ...(s.API_KEYS_FILE ?? [])];
}

function jwtOf(s: Settings) {
  const source =
    s.JWT_JWKS_URL !== undefined
      ? { kind: 'url' as const, url: s.JWT_JWKS_URL }
      : s.JWT_KEY_FILE !== undefined
        ? { kind: 'file' as const, text: s.JWT_KEY_FILE }
        : s.JWT_SECRET !== undefined
          ? { kind: 'secret' as const, secret: s.JWT_SECRET }
          : null;
  if (source === null) return null;
  return {
    source,
    algorithms: s.JWT_ALGORITHMS ?? [source.kind === 'secret' ? 'HS256' : 'RS256'],
    /** Null: any. */
    issuer: s.JWT_ISSUER ?? null,
    /** Null: any. */
    audience: s.JWT_AUDIENCE ?? null,
    subscribeClaim: s.JWT_SUBSCRIBE_CLAIM,
    publishClaim: s.JWT_PUBLISH_CLAIM,
    clockSkewMs: s.JWT_CLOCK_SKEW_MS,
    jwks: {
      timeoutMs: s.JWKS_TIMEOUT_MS,
      cacheMs: s.JWKS_CACHE_MS,
      cooldownMs: s.JWKS_COOLDOWN_MS,
      retryMs: s.JWKS_RETRY_MS,
    },
  };
}

function arrange(s: Settings) {
  const created = s.KAFKA_CREATE_TOPICS ?? ['events-topic', s.KAFKA_SUMMARY_TOPIC];
  return {
    eventLog: s.EVENT_LOG ?? (s.KAFKA_BROKERS.length > 0 ? 'kafka' : 'memory'),
    logLevel: s.LOG_LEVEL,
    streamLogLines: s.LOG_STREAMS_PER_SECOND,
    topics: s.KAFKA_TOPICS as readonly TopicSetting[],
    summaryTopic: s.KAFKA_SUMMARY_TOPIC,
    http: {
      port: s.PORT,
      host: s.HOST,
      /** Empty: any origin, without credentials. */
      corsOrigins: s.CORS_ORIGINS,
      trustProxy: s.TRUST_PROXY,
      /** Null: only requests made on this machine see the admin page. */
      adminKey: s.ADMIN_KEY ?? null,
      headersTimeoutMs: s.HTTP_HEADERS_TIMEOUT_MS,
      requestTimeoutMs: s.HTTP_REQUEST_TIMEOUT_MS,
      keepAliveMs: s.HTTP_KEEP_ALIVE_MS,
      backlog: s.HTTP_BACKLOG,
      checkMs: s.HTTP_CHECK_MS,
      maxHeaderBytes: s.HTTP_MAX_HEADER_BYTES,
      maxConnections: s.MAX_CONNECTIONS || s.MAX_STREAMS + CONNECTIONS_BESIDES_STREAMS,
      reservedFiles: s.RESERVED_FILES,
    },
    auth: {
      apiKeys: allApiKeys(s),
      /** Null: tokens count for nothing, and anyone may subscribe. */
      jwt: jwtOf(s),
      /** Null: only the header may hold a token. */
      cookie: s.JWT_COOKIE ?? null,
      publicChannels: s.PUBLIC_CHANNELS,
      noticeMs: s.TOKEN_NOTICE_MS,
    },
    /** What must never be seen, as far as it is kept at all. */
    secrets: [s.ADMIN_KEY, s.KAFKA_SASL_PASSWORD, s.JWT_SECRET].filter((secret) => secret !== undefined),
    fanout: {
      ring: { records: s.RING_RECORDS, bytes: s.RING_BYTES },
      warmRecords: s.RING_WARM_RECORDS,
      writeBytes: s.FANOUT_WRITE_BYTES,
      turnWrites: s.FANOUT_TURN_WRITES,
      maxFrameBytes: s.MAX_FRAME_BYTES,
    },
    ingest: {
      enabled: s.INGEST,
      maxEventBytes: s.MAX_EVENT_BYTES,
      maxBatchBytes: s.MAX_BATCH_BYTES,
      maxBatchEvents: s.MAX_BATCH_EVENTS,
      inFlight: { maxRequests: s.MAX_INGEST_REQUESTS, maxBytes: s.MAX_INGEST_BYTES },
      /** Per second; 0: no limit. */
      rate: {
        perSecond: s.INGEST_RATE_PER_S,
        perClientPerSecond: s.INGEST_RATE_PER_CLIENT_PER_S,
        burstMs: s.RATE_BURST_MS,
        maxClients: s.RATE_CLIENTS,
      },
    },
    kafka: {
      brokers: s.KAFKA_BROKERS,
      clientId: s.KAFKA_CLIENT_ID,
      createTopics: {
        names: created,
        partitions: s.KAFKA_TOPIC_PARTITIONS,
        replication: s.KAFKA_TOPIC_REPLICATION,
      },
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
      livenessMs: s.KAFKA_LIVENESS_MS,
      retryMinMs: s.KAFKA_RETRY_MIN_MS,
      retryMaxMs: s.KAFKA_RETRY_MAX_MS,
      metadataRefreshMs: s.KAFKA_METADATA_REFRESH_MS,
      fetchMaxWaitMs: s.KAFKA_FETCH_MAX_WAIT_MS,
      fetchMaxBytes: s.KAFKA_FETCH_MAX_BYTES,
      fetchPartitionBytes: s.KAFKA_FETCH_PARTITION_BYTES,
    },
    append: {
      deadlineMs: s.PRODUCE_DEADLINE_MS,
      batchRecords: s.PRODUCE_BATCH_RECORDS,
      batchBytes: s.PRODUCE_BATCH_BYTES,
      queueRecords: s.PRODUCE_QUEUE_RECORDS,
      queueBytes: s.PRODUCE_QUEUE_BYTES,
      breakerFailures: s.BREAKER_FAILURES,
      breakerProbeMs: s.BREAKER_PROBE_MS,
    },
    memoryLog: { records: s.MEMORY_LOG_RECORDS, bytes: s.MEMORY_LOG_BYTES },
    streams: {
      checkMs: s.STREAM_CHECK_MS,
      logCheckMs: s.LOG_CHECK_MS,
      heartbeatMs: s.HEARTBEAT_MS,
      retryMinMs: s.RETRY_MIN_MS,
      retryMaxMs: s.RETRY_MAX_MS,
      maxClientBufferBytes: s.MAX_CLIENT_BUFFER_BYTES,
      maxBufferedBytes: s.MAX_BUFFERED_BYTES,
      slowGraceMs: s.SLOW_GRACE_MS,
      maxStreams: s.MAX_STREAMS,
      /** 0: no limit. */
      maxStreamsPerIp: s.MAX_STREAMS_PER_IP,
      /** 0: no limit. */
      acceptPerSecond: s.ACCEPT_RATE_PER_S,
      acceptBurstMs: s.RATE_BURST_MS,
      maxSubscriptions: s.MAX_SUBSCRIPTIONS,
      maxEventNames: s.MAX_EVENT_NAMES_PER_STREAM,
      maxChannels: s.MAX_CHANNELS_PER_STREAM,
    },
    resume: { recheckMs: s.RESUME_RECHECK_MS, growthMs: s.RESUME_GROWTH_MS },
    backfill: {
      readers: s.BACKFILL_READERS,
      chunkBytes: s.BACKFILL_CHUNK_BYTES,
      cacheBytes: s.BACKFILL_CACHE_BYTES,
      maxRecords: s.BACKFILL_MAX_RECORDS,
      maxBytes: s.BACKFILL_MAX_BYTES,
      maxMs: s.BACKFILL_MAX_MS,
    },
    ticker: { intervalMs: s.TICK_MS, format: s.TICK_FORMAT },
    aggregation: {
      events: s.AGGREGATION_EVENTS,
      windowMs: s.AGGREGATION_MS,
      sampleBytes: s.AGGREGATION_SAMPLE_BYTES,
      groupId: s.KAFKA_GROUP_ID,
      sessionTimeoutMs: s.KAFKA_SESSION_TIMEOUT_MS,
    },
    shutdown: { drainMs: s.DRAIN_MS, finishMs: s.SHUTDOWN_MS },
  } as const;
}

function int(preset: number, min: number, max: number) {
  return z
    .string()
    .regex(/^-?\d{1,15}$/, 'must be a whole number')
    .transform(Number)
    .refine((n) => n >= min && n <= max, `must be from ${min} to ${max}`)
    .default(preset);
}

function port(preset: number) {
  return int(preset, 0, 65_535);
}

/** Node's timers hold 2^31 − 1 ms at the most. */
function ms(preset: number, min: number) {
  return int(preset, min, 2 ** 31 - 1);
}

function bytes(preset: number, min: number) {
  return int(preset, min, 2 ** 40);
}

function text(preset: string) {
  return z.string().default(preset);
}

function onOff(preset: boolean) {
  return z
    .enum(['on', 'off', 'true', 'false', '1', '0'], { error: 'must be on or off' })
    .transform((word) => word === 'on' || word === 'true' || word === '1')
    .default(preset);
}

function list() {
  return z
    .string()
    .transform((words) =>
      words
        .split(',')
        .map((word) => word.trim())
        .filter((word) => word !== ''),
    )
    .default([]);
}

function topicName(preset: string) {
  return z.string().regex(TOPIC_NAME, 'must be a Kafka topic name').default(preset);
}

function topics() {
  return z
    .string()
    .transform((words, context): TopicSetting[] => {
      const found: TopicSetting[] = [];
      for (const word of words.split(',').map((part) => part.trim())) {
        const [, name = '', base = '/', option] = /^([^=;]*)(?:=([^;]*))?(?:;(.*))?$/.exec(word) ?? [];
        const fault = !TOPIC_NAME.test(name)
          ? 'is not a Kafka topic name'
          : channelFault(base) !== null
            ? `has a base channel that ${channelFault(base)}`
            : option !== undefined && option !== 'base64'
              ? 'has an option other than base64'
              : found.some((topic) => topic.name === name)
                ? 'is there twice'
                : null;
        if (fault !== null) context.addIssue({ code: 'custom', message: `entry "${word}" ${fault}` });
        else found.push({ name, base, encoding: option === 'base64' ? 'base64' : 'utf8' });
      }
      return found;
    })
    .default([{ name: 'events-topic', base: '/', encoding: 'utf8' }]);
}

/** Separated by commas. A fault names the key, never its secret. */
function apiKeys() {
  return z
    .string()
    .transform((words, context) => apiKeysIn(words.split(','), context))
    .default([]);
}

function apiKeysIn(words: readonly string[], context: z.RefinementCtx): ApiKeySetting[] {
  const found: ApiKeySetting[] = [];
  for (const word of words.map((part) => part.trim()).filter((part) => part !== '')) {
    const key = parseApiKey(word, channelFault);
    if (typeof key !== 'string') found.push(key);
    else context.addIssue({ code: 'custom', message: key });
  }
  return found;
}

function channels() {
  return list()
    .unwrap()
    .transform((words, context) => {
      for (const word of words) {
        const fault = channelFault(word);
        if (fault !== null) context.addIssue({ code: 'custom', message: `entry "${word}" ${fault}` });
      }
      return words;
    })
    .default([]);
}

/** The content of the file named, read when the configuration is parsed. */
function file() {
  return z
    .string()
    .transform((path, context) => {
      try {
        return readFileSync(path, 'utf8');
      } catch (error) {
        context.addIssue({ code: 'custom', message: `cannot be read: ${(error as Error).message}` });
        return z.NEVER;
      }
    })
    .optional();
}

/** Variables that are no setting but look like one: one or two letters off, or with `GATEWAY_` before a setting. */
function* misspellings(env: Env): Iterable<string> {
  const known = Object.keys(SETTINGS);
  for (const [name, value] of Object.entries(env)) {
    // Kubernetes sets variables such as GATEWAY_PORT=tcp://… for each service of its namespace.
    if (known.includes(name) || value?.startsWith('tcp://')) continue;
    const meant = known.find(
      (setting) =>
        name === `GATEWAY_${setting}` ||
        (setting.length >= 6 && editDistance(name, setting) <= (setting.length < 9 ? 1 : 2)),
    );
    if (meant !== undefined) yield `${name} is not a setting; did you mean ${meant}?`;
  }
}

/** Levenshtein distance. */
function editDistance(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > 2) return 3;
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)));
    }
    row = next;
  }
  return row[b.length]!;
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const inner of Object.values(value)) deepFreeze(inner);
  }
  return value;
}
