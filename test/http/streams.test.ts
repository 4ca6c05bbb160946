import { startGateway } from '../support/gateway';
import { rawHttp } from '../support/raw-http';
import { openStream } from '../support/sse-client';
import { until } from '../support/until';

async function post(url: string, body = 'x', init: RequestInit = {}): Promise<Record<string, unknown>> {
  const res = await fetch(url, { method: 'POST', body, ...init });
  expect(res.status).toBe(202);
  return (await res.json()) as Record<string, unknown>;
}

const connections = async (url: string) => Number(await (await fetch(`${url}/connections`)).text());

describe('the head of a stream', () => {
  it.each([
    ['/events', 'text/event-stream;charset=utf-8', 'no-cache, no-transform'],
    ['/sse', 'text/event-stream', 'no-cache'],
    ['/subscribe/pets/dogs', 'text/event-stream; charset=utf-8', 'no-cache'],
  ])('%s has exactly the lines of the contract', async (path, contentType, cacheControl) => {
    const { url } = await startGateway();
    for (const method of ['GET', 'HEAD']) {
      const client = await openStream(url + path, { method });
      expect(client.status).toBe(200);
      expect(client.headers['content-type']).toBe(contentType);
      expect(client.headers['cache-control']).toBe(cacheControl);
      expect(client.headers.connection).toBe('keep-alive');
      expect(client.headers['x-accel-buffering']).toBe('no');
      expect(client.headers['access-control-allow-origin']).toBe('*');
      if (method === 'HEAD') await client.until((it) => it.ended());
      expect(client.text()).not.toContain('data:');
      client.close();
    }
  });

  it.each([
    [
      '/events',
      /^:ok\nevent: gateway\.open\nretry: (?<retry>\d+)\ndata: {"heartbeatMs":15000}\nid: (?<id>\S+)\n\n$/,
    ],
    [
      '/subscribe/pets',
      /^:ok\nevent: gateway\.open\nretry: (?<retry>\d+)\ndata: {"heartbeatMs":15000}\nid: (?<id>\S+)\n\n$/,
    ],
    [
      '/sse',
      /^:ok\n\nid: (?<id>\S+)\nevent: gateway\.open\nretry: (?<retry>\d+)\ndata: {"heartbeatMs":15000}\n\n$/,
    ],
  ])(
    '%s opens with :ok, then gateway.open with a reconnect time in its bounds and the id of its start',
    async (path, opening) => {
      const { url } = await startGateway({ RETRY_MIN_MS: '2000', RETRY_MAX_MS: '3000' });
      const client = await openStream(url + path);
      await client.until(({ streamEvents }) => streamEvents.length === 1);
      const { retry, id } = opening.exec(client.text())?.groups ?? {};
      expect(Number(retry)).toBeGreaterThanOrEqual(2000);
      expect(Number(retry)).toBeLessThanOrEqual(3000);
      expect(id).toMatch(/^3\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]+$/);
      expect(id!.length).toBeLessThanOrEqual(24);
    },
  );

  it('is chunked for HTTP/1.1, and bare for HTTP/1.0 and for Connection: close', async () => {
    const { port, url } = await startGateway();
    const chunked = rawHttp(port, 'GET /sse HTTP/1.1\r\nHost: x\r\n\r\n');
    const old = rawHttp(port, 'GET /sse HTTP/1.0\r\nHost: x\r\n\r\n');
    const closing = rawHttp(port, 'GET /sse HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    await Promise.all([chunked, old, closing].map((it) => it.until('id: ')));
    await post(`${url}/broadcast`, 'hello');
    await Promise.all([chunked, old, closing].map((it) => it.until('hello\n\n')));
    expect(chunked.received()).toMatch(/Transfer-Encoding: chunked\r\n\r\n[0-9a-f]+\r\n:ok\n\n/);
    for (const it of [old, closing]) {
      expect(it.received()).not.toContain('Transfer-Encoding');
      expect(it.received()).toMatch(/\r\n\r\n:ok\n\n/);
      expect(it.received()).toMatch(/\n\nid: \S+\ndata: hello\n\n$/);
    }
  });

  it('names the allowed origin, and no other', async () => {
    const { url } = await startGateway({ CORS_ORIGINS: 'https://a.example,https://b.example' });
    const [a, evil] = await Promise.all(
      ['https://a.example', 'https://evil.example'].map((Origin) =>
        openStream(`${url}/sse`, { headers: { Origin } }),
      ),
    );
    expect(a!.headers['access-control-allow-origin']).toBe('https://a.example');
    expect(a!.headers['access-control-allow-credentials']).toBe('true');
    expect(a!.headers['access-control-expose-headers']).toBe('Retry-After, X-Request-ID');
    for (const name of ['access-control-allow-origin', 'access-control-expose-headers'])
      expect(evil!.headers[name]).toBeUndefined();
    for (const { headers } of [a!, evil!]) expect(headers.vary).toBe('Origin');
  });
});

