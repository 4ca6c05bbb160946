import type { LogStatus, TopicPartition } from '../eventlog/event-log';
import { lagOf } from './kafka-status';
import {
  by,
  counter,
  gauge,
  histogram,
  type ObservedMetric,
  one,
  type ReadMetric,
  type Sample,
} from './metric';

export const PREFIX = 'sse_gateway_';

const STATES: readonly LogStatus['producer']['state'][] = ['starting', 'connected', 'interrupted', 'closed'];

/** From a pass over sockets in memory to what nobody should have to wait for. */
const LATENCY_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const PASS_BUCKETS = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1];
const EVENT_BUCKETS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000];
const LIFETIME_BUCKETS = [1, 10, 60, 300, 900, 3_600, 14_400];

/**
 * Every metric of the gateway, by its name without the prefix. README's table is checked against this one. Labels take
 * their values from closed sets, the configured topics and Kafka's partitions; never from a client.
 */
export const READ_METRICS = {
  build_info: gauge('always 1; what runs here', ({ build }) => [{ labels: { ...build }, value: 1 }], [
    'version',
    'node',
  ]),
  ready: gauge('1 while `/readyz` says so', ({ isReady }) => one(isReady)),
  draining: gauge('1 while the instance shuts down', ({ isDraining }) => one(isDraining)),

  streams_open: gauge('open streams', ({ streams }) => one(streams.open)),
  streams_limit: gauge('`MAX_STREAMS`', ({ streams }) => one(streams.max)),
  streams_opened_total: counter('streams opened', ({ streams }) => one(streams.opened)),
  streams_closed_total: counter(
    'streams closed: by the `client` or the network; `slow`, it took nothing for `SLOW_GRACE_MS`; `full`, over `MAX_BUFFERED_BYTES`; `backfill`, it had its share of older records; `drain`, the instance shuts down; `expired`, its token did; `error`, a defect',
    ({ streams }) => by('reason', streams.closed),
    ['reason'],
  ),
  streams_rejected_total: counter(
    'requests for a stream that got none, by the `code` of the problem; `other` for a code that is not named here',
    ({ streamCounts }) => by('reason', streamCounts.rejected),
    ['reason'],
  ),
  requests_rejected_total: counter(
    'requests of any kind, and connections, that were refused to protect the instance or its events',
    ({ refusals }) => by('reason', refusals),
    ['reason'],
  ),
  streams: gauge(
    'open streams by state: `starting`; `live`; `catching_up` from the ring; `backfilling` from the log; `blocked`, the client takes less than comes',
    ({ survey }) => by('state', survey.states),
    ['state'],
  ),
  client_buffer_bytes: gauge(
    'bytes handed to the sockets of streams and not yet taken by the kernel',
    (now) => one(now.survey.bufferedBytes),
  ),
  max_behind_records: gauge(
    'records that were read and that the stream furthest behind has yet to be given or to pass over',
    ({ survey }) => one(survey.maxBehind),
  ),
  replay_requests_total: counter(
    'streams that wanted some of the past: all of it was in the `ring`; some came from the `log`; told of a `gap`; told of a `reset`',
    ({ streamCounts }) => by('result', streamCounts.resumes),
    ['result'],
  ),
  replay_lost_events_total: counter(
    'offsets that streams were told they cannot have any more, when they began',
    ({ streamCounts }) => one(streamCounts.resumeLost),
  ),
  heartbeats_sent_total: counter('comments sent to silent streams', ({ streamCounts }) =>
    one(streamCounts.heartbeats),
  ),

  ingest_requests_total: counter(
    'requests to publish, by the status of their answer; `aborted` when the client left before',
    ({ ingest }) => by('code', ingest.requests),
    ['code'],
  ),
  ingest_inflight: gauge(
    'requests to publish whose body is being read or whose events are on their way to the log',
    ({ ingest }) => one(ingest.inFlight.requests),
  ),
  ingest_inflight_bytes: gauge('bytes of their bodies', ({ ingest }) => one(ingest.inFlight.bytes)),
  ingest_queue_events: gauge('events that wait for the log', ({ log }) => one(log.counts.queuedRecords)),
  ingest_queue_bytes: gauge('bytes that wait for the log', ({ log }) => one(log.counts.queuedBytes)),
  ingest_breaker_open: gauge(
    '1 while events are refused at once because the log cannot take them',
    ({ log }) => one(!log.producer.connected),
  ),
  events_produced_total: counter(
    'events that the log has stored for this instance',
    ({ log }) => by('topic', log.counts.stored),
    ['topic'],
  ),

  events_consumed_total: counter(
    'records read from the log, those read into the ring at start included',
    ({ feed }) => by('topic', feed.consumed),
    ['topic'],
  ),
  events_undecodable_total: counter(
    'records shown as `gateway.undecodable`, with its `reason`',
    ({ feed }) =>
      Object.entries(feed.undecodable).flatMap(([topic, counts]) =>
        by('reason', counts).map(({ labels, value }) => ({ labels: { topic, ...labels }, value })),
      ),
    ['topic', 'reason'],
  ),
  events_repeated_total: counter(
    'records of gateways left out because of their `Idempotency-Key`',
    ({ feed }) => one(feed.repeats),
  ),
  records_with_odd_timestamp_total: counter(
    'records read whose timestamp says nothing of when they were made: none, before March 1973 (as one in seconds is), or over an hour ahead; they have no part in ages and latencies',
    ({ feed }) => by('topic', feed.oddTimestamps),
    ['topic'],
  ),
  gaps_total: counter(
    'holes met while reading the log, each told to all streams',
    ({ feed }) => by('reason', feed.gaps),
    ['reason'],
  ),
  events_lost_total: counter('offsets in these holes', ({ feed }) => by('reason', feed.lost), ['reason']),
  resets_total: counter(
    'times the log was found to be another one, each told to all streams',
    ({ feed }) => by('reason', feed.resets),
    ['reason'],
  ),

  ring_records: gauge('records kept ready for streams that are behind', ({ hub }) => one(hub.ringRecords)),
  ring_bytes: gauge('bytes of these, overhead included', ({ hub }) => one(hub.ringBytes)),
  ring_age_seconds: gauge(
    'age of the oldest of these by its timestamp, odd ones aside: who was away for less resumes from memory',
    ({ ringAgeSeconds }) => one(ringAgeSeconds),
  ),
  deliveries_total: counter('events handed to streams', ({ hub }) => one(hub.deliveries)),
  writes_total: counter('writes to streams that handed over events', ({ hub }) => one(hub.writes)),
  bytes_sent_total: counter(
    'bytes of events handed to streams; heartbeats, the beginning of a stream and the framing of HTTP do not count',
    ({ hub }) => one(hub.bytes),
  ),
  fanout_pauses_total: counter('times reading the log was held back because fan-out was slower', ({ hub }) =>
    one(hub.holds),
  ),
  history_reads_total: counter('reads of older records', ({ backfill }) => one(backfill.reads)),
  history_records_total: counter('older records read', ({ backfill }) => one(backfill.records)),
  history_lost_events_total: counter(
    'offsets in holes that these reads met, each read told to all streams that share it',
    ({ backfill }) => one(backfill.lost),
  ),
  history_cached_bytes: gauge('bytes of older records kept for streams that read the same', ({ backfill }) =>
    one(backfill.cachedBytes),
  ),

  kafka_up: gauge('1 while the log can be read and takes events; a memory log always can', ({ log }) =>
    one(log.consumer.connected && log.producer.connected),
  ),
  kafka_connection_state: gauge(
    '1 for the state that the `producer` and the `consumer` side of the log are in, 0 for the others',
    ({ log }) => [...states('producer', log.producer), ...states('consumer', log.consumer)],
    ['side', 'state'],
  ),
  kafka_consumer_lag: gauge(
    'records of a partition that this instance has yet to read; absent until it has been reached',
    ({ log }) =>
      log.consumer.partitions.flatMap((status) => {
        const value = lagOf(status);
        return value === null ? [] : [{ labels: partitionLabels(status), value }];
      }),
    ['topic', 'partition'],
  ),
  kafka_partition_readable: gauge(
    '1 while a partition is being read, 0 while it cannot be',
    ({ log }) =>
      log.consumer.partitions.map((status) => ({
        labels: partitionLabels(status),
        value: Number(status.read.state === 'ok'),
      })),
    ['topic', 'partition'],
  ),
  kafka_topic_up: gauge(
    '1 while all of a topic can be read (`read`), and takes events (`append`)',
    ({ log }) =>
      log.topics.flatMap(({ topic, read, append }) => [
        { labels: { topic, side: 'read' }, value: Number(read.state === 'ok') },
        { labels: { topic, side: 'append' }, value: Number(append.state === 'ok') },
      ]),
    ['topic', 'side'],
  ),
  kafka_throttled_seconds_total: counter(
    'time that quotas of the brokers kept this instance waiting: to `produce`, to `fetch` what is new, to `read` what is older, for `metadata`',
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
    'how long an open transaction of another producer has held back all records behind it in a partition; 0 when none does',
    ({ log, nowMs }) =>
      log.consumer.partitions.map(({ topic, partition, heldBackSince }) => ({
        labels: { topic, partition: String(partition) },
        value: heldBackSince === null ? 0 : Math.max(0, nowMs - Date.parse(heldBackSince)) / 1_000,
      })),
    ['topic', 'partition'],
  ),
  kafka_errors_total: counter(
    'requests and connections to Kafka that failed, each try: to `produce`, to `fetch` what is new, to `read` what is older, for `metadata`',
    ({ log }) => by('op', log.counts.failures),
    ['op'],
  ),
} as const satisfies Record<string, ReadMetric>;

