import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startGateway } from '../support/gateway';
import { scrape } from '../support/metrics';
import { openStream } from '../support/sse-client';

const TOPICS =
  'orders=/orders/{key},trips=/trips/{headers.region}/{headers.line},parts=/parts/{partition},all';

interface Answer {
  readonly code: string;
  readonly detail: string;
  readonly topic?: string;
  readonly field?: string;
}

async function post(url: string, path: string, body = 'x'): Promise<Response> {
  return fetch(`${url}/broadcast${path}`, { method: 'POST', body });
}

describe('a topic whose channels are made of keys and headers', () => {
  it('puts what is posted on the channel of its key, and nowhere else', async () => {
    const { url } = await startGateway({ KAFKA_TOPICS: TOPICS });
    const [own, other, above] = [
      await openStream(`${url}/subscribe/orders/7?meta=1`),
      await openStream(`${url}/subscribe/orders/70`),
      await openStream(`${url}/subscribe/orders`),
    ];
    for (const [path, body] of [
      ['/orders/7', 'seven'],
      ['/orders/70', 'seventy'],
      ['/orders/a~1b', 'slash'],
    ] as const) {
      expect((await post(url, path, body)).status).toBe(202);
    }
    await above.until(({ events }) => events.length === 3);
    await own.until(({ events }) => events.length === 1);
    await other.until(({ events }) => events.length === 1);
    expect(above.events.map(({ data }) => data)).toEqual(['seven', 'seventy', 'slash']);
    expect(JSON.parse(own.events[0]!.data)).toMatchObject({
      topic: 'orders',
      key: '7',
      headers: {},
      data: 'seven',
    });
    expect(other.events.map(({ data }) => data)).toEqual(['seventy']);
    const escaped = await openStream(`${url}/subscribe/orders/a~1b?from=earliest&meta=1`);
    await escaped.until(({ events }) => events.some(({ event }) => event === 'gateway.live'));
    expect(JSON.parse(escaped.events[0]!.data)).toMatchObject({ key: 'a/b', data: 'slash' });
  });

  it('fills headers from the path, also of a batch', async () => {
    const { url } = await startGateway({ KAFKA_TOPICS: TOPICS });
    const stream = await openStream(`${url}/subscribe/trips/eu?meta=1`);
    const answer = await fetch(`${url}/events`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify([
        { channel: '/trips/eu/7', event: 'left', data: 'a', key: 'k' },
        { channel: '/trips/us/7', data: 'b' },
        { channel: '/trips/eu', data: 'c' },
        { channel: '/parts/0', data: 'd' },
      ]),
    });
    expect(answer.status).toBe(207);
    const { results } = (await answer.json()) as { results: { status: number; code?: string }[] };
    expect(results.map(({ status, code }) => code ?? status)).toEqual([
      202,
      202,
      'bad-channel',
      'not-publishable',
    ]);
    await stream.until(({ events }) => events.length === 1);
    expect(stream.events[0]).toMatchObject({ event: 'left' });
    expect(JSON.parse(stream.events[0]!.data)).toMatchObject({
      key: 'k',
      headers: { region: 'eu', line: '7', event: 'left' },
      data: 'a',
    });
  });

  it('refuses what the path does not say, naming the topic or the field', async () => {
    const { url } = await startGateway({ KAFKA_TOPICS: TOPICS });
    const refused = async (path: string): Promise<[number, Answer]> => {
      const answer = await post(url, path);
      return [answer.status, (await answer.json()) as Answer];
    };
    expect(await refused('/parts/0')).toEqual([
      409,
      expect.objectContaining({
        code: 'not-publishable',
        topic: 'parts',
        detail: expect.stringContaining('parts'),
      }),
    ]);
    for (const path of ['/orders', '/orders/7/8', '/orders/~7', '/trips/eu'])
      expect(await refused(path)).toEqual([
        400,
        expect.objectContaining({ code: 'bad-channel', field: 'channel' }),
      ]);
    expect(await refused('/orders/7?key=8')).toEqual([
      400,
      expect.objectContaining({ code: 'bad-channel', field: 'key' }),
    ]);
    expect((await post(url, '/orders/7?key=7')).status).toBe(202);
    expect((await post(url, '/elsewhere')).status).toBe(202);
  });

  it('has its channels although a traceparent, which is a header too, came with the post', async () => {
    const { url } = await startGateway({ KAFKA_TOPICS: 'traces=/traces/{headers.traceparent}' });
    const stream = await openStream(`${url}/subscribe/traces/mine`);
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const answer = await fetch(`${url}/broadcast/traces/mine`, {
      method: 'POST',
      body: 'x',
      headers: { traceparent },
    });
    expect(answer.status).toBe(202);
    await stream.until(({ events }) => events.length === 1);
  });

  it('shows in /kafka/status and /metrics how many records have a channel of their own', async () => {
    const { url } = await startGateway({ KAFKA_TOPICS: TOPICS });
    for (const path of ['/orders/7', '/orders/8', '/else']) await post(url, path);
    const stream = await openStream(`${url}/events?from=earliest`);
    await stream.until(({ events }) => events.some(({ event }) => event === 'gateway.live'));
    const { topics } = (await (await fetch(`${url}/kafka/status`)).json()) as {
      topics: { topic: string; records: object }[];
    };
    const recordsOf = (name: string) => topics.find(({ topic }) => topic === name)!.records;
    expect(recordsOf('orders')).toEqual({ read: 2, undecodable: {}, mapped: 2, unmapped: {} });
    expect(recordsOf('all')).toEqual({ read: 1, undecodable: {} });
    const metrics = await scrape(url);
    expect(metrics.get('records_mapped_total{topic="orders"}')).toBe(2);
    expect(metrics.get('records_unmapped_total{topic="orders",reason="missing"}')).toBe(0);
    expect(metrics.has('records_mapped_total{topic="all"}')).toBe(false);
  });
});

