import { type Stack, startStack } from '../../infra/local/start-stack';
import type { PostedEvents } from '../support/posted-events';
import { startPublisher } from '../support/publisher';
import { openStream, type SseClient } from '../support/sse-client';
import { until } from '../support/until';

const START_LIMIT_MS = 300_000;
const FAULT_LIMIT_MS = 120_000;
/** The contract: `connected` tells the truth within this time. */
const TRUTH_MS = 5_000;

interface KafkaStatus {
  producer: { connected: boolean };
  consumer: { connected: boolean; partitions: { lag: number; position: string }[] };
}

describe('the stack with one partition in all: Kafka, three gateways, ticker, nginx', () => {
  let stack: Stack;
  const direct = () => stack.gateways.map(({ url }) => url);

  beforeAll(async () => {
    stack = await startStack({ tickMs: 500, aggregators: 0 });
  }, START_LIMIT_MS);

  afterAll(() => stack?.close(), START_LIMIT_MS);

  const status = async (url: string) => (await (await fetch(`${url}/kafka/status`)).json()) as KafkaStatus;

  /** Streams on every gateway and through nginx. */
  const openEverywhere = (each: number) =>
    Promise.all(
      [...direct(), stack.url].flatMap((url) => Array.from({ length: each }, () => openStream(`${url}/sse`))),
    );

  /** Nothing stored is missing or doubled anywhere, and everyone saw the same events in the same order. */
  async function expectComplete(
    clients: readonly SseClient[],
    { stored, uncertain }: PostedEvents,
  ): Promise<void> {
    const seen = ({ events }: SseClient) =>
      events.filter(({ data }) => stored.has(data) || uncertain.has(data));
    for (const client of clients) {
      await client.until(() => {
        const got = new Set(client.events.map(({ data }) => data));
        return [...stored.keys()].every((data) => got.has(data));
      }, 30_000);
    }
    // The slowest to answer may have been stored last, so all have it by now; what nobody knows is the same for all.
    const reference = seen(clients[0]!);
    expect(new Set(reference.map(({ data }) => data)).size).toBe(reference.length);
    for (const client of clients) {
      expect(client.ended()).toBe(false);
      expect(seen(client).slice(0, reference.length)).toEqual(reference.slice(0, seen(client).length));
    }
    const offsets = reference
      .filter(({ data }) => stored.has(data))
      .map(({ data }) => Number(stored.get(data)!.offset));
    expect(offsets).toEqual([...offsets].sort((a, b) => a - b));
  }

  it('sends ticks from Kafka through nginx', async () => {
    const client = await openStream(`${stack.url}/sse`);
    expect(client.headers['x-accel-buffering']).toBe('no');
    await client.until(({ events }) => events.length >= 3);
    expect(JSON.parse(client.events[0]!.data)).toEqual({
      payload: { date: expect.any(Number), times: expect.any(Number) },
    });
    expect(client.events[0]!.id).toMatch(/^3\./);
  });

  it('brings an event posted to one gateway to the clients of all, as the same record, within 150 ms', async () => {
    const clients = await openEverywhere(1);
    const delays: number[] = [];
    for (let i = 0; i < 20; i++) {
      const data = `to-all-${i}`;
      const startMs = performance.now();
      const res = await fetch(`${direct()[i % 3]}/broadcast/news?event=flash`, {
        method: 'POST',
        body: data,
      });
      const { id, ...where } = (await res.json()) as Record<string, unknown>;
      expect(where).toEqual({
        topic: 'events-topic',
        partition: 0,
        offset: expect.any(String),
        channel: '/news',
      });
      for (const client of clients) {
        await client.until(({ events }) => events.some((event) => event.data === data));
        expect(client.events.find((event) => event.data === data)).toEqual({ id, event: 'flash', data });
      }
      delays.push(performance.now() - startMs);
    }
    const median = delays.sort((a, b) => a - b)[delays.length >> 1]!;
    expect(median).toBeLessThan(150);
  });

  it(
    'does not touch the clients of the others when one gateway is killed',
    async () => {
      const [first, ...others] = await Promise.all(direct().map((url) => openStream(`${url}/sse`)));
      await stack.gateways[0]!.kill('SIGKILL');
      await first!.until((it) => it.ended());
      const counts = others.map(({ events }) => events.length);
      for (const [i, client] of others.entries()) {
        await client.until(({ events }) => events.length >= counts[i]! + 3);
        expect(client.ended()).toBe(false);
      }
      const through = await openStream(`${stack.url}/sse`);
      await through.until(({ events }) => events.length >= 2);
      await stack.gateways[0]!.start();
      const back = await openStream(`${direct()[0]}/sse`);
      await back.until(({ events }) => events.length >= 1);
    },
    FAULT_LIMIT_MS,
  );

  it.each([
    ['stands still', () => stack.broker!.pause(), () => stack.broker!.resume()],
    ['is killed and started again', () => stack.broker!.kill(), () => stack.broker!.start()],
  ])(
    'loses nothing, doubles nothing and tells the truth when the broker %s',
    async (_what, away, back) => {
      const clients = await openEverywhere(5);
      const publisher = startPublisher(direct());
      await until(() => publisher.stored.size > 200, 'events flow');

      await away();
      for (const url of direct()) {
        await until(
          async () => {
            const { producer, consumer } = await status(url);
            return !producer.connected && !consumer.connected;
          },
          `${url} sees that Kafka is away`,
          TRUTH_MS,
        );
        expect((await fetch(`${url}/healthz`)).status).toBe(200);
        expect((await fetch(`${url}/readyz`)).status).toBe(503);
      }
      await until(async () => {
        const startMs = performance.now();
        const res = await fetch(`${direct()[0]}/broadcast`, { method: 'POST', body: 'while away' });
        return res.status === 503 && res.headers.has('retry-after') && performance.now() - startMs < 100;
      }, 'the refusal comes at once');

      await back();
      const returnedMs = performance.now();
      for (const url of direct()) {
        await until(
          async () => {
            const { producer, consumer } = await status(url);
            return producer.connected && consumer.connected;
          },
          `${url} sees that Kafka is back`,
          TRUTH_MS,
        );
      }
      expect(performance.now() - returnedMs).toBeLessThan(TRUTH_MS + 1_000);
      const before = publisher.stored.size;
      await until(() => publisher.stored.size > before + 200, 'events flow again');
      await publisher.stop();
      await expectComplete(clients, publisher);
      for (const url of direct()) {
        await until(
          async () => (await status(url)).consumer.partitions.every(({ lag }) => lag === 0),
          'no lag is left',
        );
      }
    },
    FAULT_LIMIT_MS,
  );
});
