import { Kafka, type KafkaMessage, logLevel, type Message, Partitioners, type ProducerConfig } from 'kafkajs';
import type { AggregationStats } from '../../src/roles/aggregation-window';
import type { Readiness } from '../../src/status/health';
import { openEventSource, type TestEventSource } from '../support/event-source';
import { useBroker } from '../support/kafka';
import { scrape } from '../support/metrics';
import { type GatewayProcess, spawnGateway } from '../support/process';
import { topicAt } from '../support/topic';
import { until } from '../support/until';

const LIMIT_MS = 60_000;

interface GatewayOptions {
  /** Of the topic. */
  readonly config?: Readonly<Record<string, string>>;
  readonly moreTopics?: string;
  readonly env?: Readonly<Record<string, string>>;
}

interface PartitionStatus {
  readonly heldBackSince: string | null;
  readonly highWatermark: string;
}

interface KafkaStatus {
  readonly consumer: { readonly partitions: readonly PartitionStatus[] };
}

/** What producers that know nothing of the gateway write into a topic that it serves. */
describe('records of other producers', () => {
  const kafka = useBroker();

  async function gatewayFor(
    topic: string,
    { config = {}, moreTopics = '', env = {} }: GatewayOptions = {},
  ): Promise<GatewayProcess> {
    await topicAt(kafka.bootstrap, topic).create({ config });
    const gateway = await spawnGateway({
      env: { KAFKA_BROKERS: kafka.bootstrap.join(','), KAFKA_TOPICS: `${topic}=/${moreTopics}`, ...env },
    });
    await until(async () => (await fetch(`${gateway.url}/readyz`)).status === 200, 'the gateway is ready');
    return gateway;
  }

  /** The first ones of the topic, as another program reads them. */
  async function recordsOf(topic: string, count: number): Promise<KafkaMessage[]> {
    const client = new Kafka({ brokers: [...kafka.bootstrap], logLevel: logLevel.NOTHING });
    const consumer = client.consumer({ groupId: `reads-${topic}` });
    const found: KafkaMessage[] = [];
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: true });
    await consumer.run({ eachMessage: async ({ message }) => void found.push(message) });
    await until(() => found.length >= count, 'the records were read', 30_000);
    await consumer.disconnect();
    return found.slice(0, count);
  }

  async function produce(topic: string, messages: Message[], options: ProducerConfig = {}): Promise<void> {
    const client = new Kafka({ brokers: [...kafka.bootstrap], logLevel: logLevel.NOTHING });
    const producer = client.producer({ createPartitioner: Partitioners.DefaultPartitioner, ...options });
    await producer.connect();
    await producer.send({ topic, messages });
    await producer.disconnect();
  }

  const data = (source: TestEventSource) =>
    source.events.filter(({ event }) => event === 'message').map((event) => event.data);

  it(
    'are delivered each, also when they have equal idempotency keys',
    async () => {
      const { url } = await gatewayFor('foreign-keys');
      const source = openEventSource(`${url}/events`);
      await until(() => source.isOpen, 'the client is connected');
      const equal = { key: 'k', value: 'same', headers: { 'idempotency-key': 'i' } };
      await produce('foreign-keys', [equal, equal, equal, { value: 'last' }]);
      await until(() => data(source).includes('last'), 'the last came');
      expect(data(source)).toEqual(['same', 'same', 'same', 'last']);
      expect((await scrape(url)).get('events_repeated_total')).toBe(0);
    },
    LIMIT_MS,
  );

  it(
    'are no repeats when they are copies of a gateway’s record, whose own repeats are left out at any gateway',
    async () => {
      await topicAt(kafka.bootstrap, 'copies').create();
      const [one, other] = [
        await gatewayFor('originals', { moreTopics: ',copies=/copies' }),
        await gatewayFor('originals'),
      ];
      const sources = [one, other].map(({ url }) => openEventSource(`${url}/events`));
      await until(() => sources.every(({ isOpen }) => isOpen), 'the clients are connected');
      for (const { url } of [one, other, one]) {
        const answer = await fetch(`${url}/broadcast`, {
          method: 'POST',
          body: 'said once',
          headers: { 'Idempotency-Key': 'i' },
        });
        expect(answer.status).toBe(202);
      }
      const [original] = await recordsOf('originals', 3);
      const copy = { key: original!.key, value: original!.value, headers: original!.headers! };
      expect(Object.keys(copy.headers)).toEqual(expect.arrayContaining(['idempotency-key', 'gateway-mark']));
      await produce('originals', [copy, copy]);
      await produce('originals', [copy, copy], { idempotent: true });
      await produce('copies', [copy, copy], { idempotent: true });
      await produce('originals', [{ value: 'last' }]);
      await until(() => sources.every((source) => data(source).includes('last')), 'the last came');
      await until(() => data(sources[0]!).length === 8, 'the copies in the other topic came');
      expect(data(sources[0]!).filter((text) => text === 'said once')).toHaveLength(1 + 4 + 2);
      expect(data(sources[1]!)).toEqual([...new Array(5).fill('said once'), 'last']);
      for (const { url } of [one, other]) expect((await scrape(url)).get('events_repeated_total')).toBe(2);
    },
    LIMIT_MS,
  );

  it(
    'in an open transaction hold back what is behind them, which is said until it ends',
    async () => {
      const { url } = await gatewayFor('held-back', { env: { KAFKA_SILENCE_MS: '1000' } });
      const answer = async <T>(path: string) => (await (await fetch(`${url}${path}`)).json()) as T;
      const partition = async () => (await answer<KafkaStatus>('/kafka/status')).consumer.partitions[0]!;
      const degraded = async () => (await answer<Pick<Readiness, 'degraded'>>('/readyz')).degraded;
      const source = openEventSource(`${url}/events`);
      await until(() => source.isOpen, 'the client is connected');
      const client = new Kafka({ brokers: [...kafka.bootstrap], logLevel: logLevel.NOTHING });
      const producer = client.producer({
        createPartitioner: Partitioners.DefaultPartitioner,
        transactionalId: 'left-open',
        maxInFlightRequests: 1,
      });
      await producer.connect();
      const beginsAtMs = Date.now();
      const transaction = await producer.transaction();
      await transaction.send({ topic: 'held-back', messages: [{ value: 'of the transaction' }] });
      const { status } = await fetch(`${url}/broadcast`, { method: 'POST', body: 'stored behind it' });
      expect(status).toBe(202);

      await until(async () => {
        const { heldBackSince, highWatermark } = await partition();
        return heldBackSince !== null && highWatermark === '2';
      }, '/kafka/status says it of both records');
      expect(await partition()).toMatchObject({
        partition: 0,
        lastStableOffset: '0',
        highWatermark: '2',
        lag: 2,
      });
      const since = Date.parse((await partition()).heldBackSince!);
      expect(since).toBeGreaterThanOrEqual(beginsAtMs);
      await until(async () => (await degraded()).length > 0, '/readyz says it');
      expect(await answer('/readyz')).toMatchObject({
        status: 'ready',
        degraded: [
          {
            topic: 'held-back',
            what: 'read',
            state: 'held-back',
            partitions: [0],
            since: new Date(since).toISOString(),
            detail: expect.stringContaining('transaction'),
          },
        ],
      });
      const heldBack = 'kafka_open_transaction_seconds{topic="held-back",partition="0"}';
      expect((await scrape(url)).get(heldBack)).toBeGreaterThan(0);
      expect(data(source)).toEqual([]);

      await transaction.commit();
      await producer.disconnect();
      await until(() => data(source).length === 2, 'both came');
      expect(data(source)).toEqual(['of the transaction', 'stored behind it']);
      await until(async () => (await partition()).heldBackSince === null, 'it is over');
      expect(await degraded()).toEqual([]);
      expect((await scrape(url)).get(heldBack)).toBe(0);
    },
    LIMIT_MS,
  );

  it(
    'have no part in ages and latencies when their time is none, far ahead, or in other units',
    async () => {
      const beginsAtMs = Date.now();
      const gateway = await gatewayFor('odd', {
        config: { 'message.timestamp.after.max.ms': String(2n ** 63n - 1n) },
      });
      const source = openEventSource(`${gateway.url}/events?meta=1`);
      await until(() => source.isOpen, 'the client is connected');
      const odd = ['-1', String(2n ** 63n - 1n), String(Math.floor(beginsAtMs / 1_000)), `${beginsAtMs}000`];
      for (const timestamp of odd) await produce('odd', [{ value: timestamp, timestamp }]);
      const records = () => source.events.filter(({ event }) => event === 'message');
      // A pass of the fan-out is measured by its first record, so the one to be measured comes alone.
      await until(() => records().length === odd.length, 'the odd ones came');
      await produce('odd', [{ value: 'now' }]);
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
