import { startGateway } from '../support/gateway';
import { rawHttp } from '../support/raw-http';
import { openStream } from '../support/sse-client';
import { until } from '../support/until';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

describe('request ids', () => {
  it.each(['/sse', '/events', '/connections', '/healthz', '/readyz', '/metrics', '/', '/admin/'])(
    'are in the answer of %s: the one given, or a random one',
    async (path) => {
      const { url } = await startGateway();
      const idOf = async (headers: Record<string, string>) => {
        const stop = new AbortController();
        const res = await fetch(url + path, { headers, signal: stop.signal });
        stop.abort();
        return res.headers.get('x-request-id');
      };
      expect(await idOf({ 'X-Request-ID': 'Given-by_proxy-1' })).toBe('Given-by_proxy-1');
      const first = await idOf({});
      expect(first).toMatch(UUID);
      expect(await idOf({})).not.toBe(first);
    },
  );

  it.each([
    ['7 characters', 'a'.repeat(7)],
    ['65 characters', 'a'.repeat(65)],
    ['others than word characters', 'a{b}c d e f g'],
    ['two of them', 'aaaaaaaa\r\nX-Request-ID: bbbbbbbb'],
  ])('are not taken with %s', async (_, id) => {
    const { port } = await startGateway();
    const answer = await rawHttp(
      port,
      `GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Request-ID: ${id}\r\n\r\n`,
    ).closed();
    expect(/^X-Request-ID: (.*)\r$/im.exec(answer)![1]).toMatch(UUID);
  });

  it.each([
    ['POST', '/broadcast/a//b'],
    ['GET', '/nowhere'],
    ['DELETE', '/sse'],
    ['DELETE', '/healthz'],
    ['POST', '/admin/'],
    ['POST', '/metrics'],
  ])('are in the problem document of %s %s', async (method, path) => {
    const { url } = await startGateway();
    const res = await fetch(url + path, { method, headers: { 'X-Request-ID': 'request-1' } });
    expect(res.headers.get('content-type')).toBe('application/problem+json');
    expect(await res.json()).toMatchObject({ requestId: 'request-1' });
    expect(res.headers.get('x-request-id')).toBe('request-1');
  });
});

describe('the log', () => {
  it('is quiet about streams, probes and scrapes', async () => {
    const { url, logged } = await startGateway();
    await until(() => logged.some(({ message }) => message === 'Ring filled'), 'it is ready');
    const before = logged.length;
    const stream = await openStream(`${url}/sse`);
    for (const path of ['/healthz', '/readyz', '/metrics']) await fetch(url + path);
    stream.close();
    await until(
      async () => (await (await fetch(`${url}/connections`)).text()) === '0',
      'the stream has gone',
    );
    expect(logged.slice(before)).toEqual([]);
  });

  it('tells of streams when asked to, with their requests’ ids', async () => {
    const { url, port, logged } = await startGateway({ LOG_STREAM_LINES_PER_SECOND: '100' });
    const stream = rawHttp(
      port,
      'GET /subscribe/a?_x=secret HTTP/1.0\r\nX-Request-ID: request-1\r\nUser-Agent: test/1\r\nCookie: secret\r\n\r\n',
    );
    await stream.until(':ok');
    await fetch(`${url}/broadcast/a`, { method: 'POST', body: 'the event' });
    await stream.until(/data: the event\nid: \S+\n\n/);
    stream.socket.end();
    const closed = await until(
      () => logged.find(({ message }) => message === 'Stream closed'),
      'it is closed',
    );
    const opened = logged.find(({ message }) => message === 'Stream opened');
    expect(opened).toEqual({
      level: 'info',
      message: 'Stream opened',
      fields: { requestId: 'request-1', path: '/subscribe/a', clientIp: '127.0.0.1', userAgent: 'test/1' },
    });
    const bytes = stream.received().length;
    expect(closed.fields).toMatchObject({ requestId: 'request-1', reason: 'client', bytes, events: 1 });
    expect(JSON.stringify(logged)).not.toMatch(/secret|the event/);
  });
});
