import type { Broker } from '../../infra/local/broker';
import { startStack } from '../../infra/local/start-stack';
import { startPublisher } from '../support/publisher';
import { openStream } from '../support/sse-client';
import { topicAt } from '../support/topic';
import { until } from '../support/until';

const LIMIT_MS = 300_000;
const TOPIC = 'events-topic';

describe('three brokers', () => {
  it.each([
    ['killed', (broker: Broker, index: number) => broker.kill(index)],
    ['restarted as for an upgrade', (broker: Broker, index: number) => broker.stop(index)],
  ])(
    'lose nothing and double nothing when each of them is %s in turn',
    async (_, end) => {
      const stack = await startStack({ brokers: 3, gateways: 2, tickMs: null, aggregators: 0 });
      try {
        const urls = stack.gateways.map(({ url }) => url);
        const clients = await Promise.all([...urls, stack.url].map((url) => openStream(`${url}/sse`)));
        const publisher = startPublisher(urls);
        await until(() => publisher.stored.size > 100, 'events flow');
        for (let broker = 0; broker < 3; broker++) {
          await end(stack.broker!, broker);
          const before = publisher.stored.size;
          await until(
            () => publisher.stored.size > before + 300,
            `events flow without broker ${broker + 1}`,
            60_000,
          );
          await stack.broker!.start(broker);
          // Two of three in-sync replicas are needed, so the next one may go only when this one is back in sync.
          const after = publisher.stored.size;
          await until(
            () => publisher.stored.size > after + 300,
            `events flow with broker ${broker + 1} again`,
            60_000,
          );
        }
        await publisher.stop();
        const held = await topicAt(stack.broker!.bootstrap, TOPIC).read();
        const values = held.flat().map(({ value }) => value);
        expect(values.length).toBe(new Set(values).size);
        for (const [data, { partition, offset }] of publisher.stored)
          expect(held[partition]![Number(offset)]).toMatchObject({ offset, value: data });
        for (const client of clients) {
          await client.until(({ events }) => {
            const got = new Set(events.map(({ data }) => data));
            return [...publisher.stored.keys()].every((data) => got.has(data));
          }, 30_000);
          expect(client.ended()).toBe(false);
          const seen = client.events
            .filter(({ event }) => event !== 'gateway.status')
            .map(({ data }) => data);
          expect(new Set(seen).size).toBe(seen.length);
          expect(seen.filter((data) => !data.startsWith('event-'))).toEqual([]);
        }
      } finally {
        await stack.close();
      }
    },
    LIMIT_MS,
  );
});
