import type { LogStatus, TopicPartition } from '../eventlog/event-log';
import { lagOf } from './kafka-status';
import type { Snapshot } from './snapshot';

/** One series of a metric at a scrape. */
interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** A metric that is read at a scrape, so that counting costs the rooms no more than a plain number. */
export interface ReadMetric {
  readonly type: 'gauge' | 'counter';
  readonly help: string;
  readonly labels: readonly string[];
  /** Every series, also at zero. */
  read(now: Snapshot): readonly Sample[];
}

interface ObservedMetric {
  readonly type: 'histogram';
  readonly help: string;
  readonly labels: readonly string[];
  readonly buckets: readonly number[];
}

export const PREFIX = 'sse_gateway_';

const STATES: readonly LogStatus['producer']['state'][] = ['starting', 'connected', 'interrupted', 'closed'];

const LATENCY_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const PASS_BUCKETS = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1];
const EVENT_BUCKETS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000];
const LIFETIME_BUCKETS = [1, 10, 60, 300, 900, 3_600, 14_400];

/** By name without the prefix; docs/metrics.md is written from it. No label takes its values from a client. */
export const READ_METRICS = {
  build_info: gauge(
    'always 1; the version of the gateway and of Node',
    ({ build }) => [{ labels: { ...build }, value: 1 }],
    ['version', 'node'],
  ),
  ready: gauge('1 while `/readyz` answers 200', ({ isReady }) => one(isReady)),
  draining: gauge('1 while the gateway shuts down', ({ isDraining }) => one(isDraining)),

  streams_open: gauge('open streams', ({ streams }) => one(streams.open)),
  streams_limit: gauge('`MAX_STREAMS`', ({ streams }) => one(streams.max)),
  streams_opened_total: counter('streams opened', ({ streams }) => one(streams.opened)),
  streams_closed_total: counter(
    'streams closed: by the `client` or the network; `slow`, its client took nothing for `SLOW_GRACE_MS`; `full`, over `MAX_BUFFERED_BYTES`; `replay-limit`, it has replayed as much history as one stream may (`REPLAY_MAX_*`); `drain`, the gateway shuts down; `expired`, its token has expired; `error`, an internal error',
    ({ streams }) => by('reason', streams.closed),
    ['reason'],
  ),
  streams_rejected_total: counter(
    'stream requests rejected, by error code (`other`: a code without a series here)',
    ({ streamCounts }) => by('reason', streamCounts.rejected),
    ['reason'],
  ),
  requests_rejected_total: counter(
    'requests and connections of any kind rejected to protect the gateway or its events',
    ({ rejections }) => by('reason', rejections),
    ['reason'],
  ),
  streams: gauge(
    'open streams by phase: `starting`; `live`; `replaying` history from the event log; `catching-up` from the ring; `joining` the live ones; `ahead` of this gateway, which has read less than the client has; `slow`, its client’s socket is full',
    ({ survey }) => by('phase', survey.phases),
    ['phase'],
  ),
  client_buffer_bytes: gauge(
    'unsent bytes of all streams: written to their sockets and not yet taken by the kernel',
    (now) => one(now.survey.bufferedBytes),
  ),
  max_behind_records: gauge(
    'records that the stream furthest behind has not been sent yet, filtered ones included',
    ({ survey }) => one(survey.maxBehind),
  ),
  replay_requests_total: counter(
    'streams that asked for past events: all from the `ring`; some from the event `log`; with a `gap`; with a `reset`',
    ({ streamCounts }) => by('result', streamCounts.resumes),
    ['result'],
  ),
  replay_lost_events_total: counter(
    'offsets reported as lost to streams when they resumed',
    ({ streamCounts }) => one(streamCounts.resumeLost),
  ),
  heartbeats_sent_total: counter('heartbeats sent to silent streams', ({ streamCounts }) =>
    one(streamCounts.heartbeats),
  ),

  ingest_requests_total: counter(
    'publishing requests by status; `aborted`: the client left before the answer',
    ({ ingest }) => by('code', ingest.requests),
    ['code'],
  ),
  ingest_inflight: gauge(
    'publishing requests in flight: reading their body, or waiting for the event log',
    ({ ingest }) => one(ingest.inFlight.requests),
  ),
  ingest_inflight_bytes: gauge('bytes of the bodies of publishing requests in flight', ({ ingest }) =>
    one(ingest.inFlight.bytes),
  ),
  ingest_queue_events: gauge('events waiting to be appended', ({ log }) => one(log.counts.queuedRecords)),
  ingest_queue_bytes: gauge('bytes waiting to be appended', ({ log }) => one(log.counts.queuedBytes)),
  ingest_breaker_open: gauge(
    '1 while publishing fails at once because the event log cannot take events',
    ({ log }) => one(!log.producer.connected),
  ),
  events_produced_total: counter(
    'events that this gateway has appended to the event log',
    ({ log }) => by('topic', log.counts.stored),
    ['topic'],
  ),

  events_consumed_total: counter(
    'records read from the event log, the ones read into the ring at start included',
    ({ feed }) => by('topic', feed.consumed),
    ['topic'],
  ),
  events_undecodable_total: counter(
    'records sent as `gateway.undecodable`, by its `reason`',
    ({ feed }) =>
      Object.entries(feed.records).flatMap(([topic, { undecodable }]) => byReason(topic, undecodable)),
    ['topic', 'reason'],
  ),
  records_mapped_total: counter(
    'records on a channel that placeholders make; only of topics whose channel has some',
    ({ feed }) =>
      Object.entries(feed.records).flatMap(([topic, { mapping }]) =>
        mapping === null ? [] : [{ labels: { topic }, value: mapping.mapped }],
      ),
    ['topic'],
  ),
  records_unmapped_total: counter(
    'records without a usable value for the placeholders of their channel, by reason: on the literal beginning of it, or dropped',
    ({ feed }) =>
      Object.entries(feed.records).flatMap(([topic, { mapping }]) =>
        mapping === null ? [] : byReason(topic, mapping.unmapped),
      ),
    ['topic', 'reason'],
  ),
  records_filtered_total: counter(
    'records that the topic’s `where` keeps from all clients: not `true` for them, or `failed`, it could not be evaluated',
    ({ feed }) =>
      Object.entries(feed.records).flatMap(([topic, { filter }]) =>
        filter === null
          ? []
          : byReason(topic, { false: filter.filtered - filter.failed, failed: filter.failed }),
      ),
    ['topic', 'reason'],
  ),
  events_repeated_total: counter('records suppressed as repeats of an `Idempotency-Key`', ({ feed }) =>
    one(feed.repeats),
  ),
  records_with_odd_timestamp_total: counter(
    'records with an implausible timestamp: none, before March 1973 (as seconds read as milliseconds), or over an hour ahead; ages and latencies leave them out',
    ({ feed }) => by('topic', feed.oddTimestamps),
    ['topic'],
  ),
  gaps_total: counter(
    'gaps met while reading the event log, each reported to all streams concerned',
    ({ feed }) => by('reason', feed.gaps),
    ['reason'],
  ),
  events_lost_total: counter(
    'offsets in gaps met while reading the event log',
    ({ feed }) => by('reason', feed.lost),
    ['reason'],
  ),
  resets_total: counter(
    'times a topic was recreated or truncated, each reported to all streams concerned',
    ({ feed }) => by('reason', feed.resets),
    ['reason'],
  ),

  ring_records: gauge(
    'records in the ring, the latest ones in memory, from which streams resume and catch up',
    ({ hub }) => one(hub.ringRecords),
  ),
  ring_bytes: gauge('bytes of the ring, overhead and index included', ({ hub }) => one(hub.ringBytes)),
  ring_channels: gauge(
    'channels that have a record in the ring, and those above them: each takes about 200 bytes of it',
    ({ hub }) => one(hub.ringChannels),
  ),
  ring_age_seconds: gauge(
    'age of the oldest record in the ring by its timestamp, implausible ones aside: clients that were away for less resume from memory',
    ({ ringAgeSeconds }) => one(ringAgeSeconds),
  ),
  deliveries_total: counter('events written to streams', ({ hub }) => one(hub.deliveries)),
  writes_total: counter('writes of events to streams', ({ hub }) => one(hub.writes)),
  bytes_sent_total: counter(
    'bytes of events written to streams; without heartbeats, opening blocks and HTTP framing',
    ({ hub }) => one(hub.bytes),
  ),
  fanout_pauses_total: counter(
    'times backpressure paused reading the event log because fan-out was slower',
    ({ hub }) => one(hub.holds),
  ),
  history_reads_total: counter('reads of history (records older than the ring)', ({ history }) =>
    one(history.reads),
  ),
  history_records_total: counter('records of history read', ({ history }) => one(history.records)),
  history_lost_events_total: counter(
    'offsets in gaps that reads of history met, each reported to all streams that share the read',
    ({ history }) => one(history.lost),
  ),
  history_cached_bytes: gauge('bytes of history cached for streams that replay the same', ({ history }) =>
    one(history.cachedBytes),
  ),
  history_digest_bytes: gauge(
    'bytes of digests, which tell of history that left the cache on which channels it has nothing',
    ({ history }) => one(history.digestBytes),
  ),

  kafka_up: gauge('1 while the event log can be read and appended to; always 1 for a memory log', ({ log }) =>
    one(log.consumer.connected && log.producer.connected),
  ),
  kafka_connection_state: gauge(
    '1 for the current state of the `producer` and the `consumer` side of the event log, 0 for the others',
    ({ log }) => [...states('producer', log.producer), ...states('consumer', log.consumer)],
    ['side', 'state'],
  ),
  kafka_consumer_lag: gauge(
    'records of a partition that this gateway has not read yet; absent until the partition has been reached',
    ({ log }) =>
      log.consumer.partitions.flatMap((status) => {
        const value = lagOf(status);
        return value === null ? [] : [{ labels: partitionLabels(status), value }];
      }),
    ['topic', 'partition'],
  ),
  kafka_partition_readable: gauge(
    '1 while a partition can be read',
    ({ log }) =>
      log.consumer.partitions.map((status) => ({
        labels: partitionLabels(status),
        value: Number(status.read.state === 'ok'),
      })),
    ['topic', 'partition'],
  ),
  kafka_topic_up: gauge(
    '1 while all partitions of a topic can be read (`read`), or appended to (`append`)',
    ({ log }) =>
      log.topics.flatMap(({ topic, read, append }) => [
        { labels: { topic, side: 'read' }, value: Number(read.state === 'ok') },
        { labels: { topic, side: 'append' }, value: Number(append.state === 'ok') },
      ]),
    ['topic', 'side'],
  ),
  schema_registry_up: gauge(
    '1 while the schema registry answers, or has not been asked yet; only where one is configured',
    ({ registry }) => (registry === null ? [] : one(registry.state === 'ok' || registry.state === 'unused')),
  ),
  schema_registry_schemas: gauge('schemas that were fetched from the registry', ({ registry }) =>
    registry === null ? [] : one(registry.schemas),
  ),
  schema_registry_requests_total: counter(
    'requests to the schema registry: `ok`; `unknown`, it does not know the schema; `forbidden`, it rejects the credentials; `failed`, no usable answer',
    ({ registry }) => (registry === null ? [] : by('outcome', registry.requests)),
    ['outcome'],
  ),
  kafka_throttled_seconds_total: counter(
    'time that broker quotas delayed requests: `produce`, `fetch` of new records, `read` of history, `metadata`',
    ({ log }) =>
      by(
        'op',
        Object.fromEntries(
          Object.entries(log.counts.throttledMs).map(([op, waitedMs]) => [op, waitedMs / 1_000]),
        ),
      ),
    ['op'],
  ),
  kafka_open_transaction_seconds: gauge(
    'how long an open transaction of another producer has blocked the records behind it in a partition; 0: none does',
    ({ log, nowMs }) =>
      log.consumer.partitions.map(({ topic, partition, heldBackSince }) => ({
        labels: { topic, partition: String(partition) },
        value: heldBackSince === null ? 0 : Math.max(0, nowMs - Date.parse(heldBackSince)) / 1_000,
      })),
    ['topic', 'partition'],
  ),
  kafka_errors_total: counter(
    'failed requests and connections to Kafka, retries included: `produce`, `fetch` of new records, `read` of history, `metadata`',
    ({ log }) => by('op', log.counts.failures),
    ['op'],
  ),
} as const satisfies Record<string, ReadMetric>;