describe('events on a stream', () => {
  it('carry id, name and data, with the id of the publisher’s 202', async () => {
    const { url } = await startGateway();
    const client = await openStream(`${url}/events`);
    const first = await post(`${url}/broadcast?event=goal`, 'one\r\ntwo\rthree');
    const second = await post(`${url}/broadcast`, '');
    await client.until(({ events }) => events.length === 2);
    expect(client.events).toEqual([
      { id: first.id, event: 'goal', data: 'one\ntwo\nthree' },
      { id: second.id, event: 'message', data: '' },
    ]);
    expect(client.text()).toContain(`event: goal\ndata: one\ndata: two\ndata: three\nid: ${first.id}\n\n`);
  });

  it('go to their channel and its parents, wherever the stream was opened', async () => {
    const { url } = await startGateway();
    const [all, pets, dogs, several] = await Promise.all(
      [
        '/sse',
        '/subscribe/pets',
        '/subscribe/pets/d%C3%B6gs',
        '/events?channel=/pets/cats&channel=/news',
      ].map((path) => openStream(url + path)),
    );
    for (const channel of ['/pets/d%C3%B6gs', '/pets/cats', '/petshop', '/news', '']) {
      await post(`${url}/broadcast${channel}`, channel || 'root');
    }
    await all!.until(({ events }) => events.length === 5);
    await pets!.until(({ events }) => events.length === 2);
    await dogs!.until(({ events }) => events.length === 1);
    await several!.until(({ events }) => events.length === 2);
    expect(dogs!.events[0]!.data).toBe('/pets/d%C3%B6gs');
    expect(several!.events.map(({ data }) => data)).toEqual(['/pets/cats', '/news']);
    expect(pets!.events.map(({ data }) => data)).toEqual(['/pets/d%C3%B6gs', '/pets/cats']);
  });

  it('reach each of many streams once and in order', async () => {
    const { url } = await startGateway();
    const clients = await Promise.all(Array.from({ length: 200 }, () => openStream(`${url}/sse`)));
    const sent = Array.from({ length: 50 }, (_, i) => `event ${i}`);
    for (const text of sent) await post(`${url}/broadcast`, text);
    for (const client of clients) {
      await client.until(({ events }) => events.length >= sent.length);
      expect(client.events.map(({ data }) => data)).toEqual(sent);
    }
  });
});

describe('heartbeats', () => {
  it('come in silence only, and every fourth has the position', async () => {
    const { url } = await startGateway({ HEARTBEAT_MS: '150', STREAM_CHECK_MS: '20' });
    const quiet = await openStream(`${url}/subscribe/quiet`);
    await post(`${url}/broadcast/elsewhere`, 'x');
    const told = await post(`${url}/broadcast/elsewhere`, 'y');
    const position = `event: gateway.position\ndata: {}\nid: ${told.id}\n\n`;
    await quiet.until((it) => it.text().includes(position));
    expect(quiet.text()).toMatch(
      /^:ok\nevent: gateway\.open\n[^:]+: \d+\n.*\n.*\n\n:\n:\n:\nevent: gateway\.position\n/,
    );
    expect(quiet.events).toEqual([]);
  });

  it('do not come while events do', async () => {
    const { url } = await startGateway({ HEARTBEAT_MS: '2000', TICK_MS: '100' });
    const busy = await openStream(`${url}/sse`);
    await busy.until(({ events }) => events.length >= 30);
    expect(busy.comments).toEqual(['ok']);
  });
});

describe('a stream that lives long', () => {
  it('outlives every limit that is meant for requests', async () => {
    const { url } = await startGateway({
      HTTP_HEADERS_TIMEOUT_MS: '300',
      HTTP_REQUEST_TIMEOUT_MS: '300',
      HTTP_KEEP_ALIVE_MS: '300',
      HEARTBEAT_MS: '200',
      STREAM_CHECK_MS: '50',
    });
    const client = await openStream(`${url}/sse`);
    // Ten heartbeats of 200 ms are far past all of them.
    await client.until(({ comments }) => comments.length > 10);
    expect(client.ended()).toBe(false);
  });
});

