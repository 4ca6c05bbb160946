import type { AdminStatus } from '../../src/status/admin-report';
import { startGateway } from '../support/gateway';
import { rawHttp } from '../support/raw-http';
import { openStream } from '../support/sse-client';
import { until } from '../support/until';

async function statusOf(url: string, query = ''): Promise<AdminStatus> {
  const res = await fetch(`${url}/admin/status.json${query}`);
  expect(res.status).toBe(200);
  expect(res.headers.get('content-type')).toBe('application/json; charset=utf-8');
  expect(res.headers.get('cache-control')).toBe('no-store');
  return (await res.json()) as AdminStatus;
}

describe('GET /admin/status.json', () => {
  it('describes the gateway and each stream, with times in Unix seconds', async () => {
    const { url } = await startGateway();
    const client = await openStream(`${url}/events?channel=/b&channel=/a&lastEventId=`, {
      headers: { 'User-Agent': 'test/1' },
    });
    for (const data of ['1', '2']) await fetch(`${url}/broadcast/a/x`, { method: 'POST', body: data });
    await fetch(`${url}/broadcast/c`, { method: 'POST', body: 'not for it' });
    await client.until(({ events }) => events.length === 2);
    const status = await until(async () => {
      const found = await statusOf(url);
      return found.msgs_broadcast === 3 ? found : null;
    }, 'all was broadcast');
    const nowS = Date.now() / 1_000;
    for (const time of [status.startup_time, status.reported_at, status.connections[0]!.created_at]) {
      expect(Number.isInteger(time)).toBe(true);
      expect(Math.abs(time - nowS)).toBeLessThan(60);
    }
    expect(status).toEqual({
      node: expect.any(String),
      status: 'OK',
      reported_at: expect.any(Number),
      startup_time: expect.any(Number),
      msgs_broadcast: 3,
      connections_total: 1,
      connections: [
        {
          request_path: '/events',
          namespace: '/a,/b',
          created_at: expect.any(Number),
          client_ip: '127.0.0.1',
          user_agent: 'test/1',
          msgs_sent: 2,
          buffered_bytes: 0,
          behind: 0,
          phase: 'live',
        },
      ],
    });
  });

  it('sorts slow clients first by unsent bytes or lag, and keeps the limit', async () => {
    const { url, port } = await startGateway({ MAX_CLIENT_BUFFER_BYTES: '1024', SLOW_GRACE_MS: '60000' });
    for (let i = 0; i < 3; i++) await openStream(`${url}/sse`);
    const slow = rawHttp(port, 'GET /sse HTTP/1.1\r\nHost: x\r\nUser-Agent: slow\r\n\r\n');
    await slow.until(':ok');
    slow.socket.pause();
    const body = 'x'.repeat(200_000);
    await until(async () => {
      await fetch(`${url}/broadcast`, { method: 'POST', body });
      return (await statusOf(url, '?sort=behind&limit=1')).connections[0]!.behind > 2;
    }, 'it falls behind');
    for (const sort of ['behind', 'buffered']) {
      const { connections, connections_total } = await statusOf(url, `?sort=${sort}&limit=1`);
      expect(connections_total).toBe(4);
      expect(connections).toHaveLength(1);
      expect(connections[0]).toMatchObject({ user_agent: 'slow', phase: 'slow' });
      expect(connections[0]!.buffered_bytes).toBeGreaterThan(1_024);
    }
    expect((await statusOf(url, '?sort=age')).connections.map(({ user_agent }) => user_agent).at(-1)).toBe(
      'slow',
    );
    expect((await statusOf(url, '?limit=0')).connections).toEqual([]);
  });

  it.each(['?limit=1001', '?limit=-1', '?limit=x', '?limit=', '?sort=name'])('refuses %s', async (query) => {
    const { url } = await startGateway();
    const res = await fetch(`${url}/admin/status.json${query}`);
    expect(res.status).toBe(400);
    expect(await res.json()).toMatchObject({ code: 'bad-request' });
  });

  it.each([
    ['0', ['X-Forwarded-For: 1.1.1.1'], '127.0.0.1'],
    ['1', ['X-Forwarded-For: 9.9.9.9, 1.1.1.1'], '1.1.1.1'],
    // As proxies write that add a line instead of a word: the lines are one list, in their order.
    ['2', ['X-Forwarded-For: 9.9.9.9', 'x-forwarded-for:1.1.1.1 ', 'X-FORWARDED-FOR: 10.0.0.2'], '1.1.1.1'],
    ['2', ['X-Forwarded-For: 9.9.9.9, 2001:db8::1', 'X-Forwarded-For: \t[2001:db8::2]:4711 '], '2001:db8::1'],
    ['3', ['X-Forwarded-For: 1.1.1.1'], '1.1.1.1'],
    ['1', ['X-Forwarded-For:'], '127.0.0.1'],
  ])('behind %s proxies names the client of %j as %s', async (trustProxy, lines, expected) => {
    const { url, port } = await startGateway({ TRUST_PROXY: trustProxy });
    const request = ['GET /sse HTTP/1.1', 'Host: x', ...lines, '', ''].join('\r\n');
    await rawHttp(port, request).until(':ok');
    expect((await statusOf(url)).connections[0]!.client_ip).toBe(expected);
  });

  it('cuts long paths and user agents', async () => {
    const { url } = await startGateway();
    const path = `/subscribe/${'a'.repeat(250)}`;
    await openStream(url + path, { headers: { 'User-Agent': 'u'.repeat(5_000) } });
    const [stream] = (await statusOf(url)).connections;
    expect(stream!.request_path).toBe(path.slice(0, 200));
    expect(stream!.user_agent).toBe('u'.repeat(200));
  });
});

