import { Kafka, logLevel, type Message, Partitioners } from 'kafkajs';
import type { AggregationStats } from '../../src/roles/aggregation-stats';
import { openEventSource } from '../support/event-source';
import { useBroker } from '../support/kafka';
import { scrape } from '../support/metrics';
import { type GatewayProcess, spawnGateway } from '../support/process';
import { topicAt } from '../support/topic';
import { until } from '../support/until';

const LIMIT_MS = 60_000;

/** What producers that know nothing of the gateway write into a topic that it serves. */
describe('records of other producers', () => {
  const kafka = useBroker();

  async function gatewayFor(topic: string, config: Record<string, string> = {}): Promise<GatewayProcess> {
    await topicAt(kafka.bootstrap, topic).create({ config });
    const gateway = await spawnGateway({
      env: { KAFKA_BROKERS: kafka.bootstrap.join(','), KAFKA_TOPICS: `${topic}=/` },
    });
    await until(async () => (await fetch(`${gateway.url}/readyz`)).status === 200, 'the gateway is ready');
    return gateway;
  }

  async function produce(topic: string, messages: Message[]): Promise<void> {
    const client = new Kafka({ brokers: [...kafka.bootstrap], logLevel: logLevel.NOTHING });
    const producer = client.producer({ createPartitioner: Partitioners.DefaultPartitioner });
    await producer.connect();
    await producer.send({ topic, messages });
    await producer.disconnect();
  }

  it(
    'have no part in ages and latencies when their time is none, far ahead, or in other units',
    async () => {
      const beginsAtMs = Date.now();
      const gateway = await gatewayFor('odd', { 'message.timestamp.after.max.ms': String(2n ** 63n - 1n) });
      const source = openEventSource(`${gateway.url}/events?meta=1`);
      await until(() => source.isOpen, 'the client is connected');
      const odd = ['-1', String(2n ** 63n - 1n), String(Math.floor(beginsAtMs / 1_000)), `${beginsAtMs}000`];
      for (const timestamp of odd) await produce('odd', [{ value: timestamp, timestamp }]);
      await produce('odd', [{ value: 'now' }]);
      const records = () => source.events.filter(({ event }) => event === 'message');
      await until(() => records().length === odd.length + 1, 'all came');
      const shown = records().map(({ data }) => JSON.parse(data).timestamp);
      expect(shown.slice(0, -1)).toEqual([-1, null, Math.floor(beginsAtMs / 1_000), beginsAtMs * 1_000]);

      const metrics = await scrape(gateway.url);
      const sinceBeginSeconds = (Date.now() - beginsAtMs) / 1_000;
      expect(metrics.get('records_with_odd_timestamp_total{topic="odd"}')).toBe(odd.length);
      expect(metrics.get('ring_age_seconds')).toBeLessThanOrEqual(sinceBeginSeconds);
      expect(metrics.get('ring_age_seconds')).toBeGreaterThan(0);
      expect(metrics.get('delivery_latency_seconds_count')).toBe(1);
      expect(metrics.get('delivery_latency_seconds_sum')).toBeLessThanOrEqual(sinceBeginSeconds);
      const status = (await (await fetch(`${gateway.url}/kafka/status`)).json()) as {
        consumer: { currentAggregation: { stats: AggregationStats } };
      };
      const { totalEvents, firstEventTime, lastEventTime } = status.consumer.currentAggregation.stats;
      expect(totalEvents).toBe(odd.length + 1);
      expect(firstEventTime).toBeGreaterThanOrEqual(beginsAtMs);
      expect(lastEventTime).toBe(firstEventTime);
    },
    LIMIT_MS,
  );

  it(
    'show what of them is binary, and all headers of one name',
    async () => {
      const { url } = await gatewayFor('binary');
      const source = openEventSource(`${url}/events?meta=1`);
      await until(() => source.isOpen, 'the client is connected');
      const [binary, other] = [Buffer.from([0xff, 1]), Buffer.from([2, 0xfe])];
      await produce('binary', [
        { key: binary, value: 'a', headers: { x: [binary, 'text'], y: other, z: ['1', '2'], plain: 'p' } },
        { key: 'text', value: 'b', headers: { plain: 'p' } },
      ]);
      await until(() => source.events.filter(({ event }) => event === 'message').length === 2, 'both came');
      const [first, second] = source.events
        .filter(({ event }) => event === 'message')
        .map(({ data }) => JSON.parse(data));
      expect(first).toMatchObject({
        key: binary.toString('base64'),
        headers: {
          x: [binary.toString('base64'), Buffer.from('text').toString('base64')],
          y: other.toString('base64'),
          z: ['1', '2'],
          plain: 'p',
        },
        base64: ['key', 'headers.x', 'headers.y'],
        data: 'a',
      });
      expect(second).toMatchObject({ key: 'text', headers: { plain: 'p' }, data: 'b' });
      expect(second).not.toHaveProperty('base64');
    },
    LIMIT_MS,
  );
});
