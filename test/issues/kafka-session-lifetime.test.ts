import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { startBroker } from '../../infra/local/broker';
import { freePorts } from '../../infra/local/ports';
import { startGateway } from '../support/gateway';
import { useBroker } from '../support/kafka';
import type { LogLine } from '../support/quiet-logger';
import { openStream } from '../support/sse-client';
import { until } from '../support/until';

jest.setTimeout(90_000);

/** Shorter than the ten seconds, and long enough for a slow machine to renew it in time. */
const SESSION_MS = 5_000;
/** Several sessions long. */
const OBSERVED_MS = 17_000;

/**
 * kafkajs authenticated anew ten seconds before the end of a session, so on every request when `connections.max.reauth.ms`
 * was shorter. Brokers refuse that more than once a second, and each refusal ended the connection.
 */
describe('a broker whose sessions are shorter than ten seconds', () => {
  const kafka = useBroker({
    clientListener: { protocol: 'SASL_PLAINTEXT', users: { gateway: 'gateway-secret' } },
    properties: { 'connections.max.reauth.ms': String(SESSION_MS) },
  });

  it('serves posts and streams through many sessions, without a failure or a log line', async () => {
    const gateway = await startGateway({
      EVENT_LOG: 'kafka',
      KAFKA_BROKERS: kafka.clients.join(),
      KAFKA_SASL_MECHANISM: 'plain',
      KAFKA_SASL_USERNAME: 'gateway',
      KAFKA_SASL_PASSWORD: 'gateway-secret',
    });
    await until(async () => (await fetch(`${gateway.url}/readyz`)).ok, 'the gateway is ready');
    const client = await openStream(`${gateway.url}/events`);
    // The first post to a broker that has just started may have to wait for its producer id.
    const sent = ['event 0'];
    expect((await fetch(`${gateway.url}/broadcast`, { method: 'POST', body: sent[0]! })).status).toBe(202);
    const failuresBefore = await failures(gateway.url);
    const linesBefore = gateway.logged.length;
    const endMs = performance.now() + OBSERVED_MS;
    while (performance.now() < endMs) {
      const data = `event ${sent.length}`;
      const { status } = await fetch(`${gateway.url}/broadcast`, { method: 'POST', body: data });
      expect(status).toBe(202);
      sent.push(data);
    }
    await client.until(({ events }) => events.at(-1)?.data === sent.at(-1));
    const received = client.events.filter(({ data }) => data.startsWith('event '));
    expect(received.map(({ data }) => data)).toEqual(sent);
    expect(warnings(gateway.logged.slice(linesBefore))).toEqual([]);
    expect(await failures(gateway.url)).toEqual(failuresBefore);
  });
});

/** Each of its connections was followed by the next one at once, since it had just been answered. */
describe('a broker that answers once on each connection and ends it', () => {
  it('is connected to with pauses', async () => {
    const [brokerPort, port] = await freePorts(2);
    const broker = await startBroker({
      port: brokerPort!,
      properties: { 'advertised.listeners': `PLAINTEXT://127.0.0.1:${port}` },
    });
    let connections = 0;
    const proxy = createServer((client) => {
      connections++;
      const target = connect(brokerPort!, '127.0.0.1');
      let answers = 0;
      client.on('data', (part) => target.write(part));
      target.on('data', (part) => {
        client.write(part);
        // The first one is to ApiVersions.
        if (++answers === 2) client.end();
      });
      for (const [socket, other] of [[client, target] as const, [target, client] as const]) {
        socket.on('error', () => other.destroy());
        socket.on('close', () => other.destroy());
      }
    });
    proxy.listen(port, '127.0.0.1');
    await once(proxy, 'listening');
    try {
      await startGateway({ EVENT_LOG: 'kafka', KAFKA_BROKERS: `127.0.0.1:${port}` });
      const startMs = performance.now();
      await until(() => performance.now() - startMs > OBSERVED_MS / 2, 'some time has passed', OBSERVED_MS);
      expect(connections).toBeGreaterThan(2);
      expect(connections).toBeLessThan(150);
    } finally {
      proxy.close();
      await broker.close();
    }
  });
});

const warnings = (lines: readonly LogLine[]) =>
  lines
    .filter(({ level }) => level === 'warn' || level === 'error')
    .map(({ message, fields }) => ({ message, ...fields }));

/** By operation. */
async function failures(url: string): Promise<Record<string, string>> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const values = [...text.matchAll(/^sse_gateway_kafka_errors_total\{op="(.*)"\} (\d+)$/gm)];
  expect(values).toHaveLength(4);
  return Object.fromEntries(values.map(([, op, value]) => [op!, value!]));
}
