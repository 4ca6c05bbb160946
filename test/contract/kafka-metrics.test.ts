import { READ_METRICS } from '../../src/status/metrics';
import type { Snapshot } from '../../src/status/snapshot';
import { startGateway } from '../support/gateway';
import { useBroker } from '../support/kafka';
import { scrape } from '../support/metrics';
import { openStream } from '../support/sse-client';
import { until } from '../support/until';
import { newTopic, offsets, text } from './event-log-suite';
import { openKafkaLog } from './kafka-log';

jest.setTimeout(60_000);

const CLOSE_MS = 5_000;
/** How soon losing Kafka and finding it again is told (docs/reliability.md). */
const STATUS_MS = 5_000;

describe('the metrics of a gateway on Kafka', () => {
  const kafka = useBroker();

  const startOn = (topic: string, env: Record<string, string> = {}) =>
    startGateway({
      EVENT_LOG: 'kafka',
      KAFKA_BROKERS: kafka.bootstrap.join(','),
      KAFKA_TOPICS: topic,
      KAFKA_CREATE_TOPICS: topic,
      ...env,
    });

  it('tell what it stored and read, how long that took, and that nothing is left to read', async () => {
    const topic = newTopic();
    const { url } = await startOn(topic, { KAFKA_TOPIC_PARTITIONS: '2' });
    await until(async () => (await scrape(url)).get('ready') === 1, 'it is ready');
    const stream = await openStream(`${url}/sse?meta=1`);
    const trace = {
      traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
      tracestate: 'congo=t61rcWkgMzE',
    };
    // One after the other: events of one pass count once in the latency.
    for (const [index, channel] of ['/a', '/b', '/c'].entries()) {
      await fetch(`${url}/broadcast${channel}`, { method: 'POST', body: 'x', headers: trace });
      await stream.until(({ events }) => events.length === index + 1);
    }
    for (const { data } of stream.events)
      expect((JSON.parse(data) as { headers: object }).headers).toMatchObject(trace);
    const metrics = await scrape(url);
    expect(metrics.get('kafka_up')).toBe(1);
    expect(metrics.get('ingest_breaker_open')).toBe(0);
    for (const side of ['producer', 'consumer'])
      expect(metrics.get(`kafka_connection_state{side="${side}",state="connected"}`)).toBe(1);
    expect(metrics.get(`events_produced_total{topic="${topic}"}`)).toBe(3);
    expect(metrics.get(`events_consumed_total{topic="${topic}"}`)).toBe(3);
    for (const partition of [0, 1])
      expect(metrics.get(`kafka_consumer_lag{topic="${topic}",partition="${partition}"}`)).toBe(0);
    // One POST after the other, so one request each.
    expect(metrics.get('kafka_produce_duration_seconds_count')).toBe(3);
    expect(metrics.get('kafka_produce_duration_seconds_sum')).toBeGreaterThan(0);
    expect(metrics.get('kafka_produce_duration_seconds_sum')).toBeLessThan(
      metrics.get('ingest_duration_seconds_sum')!,
    );
    expect(metrics.get('delivery_latency_seconds_count')).toBe(3);
  });

  it('tell how much is left while it reads what was there before', async () => {
    const topic = newTopic();
    // One record batch at a time.
    const log = openKafkaLog(kafka.bootstrap, [topic], { KAFKA_FETCH_PARTITION_BYTES: '1024' });
    try {
      await until(() => log.status().producer.connected, 'the producer is connected');
      const batches = 5;
      for (let i = 0; i < batches; i++)
        offsets(await log.append([text(topic, 'x'.repeat(1_000)), text(topic, 'y')]));
      const lagNow = () =>
        READ_METRICS.kafka_consumer_lag.read({ log: log.status() } as Snapshot).map(({ value }) => value);
      expect(lagNow()).toEqual([]);
      const seen: number[] = [];
      log.tail({
        onStart: ({ partitions }) => partitions.map(({ logStart }) => logStart),
        onRecords: () => {
          // The position moves on when the listener has said how much it took.
          queueMicrotask(() => seen.push(...lagNow()));
          return null;
        },
        onGap: () => undefined,
        onReset: () => undefined,
        onTruncated: () => undefined,
        onPartitions: () => undefined,
      });
      await until(() => seen.at(-1) === 0, 'all is read');
      expect(seen).toEqual([8, 6, 4, 2, 0]);
    } finally {
      await log.close(CLOSE_MS);
    }
  });

  it('tell that Kafka is away, what failed meanwhile, and that it is back', async () => {
    const topic = newTopic();
    const { url } = await startOn(topic);
    await until(async () => (await scrape(url)).get('ready') === 1, 'it is ready');
    const before = await scrape(url);
    await kafka.broker.kill();
    const away = await until(
      async () => {
        const metrics = await scrape(url);
        return metrics.get('ingest_breaker_open') === 1 &&
          metrics.get('kafka_connection_state{side="consumer",state="interrupted"}') === 1
          ? metrics
          : null;
      },
      'it is known to be away',
      STATUS_MS,
    );
    expect(away.get('kafka_up')).toBe(0);
    expect(away.get('ready')).toBe(0);
    expect((await fetch(`${url}/broadcast`, { method: 'POST', body: 'x' })).status).toBe(503);
    await until(async () => {
      const metrics = await scrape(url);
      return ['produce', 'fetch', 'metadata'].every((op) => {
        const series = `kafka_errors_total{op="${op}"}`;
        return metrics.get(series)! > before.get(series)!;
      });
    }, 'what failed is counted');
    expect((await scrape(url)).get('ingest_requests_total{code="503"}')).toBe(1);
    await kafka.broker.start();
    await until(async () => (await scrape(url)).get('kafka_up') === 1, 'it is known to be back', 20_000);
    expect((await fetch(`${url}/broadcast`, { method: 'POST', body: 'x' })).status).toBe(202);
  });
});