describe('a topic of which TOPICS_FILE says more', () => {
  const folder = mkdtempSync(join(tmpdir(), 'topics-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  async function startWith(topics: string): Promise<string> {
    const file = join(folder, 'topics.yaml');
    writeFileSync(file, topics);
    return (await startGateway({ TOPICS_FILE: file })).url;
  }

  const ORDERS = `
topics:
  - name: orders
    channel: /orders/{key}
    event: "{value.type}"
    fields: [id, total]
    where: value.status != "draft"
`;
  const order = (id: number, status: string) =>
    JSON.stringify({ id, type: 'changed', status, total: 9, secret: 'nobody sees it' });

  it('sends only what it lets pass, live, from history and in the envelope', async () => {
    const url = await startWith(ORDERS);
    const live = await openStream(`${url}/subscribe/orders/7?meta=1&event=changed`);
    for (const [id, status] of [
      [1, 'draft'],
      [2, 'open'],
      [3, 'open'],
    ] as const)
      expect((await post(url, '/orders/7', order(id, status))).status).toBe(202);
    await post(url, '/orders/7', '{"id":4}');
    await post(url, '/orders/7', 'no JSON');
    await live.until(({ events }) => events.some(({ event }) => event === 'gateway.undecodable'));
    const shown = live.events.filter(({ event }) => event === 'changed').map(({ data }) => JSON.parse(data));
    expect(shown.map(({ data }) => data)).toEqual(['{"id":2,"total":9}', '{"id":3,"total":9}']);
    expect(shown[0]).toMatchObject({ key: '7', headers: {} });

    const replayed = await openStream(`${url}/events?from=earliest`);
    await replayed.until(({ events }) => events.some(({ event }) => event === 'gateway.live'));
    expect(replayed.events.map(({ event }) => event)).toEqual([
      'changed',
      'changed',
      'gateway.undecodable',
      'gateway.live',
    ]);
    for (const stream of [live, replayed]) expect(stream.text()).not.toContain('nobody');

    const { topics } = (await (await fetch(`${url}/kafka/status`)).json()) as { topics: object[] };
    expect(topics).toEqual([
      expect.objectContaining({
        records: {
          read: 5,
          undecodable: { 'not-json': 1 },
          mapped: 3,
          unmapped: {},
          filtered: 2,
          filterFailed: 1,
        },
      }),
    ]);
    expect((await scrape(url)).get('records_filtered_total{topic="orders",reason="failed"}')).toBe(1);
  });

  it('does not resume before a record that was left out: its id is past it', async () => {
    const url = await startWith(ORDERS);
    const stream = await openStream(`${url}/subscribe/orders/7?heartbeat=1`);
    await post(url, '/orders/7', order(1, 'draft'));
    await post(url, '/orders/8', order(2, 'open'));
    await stream.until(({ streamEvents }) => streamEvents.some(({ event }) => event === 'gateway.position'));
    const { id } = stream.streamEvents.at(-1)!;
    const resumed = await openStream(`${url}/events`, { headers: { 'Last-Event-ID': id! } });
    await resumed.until(({ events }) => events.some(({ event }) => event === 'gateway.live'));
    expect(JSON.parse(resumed.events.at(-1)!.data)).toEqual({ replayed: 0 });
  });

  it('does not take an event name that it would not show', async () => {
    const url = await startWith(ORDERS);
    const answer = await post(url, '/orders/7?event=mine', order(1, 'open'));
    expect([answer.status, await answer.json()]).toEqual([
      400,
      expect.objectContaining({ code: 'bad-event-name', field: 'event' }),
    ]);
  });
});
