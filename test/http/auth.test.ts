import { openEventSource } from '../support/event-source';
import { startGateway } from '../support/gateway';
import { rawHttp } from '../support/raw-http';
import { openStream } from '../support/sse-client';
import { hmacToken, inSeconds, JWT_SECRET } from '../support/tokens';
import { until } from '../support/until';

jest.setTimeout(30_000);

const SECRET = 'publisher-secret-0123';
const bearer = (token: string) => ({ Authorization: `Bearer ${token}` });
const cookie = (token: string) => ({ Cookie: `theme=dark; session=${token}` });

function post(url: string, headers: Record<string, string> = {}, body = 'x'): Promise<Response> {
  return fetch(url, { method: 'POST', body, headers });
}

/** Status, code, and how to do better. */
async function answerOf(res: Response): Promise<[number, string | undefined, string | null]> {
  const { code } = (await res.json()) as { code?: string };
  return [res.status, code, res.headers.get('www-authenticate')];
}

describe('publishing with keys', () => {
  it('takes a key as bearer token or as X-Api-Key, and nothing else', async () => {
    const { url, rejections } = await startGateway({ API_KEYS: `shop=${SECRET},old=${SECRET}-before` });
    const to = `${url}/broadcast`;
    for (const headers of [bearer(SECRET), bearer(`${SECRET}-before`), { 'X-Api-Key': SECRET }])
      expect((await post(to, headers)).status).toBe(202);
    expect(await answerOf(await post(to))).toEqual([401, 'unauthorized', 'Bearer']);
    const INVALID = 'Bearer error="invalid_token"';
    for (const headers of [bearer(`${SECRET}x`), { 'X-Api-Key': 'x' }])
      expect(await answerOf(await post(to, headers))).toEqual([401, 'unauthorized', INVALID]);
    const basic = { Authorization: `Basic ${Buffer.from(`x:${SECRET}`).toString('base64')}` };
    for (const headers of [basic, { Cookie: `session=${SECRET}` }])
      expect(await answerOf(await post(to, headers))).toEqual([401, 'unauthorized', 'Bearer']);
    expect((await post(`${to}?key=${SECRET}&access_token=${SECRET}`)).status).toBe(401);
    expect(rejections.unauthorized).toBe(6);
  });

  it('goes to the channels of the key, by whole segments', async () => {
    const { url, rejections } = await startGateway({ API_KEYS: `shop=${SECRET};/shop;/news/eu` });
    const to = (channel: string) => post(`${url}/broadcast${channel}`, bearer(SECRET));
    for (const channel of ['/shop', '/shop/a/b', '/news/eu/x']) expect((await to(channel)).status).toBe(202);
    for (const channel of ['', '/shopping', '/news', '/shop%2Fa/../x', '/SHOP'])
      expect([400, 403]).toContain((await to(channel)).status);
    expect(await answerOf(await to('/shopping'))).toEqual([403, 'forbidden', null]);
    expect(rejections.forbidden).toBeGreaterThan(0);
  });

  it('checks each event of a batch', async () => {
    const { url } = await startGateway({ API_KEYS: `shop=${SECRET};/shop` });
    const batch = (events: object[], headers = bearer(SECRET)) =>
      post(`${url}/events`, { ...headers, 'Content-Type': 'application/json' }, JSON.stringify(events));
    const mixed = await batch([{ channel: '/shop/a', data: 1 }, { channel: '/x', data: 2 }, { data: 3 }]);
    expect(mixed.status).toBe(207);
    const { results } = (await mixed.json()) as { results: { status: number }[] };
    expect(results.map(({ status }) => status)).toEqual([202, 403, 403]);
    expect((await batch([{ channel: '/x', data: 1 }])).status).toBe(403);
    expect((await batch([{ channel: '/shop', data: 1 }], bearer('wrong'))).status).toBe(401);
  });

  it('leaves streams open, and rejects a request without a key before its body is read', async () => {
    const { url, port } = await startGateway({ API_KEYS: `shop=${SECRET}` });
    const stream = await openStream(`${url}/sse`);
    await stream.until((it) => it.text().includes(':ok'));
    const big = rawHttp(port, 'POST /broadcast HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000\r\n\r\n');
    big.socket.write('x'.repeat(4 << 20));
    await big.until('HTTP/1.1 401');
    await post(`${url}/broadcast`, bearer(SECRET), 'said');
    await stream.until(({ events }) => events.some(({ data }) => data === 'said'));
    expect(stream.events).toHaveLength(1);
  });

  it('limits the rate of each key', async () => {
    const { url } = await startGateway({
      API_KEYS: `a=${SECRET}-aa,b=${SECRET}-bb`,
      MAX_INGEST_EVENTS_PER_CLIENT_PER_SECOND: '1',
    });
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => post(`${url}/broadcast`, bearer(`${SECRET}-aa`))),
    );
    expect(answers.some(({ status }) => status === 429)).toBe(true);
    expect((await post(`${url}/broadcast`, bearer(`${SECRET}-bb`))).status).toBe(202);
  });
});

