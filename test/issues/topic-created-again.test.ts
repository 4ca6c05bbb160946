import { startGateway } from '../support/gateway';
import { useBroker } from '../support/kafka';
import { openStream, type SseClient } from '../support/sse-client';
import { topicAt } from '../support/topic';
import { until } from '../support/until';

jest.setTimeout(60_000);

const dataOf = ({ events }: SseClient) =>
  events.filter(({ event }) => !event.startsWith('gateway.')).map(({ data }) => data);

const resetsOf = ({ events }: SseClient) =>
  events.filter(({ event }) => event === 'gateway.reset').map(({ data }) => JSON.parse(data) as object);

/** One topic that was created again made every id of every topic worthless. */
describe('a topic that is created again', () => {
  const kafka = useBroker();

  it('is reset alone, on open streams and for clients that resume; the other topic has no gap', async () => {
    const [kept, again] = ['kept', 'again'].map((name) => topicAt(kafka.bootstrap, name));
    for (const topic of [kept!, again!]) await topic.create();
    const { url } = await startGateway({
      EVENT_LOG: 'kafka',
      KAFKA_BROKERS: kafka.bootstrap.join(),
      KAFKA_TOPICS: 'kept=/kept,again=/again',
      KAFKA_CREATE_TOPICS: 'none',
      KAFKA_METADATA_REFRESH_MS: '200',
    });
    await until(async () => (await fetch(`${url}/readyz`)).ok, 'the gateway is ready');
    const post = async (path: string, body: string) =>
      expect((await fetch(`${url}/broadcast${path}`, { method: 'POST', body })).status).toBe(202);

    const stays = await openStream(`${url}/events`);
    const leaves = await openStream(`${url}/events`);
    await post('/kept', 'k0');
    await post('/again', 'a0');
    await leaves.until((client) => dataOf(client).length === 2);
    const id = leaves.events.at(-1)!.id!;
    leaves.close();

    await again!.recreate(1);
    await stays.until((client) => resetsOf(client).length === 1);
    expect(resetsOf(stays)).toEqual([{ reason: 'recreated', topics: ['again'] }]);
    await post('/kept', 'k1');
    await post('/again', 'a1');
    await stays.until((client) => dataOf(client).length === 4);
    expect(dataOf(stays).sort()).toEqual(['a0', 'a1', 'k0', 'k1']);

    const back = await openStream(`${url}/events`, { headers: { 'Last-Event-ID': id } });
    await back.until(({ events }) => events.some(({ event }) => event === 'gateway.live'));
    expect(resetsOf(back)).toEqual([{ reason: 'topic', topics: ['again'] }]);
    expect(dataOf(back)).toEqual(['k1']);
    await post('/again', 'a2');
    await back.until((client) => dataOf(client).length === 2);
    expect(dataOf(back)).toEqual(['k1', 'a2']);
  });
});
