import type { ServerResponse } from 'node:http';
import { type FarSide, startFarSide } from '../support/far-side';
import { startGateway } from '../support/gateway';
import { openStream } from '../support/sse-client';
import { until } from '../support/until';

const ORDER = JSON.stringify({
  type: 'record',
  name: 'Order',
  fields: [
    { name: 'id', type: 'string' },
    { name: 'total', type: 'long' },
  ],
});

/** An order of at most 63 cents in the frame of schema `schemaId`. */
function order(id: string, total: number, schemaId = 7): Buffer {
  return Buffer.from([0, 0, 0, 0, schemaId, id.length * 2, ...Buffer.from(id), total * 2]);
}

interface Registry extends FarSide {
  isAway: boolean;
}

async function startRegistry(): Promise<Registry> {
  const state = { isAway: false };
  const answer = (res: ServerResponse, status: number, body: object) =>
    res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  const far = await startFarSide((res, { url }) => {
    if (state.isAway) answer(res, 503, {});
    else if (/\/7$|\/8$/.test(url!)) answer(res, 200, { schema: ORDER });
    else answer(res, 404, { error_code: 40403 });
  });
  return Object.assign(state, far);
}

async function start(registry: FarSide, env: Record<string, string> = {}) {
  const { url } = await startGateway({
    KAFKA_TOPICS: 'orders=/orders;registry,plain=/plain',
    SCHEMA_REGISTRY_URL: registry.url,
    SCHEMA_REGISTRY_RETRY_MIN_MS: '5',
    SCHEMA_REGISTRY_RETRY_MAX_MS: '10',
    MEMORY_LOG_RETRY_MS: '5',
    KAFKA_STATUS_CHECK_MS: '50',
    ...env,
  });
  return {
    url,
    async post(path: string, body: string | Buffer) {
      expect((await fetch(`${url}/broadcast${path}`, { method: 'POST', body })).status).toBe(202);
    },
    get: async (path: string) => (await fetch(`${url}${path}`)).json(),
  };
}

const data = ({ events }: { events: readonly { event: string; data: string }[] }) =>
  events.filter(({ event }) => event === 'message').map((event) => event.data);

describe('a topic whose schemas are in a registry', () => {
  it('is JSON for clients, live and on replay', async () => {
    const { url, post } = await start(await startRegistry());
    const live = await openStream(`${url}/subscribe/orders`);
    await post('/orders', order('a', 5));
    await post('/orders', order('b', 6, 8));
    await live.until((it) => data(it).length === 2);
    expect(data(live)).toEqual(['{"id":"a","total":5}', '{"id":"b","total":6}']);
    const replay = await openStream(`${url}/subscribe/orders?from=earliest`);
    await replay.until((it) => data(it).length === 2);
    expect(data(replay)).toEqual(data(live));
  });

  it('says which schema a record has that cannot be shown', async () => {
    const { url, post, get } = await start(await startRegistry());
    const stream = await openStream(`${url}/subscribe/orders`);
    await post('/orders', order('a', 5, 9));
    await post('/orders', 'plain text');
    await post('/orders', Buffer.from([0, 0, 0, 0, 7, 2]));
    await stream.until(
      ({ events }) => events.filter(({ event }) => event === 'gateway.undecodable').length === 3,
    );
    const shown = stream.events.filter(({ event }) => event === 'gateway.undecodable');
    expect(shown.map(({ data }) => JSON.parse(data))).toMatchObject([
      { reason: 'unknown-schema', schemaId: 9 },
      { reason: 'not-framed' },
      { reason: 'malformed', schemaId: 7 },
    ]);
    const { topics } = (await get('/kafka/status')) as { topics: { records: { undecodable: object } }[] };
    expect(topics[0]!.records.undecodable).toEqual({ 'unknown-schema': 1, 'not-framed': 1, malformed: 1 });
  });

  it('waits without a hole while the registry is away, and others do not', async () => {
    const registry = await startRegistry();
    const { url, post, get } = await start(registry);
    const [orders, plain] = [
      await openStream(`${url}/subscribe/orders`),
      await openStream(`${url}/subscribe/plain`),
    ];
    await post('/orders', order('a', 1));
    await orders.until((it) => data(it).length === 1);
    registry.isAway = true;
    await post('/orders', order('b', 2));
    await post('/orders', order('c', 3, 8));
    await post('/orders', order('d', 4));
    await post('/plain', 'x');
    await plain.until((it) => data(it).length === 1);
    await orders.until(({ events }) => events.some(({ event }) => event === 'gateway.status'));
    const notice = orders.events.find(({ event }) => event === 'gateway.status')!;
    expect(JSON.parse(notice.data)).toEqual({
      kafka: 'interrupted',
      topics: ['orders'],
      reason: 'schema-registry',
    });
    expect(data(orders)).toEqual(['{"id":"a","total":1}', '{"id":"b","total":2}']);
    const ready = (await get('/readyz')) as {
      ready: boolean;
      checks: { registry: object };
      degraded: object[];
    };
    expect(ready).toMatchObject({
      checks: { registry: { ok: true, detail: expect.stringContaining('answers 503') } },
      degraded: [
        { topic: 'orders', what: 'read', state: 'waiting', detail: expect.stringContaining('answers 503') },
      ],
    });
    expect(await get('/kafka/status')).toMatchObject({
      consumer: {
        partitions: [
          { topic: 'orders', state: 'waiting', lag: 2 },
          { topic: 'plain', lag: 0 },
        ],
      },
      schemaRegistry: { state: 'interrupted', detail: expect.stringContaining('answers 503') },
    });
    registry.isAway = false;
    await orders.until((it) => data(it).length === 4);
    expect(data(orders).slice(2)).toEqual(['{"id":"c","total":3}', '{"id":"d","total":4}']);
    await orders.until(({ events }) => events.some(({ data: text }) => text.includes('"kafka":"ok"')));
  });

  it('does not keep the others from being served when the registry is away at the start', async () => {
    const registry = await startRegistry();
    registry.isAway = true;
    const { url, post, get } = await start(registry);
    await post('/orders', order('a', 1));
    await until(async () => (await fetch(`${url}/readyz`)).status === 200, 'it is ready');
    const plain = await openStream(`${url}/subscribe/plain`);
    await post('/plain', 'x');
    await plain.until((it) => data(it).length === 1);
    registry.isAway = false;
    const orders = await openStream(`${url}/subscribe/orders?from=earliest`);
    await orders.until((it) => data(it).length === 1);
    await until(
      async () =>
        ((await get('/kafka/status')) as { schemaRegistry: { state: string } }).schemaRegistry.state === 'ok',
      'the registry is well',
    );
  });

  it('is not ready while the registry rejects the credentials', async () => {
    const far = await startFarSide((res) => res.writeHead(401).end('{}'));
    const { url, post } = await start(far);
    await post('/orders', order('a', 1));
    await until(async () => (await fetch(`${url}/readyz`)).status === 503, 'it is not ready');
    const { checks } = (await (await fetch(`${url}/readyz`)).json()) as { checks: { registry: object } };
    await until(async () => {
      const now = (await (await fetch(`${url}/readyz`)).json()) as { checks: { registry: { ok: boolean } } };
      return !now.checks.registry.ok;
    }, 'it says so');
    expect(checks.registry).toBeDefined();
  });
});
