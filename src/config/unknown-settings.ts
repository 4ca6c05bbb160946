import { nearestName } from '../nearest-name';

/** Shorter names are near to too many unrelated variables: `POST` is not `PORT`. */
const MIN_LENGTH = 6;

/** Former names of settings. One that is set is refused with its new name, rather than ignored. */
export const RENAMED_SETTINGS: Readonly<Record<string, string>> = {
  ACCEPT_RATE_PER_S: 'MAX_NEW_STREAMS_PER_SECOND',
  BACKFILL_CACHE_BYTES: 'REPLAY_CACHE_BYTES',
  BACKFILL_CACHE_MS: 'REPLAY_CACHE_MS',
  BACKFILL_CHUNK_BYTES: 'REPLAY_CHUNK_BYTES',
  BACKFILL_MAX_BYTES: 'REPLAY_MAX_BYTES',
  BACKFILL_MAX_MS: 'REPLAY_MAX_MS',
  BACKFILL_MAX_RECORDS: 'REPLAY_MAX_RECORDS',
  BACKFILL_READERS: 'REPLAY_READERS',
  BREAKER_FAILURES: 'KAFKA_PRODUCE_BREAKER_FAILURES',
  BREAKER_PROBE_MS: 'KAFKA_PRODUCE_BREAKER_PROBE_MS',
  DRAIN_GAP_MS: 'DRAIN_MAX_PAUSE_MS',
  INGEST_RATE_PER_CLIENT_PER_S: 'MAX_INGEST_EVENTS_PER_CLIENT_PER_SECOND',
  INGEST_RATE_PER_S: 'MAX_INGEST_EVENTS_PER_SECOND',
  KAFKA_LIVENESS_MS: 'KAFKA_SILENCE_MS',
  LOG_CHECK_MS: 'KAFKA_STATUS_CHECK_MS',
  LOG_STREAMS_PER_SECOND: 'LOG_STREAM_LINES_PER_SECOND',
  MAX_CONNECTIONS: 'HTTP_MAX_CONNECTIONS',
  PRODUCE_BATCH_BYTES: 'KAFKA_PRODUCE_BATCH_BYTES',
  PRODUCE_BATCH_RECORDS: 'KAFKA_PRODUCE_BATCH_RECORDS',
  PRODUCE_DEADLINE_MS: 'KAFKA_PRODUCE_DEADLINE_MS',
  PRODUCE_QUEUE_BYTES: 'KAFKA_PRODUCE_QUEUE_BYTES',
  PRODUCE_QUEUE_RECORDS: 'KAFKA_PRODUCE_QUEUE_RECORDS',
  RATE_BURST_MS: 'RATE_LIMIT_BURST_MS',
  RATE_CLIENTS: 'RATE_LIMIT_MAX_CLIENTS',
};

/** A line for each variable that was meant as a setting: by its former name, misspelt, or with `GATEWAY_` before it. */
export function* unknownSettings(
  env: Readonly<Record<string, string | undefined>>,
  known: readonly string[],
): Iterable<string> {
  const long = known.filter(({ length }) => length >= MIN_LENGTH);
  for (const [name, value] of Object.entries(env)) {
    // Kubernetes sets variables such as GATEWAY_PORT=tcp://… for each service of its namespace.
    if (known.includes(name) || value?.startsWith('tcp://')) continue;
    const renamed = RENAMED_SETTINGS[name];
    if (renamed !== undefined) {
      yield `${name} is now ${renamed}`;
      continue;
    }
    const meant = known.find((setting) => name === `GATEWAY_${setting}`) ?? nearestName(name, long);
    if (meant !== null) yield `${name} is not a setting; did you mean ${meant}?`;
  }
}
