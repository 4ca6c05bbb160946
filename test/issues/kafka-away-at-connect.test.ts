import { startGateway } from '../support/gateway';
import { useBroker } from '../support/kafka';
import { openStream, type SseClient } from '../support/sse-client';
import { until } from '../support/until';

/** A broker ends and starts again in between. */
jest.setTimeout(60_000);
const BROKER_MS = 20_000;

const statusOf = ({ events }: SseClient) =>
  events
    .filter(({ event }) => event === 'gateway.status')
    .map(({ id, data }) => [id !== undefined, (JSON.parse(data) as { kafka: string }).kafka]);

/** Only those were told that were connected when Kafka went away; who came later saw a stream like any other. */
describe('a stream that is opened while Kafka is away', () => {
  const kafka = useBroker();

  it('gets gateway.status at its beginning, and once when Kafka is back', async () => {
    const gateway = await startGateway({ EVENT_LOG: 'kafka', KAFKA_BROKERS: kafka.bootstrap.join() });
    await until(async () => (await fetch(`${gateway.url}/readyz`)).ok, 'the gateway is ready', BROKER_MS);
    const before = await openStream(`${gateway.url}/events`);
    await fetch(`${gateway.url}/broadcast`, { method: 'POST', body: 'one' });
    await before.until(({ events }) => events.length === 1);
    const lastEventId = before.events[0]!.id!;

    await kafka.broker.kill();
    await before.until((client) => statusOf(client).length === 1, BROKER_MS);
    const late = await openStream(`${gateway.url}/events`);
    const resumed = await openStream(`${gateway.url}/events`, { headers: { 'Last-Event-ID': lastEventId } });
    await late.until((client) => statusOf(client).length === 1);
    await resumed.until(({ events }) => events.some(({ event }) => event === 'gateway.live'));
    for (const { events } of [late, resumed])
      expect(events[0]).toMatchObject({ id: undefined, event: 'gateway.status' });

    await kafka.broker.start();
    await late.until((client) => statusOf(client).length === 2, BROKER_MS);
    await until(
      async () => (await fetch(`${gateway.url}/broadcast`, { method: 'POST', body: 'two' })).ok,
      'Kafka takes events again',
      BROKER_MS,
    );
    for (const client of [before, late, resumed]) {
      await client.until(({ events }) => events.at(-1)?.data === 'two');
      // Told to all, it has an id; told to one, it has none.
      expect(statusOf(client)).toEqual([
        [client === before, 'interrupted'],
        [true, 'ok'],
      ]);
    }
  });
});