export const OBSERVED_METRICS = {
  stream_duration_seconds: histogram(
    'how long streams were open, observed when they close',
    LIFETIME_BUCKETS,
  ),
  ingest_duration_seconds: histogram(
    'publishing requests, from the head of the request to the end of the answer',
    LATENCY_BUCKETS,
  ),
  fanout_pass_duration_seconds: histogram(
    'passes over all live streams of one subscription, from the first write to the last',
    PASS_BUCKETS,
  ),
  fanout_pass_events: histogram(
    'events that one pass over the live streams of a subscription wrote to each of them',
    EVENT_BUCKETS,
  ),
  delivery_latency_seconds: histogram(
    'from the timestamp of the oldest record in a pass (clock of the producer or the broker) to the last write of that pass (clock of this gateway); one observation per pass, not per stream or event; without streams that catch up, streams with `?every=`, and implausible timestamps',
    LATENCY_BUCKETS,
  ),
  kafka_produce_duration_seconds: histogram(
    'successful produce requests, from sending to the answer',
    LATENCY_BUCKETS,
  ),
} as const satisfies Record<string, ObservedMetric>;

function partitionLabels({ topic, partition }: TopicPartition): Sample['labels'] {
  return { topic, partition: String(partition) };
}

function states(side: string, { state }: LogStatus['producer']): readonly Sample[] {
  return STATES.map((name) => ({ labels: { side, state: name }, value: Number(name === state) }));
}

function gauge(help: string, read: ReadMetric['read'], labels: readonly string[] = []): ReadMetric {
  return { type: 'gauge', help, labels, read };
}

function counter(help: string, read: ReadMetric['read'], labels: readonly string[] = []): ReadMetric {
  return { type: 'counter', help, labels, read };
}

function histogram(help: string, buckets: readonly number[]): ObservedMetric {
  return { type: 'histogram', help, labels: [], buckets };
}

function one(value: number | boolean): readonly Sample[] {
  return [{ labels: {}, value: Number(value) }];
}

/** One series for each value of the label. */
function byReason(topic: string, values: Readonly<Record<string, number>>): readonly Sample[] {
  return by('reason', values).map(({ labels, value }) => ({ labels: { topic, ...labels }, value }));
}

function by(label: string, values: Readonly<Record<string, number>>): readonly Sample[] {
  return Object.entries(values).map(([name, value]) => ({ labels: { [label]: name }, value }));
}
