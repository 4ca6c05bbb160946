import { Kafka, logLevel, type Message, Partitioners } from 'kafkajs';
import { openEventSource } from '../support/event-source';
import { useBroker } from '../support/kafka';
import { type GatewayProcess, spawnGateway } from '../support/process';
import { topicAt } from '../support/topic';
import { until } from '../support/until';

const LIMIT_MS = 60_000;

/** What producers that know nothing of the gateway write into a topic that it serves. */
describe('records of other producers', () => {
  const kafka = useBroker();

  async function gatewayFor(topic: string): Promise<GatewayProcess> {
    await topicAt(kafka.bootstrap, topic).create();
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