describe('the end of a stream', () => {
  it('is noticed, and leaves nothing behind', async () => {
    const { url } = await startGateway();
    const clients = await Promise.all(Array.from({ length: 20 }, () => openStream(`${url}/sse`)));
    expect(await connections(url)).toBe(20);
    for (const client of clients) client.close();
    await until(async () => (await connections(url)) === 0, 'no stream is open');
  });

  it('closes for a client that closed only its half', async () => {
    const { port, url } = await startGateway();
    const half = rawHttp(port, 'GET /sse HTTP/1.1\r\nHost: x\r\n\r\n');
    await half.until('id: ');
    half.socket.end();
    await half.closed();
    await until(async () => (await connections(url)) === 0, 'no stream is open');
  });

  it('ends with a reconnect time and a whole body when the gateway stops', async () => {
    const gateway = await startGateway();
    const stream = rawHttp(gateway.port, 'GET /sse HTTP/1.1\r\nHost: x\r\n\r\n');
    await stream.until('id: ');
    await gateway.stop();
    expect(await stream.closed()).toMatch(
      /event: gateway\.retry\nretry: \d+\ndata: {"code":"drain"}\n\n\r\n0\r\n\r\n$/,
    );
  });

  it('comes at once for a client that sends more, and the answer stays a stream to its last byte', async () => {
    const { port } = await startGateway();
    for (const more of ['GET /connections HTTP/1.1\r\nHost: x\r\n\r\n', 'junk\r\n\r\n']) {
      const stream = rawHttp(port, 'GET /sse HTTP/1.1\r\nHost: x\r\n\r\n');
      await stream.until('id: ');
      stream.socket.write(more);
      const all = await stream.closed();
      expect(all.match(/HTTP\/1\.1/g)).toHaveLength(1);
    }
  });

  it('waits its turn behind a pipelined request', async () => {
    const { port } = await startGateway();
    const both = rawHttp(
      port,
      'POST /broadcast HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhiGET /sse HTTP/1.1\r\nHost: x\r\n\r\n',
    );
    await both.until('event: gateway.open');
    expect(both.received()).toMatch(/^HTTP\/1\.1 202 [\s\S]*\}HTTP\/1\.1 200 OK\r\n[\s\S]*:ok\n\n/);
  });

  it('destroys the stream of a slow client at the timeout, without an effect on the others', async () => {
    const { url, port } = await startGateway({
      SLOW_GRACE_MS: '300',
      STREAM_CHECK_MS: '50',
      MAX_EVENT_BYTES: '1000000',
    });
    const stuck = rawHttp(port, 'GET /sse HTTP/1.1\r\nHost: x\r\n\r\n');
    await stuck.until('id: ');
    stuck.socket.pause();
    const reader = await openStream(`${url}/sse`);
    const body = 'x'.repeat(900_000);
    const sent = 20;
    for (let i = 0; i < sent; i++) await post(`${url}/broadcast`, body);
    await until(async () => (await connections(url)) === 1, 'the stuck stream is closed');
    await reader.until(({ events }) => events.length === sent);
  });
});

describe('memory of all slow clients together', () => {
  it('is bounded: the slowest clients are closed, those that read are not', async () => {
    const { url, port } = await startGateway({
      MAX_BUFFERED_BYTES: '1500000',
      MAX_EVENT_BYTES: '1000000',
      STREAM_CHECK_MS: '50',
    });
    const stuck = Array.from({ length: 4 }, () => rawHttp(port, 'GET /sse HTTP/1.1\r\nHost: x\r\n\r\n'));
    await Promise.all(stuck.map((it) => it.until('id: ')));
    for (const { socket } of stuck) socket.pause();
    const reader = await openStream(`${url}/sse`);
    const sent = 20;
    for (let i = 0; i < sent; i++) await post(`${url}/broadcast`, 'x'.repeat(900_000));
    await until(async () => (await connections(url)) <= 3, 'some of the stuck streams are closed');
    await reader.until(({ events }) => events.length === sent);
    expect(await connections(url)).toBeGreaterThanOrEqual(1);
  });
});

describe('a stream that cannot be opened', () => {
  it.each([
    ['/subscribe/a//b', 'bad-channel'],
    ['/subscribe/a/', 'bad-channel'],
    ['/subscribe/..', 'bad-channel'],
    ['/subscribe/%ff', 'bad-request'],
    ['/subscribe/a%0Ab', 'bad-channel'],
    ['/events?channel=no//pe', 'bad-channel'],
    [`/events?${'channel=/a&'.repeat(21)}`, 'bad-channel'],
  ])('%s: %s names the field', async (path, code) => {
    const { port } = await startGateway();
    // Not through fetch, which would resolve the dots.
    const answer = await rawHttp(port, `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`).until('}');
    expect(answer).toContain('HTTP/1.1 400 ');
    expect(answer).toContain('Content-Type: application/problem+json');
    expect(JSON.parse(answer.slice(answer.indexOf('{')))).toMatchObject({
      code,
      status: 400,
      field: 'channel',
    });
  });

  it('gets gateway.retry, which a browser heeds, when MAX_STREAMS is reached', async () => {
    const { url } = await startGateway({ MAX_STREAMS: '1' });
    await openStream(`${url}/sse`);
    const refused = await openStream(`${url}/sse`);
    await refused.until((it) => it.ended());
    expect(refused.status).toBe(200);
    expect(refused.headers['content-type']).toBe('text/event-stream');
    expect(refused.text()).toMatch(
      /^event: gateway\.retry\nretry: \d+\ndata: {"code":"too-many-streams"}\n\n$/,
    );
    expect(refused.events).toEqual([]);
    const behindProxy = await fetch(`${url}/sse`, { headers: { 'X-Sse-Failover': '1' } });
    expect(behindProxy.status).toBe(503);
    expect(await behindProxy.json()).toMatchObject({ code: 'too-many-streams' });
    expect(await connections(url)).toBe(1);
    expect((await fetch(`${url}/readyz`)).status).toBe(503);
  });
});
