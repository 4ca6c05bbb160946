import { startGateway } from '../support/gateway';
import { rawHttp } from '../support/raw-http';
import { openStream } from '../support/sse-client';
import { until } from '../support/until';

describe('routes', () => {
  it('GET /connections is digits only, under exactly the heads of the contract', async () => {
    const { url, port } = await startGateway();
    await openStream(`${url}/sse`);
    const answer = await rawHttp(port, 'GET /connections HTTP/1.1\r\nHost: x\r\n\r\n').closed();
    expect(answer).toMatch(/\r\nContent-Type: text\/plain\r\n/);
    expect(answer).toMatch(/\r\nCache-Control: no-cache\r\n/);
    expect(answer).toMatch(/\r\nConnection: close\r\n/);
    expect(await (await fetch(`${url}/connections`)).text()).toBe('1');
  });

  it.each(['/sse', '/events', '/subscribe/a', '/broadcast', '/connections', '/', '/nowhere'])(
    'OPTIONS %s is 204 with CORS',
    async (path) => {
      const { port } = await startGateway();
      const answer = await rawHttp(
        port,
        `OPTIONS ${path} HTTP/1.1\r\nHost: x\r\nOrigin: https://a.example\r\n\r\n`,
      ).closed();
      expect(answer).toContain('HTTP/1.1 204 ');
      expect(answer).toContain('Access-Control-Allow-Origin: *');
      expect(answer).toMatch(/Access-Control-Allow-Headers: .*Last-Event-ID/);
      expect(answer).toContain('Connection: close');
    },
  );

  it.each([
    'GET /events?from=nowhere',
    'HEAD /events',
    'GET /connections',
    'GET /readyz',
    'GET /nowhere',
    'POST /broadcast',
    'POST /events',
    'PUT /sse',
  ])('%s exposes Retry-After and X-Request-ID to pages of other origins', async (request) => {
    const { url } = await startGateway();
    const [method = '', path] = request.split(' ');
    const { headers } = await fetch(url + path, { method, headers: { Origin: 'https://a.example' } });
    expect(headers.get('access-control-expose-headers')).toBe('Retry-After, X-Request-ID');
    expect(headers.has('x-request-id')).toBe(true);
  });

  it('GET / lists the endpoints', async () => {
    const { url } = await startGateway();
    const body = (await (await fetch(url)).json()) as { endpoints: Record<string, string> };
    expect(Object.keys(body.endpoints)).toContain('GET /sse');
  });

  it('answers 404 with problem JSON for an unknown path', async () => {
    const { url } = await startGateway();
    for (const path of ['/nowhere', '/broadcasts', '/subscribers', '/sse/', '/events/x', '/%', '/web/%ff']) {
      const res = await fetch(url + path);
      expect(res.status).toBe(404);
      expect(res.headers.get('content-type')).toBe('application/problem+json');
      expect(await res.json()).toMatchObject({ code: 'not-found', status: 404 });
    }
  });

  it.each([
    ['DELETE', '/sse', 'GET, HEAD, OPTIONS'],
    ['PUT', '/events', 'GET, HEAD, POST, OPTIONS'],
    ['GET', '/broadcast', 'POST, OPTIONS'],
    ['POST', '/connections', 'GET, HEAD, OPTIONS'],
    ['POST', '/', 'GET, HEAD, OPTIONS'],
  ])('%s %s is 405 with Allow', async (method, path, allow) => {
    const { url } = await startGateway();
    const res = await fetch(url + path, { method });
    expect(res.status).toBe(405);
    expect(res.headers.get('allow')).toBe(allow);
    expect(await res.json()).toMatchObject({ code: 'method-not-allowed' });
  });

  it('takes the absolute form of a request target', async () => {
    const { port } = await startGateway();
    await rawHttp(port, 'GET http://x/healthz HTTP/1.1\r\nHost: x\r\n\r\n').until('"ok"');
    await rawHttp(port, 'GET http://x/sse?meta=1 HTTP/1.1\r\nHost: x\r\n\r\n').until(':ok');
  });

  it('is alive and ready, and says why if it is not', async () => {
    const { url } = await startGateway();
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    const ready = await until(async () => {
      const res = await fetch(`${url}/readyz`);
      return res.status === 200
        ? ((await res.json()) as { checks: Record<string, { ok: boolean }>; degraded: [] })
        : null;
    }, 'ready');
    expect(Object.values(ready.checks).every(({ ok }) => ok)).toBe(true);
    expect(Object.keys(ready.checks).sort()).toEqual([
      'consumer',
      'lifecycle',
      'producer',
      'ring',
      'streams',
    ]);
    expect(ready.degraded).toEqual([]);
  });

  it('GET /kafka/status tells positions as strings and lag as a number', async () => {
    const { url } = await startGateway();
    await fetch(`${url}/broadcast`, { method: 'POST', body: 'x' });
    const status = await until(async () => {
      const body = (await (await fetch(`${url}/kafka/status`)).json()) as {
        consumer: { partitions: { position: string }[] };
      };
      return body.consumer.partitions[0]?.position === '1' && body;
    }, 'the record is read');
    expect(status).toMatchObject({
      eventLog: 'memory',
      producer: { connected: true, state: 'connected', lastError: null },
      consumer: {
        connected: true,
        partitions: [
          {
            topic: 'events-topic',
            partition: 0,
            state: 'ok',
            error: null,
            position: '1',
            highWatermark: '1',
            lastStableOffset: '1',
            heldBackSince: null,
            lag: 0,
          },
        ],
      },
      topics: [{ topic: 'events-topic', read: { state: 'ok' }, append: { state: 'ok' } }],
    });
  });
});

describe('the ticker', () => {
  it('publishes time and count through the log, or the bare time', async () => {
    const json = await startGateway({ TICK_MS: '50' });
    const client = await openStream(`${json.url}/sse`);
    await client.until(({ events }) => events.length >= 3);
    const ticks = client.events.map(
      ({ data }) => JSON.parse(data) as { payload: { date: number; times: number } },
    );
    expect(ticks[1]!.payload.times).toBe(ticks[0]!.payload.times + 1);
    expect(Math.abs(Date.now() - ticks[0]!.payload.date)).toBeLessThan(60_000);
    const ms = await startGateway({ TICK_MS: '50', TICK_FORMAT: 'ms' });
    const bare = await openStream(`${ms.url}/sse`);
    await bare.until(({ events }) => events.length >= 1);
    expect(bare.events[0]!.data).toMatch(/^\d{13}$/);
  });
});

describe('stopping', () => {
  it('rejects new work in the form that each client heeds, while the shutdown drain ends the streams', async () => {
    const gateway = await startGateway({ DRAIN_MS: '1500', DRAIN_MAX_PAUSE_MS: '1500' });
    const { url } = gateway;
    const clients = await Promise.all(Array.from({ length: 4 }, () => openStream(`${url}/sse`)));
    const stopped = gateway.stop();
    expect((await fetch(`${url}/readyz`)).status).toBe(503);
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    expect((await fetch(`${url}/broadcast`, { method: 'POST', body: 'x' })).status).toBe(503);
    const late = await openStream(`${url}/sse`);
    expect(late.status).toBe(200);
    await late.until((it) => it.ended());
    expect(late.text()).toMatch(/^event: gateway\.retry\nretry: \d+\ndata: {"code":"draining"}\n\n$/);
    const open = () => clients.filter((client) => !client.ended()).length;
    expect(open()).toBeGreaterThan(0);
    await stopped;
    await Promise.all(clients.map((client) => client.until((it) => it.ended())));
    await expect(fetch(`${url}/healthz`)).rejects.toThrow();
  });
});
