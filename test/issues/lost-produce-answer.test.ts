import { freePorts } from '../../infra/local/ports';
import { startGateway } from '../support/gateway';
import { useBroker } from '../support/kafka';
import { openStream } from '../support/sse-client';
import { openTcpProxy, type TcpProxy } from '../support/tcp-proxy';
import { topicAt } from '../support/topic';
import { until } from '../support/until';

jest.setTimeout(60_000);
const READY_MS = 20_000;
const TOPIC = 'events-topic';

/**
 * Kafka stored the record, but its answer was lost. The retry was stored as well, and the 202 named the offset of that
 * second record.
 */
describe('an append whose answer is lost', () => {
  const advertised = { port: 0, properties: {} as Record<string, string>, clientListener: {} };
  let proxyPort: number;
  beforeAll(async () => {
    const [port, other] = await freePorts(2);
    proxyPort = other!;
    advertised.port = port!;
    // The gateway comes through the proxy; the tests' own clients do not.
    advertised.properties['advertised.listeners'] =
      `PLAINTEXT://127.0.0.1:${port},CLIENT://127.0.0.1:${proxyPort}`;
  });
  const kafka = useBroker(advertised);

  async function start(): Promise<{ url: string; proxy: TcpProxy }> {
    const clientPort = Number(kafka.clients[0]!.split(':')[1]);
    const proxy = await openTcpProxy(clientPort, { port: proxyPort });
    const gateway = await startGateway({ EVENT_LOG: 'kafka', KAFKA_BROKERS: `127.0.0.1:${proxyPort}` });
    await until(async () => (await fetch(`${gateway.url}/readyz`)).ok, 'the gateway is ready', READY_MS);
    return { url: gateway.url, proxy };
  }

  it('is stored once, and its answer names the place of that one record', async () => {
    const { url, proxy } = await start();
    const topic = topicAt(kafka.bootstrap, TOPIC);
    const live = await openStream(`${url}/events`);
    const post = (body: string) => fetch(`${url}/broadcast`, { method: 'POST', body });
    expect((await post('before')).status).toBe(202);

    proxy.mute();
    const answer = post('lost');
    await until(async () => (await topic.bounds())[0]!.high === 2n, 'Kafka has the record');
    proxy.cut();
    proxy.mend();
    const answered = await answer;
    expect([answered.status, await answered.json()]).toMatchObject([202, { topic: TOPIC, offset: '1' }]);

    const after = await post('after');
    expect([after.status, await after.json()]).toMatchObject([202, { offset: '2' }]);
    expect(await topic.read()).toMatchObject([
      [
        { offset: '0', value: 'before' },
        { offset: '1', value: 'lost' },
        { offset: '2', value: 'after' },
      ],
    ]);
    await live.until(({ events }) => events.some(({ data }) => data === 'after'));
    const seen = live.events.filter(({ event }) => event === 'message').map(({ data }) => data);
    expect(seen).toEqual(['before', 'lost', 'after']);
  });
});