describe('/admin/', () => {
  it('redirects to the page, relative to the prefix of a proxy', async () => {
    const { url } = await startGateway();
    const res = await fetch(`${url}/admin`, { redirect: 'manual' });
    expect(res.status).toBe(308);
    expect(res.headers.get('location')).toBe('admin/');
    const page = await fetch(`${url}/admin/`);
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'");
  });

  it('cannot be read by pages of other sites', async () => {
    const { url } = await startGateway({ CORS_ORIGINS: 'https://a.example' });
    const any = await startGateway();
    for (const gateway of [url, any.url]) {
      for (const path of ['/admin/', '/admin/status.json']) {
        const res = await fetch(gateway + path, { headers: { Origin: 'https://a.example' } });
        expect(res.headers.get('access-control-allow-origin')).toBeNull();
      }
    }
  });

  it('allows GET only', async () => {
    const { url } = await startGateway();
    const res = await fetch(`${url}/admin/`, { method: 'POST' });
    expect(res.status).toBe(405);
    expect(res.headers.get('allow')).toBe('GET, HEAD, OPTIONS');
  });

  describe('without a key', () => {
    const passedOn: [string, Record<string, string>][] = [
      ['through a proxy', { 'X-Forwarded-For': '203.0.113.5' }],
      ['through a proxy, from here as it says', { 'X-Forwarded-For': '127.0.0.1' }],
      ['with Forwarded', { Forwarded: 'for=127.0.0.1' }],
      ['with Via', { Via: '1.1 proxy' }],
      ['with X-Real-IP', { 'X-Real-IP': '127.0.0.1' }],
    ];

    it.each(passedOn)('answers 404 to a request that came %s', async (_, headers) => {
      const { url } = await startGateway();
      for (const path of ['/admin', '/admin/', '/admin/status.json', '/admin/x']) {
        const res = await fetch(url + path, { headers, redirect: 'manual' });
        expect(res.status).toBe(404);
        expect(await res.json()).toMatchObject({ code: 'not-found' });
      }
    });

    it('answers 404 to a foreign host name that was pointed here (DNS rebinding)', async () => {
      const { port } = await startGateway();
      const ask = (host: string) =>
        rawHttp(
          port,
          `GET /admin/status.json HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`,
        ).closed();
      expect(await ask('rebound.example:3000')).toContain('HTTP/1.1 404 ');
      expect(await ask('127.evil.example')).toContain('HTTP/1.1 404 ');
      for (const host of ['localhost:3000', '127.0.0.1', '[::1]:3000'])
        expect(await ask(host)).toContain('HTTP/1.1 200 ');
    });

    it('answers 404 to forwarded requests, whose headers a stranger may have written', async () => {
      const { url } = await startGateway({ TRUST_PROXY: '2' });
      const ask = async (headers: Record<string, string>) =>
        (await fetch(`${url}/admin/`, { headers })).status;
      expect(await ask({})).toBe(200);
      for (const passedOnFor of ['127.0.0.1', '203.0.113.5', '127.0.0.1, 203.0.113.5'])
        expect(await ask({ 'X-Forwarded-For': passedOnFor })).toBe(404);
      expect(await ask({ 'X-Real-IP': '127.0.0.1' })).toBe(404);
    });
  });

  describe('with a key', () => {
    const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`;

    it.each([
      ['bearer', 'Bearer k:ey ö', 401],
      ['bearer', 'Bearer k:ey', 200],
      ['bearer in any case', 'bEARER k:ey', 200],
      ['basic', basic('anyone:k:ey'), 200],
      ['basic without a user', basic(':k:ey'), 200],
      ['the key as the user', basic('k:ey:'), 401],
      ['no colon', basic('key'), 401],
      ['another key', 'Bearer k:ex', 401],
      ['nothing', 'Bearer ', 401],
      ['another scheme', 'Digest k:ey', 401],
    ])('%s: %s is answered %d', async (_, authorization, status) => {
      const { port } = await startGateway({ ADMIN_KEY: 'k:ey' });
      const answer = await rawHttp(
        port,
        `GET /admin/status.json HTTP/1.1\r\nHost: x.example\r\nX-Forwarded-For: 1.2.3.4\r\nConnection: close\r\nAuthorization: ${authorization}\r\n\r\n`,
      ).closed();
      expect(answer).toContain(`HTTP/1.1 ${status} `);
    });

    it('asks for it with WWW-Authenticate, also on loopback, and takes none from the URL', async () => {
      const { url } = await startGateway({ ADMIN_KEY: 'key' });
      for (const path of ['/admin', '/admin/', '/admin/status.json?key=key', '/admin/x']) {
        const res = await fetch(url + path, { redirect: 'manual' });
        expect(res.status).toBe(401);
        expect(res.headers.get('www-authenticate')).toMatch(/^Basic realm=/);
        expect(await res.json()).toMatchObject({ code: 'unauthorized' });
      }
    });
  });
});
