import { formatCursor, parseCursor } from '../../src/wire/cursor';
import { startGateway, type TestGateway } from '../support/gateway';
import { scrape } from '../support/metrics';
import { formatCursorOfVersion2 } from '../support/old-cursor';
import { openStream, type SseClient } from '../support/sse-client';

const KAFKA_TOPICS = 'pets=/pets,orders=/orders,trips=/trips';
/** With the shortest heartbeat, so that a quiet stream soon gets `gateway.position`. */
const QUICK = { KAFKA_TOPICS, HEARTBEAT_MS: '1000' };

async function post({ url }: TestGateway, channel: string, data: string): Promise<string | undefined> {
  const res = await fetch(`${url}/broadcast${channel}`, { method: 'POST', body: data });
  expect(res.status).toBe(202);
  return ((await res.json()) as { id?: string }).id;
}

const resumeAt = (gateway: TestGateway, query: string, id: string) =>
  openStream(`${gateway.url}${query}`, { headers: { 'Last-Event-ID': id } });
const topicsIn = (id: string) => parseCursor(id)!.topics.length;
const dataOf = ({ events }: SseClient) =>
  events.filter(({ event }) => event === 'message').map(({ data }) => data);
const own = ({ events }: SseClient, name: string) =>
  events.filter(({ event }) => event === `gateway.${name}`).map(({ data }) => JSON.parse(data) as object);
const live = (client: SseClient) => client.until((it) => own(it, 'live').length === 1);