describe('publishing with tokens', () => {
  it('goes to the channels that the token grants', async () => {
    const { url } = await startGateway({ JWT_SECRET, API_KEYS: `shop=${SECRET}` });
    const token = hmacToken({ sub: 'alice', publish: ['/a'], subscribe: ['/b'] });
    expect((await post(`${url}/broadcast/a/x`, bearer(token))).status).toBe(202);
    expect((await post(`${url}/broadcast/b`, bearer(token))).status).toBe(403);
    expect((await post(`${url}/broadcast/b`, bearer(SECRET))).status).toBe(202);
    expect((await post(`${url}/broadcast/a`, { 'X-Api-Key': token })).status).toBe(401);
    const expired = hmacToken({ publish: ['/a'], exp: inSeconds(-60) });
    const refused = await post(`${url}/broadcast/a`, bearer(expired));
    expect(refused.headers.get('www-authenticate')).toBe('Bearer error="invalid_token"');
    expect(await refused.json()).toMatchObject({ status: 401, code: 'unauthorized', reason: 'expired' });
  });

  it('by cookie is for pages of this origin and of those allowed', async () => {
    const { url, port } = await startGateway({
      JWT_SECRET,
      JWT_COOKIE: 'session',
      CORS_ORIGINS: 'https://app.example',
    });
    const token = hmacToken({ publish: ['/'] });
    const from = (origin: Record<string, string>) =>
      post(`${url}/broadcast`, { ...cookie(token), ...origin });
    expect((await from({ Origin: `http://127.0.0.1:${port}` })).status).toBe(202);
    expect((await from({ Origin: 'https://app.example' })).status).toBe(202);
    for (const Origin of [
      'https://evil.example',
      'null',
      `http://127.0.0.1:${port + 1}`,
      'https://app.example.evil',
    ])
      expect((await from({ Origin })).status).toBe(403);
    expect((await from({})).status).toBe(403);
    expect(
      (await post(`${url}/broadcast`, { ...bearer(token), Origin: 'https://evil.example' })).status,
    ).toBe(202);
  });
});

describe('subscribing with tokens', () => {
  const env = { JWT_SECRET, JWT_COOKIE: 'session', PUBLIC_CHANNELS: '/public' };
  const granted = { sub: 'alice', subscribe: ['/a', '/b/c'], publish: ['/'] };

  it.each([
    ['/subscribe/a', 200],
    ['/subscribe/a/deeper', 200],
    ['/events?channel=/a&channel=/b/c&channel=/public', 200],
    ['/events?channel=/a&channel=/b', 403],
    ['/subscribe/ab', 403],
    ['/subscribe/b', 403],
    ['/subscribe', 403],
    ['/events', 403],
    ['/sse', 403],
    ['/subscribe/a%2F..%2Fb', 400],
  ])('to %s is answered %s', async (path, status) => {
    const { url } = await startGateway(env);
    for (const headers of [bearer(hmacToken(granted)), cookie(hmacToken(granted))]) {
      const client = await openStream(url + path, { headers });
      expect(client.status).toBe(status);
      if (status === 200)
        await client.until((it) => it.text().startsWith(':ok\nevent: gateway.open\nretry: '));
      else await client.until((it) => it.ended() && it.text().startsWith('{'));
      client.close();
    }
  });

  it('is closed without one, except for what is public', async () => {
    const { url, rejections } = await startGateway(env);
    expect(await answerOf(await fetch(`${url}/sse`))).toEqual([401, 'unauthorized', 'Bearer']);
    expect(await answerOf(await fetch(`${url}/sse`, { headers: bearer('x') }))).toEqual([
      401,
      'unauthorized',
      'Bearer error="invalid_token"',
    ]);
    const token = hmacToken(granted);
    for (const query of [
      `access_token=${token}`,
      `token=${token}`,
      `session=${token}`,
      `authorization=${token}`,
    ])
      expect((await fetch(`${url}/subscribe/a?${query}`)).status).toBe(400);
    expect((await fetch(`${url}/sse`, { method: 'HEAD' })).status).toBe(401);
    expect((await fetch(`${url}/events?strict=1`)).status).toBe(401);
    expect(rejections.unauthorized).toBe(4);
    const expired = hmacToken({ exp: inSeconds(-60) });
    const open = await openStream(`${url}/subscribe/public/x`, { headers: cookie(expired) });
    await open.until((it) => it.text().startsWith(':ok'));
  });

  it('takes no cookie unless one is named', async () => {
    const { url } = await startGateway({ JWT_SECRET });
    expect((await fetch(`${url}/subscribe/a`, { headers: cookie(hmacToken(granted)) })).status).toBe(401);
  });

  it('lets a page read why it was rejected', async () => {
    const { url } = await startGateway({ ...env, CORS_ORIGINS: 'https://app.example' });
    const refused = await fetch(`${url}/sse`, { headers: { Origin: 'https://app.example' } });
    expect(refused.headers.get('access-control-allow-origin')).toBe('https://app.example');
    expect(refused.headers.get('content-type')).toBe('application/problem+json');
  });

  it('ends an EventSource for good when it is rejected', async () => {
    const { url } = await startGateway(env);
    const source = openEventSource(`${url}/sse`);
    await until(() => source.failure === 'status 401', 'it gives up');
  });

  it('gets events of its channels only, live and replayed', async () => {
    const { url } = await startGateway(env);
    const token = bearer(hmacToken({ ...granted, publish: ['/'] }));
    for (const channel of ['/a/1', '/secret', '/public/1', '/a/2'])
      expect((await post(`${url}/broadcast${channel}`, token, channel)).status).toBe(202);
    for (const path of ['/subscribe/a?from=earliest', '/subscribe/a?from=-10', '/subscribe/a?since=0']) {
      const client = await openStream(url + path, { headers: token });
      await client.until(({ events }) => events.some(({ event }) => event === 'gateway.live'));
      const data = client.events.filter(({ event }) => event === 'message').map((event) => event.data);
      expect(data).toEqual(['/a/1', '/a/2']);
    }
  });

  it('checks each pipelined request by itself', async () => {
    const { port } = await startGateway(env);
    const get = (path: string, token = '') =>
      `GET ${path} HTTP/1.1\r\nHost: x\r\n${token === '' ? '' : `Authorization: Bearer ${token}\r\n`}\r\n`;
    const both = rawHttp(port, get('/healthz') + get('/subscribe/a', hmacToken(granted)));
    await both.until(':ok');
    const second = rawHttp(port, get('/healthz', hmacToken(granted)) + get('/subscribe/a'));
    expect(await second.closed()).toMatch(/^HTTP\/1\.1 200 [\s\S]*HTTP\/1\.1 401 /);
  });
});

