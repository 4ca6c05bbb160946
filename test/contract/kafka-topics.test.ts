import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Kafka, logLevel, type Message, Partitioners } from 'kafkajs';
import { useBroker } from '../support/kafka';
import { spawnGateway } from '../support/process';
import { openStream, type SseClient } from '../support/sse-client';
import { topicAt } from '../support/topic';
import { until } from '../support/until';

const LIMIT_MS = 60_000;
const KEYS = ['c-1', 'c-2', 'c-3', 'a/b', 'c-10'];

const TOPICS = `
topics:
  - name: orders
    channel: /orders/{key}
    fields: [id]
    where: value.status != "draft"
  - name: counters
    channel: /counters/{key}
    key: int64
`;

/** Topics of producers that know nothing of the gateway, in a real Kafka. */
describe('a topic as it is', () => {
  const kafka = useBroker();
  const folder = mkdtempSync(join(tmpdir(), 'topics-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  async function produce(topic: string, messages: Message[]): Promise<void> {
    const client = new Kafka({ brokers: [...kafka.bootstrap], logLevel: logLevel.NOTHING });
    const producer = client.producer({ createPartitioner: Partitioners.DefaultPartitioner });
    await producer.connect();
    await producer.send({ topic, messages });
    await producer.disconnect();
  }

  const data = ({ events }: SseClient) =>
    events.filter(({ event }) => event === 'message').map((event) => JSON.parse(event.data).id as number);

  it(
    'gives each stream the records of its key, live and on replay, and nothing of another',
    async () => {
      for (const name of ['orders', 'counters'])
        await topicAt(kafka.bootstrap, name).create({ partitions: 4 });
      const file = join(folder, 'topics.yaml');
      writeFileSync(file, TOPICS);
      const env = { KAFKA_BROKERS: kafka.bootstrap.join(), TOPICS_FILE: file, RING_RECORDS: '100' };
      const { url } = await spawnGateway({ env });
      await until(async () => (await fetch(`${url}/readyz`)).status === 200, 'the gateway is ready');
      const streams = await Promise.all(
        KEYS.map((key) =>
          openStream(`${url}/subscribe/orders/${encodeURIComponent(key.replace('/', '~1'))}`),
        ),
      );
      const counter = await openStream(`${url}/subscribe/counters/-2?meta=1`);
      const orders = Array.from({ length: 600 }, (_, id) => ({
        key: KEYS[id % KEYS.length]!,
        value: JSON.stringify({ id, status: id % 3 === 0 ? 'draft' : 'open', secret: 'nobody sees it' }),
        // Someone else's.
        headers: { channel: '/c-1' },
      }));
      await produce('orders', orders);
      await produce('counters', [{ key: Buffer.from('fffffffffffffffe', 'hex'), value: 'x' }]);

      for (const [i, stream] of streams.entries()) {
        const own = orders.flatMap(({ key }, id) => (key === KEYS[i] && id % 3 !== 0 ? [id] : []));
        await stream.until(() => data(stream).length >= own.length);
        expect(data(stream)).toEqual(own);
        const path = `/subscribe/orders/${encodeURIComponent(KEYS[i]!.replace('/', '~1'))}`;
        const replayed = await openStream(`${url}${path}?from=earliest&meta=1`);
        await replayed.until(({ events }) => events.some(({ event }) => event === 'gateway.live'));
        const envelopes = replayed.events.slice(0, -1).map((event) => JSON.parse(event.data));
        expect(envelopes.map((envelope) => JSON.parse(envelope.data).id)).toEqual(own);
        expect(new Set(envelopes.map(({ key }) => key))).toEqual(new Set([KEYS[i]]));
        expect(stream.text() + replayed.text()).not.toContain('nobody');
      }
      await counter.until(({ events }) => events.length === 1);
      expect(JSON.parse(counter.events[0]!.data)).toMatchObject({ topic: 'counters', key: '-2', data: 'x' });
    },
    LIMIT_MS,
  );
});