export const OBSERVED_METRICS = {
  stream_duration_seconds: histogram('how long streams were open, when they close', LIFETIME_BUCKETS),
  ingest_duration_seconds: histogram(
    'requests to publish, from the head of the request to the end of the answer',
    LATENCY_BUCKETS,
  ),
  fanout_batch_duration_seconds: histogram(
    'passes over all live streams of one subscription, from the first write to the last',
    PASS_BUCKETS,
  ),
  fanout_batch_events: histogram('events that one such pass wrote to each of its streams', EVENT_BUCKETS),
  delivery_latency_seconds: histogram(
    'once for each such pass: from the timestamp of the record in it that waited longest (the clock of the producer or the broker) to the last write of the pass (the clock of this instance). Neither per stream nor per event; streams that catch up and odd timestamps do not count',
    LATENCY_BUCKETS,
  ),
  kafka_produce_duration_seconds: histogram(
    'produce requests that Kafka answered with success, from sending to the answer',
    LATENCY_BUCKETS,
  ),
} as const satisfies Record<string, ObservedMetric>;

function partitionLabels({ topic, partition }: TopicPartition): Sample['labels'] {
  return { topic, partition: String(partition) };
}

function states(side: string, { state }: LogStatus['producer']): readonly Sample[] {
  return STATES.map((name) => ({ labels: { side, state: name }, value: Number(name === state) }));
}