describe('the expiry of a token', () => {
  const env = { JWT_SECRET, JWT_COOKIE: 'session', JWT_CLOCK_SKEW_MS: '0', STREAM_CHECK_MS: '20' };

  it('is announced on the stream, then ends it, and the next connect is rejected', async () => {
    const { url } = await startGateway({ ...env, TOKEN_NOTICE_MS: '60000' });
    const exp = inSeconds(5);
    const token = hmacToken({ subscribe: ['/a'], publish: ['/a'], exp });
    const client = await openStream(`${url}/subscribe/a`, { headers: bearer(token) });
    await client.until(({ events }) => events.length === 1);
    expect(client.events[0]).toEqual({
      id: undefined,
      event: 'gateway.token-expiring',
      data: JSON.stringify({ expiresAt: new Date(exp * 1_000).toISOString() }),
    });
    const { id } = (await (await post(`${url}/broadcast/a`, bearer(token), 'last')).json()) as { id: string };
    await client.until((it) => it.ended());
    expect(Date.now()).toBeGreaterThanOrEqual(exp * 1_000);
    expect(client.events.map(({ event }) => event)).toEqual(['gateway.token-expiring', 'message']);
    expect(client.text()).toMatch(/event: gateway\.retry\nretry: \d+\ndata: \{"code":"expired"\}\n\n$/);
    const resume = (headers: Record<string, string>) =>
      openStream(`${url}/subscribe/a`, { headers: { ...headers, 'Last-Event-ID': id } });
    expect((await resume(bearer(token))).status).toBe(401);
    const renewed = await resume(bearer(hmacToken({ subscribe: ['/a'] })));
    await renewed.until((it) => it.text().includes('gateway.live'));
    expect((await resume(bearer(hmacToken({ subscribe: ['/b'] })))).status).toBe(403);
  });

  it('comes after the notice even with TOKEN_NOTICE_MS=0', async () => {
    const { url } = await startGateway({ ...env, TOKEN_NOTICE_MS: '0' });
    const token = hmacToken({ subscribe: ['/a'], exp: inSeconds(5) });
    const client = await openStream(`${url}/subscribe/a`, { headers: cookie(token) });
    await client.until((it) => it.ended());
    expect(client.events.map(({ event }) => event)).toEqual(['gateway.token-expiring']);
  });
});

describe('routes open to everyone', () => {
  const WARNING = expect.stringMatching(/^ANYONE WHO REACHES THIS ADDRESS MAY PUBLISH/);
  const warnings = async (env: Record<string, string>) =>
    (await startGateway(env)).logged.filter(({ level }) => level === 'warn').map(({ message }) => message);

  it('are logged at start', async () => {
    expect(await warnings({ HOST: '0.0.0.0' })).toEqual([WARNING]);
    expect(await warnings({ HOST: '127.0.0.1' })).toEqual([]);
    expect(await warnings({ HOST: '0.0.0.0', INGEST: 'off' })).toEqual([]);
    expect(await warnings({ HOST: '0.0.0.0', API_KEYS: `shop=${SECRET}` })).toEqual([]);
    expect(await warnings({ HOST: '0.0.0.0', JWT_SECRET })).toEqual([]);
    expect(await warnings({ JWT_JWKS_URL: 'http://issuer.example/jwks' })).toHaveLength(2);
    expect(await warnings({ JWT_JWKS_URL: 'https://issuer.example/jwks', JWT_AUDIENCE: 'x' })).toEqual([]);
  });
});
