import { startGateway } from '../support/gateway';
import { rawHttp } from '../support/raw-http';
import { openStream } from '../support/sse-client';

async function problem(res: Response): Promise<Record<string, unknown>> {
  expect(res.headers.get('content-type')).toBe('application/problem+json');
  const body = (await res.json()) as Record<string, unknown>;
  expect(body.status).toBe(res.status);
  return body;
}

describe('POST /broadcast', () => {
  it('answers 202 with where the event is', async () => {
    const { url } = await startGateway();
    const first = await fetch(`${url}/broadcast`, { method: 'POST', body: 'a' });
    expect(first.status).toBe(202);
    expect(first.headers.get('access-control-allow-origin')).toBe('*');
    expect(await first.json()).toEqual({
      topic: 'events-topic',
      partition: 0,
      offset: '0',
      channel: '/',
      id: expect.stringMatching(/^3\./),
    });
    const second = await fetch(`${url}/broadcast/pets/dogs?event=bark&key=k`, { method: 'POST', body: 'b' });
    expect(await second.json()).toMatchObject({ offset: '1', channel: '/pets/dogs' });
  });

  it('has no id when the event log has more than one partition', async () => {
    const { url } = await startGateway({ KAFKA_TOPICS: 'a,b=/b' });
    const res = await fetch(`${url}/broadcast/b/x`, { method: 'POST', body: 'a' });
    expect(await res.json()).toEqual({ topic: 'b', partition: 0, offset: '0', channel: '/b/x' });
  });

  it('goes to the topic with the longest base', async () => {
    const { url } = await startGateway({ KAFKA_TOPICS: 'all,pets=/pets,dogs=/pets/dogs' });
    const client = await openStream(`${url}/sse`);
    for (const [channel, topic] of [
      ['/x', 'all'],
      ['/pets', 'pets'],
      ['/pets/cats', 'pets'],
      ['/pets/dogs/rex', 'dogs'],
    ]) {
      const res = await fetch(`${url}/broadcast${channel}`, { method: 'POST', body: channel! });
      expect(await res.json()).toMatchObject({ topic, channel });
    }
    await client.until(({ events }) => events.length === 4);
  });

  it('takes any or no Content-Type, an empty body, chunks, and the whole of UTF-8', async () => {
    const { url, port } = await startGateway();
    const client = await openStream(`${url}/sse`);
    await rawHttp(port, 'POST /broadcast HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nno').until('202');
    await rawHttp(port, 'POST /broadcast HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n').until('202');
    await rawHttp(
      port,
      'POST /broadcast HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nchu\r\n4\r\nnked\r\n0\r\n\r\n',
    ).until('202');
    await fetch(`${url}/broadcast`, {
      method: 'POST',
      body: '日本 🎉 \u0000',
      headers: { 'Content-Type': 'image/png' },
    });
    await client.until(({ events }) => events.length === 4);
    expect(client.events.map(({ data }) => data)).toEqual(['no', '', 'chunked', '日本 🎉 \u0000']);
  });

  it('rejects a body that is not UTF-8', async () => {
    const { url } = await startGateway();
    const res = await fetch(`${url}/broadcast`, { method: 'POST', body: Buffer.from([0xc3, 0x28]) });
    expect(res.status).toBe(400);
    expect(await problem(res)).toMatchObject({ code: 'not-utf8', field: 'body' });
  });

  it.each([
    ['/broadcast?event=a%0Ab', 'bad-event-name', 'event'],
    ['/broadcast?event=a%0Db', 'bad-event-name', 'event'],
    ['/broadcast?event=a%00b', 'bad-event-name', 'event'],
    ['/broadcast?event=gateway.gap', 'bad-event-name', 'event'],
    ['/broadcast?event=open', 'bad-event-name', 'event'],
    ['/broadcast?event=error', 'bad-event-name', 'event'],
    ['/broadcast?event=%FF', 'bad-request', 'event'],
    [`/broadcast?event=${'e'.repeat(256)}`, 'bad-event-name', 'event'],
    ['/broadcast/a%0Ab', 'bad-channel', 'channel'],
    ['/broadcast/a%00', 'bad-channel', 'channel'],
    ['/broadcast//', 'bad-channel', 'channel'],
    ['/broadcast/%2e%2e/x', 'bad-channel', 'channel'],
    [`/broadcast/${'a'.repeat(255)}`, 'bad-channel', 'channel'],
  ])('rejects %s: %s', async (path, code, field) => {
    const { port } = await startGateway();
    const got = await rawHttp(port, `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\na`).until(
      '}',
    );
    expect(got).toContain('HTTP/1.1 400 ');
    expect(JSON.parse(got.slice(got.indexOf('{')))).toMatchObject({ code, field });
  });

  it('rejects a body over the limit and names the limit, with or without Content-Length', async () => {
    const { url, port } = await startGateway({ MAX_EVENT_BYTES: '1000' });
    expect((await fetch(`${url}/broadcast`, { method: 'POST', body: 'x'.repeat(1000) })).status).toBe(202);
    const res = await fetch(`${url}/broadcast`, { method: 'POST', body: 'x'.repeat(1001) });
    expect(res.status).toBe(413);
    expect(await problem(res)).toMatchObject({ code: 'event-too-large', maxBytes: 1000 });
    const endless = rawHttp(
      port,
      'POST /broadcast HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n',
    );
    for (let i = 0; i < 20; i++) endless.socket.write(`3e8\r\n${'x'.repeat(1000)}\r\n`);
    expect(await endless.closed()).toContain('HTTP/1.1 413 ');
  });

  it('rejects a compressed body', async () => {
    const { url } = await startGateway();
    const res = await fetch(`${url}/broadcast`, {
      method: 'POST',
      body: 'x',
      headers: { 'Content-Encoding': 'gzip' },
    });
    expect(res.status).toBe(415);
  });

  it('is closed by INGEST=off', async () => {
    const { url } = await startGateway({ INGEST: 'off' });
    const res = await fetch(`${url}/broadcast`, { method: 'POST', body: 'x' });
    expect(res.status).toBe(405);
    expect(res.headers.get('allow')).toBe('OPTIONS');
    expect((await fetch(`${url}/readyz`)).status).toBe(200);
  });

  it('keeps the connection for the next request, also after a rejection', async () => {
    const { port } = await startGateway();
    const request = (path: string) => `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\na`;
    const it = rawHttp(
      port,
      request('/broadcast') + request('/broadcast?event=open') + request('/broadcast'),
    );
    await it.until(/202[\s\S]*400[\s\S]*202[\s\S]*\}/);
  });

  it('stores nothing when no topic covers the channel', async () => {
    const { url } = await startGateway({ KAFKA_TOPICS: 'pets=/pets' });
    const res = await fetch(`${url}/broadcast/cars`, { method: 'POST', body: 'x' });
    expect(res.status).toBe(400);
    expect(await problem(res)).toMatchObject({ code: 'bad-channel', field: 'channel' });
  });

  it('passes the publisher’s trace context on to streams with ?meta=1', async () => {
    const { url } = await startGateway();
    const client = await openStream(`${url}/sse?meta=1`);
    const trace = {
      traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
      tracestate: 'congo=t61rcWkgMzE',
    };
    const post = (path: string, body: string, headers: Record<string, string>) =>
      fetch(url + path, { method: 'POST', body, headers });
    await post('/broadcast/a', 'one', trace);
    await post('/events', '[{"data":"two"},{"data":"three"}]', {
      'Content-Type': 'application/json',
      ...trace,
    });
    await post('/broadcast', 'four', { ...trace, traceparent: '00-bad' });
    await client.until(({ events }) => events.length === 4);
    const headers = client.events.map(({ data }) => (JSON.parse(data) as { headers: object }).headers);
    expect(headers).toEqual([
      { channel: '/a', ...trace },
      { channel: '/', ...trace },
      { channel: '/', ...trace },
      { channel: '/' },
    ]);
  });
});
