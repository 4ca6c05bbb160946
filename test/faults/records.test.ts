import { randomBytes } from 'node:crypto';
import { Kafka, logLevel, Partitioners } from 'kafkajs';
import { type Broker, startBroker } from '../../infra/local/broker';
import { freePorts } from '../../infra/local/ports';
import { openEventSource, ownOf, type SourceEvent, type TestEventSource } from '../support/event-source';
import { type GatewayProcess, spawnGateway } from '../support/process';
import { openTcpProxy, type TcpProxy } from '../support/tcp-proxy';
import { until } from '../support/until';

const START_LIMIT_MS = 300_000;
const LIMIT_MS = 60_000;
const TOPIC = 'events-topic';
const MARK = Buffer.from('this-text-is-changed-on-the-way');

interface Poison {
  readonly key?: string;
  readonly value: Buffer | null;
  readonly headers?: Record<string, Buffer | string>;
}

describe('records that nobody expects', () => {
  let broker: Broker;
  let proxy: TcpProxy;
  let gateway: GatewayProcess;
  let produce: (messages: readonly Poison[]) => Promise<void>;

  beforeAll(async () => {
    const [brokerPort, proxyPort] = await freePorts(2);
    broker = await startBroker({
      port: brokerPort!,
      properties: {
        'advertised.listeners': `PLAINTEXT://127.0.0.1:${proxyPort}`,
        'message.max.bytes': String(4 << 20),
      },
    });
    proxy = await openTcpProxy(brokerPort!, { port: proxyPort!, forAllTests: true });
    gateway = await spawnGateway({
      env: { KAFKA_BROKERS: `127.0.0.1:${proxyPort}`, MAX_FRAME_BYTES: String(1 << 20) },
    });
    await until(async () => (await fetch(`${gateway.url}/readyz`)).status === 200, 'the gateway is ready');
    const kafka = new Kafka({ brokers: [...broker.bootstrap], logLevel: logLevel.NOTHING });
    produce = async (messages) => {
      const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
      await producer.connect();
      // One request each: a corrupt batch is to take only itself.
      for (const message of messages) await producer.send({ topic: TOPIC, messages: [{ ...message }] });
      await producer.disconnect();
    };
  }, START_LIMIT_MS);

  afterAll(() => broker?.close(), START_LIMIT_MS);

  async function connected(query = ''): Promise<TestEventSource> {
    const source = openEventSource(`${gateway.url}/sse${query}`);
    await until(() => source.isOpen, 'the client is connected');
    return source;
  }

  /** What came between the stream's opening and the event whose data is `last`. */
  async function upTo(source: TestEventSource, last: string): Promise<SourceEvent[]> {
    await until(() => source.events.some(({ data }) => data === last), `"${last}" arrives`);
    expect(source.breaks).toBe(0);
    expect(source.events[0]!.event).toBe('gateway.open');
    return source.events.slice(
      1,
      source.events.findIndex(({ data }) => data === last),
    );
  }

  it(
    'become events that say what they are, in their places, and break nothing',
    async () => {
      const source = await connected();
      const large = 'L'.repeat(1_000_000);
      await produce([
        { value: null, key: 'the-key' },
        { value: Buffer.from([0xff, 0xfe, 0x00, 0xc3]) },
        { value: Buffer.from('named like one of ours'), headers: { event: 'gateway.reset' } },
        { value: Buffer.from('named like one of EventSource'), headers: { event: 'error' } },
        { value: Buffer.from('name with lines'), headers: { event: 'a\r\ndata: injected' } },
        { value: Buffer.from('name with NUL'), headers: { event: 'a\0b' } },
        { value: Buffer.from('channel with ..'), headers: { channel: '/a/../b' } },
        { value: Buffer.from('name that is no text'), headers: { event: Buffer.from([0xff]) } },
        { value: Buffer.from('lines\rof\r\nevery\nkind\n\nid: 1.injected\n') },
        { value: Buffer.from(large) },
        { value: randomBytes(1_500_000).fill('x') },
        { value: Buffer.from('') },
        { value: Buffer.from('\uFEFFwith a mark') },
        { value: Buffer.from('the end of it') },
      ]);
      const events = await upTo(source, 'the end of it');
      const undecodable = (reason: string) => ({
        event: 'gateway.undecodable',
        data: expect.stringMatching(new RegExp(`^{"topic":"events-topic".*"reason":"${reason}"}$`)),
      });
      expect(events.map(({ event, data }) => ({ event, data }))).toEqual([
        { event: 'gateway.tombstone', data: 'the-key' },
        undecodable('not-utf8'),
        { event: 'record.gateway.reset', data: 'named like one of ours' },
        { event: 'record.error', data: 'named like one of EventSource' },
        undecodable('bad-event-name'),
        undecodable('bad-event-name'),
        undecodable('bad-channel'),
        undecodable('bad-event-name'),
        { event: 'message', data: 'lines\nof\nevery\nkind\n\nid: 1.injected\n' },
        { event: 'message', data: large },
        undecodable('too-large'),
        { event: 'message', data: '' },
        { event: 'message', data: '\uFEFFwith a mark' },
      ]);
      expect(new Set(events.map(({ id }) => id)).size).toBe(events.length);
    },
    LIMIT_MS,
  );

  it(
    'from a broker that sends a batch which does not match its checksum: a gap, and the rest',
    async () => {
      const source = await connected();
      const past = Buffer.from(MARK).fill('#');
      proxy.tamper(MARK, past);
      await produce([
        { value: Buffer.from('before it') },
        { value: MARK },
        { value: Buffer.from('after it') },
      ]);
      const events = await upTo(source, 'after it');
      proxy.mend();
      expect(events.filter(({ event }) => event === 'message').map(({ data }) => data)).toEqual([
        'before it',
      ]);
      expect(ownOf(source, 'gap')).toEqual([
        expect.objectContaining({ reason: 'corrupt', topic: TOPIC, partition: 0, lost: 1 }),
      ]);
      expect((await fetch(`${gateway.url}/readyz`)).status).toBe(200);
    },
    LIMIT_MS,
  );

  it(
    'that are too large for Kafka are refused to who sends them, and only those',
    async () => {
      const limited = await spawnGateway({
        env: {
          KAFKA_BROKERS: broker.bootstrap.join(','),
          MAX_EVENT_BYTES: String(8 << 20),
          MAX_BATCH_BYTES: String(16 << 20),
          KAFKA_PRODUCE_BATCH_BYTES: String(16 << 20),
        },
      });
      await until(async () => (await fetch(`${limited.url}/readyz`)).status === 200, 'the gateway is ready');
      const post = (data: string) => fetch(`${limited.url}/broadcast`, { method: 'POST', body: data });
      const [small, tooLarge] = await Promise.all([post('small enough'), post('x'.repeat(5 << 20))]);
      expect(small.status).toBe(202);
      expect(tooLarge.status).toBe(413);
      expect(await tooLarge.json()).toMatchObject({ code: 'event-too-large' });
      expect((await post('and goes on')).status).toBe(202);
    },
    LIMIT_MS,
  );
});
