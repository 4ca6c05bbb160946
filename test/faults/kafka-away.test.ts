import { type Broker, startBroker } from '../../infra/local/broker';
import { freePorts } from '../../infra/local/ports';
import { createDeliveryCheck } from '../support/delivery';
import { openEventSource, ownOf, type TestEventSource } from '../support/event-source';
import { startPacedPublisher } from '../support/paced-publisher';
import { type GatewayProcess, spawnGateway } from '../support/process';
import { openTcpProxy, type TcpProxy } from '../support/tcp-proxy';
import { topicAt } from '../support/topic';
import { until } from '../support/until';

const START_LIMIT_MS = 300_000;
const LIMIT_MS = 120_000;
const CLIENTS = 20;
const PER_SECOND = 50;
/** `connected` goes false within 5 s of losing Kafka, and true again within 5 s of its return. */
const NOTICE_MS = 5_000;
/** The first POST after the loss may use its whole deadline; answering takes a little longer. */
const FIRST_ANSWER_MS = 5_500;
/** Once it is known that Kafka is away. */
const REFUSAL_MS = 100;
/** A gateway that waits for Kafka at its start is ready this soon after Kafka is. */
const LATE_START_MS = 10_000;

async function isConnected(gateway: GatewayProcess): Promise<boolean> {
  const status = (await (await fetch(`${gateway.url}/kafka/status`)).json()) as {
    producer: { connected: boolean };
    consumer: { connected: boolean };
  };
  return status.producer.connected && status.consumer.connected;
}

async function isReady(gateway: GatewayProcess): Promise<boolean> {
  return (await fetch(`${gateway.url}/readyz`)).status === 200;
}

/** Posts once; how long the answer took, in ms. */
async function post(gateway: GatewayProcess, data: string): Promise<{ res: Response; tookMs: number }> {
  const startMs = performance.now();
  const res = await fetch(`${gateway.url}/broadcast`, { method: 'POST', body: data });
  return { res, tookMs: performance.now() - startMs };
}

