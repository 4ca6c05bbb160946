import { startGateway } from '../support/gateway';
import { openStream } from '../support/sse-client';
import { hmacToken, inSeconds, JWT_SECRET } from '../support/tokens';

const KEY = 'publisher-secret-0123';
const bearer = (token: string) => ({ Authorization: `Bearer ${token}` });
const TEMPLATES = {
  JWT_SECRET,
  JWT_SUBSCRIBE: '/orders/{sub},/tenants/{tenant.ids}/news',
  JWT_PUBLISH: '/chat/{sub}',
};

async function answerOf(url: string, headers: Record<string, string> = {}) {
  const res = await fetch(`${url}/grants`, { headers });
  return { status: res.status, body: (await res.json()) as Record<string, unknown> };
}

async function subscribe(url: string, channel: string, token: string) {
  const client = await openStream(`${url}/subscribe${channel}`, {
    headers: { ...bearer(token), 'X-Sse-Failover': '1' },
  });
  client.close();
  return client;
}

describe('channels made of claims', () => {
  it('are granted to their owner, with those below them, and to nobody else', async () => {
    const { url } = await startGateway(TEMPLATES);
    const alice = hmacToken({ sub: 'alice', tenant: { ids: ['t1', 't2'] } });
    for (const channel of ['/orders/alice', '/orders/alice/7', '/tenants/t1/news', '/tenants/t2/news'])
      expect((await subscribe(url, channel, alice)).status).toBe(200);
    for (const channel of ['/orders', '/orders/bob', '/orders/alicex', '/tenants/t1', '/tenants/t3/news'])
      expect((await subscribe(url, channel, alice)).status).toBe(403);
    const post = (channel: string) =>
      fetch(`${url}/broadcast${channel}`, { method: 'POST', body: 'x', headers: bearer(alice) });
    expect((await post('/chat/alice')).status).toBe(202);
    expect((await post('/chat/bob')).status).toBe(403);
  });

  it('hold a claim as one segment, whatever is in it', async () => {
    const { url } = await startGateway(TEMPLATES);
    const odd = hmacToken({ sub: 'a/../~', tenant: { ids: '..' } });
    expect((await subscribe(url, '/orders/a~1..~1~0', odd)).status).toBe(200);
    for (const channel of ['/orders/a', '/orders', '/tenants'])
      expect((await subscribe(url, channel, odd)).status).toBe(403);
  });

  it('are not there without the claim, and the problem names channel and claim', async () => {
    const { url } = await startGateway(TEMPLATES);
    const token = hmacToken({ sub: 'alice', tenant: { ids: [{}] } });
    const res = await fetch(`${url}/subscribe/tenants/t1/news`, {
      headers: { ...bearer(token), 'X-Sse-Failover': '1' },
    });
    expect(res.status).toBe(403);
    expect(await res.json()).toMatchObject({
      code: 'forbidden',
      field: 'channel',
      channel: '/tenants/t1/news',
      missingClaims: ['tenant.ids'],
    });
  });

  it('reject a token that makes too many of them', async () => {
    const { url } = await startGateway({ ...TEMPLATES, JWT_MAX_GRANTS: '2' });
    const token = (ids: string[]) => hmacToken({ sub: 'alice', tenant: { ids } });
    expect((await answerOf(url, bearer(token(['a'])))).status).toBe(200);
    const { status, body } = await answerOf(url, bearer(token(['a', 'b'])));
    expect([status, body.detail]).toEqual([401, expect.stringContaining('more than 2 channels')]);
  });
});

describe('GET /grants', () => {
  it('tells the bearer of a token what it may do', async () => {
    const { url } = await startGateway({ ...TEMPLATES, PUBLIC_CHANNELS: '/news' });
    const exp = inSeconds(60);
    const token = hmacToken({ sub: 'alice', subscribe: ['/all'], exp });
    expect(await answerOf(url, bearer(token))).toEqual({
      status: 200,
      body: {
        holder: 'sub:alice',
        subscribe: ['/news', '/all', '/orders/alice'],
        publish: ['/chat/alice'],
        missingClaims: ['tenant.ids'],
        expiresAt: new Date(exp * 1_000 + 5_000).toISOString(),
      },
    });
    expect((await answerOf(url)).body).toMatchObject({ holder: null, subscribe: ['/news'], publish: [] });
    for (const bad of [hmacToken({ sub: 'alice', exp: inSeconds(-60) }), 'junk'])
      expect((await answerOf(url, bearer(bad))).status).toBe(401);
  });

  it('tells the bearer of a key, and what is open to all', async () => {
    const { url } = await startGateway({ API_KEYS: `shop=${KEY};/shop` });
    expect((await answerOf(url, bearer(KEY))).body).toMatchObject({
      holder: 'key:shop',
      subscribe: ['/'],
      publish: ['/shop'],
    });
    expect((await answerOf(url, { 'X-Api-Key': KEY })).body).toMatchObject({ holder: 'key:shop' });
    expect((await answerOf(url)).body).toMatchObject({ holder: null, subscribe: ['/'], publish: [] });
    expect((await answerOf(url, bearer('wrong'))).status).toBe(401);
    const open = await startGateway({});
    expect((await answerOf(open.url)).body).toMatchObject({ subscribe: ['/'], publish: ['/'] });
    const reading = await startGateway({ INGEST: 'off' });
    expect((await answerOf(reading.url)).body).toMatchObject({ subscribe: ['/'], publish: [] });
  });

  it('is asked by pages with a cookie, which send no origin with a GET', async () => {
    const { url } = await startGateway({ ...TEMPLATES, JWT_COOKIE: 'session' });
    const { body } = await answerOf(url, { Cookie: `session=${hmacToken({ sub: 'alice' })}` });
    expect(body).toMatchObject({ holder: 'sub:alice', publish: ['/chat/alice'] });
  });
});
