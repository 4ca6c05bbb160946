import { z } from 'zod';
import { AUTH_SETTINGS, authConfig, authContradictions } from './config/auth-settings';
import {
  appendConfig,
  EVENT_LOG_SETTINGS,
  eventLogContradictions,
  eventLogOf,
  memoryLogConfig,
} from './config/event-log-settings';
import { FANOUT_SETTINGS, fanoutConfig, replayConfig, resumeConfig } from './config/fanout-settings';
import { HTTP_SETTINGS, httpConfig, httpContradictions } from './config/http-settings';
import { INGEST_SETTINGS, ingestConfig } from './config/ingest-settings';
import { kafkaSecrets } from './config/kafka-security-settings';
import {
  KAFKA_SETTINGS,
  kafkaConfig,
  kafkaContradictions,
  servedTopics,
  topicCreation,
} from './config/kafka-settings';
import {
  aggregationConfig,
  PROCESS_SETTINGS,
  ROLE_SETTINGS,
  shutdownConfig,
  tickerConfig,
} from './config/process-settings';
import type { SettingsOf } from './config/setting-types';
import { STREAM_SETTINGS, streamConfig, streamContradictions } from './config/stream-settings';
import type { TopicSetting } from './config/topic-settings';
import { unknownSettings } from './config/unknown-settings';
import { registrySecrets, VALUE_SETTINGS, valueConfig, valueContradictions } from './config/value-settings';

/**
 * Every setting of the gateway: environment variable, type, default and description. docs/settings.md
 * is written from it (`npm run docs`). Units are in the names. Each file of `config/` has the settings of a few rooms,
 * the shape in which each room gets them, and the contradictions between them.
 */
export const SETTINGS = {
  ...HTTP_SETTINGS,
  ...PROCESS_SETTINGS,
  ...EVENT_LOG_SETTINGS,
  ...KAFKA_SETTINGS,
  ...VALUE_SETTINGS,
  ...FANOUT_SETTINGS,
  ...STREAM_SETTINGS,
  ...INGEST_SETTINGS,
  ...AUTH_SETTINGS,
  ...ROLE_SETTINGS,
} as const;

type Settings = SettingsOf<typeof SETTINGS>;

export type Config = ReturnType<typeof arrange>;
export type KafkaConfig = Config['kafka'];
export type JwtConfig = NonNullable<Config['auth']['jwt']>;
export type AppendConfig = Config['append'];
export type { TopicSetting };

/** Every fault of the environment at once, one per line, each naming its variable. */
export class ConfigError extends Error {
  readonly faults: readonly string[];

  constructor(faults: readonly string[]) {
    super(
      `invalid configuration, ${faults.length === 1 ? 'one fault' : `${faults.length} faults`}:\n  ${faults.join('\n  ')}`,
    );
    this.name = 'ConfigError';
    this.faults = faults;
  }
}

/** Parses the environment once, whole. An empty variable counts as unset. @throws ConfigError */
export function parseConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const set = Object.fromEntries(
    Object.entries(env).filter(([, value]) => value !== undefined && value !== ''),
  );
  const parsed = z.object(SETTINGS).safeParse(set);
  const faults = [...unknownSettings(set, Object.keys(SETTINGS))];
  if (parsed.success) faults.push(...contradictions(parsed.data));
  else faults.push(...parsed.error.issues.map((issue) => `${String(issue.path.at(-1))} ${issue.message}`));
  if (!parsed.success || faults.length > 0) throw new ConfigError(faults);
  return deepFreeze(arrange(parsed.data));
}

/** Settings that are valid by themselves, but not together. */
function* contradictions(s: Settings): Iterable<string> {
  yield* eventLogContradictions(s);
  yield* httpContradictions(s);
  yield* authContradictions(s);
  yield* streamContradictions(s);
  yield* kafkaContradictions(s);
  yield* valueContradictions(s, servedTopics(s));
}

function arrange(s: Settings) {
  return {
    logLevel: s.LOG_LEVEL,
    logFormat: s.LOG_FORMAT,
    streamLogLines: s.LOG_STREAM_LINES_PER_SECOND,
    /** Never to be logged. */
    secrets: [s.ADMIN_KEY, s.JWT_SECRET, ...kafkaSecrets(s), ...registrySecrets(s)].filter(
      (secret) => secret !== undefined,
    ),
    readyWhen: s.READY_WHEN,
    shutdown: shutdownConfig(s),
    http: httpConfig(s),
    auth: authConfig(s),
    eventLog: eventLogOf(s),
    topics: servedTopics(s),
    summaryTopic: s.KAFKA_SUMMARY_TOPIC,
    kafka: { ...kafkaConfig(s), createTopics: topicCreation(s) },
    values: valueConfig(s),
    memoryLog: memoryLogConfig(s),
    append: appendConfig(s),
    fanout: fanoutConfig(s),
    streams: streamConfig(s),
    resume: resumeConfig(s),
    replay: replayConfig(s),
    ingest: ingestConfig(s),
    ticker: tickerConfig(s),
    aggregation: aggregationConfig(s),
  } as const;
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const inner of Object.values(value)) deepFreeze(inner);
  }
  return value;
}