describe('Kafka', () => {
  describe('away while events flow', () => {
    let broker: Broker;
    let proxy: TcpProxy;
    let gateway: GatewayProcess;

    beforeAll(async () => {
      const [brokerPort, proxyPort] = await freePorts(2);
      broker = await startBroker({
        port: brokerPort!,
        // All clients, the tests' own too, come through the proxy.
        properties: { 'advertised.listeners': `PLAINTEXT://127.0.0.1:${proxyPort}` },
      });
      proxy = await openTcpProxy(brokerPort!, { port: proxyPort!, forAllTests: true });
      gateway = await spawnGateway({ env: { KAFKA_BROKERS: `127.0.0.1:${proxyPort}` } });
      await until(() => isReady(gateway), 'the gateway is ready');
    }, START_LIMIT_MS);

    afterAll(() => broker?.close(), START_LIMIT_MS);

    const FAULTS: readonly [string, { away(): unknown; back(): unknown }][] = [
      ['hangs', { away: () => broker.pause(), back: () => broker.resume() }],
      ['is killed and started again', { away: () => broker.kill(), back: () => broker.start() }],
      ['is cut off by a network that drops packets', { away: () => proxy.stall(), back: () => proxy.mend() }],
      ['is cut off by a network that refuses', { away: () => proxy.cut(), back: () => proxy.mend() }],
    ];

    it.each(FAULTS)(
      '%s: streams stay and are told, posts are refused at once, and every 202 is seen once and in order',
      async (_, { away, back }) => {
        const prefix = `away-${performance.now()}`;
        const sources: TestEventSource[] = Array.from({ length: CLIENTS }, () =>
          openEventSource(`${gateway.url}/sse`),
        );
        await until(() => sources.every(({ isOpen }) => isOpen), 'all clients are connected');
        const published = startPacedPublisher([gateway.url], { prefix, perSecond: PER_SECOND });
        await until(() => published.stored.size > PER_SECOND, 'events flow');

        await away();
        const answered: Promise<{ res: Response; tookMs: number }> = post(gateway, `${prefix}-first`);
        await until(async () => !(await isConnected(gateway)), 'the loss is noticed', NOTICE_MS);
        expect(await isReady(gateway)).toBe(false);
        expect((await fetch(`${gateway.url}/healthz`)).status).toBe(200);
        const first = await answered;
        expect(first.res.status).toBe(503);
        expect(first.tookMs).toBeLessThan(FIRST_ANSWER_MS);
        const isTold = (source: TestEventSource, kafka: string) =>
          (ownOf(source, 'status').at(-1) as { kafka: string } | undefined)?.kafka === kafka;
        await until(() => sources.every((source) => isTold(source, 'interrupted')), 'all are told');
        const refusals: number[] = [];
        for (let i = 0; i < 20; i++) {
          const { res, tookMs } = await post(gateway, `${prefix}-refused`);
          expect(res.status).toBe(503);
          expect(Number(res.headers.get('retry-after'))).toBeGreaterThan(0);
          refusals.push(tookMs);
        }
        expect(Math.max(...refusals)).toBeLessThan(REFUSAL_MS);

        await back();
        await until(() => isConnected(gateway), 'the return is noticed', NOTICE_MS);
        const before = published.stored.size;
        await until(() => published.stored.size > before + PER_SECOND, 'events flow again');
        await published.stop();

        const check = createDeliveryCheck(
          await topicAt(broker.bootstrap, 'events-topic').read(),
          `${prefix}-`,
        );
        await until(
          () => sources.every((source) => check.of(source).missing.length === 0),
          'every client has every event',
        );
        for (const source of sources) {
          expect(check.of(source)).toEqual({ missing: [], misplaced: [], unknown: [], repeated: [] });
          expect(source.breaks).toBe(0);
          expect([...ownOf(source, 'gap'), ...ownOf(source, 'reset')]).toEqual([]);
        }
        const received = new Set(sources[0]!.events.map(({ data }) => data));
        expect([...published.stored.keys()].filter((data) => !received.has(data))).toEqual([]);
        await until(() => sources.every((source) => isTold(source, 'ok')), 'all are told that it is back');
      },
      LIMIT_MS,
    );

    it(
      'is slow: everything arrives, later, and nothing counts as lost',
      async () => {
        const prefix = `slow-${performance.now()}`;
        const source = openEventSource(`${gateway.url}/sse`);
        await until(() => source.isOpen, 'the client is connected');
        proxy.slow(200);
        const published = startPacedPublisher([gateway.url], { prefix, perSecond: PER_SECOND });
        await until(() => published.stored.size > 2 * PER_SECOND, 'events flow');
        await published.stop();
        proxy.mend();
        await until(
          () =>
            [...published.stored.keys()].every((data) => source.events.some((event) => event.data === data)),
          'the client has every event',
        );
        expect(published.uncertain.size).toBe(0);
        expect(await isConnected(gateway)).toBe(true);
        expect(ownOf(source, 'status')).toEqual([]);
      },
      LIMIT_MS,
    );
  });

  it(
    'is absent when the gateway starts: it lives, refuses, and is whole soon after Kafka is there',
    async () => {
      const [port] = await freePorts(1);
      const gateway = await spawnGateway({ env: { KAFKA_BROKERS: `127.0.0.1:${port}` } });
      expect((await fetch(`${gateway.url}/healthz`)).status).toBe(200);
      expect(await isReady(gateway)).toBe(false);
      for (let i = 0; i < 5; i++) {
        const { res, tookMs } = await post(gateway, 'too early');
        expect(res.status).toBe(503);
        expect(tookMs).toBeLessThan(1_000);
      }
      const source = openEventSource(`${gateway.url}/sse`);
      await until(() => source.connections === 1, 'a stream is open without Kafka');

      const broker = await startBroker({ port: port! });
      try {
        await until(() => isReady(gateway), 'the gateway is ready', LATE_START_MS);
        await until(() => source.isOpen, 'the stream has its id');
        expect((await post(gateway, 'in time')).res.status).toBe(202);
        await until(() => source.events.some(({ data }) => data === 'in time'), 'the event arrives');
        expect(source.connections).toBe(1);
      } finally {
        await broker.close();
      }
    },
    START_LIMIT_MS,
  );

  it(
    'refuses the credentials: the gateway says so and refuses in turn',
    async () => {
      const broker = await startBroker();
      try {
        // The listener knows no SASL.
        const gateway = await spawnGateway({
          env: {
            KAFKA_BROKERS: broker.bootstrap.join(','),
            KAFKA_SASL_MECHANISM: 'plain',
            KAFKA_SASL_USERNAME: 'gateway',
            KAFKA_SASL_PASSWORD: 'a-secret-that-nobody-may-see',
          },
        });
        const { lastError } = await until(async () => {
          const status = (await (await fetch(`${gateway.url}/kafka/status`)).json()) as {
            consumer: { lastError: { message: string } | null };
          };
          return status.consumer.lastError === null ? null : status.consumer;
        }, 'the failure is told');
        expect(lastError!.message).toMatch(/SASL/i);
        expect(await isReady(gateway)).toBe(false);
        expect((await post(gateway, 'nobody takes it')).res.status).toBe(503);
        expect(gateway.output()).not.toContain('a-secret-that-nobody-may-see');
      } finally {
        await broker.close();
      }
    },
    START_LIMIT_MS,
  );
});