describe('the ids of a stream', () => {
  it('name the topics that its channels can see, whatever has an id', async () => {
    const gateway = await startGateway(QUICK);
    const cases = [
      ['/subscribe/pets/dogs', 1],
      ['/events?channel=/pets&channel=/orders/7', 2],
      ['/events', 3],
      ['/sse', 3],
      ['/subscribe/elsewhere', 0],
    ] as const;
    await post(gateway, '/pets/dogs', 'a');
    await post(gateway, '/orders/7', 'b');
    for (const [query, count] of cases) {
      const from = query.includes('?') ? '&' : '?';
      const client = await openStream(`${gateway.url}${query}${from}from=earliest&heartbeat=1`);
      await live(client);
      await post(gateway, '/pets/dogs', 'c');
      await client.until((it) => it.streamEvents.some(({ event, id }) => event === 'gateway.position' && id));
      const ids = [...client.text().matchAll(/^id: (.*)$/gm)].map(([, id]) => topicsIn(id!));
      expect(ids.length).toBeGreaterThan(1);
      expect(new Set(ids)).toEqual(new Set([count]));
      client.close();
    }
  });

  it('is what a POST on a channel answers, if the channel can see one partition', async () => {
    const gateway = await startGateway({ KAFKA_TOPICS });
    const id = await post(gateway, '/pets/dogs', 'a');
    await post(gateway, '/orders/7', 'b');
    await post(gateway, '/pets/dogs', 'c');
    expect(topicsIn(id!)).toBe(1);
    const client = await resumeAt(gateway, '/subscribe/pets', id!);
    await live(client);
    expect(dataOf(client)).toEqual(['c']);
    const beside = await startGateway({ KAFKA_TOPICS: 'pets=/pets,cats=/pets/cats' });
    expect(await post(beside, '/pets', 'a')).toBeUndefined();
    expect(topicsIn((await post(beside, '/pets/dogs', 'b')) ?? '')).toBe(1);
  });

  it('go on without a gap when it narrows its channels, and without the topics that it left', async () => {
    const gateway = await startGateway({ KAFKA_TOPICS });
    const wide = await openStream(`${gateway.url}/events`);
    await post(gateway, '/pets', 'a');
    await wide.until((it) => dataOf(it).length === 1);
    const { id } = wide.events[0]!;
    wide.close();
    await post(gateway, '/orders', 'b');
    await post(gateway, '/pets', 'c');
    const narrow = await resumeAt(gateway, '/subscribe/pets', id!);
    await live(narrow);
    expect(dataOf(narrow)).toEqual(['c']);
    expect(own(narrow, 'reset')).toEqual([]);
  });

  it('are not judged by topics that it does not want any more', async () => {
    const gateway = await startGateway({ KAFKA_TOPICS, RESUME_RECHECK_MS: '1' });
    const wide = await openStream(`${gateway.url}/events`);
    await post(gateway, '/pets', 'a');
    await wide.until((it) => dataOf(it).length === 1);
    const cursor = parseCursor(wide.events[0]!.id!)!;
    const beyond = cursor.topics.map((topic, i) => (i === 1 ? { ...topic, positions: [1_000n] } : topic));
    const id = formatCursor({ ...cursor, topics: beyond });
    for (const [query, resets] of [
      ['/subscribe/pets', []],
      ['/events', [{ reason: 'ahead', topics: ['orders'] }]],
    ] as const) {
      const client = await resumeAt(gateway, query, id);
      await live(client);
      expect(own(client, 'reset')).toEqual(resets);
    }
  });

  it('do not cover topics that it could not see: they begin now, and it is told', async () => {
    const gateway = await startGateway({ KAFKA_TOPICS });
    const narrow = await openStream(`${gateway.url}/subscribe/pets`);
    await post(gateway, '/pets', 'a');
    await narrow.until((it) => dataOf(it).length === 1);
    const { id } = narrow.events[0]!;
    narrow.close();
    await post(gateway, '/orders', 'b');
    await post(gateway, '/pets', 'c');
    const query = '/events?channel=/pets&channel=/orders';
    const wide = await resumeAt(gateway, query, id!);
    await live(wide);
    expect(own(wide, 'reset')).toEqual([{ reason: 'channels', topics: ['orders'] }]);
    expect(dataOf(wide)).toEqual(['c']);
    const told = wide.events.find(({ event }) => event === 'gateway.reset')!;
    await post(gateway, '/orders', 'd');
    await wide.until((it) => dataOf(it).length === 2);
    // From then on its ids cover them.
    const again = await resumeAt(gateway, query, told.id!);
    await live(again);
    expect(own(again, 'reset')).toEqual([]);
    expect(dataOf(again).sort()).toEqual(['c', 'd']);
    const strict = await fetch(`${gateway.url}${query}&strict=1`, { headers: { 'Last-Event-ID': id! } });
    expect(strict.status).toBe(412);
    expect(await strict.json()).toMatchObject({ notice: 'gateway.reset', reason: 'channels' });
  });

  it('are reset in the topics that it can see, when they are none of this gateway', async () => {
    const gateway = await startGateway({ KAFKA_TOPICS });
    const client = await resumeAt(gateway, '/subscribe/pets', 'junk');
    await live(client);
    expect(own(client, 'reset')).toEqual([{ reason: 'invalid', topics: ['pets'] }]);
  });

  it('of version 2 named all topics, and are still understood', async () => {
    const gateway = await startGateway({ KAFKA_TOPICS });
    const first = await openStream(`${gateway.url}/events`);
    await post(gateway, '/pets', 'a');
    await first.until((it) => dataOf(it).length === 1);
    const cursor = parseCursor(first.events[0]!.id!)!;
    const id = formatCursorOfVersion2(cursor);
    await post(gateway, '/orders', 'b');
    await post(gateway, '/pets', 'c');
    for (const [query, expected] of [
      ['/subscribe/pets', ['c']],
      ['/events', ['b', 'c']],
    ] as const) {
      const client = await resumeAt(gateway, query, id);
      await live(client);
      expect(dataOf(client)).toEqual(expected);
      expect(own(client, 'reset')).toEqual([]);
    }
    // A topic that it does not name is new: its client was never sent any of it.
    const { cluster, topics } = cursor;
    const older = formatCursorOfVersion2({ cluster, topics: topics.slice(0, 1) });
    const client = await resumeAt(gateway, '/events', older);
    await live(client);
    expect(dataOf(client)).toEqual(['c']);
    expect(own(client, 'reset')).toEqual([]);
  });

  it('have it read no history but that of topics which it can see', async () => {
    const gateway = await startGateway({ KAFKA_TOPICS, RING_RECORDS: '5', REPLAY_CACHE_MS: '0' });
    const id = await post(gateway, '/pets', 'first');
    for (let i = 0; i < 20; i++) await post(gateway, '/orders', `order ${i}`);
    await post(gateway, '/pets', 'last');
    const ask = ['from=earliest', 'since=0', `lastEventId=${id}`];
    for (const query of ask) {
      const client = await openStream(`${gateway.url}/subscribe/trips?${query}`);
      await live(client);
    }
    expect((await scrape(gateway.url)).get('history_reads_total')).toBe(0);
    const pets = await openStream(`${gateway.url}/subscribe/pets?from=earliest`);
    await live(pets);
    expect(dataOf(pets)).toEqual(['first', 'last']);
    expect((await scrape(gateway.url)).get('history_records_total')).toBe(1);
  });
});
