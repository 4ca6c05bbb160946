import { startGateway } from '../support/gateway';
import { rawHttp } from '../support/raw-http';
import { openStream } from '../support/sse-client';
import { until } from '../support/until';

jest.setTimeout(30_000);

/** What a browser gets for "not now": it comes back by itself. */
async function expectSentAway(
  url: string,
  code: string,
  headers: Record<string, string> = {},
): Promise<void> {
  const client = await openStream(url, { headers });
  await client.until((it) => it.ended());
  expect(client.status).toBe(200);
  expect(client.headers['content-type']).toBe('text/event-stream');
  expect(client.text()).toMatch(
    new RegExp(`^event: gateway\\.retry\nretry: \\d+\ndata: {"code":"${code}"}\n\n$`),
  );
  const passedOn = await fetch(url, { headers: { ...headers, 'X-Sse-Failover': '1' } });
  expect(passedOn.status).toBe(503);
  expect(passedOn.headers.get('retry-after')).toMatch(/^\d+$/);
  expect(await passedOn.json()).toMatchObject({ code });
}

describe('streams', () => {
  it('are limited per client, and a closed stream frees its place at once', async () => {
    const { url, rejections } = await startGateway({ MAX_STREAMS_PER_IP: '2', TRUST_PROXY: '1' });
    const from = (address: string) => ({ headers: { 'X-Forwarded-For': address } });
    const first = await openStream(`${url}/sse`, from('192.0.2.1'));
    await openStream(`${url}/sse`, from('192.0.2.1'));
    await expectSentAway(`${url}/sse`, 'too-many-streams-per-ip', from('192.0.2.1').headers);
    const other = await openStream(`${url}/sse`, from('192.0.2.2'));
    await other.until((it) => it.text().includes(':ok'));
    expect(rejections['too-many-streams-per-ip']).toBe(2);
    first.close();
    await until(async () => {
      const again = await openStream(`${url}/sse`, from('192.0.2.1'));
      await again.until((it) => it.text().includes('\n\n'));
      return again.text().startsWith(':ok');
    }, 'the place is free');
  });

  it('from one IPv6 network count as one client', async () => {
    const { url } = await startGateway({ MAX_STREAMS_PER_IP: '1', TRUST_PROXY: '1' });
    await openStream(`${url}/sse`, { headers: { 'X-Forwarded-For': '2001:db8::1' } });
    await expectSentAway(`${url}/sse`, 'too-many-streams-per-ip', { 'X-Forwarded-For': '2001:db8::2' });
    await openStream(`${url}/sse`, { headers: { 'X-Forwarded-For': '2001:db8:0:1::1' } }).then((client) =>
      client.until((it) => it.text().includes(':ok')),
    );
  });

  it('are accepted no faster than MAX_NEW_STREAMS_PER_SECOND', async () => {
    const { url, rejections } = await startGateway({
      MAX_NEW_STREAMS_PER_SECOND: '2',
      RATE_LIMIT_BURST_MS: '2000',
    });
    const clients = await Promise.all(Array.from({ length: 20 }, () => openStream(`${url}/sse`)));
    await Promise.all(clients.map((client) => client.until((it) => it.text().includes('\n\n'))));
    const accepted = clients.filter((client) => client.text().startsWith(':ok')).length;
    // The burst, and what a slow machine's time adds to it.
    expect(accepted).toBeGreaterThanOrEqual(4);
    expect(accepted).toBeLessThan(12);
    expect(rejections['too-many-connects']).toBe(20 - accepted);
    await until(async () => {
      const again = await openStream(`${url}/sse`);
      await again.until((it) => it.text().includes('\n\n'));
      return again.text().startsWith(':ok');
    }, 'later ones are accepted');
  });

  it('of different subscriptions are limited, those of the same are not', async () => {
    const { url } = await startGateway({ MAX_SUBSCRIPTIONS: '2' });
    await openStream(`${url}/subscribe/a`);
    await openStream(`${url}/subscribe/b`);
    await expectSentAway(`${url}/subscribe/c`, 'too-many-subscriptions');
    await expectSentAway(`${url}/subscribe/a?event=x`, 'too-many-subscriptions');
    const same = await openStream(`${url}/subscribe/a`);
    await same.until((it) => it.text().includes('id: '));
  });

  it('may not ask for many names or channels', async () => {
    const { url } = await startGateway({ MAX_EVENT_NAMES_PER_STREAM: '2', MAX_CHANNELS_PER_STREAM: '2' });
    for (const query of ['event=a,b,c', 'event=a&event=b,c', 'channel=/a&channel=/b&channel=/c'])
      expect((await fetch(`${url}/events?${query}`)).status).toBe(400);
    expect((await openStream(`${url}/events?event=a,b&channel=/a&channel=/b`)).status).toBe(200);
  });

  it('are rejected while full with an answer after which a browser reconnects', async () => {
    const { url, rejections } = await startGateway({ MAX_STREAMS: '1' });
    await openStream(`${url}/sse`);
    await expectSentAway(`${url}/sse`, 'too-many-streams');
    expect(rejections['too-many-streams']).toBe(2);
  });
});

describe('publishing', () => {
  const post = (url: string, body: string, headers: Record<string, string> = {}) =>
    fetch(url, { method: 'POST', body, headers });

  it('is rate limited in total, with Retry-After', async () => {
    const { url, rejections } = await startGateway({
      MAX_INGEST_EVENTS_PER_SECOND: '5',
      RATE_LIMIT_BURST_MS: '1000',
    });
    const answers = await Promise.all(Array.from({ length: 30 }, () => post(`${url}/broadcast`, 'x')));
    const refused = answers.filter(({ status }) => status === 429);
    const stored = answers.filter(({ status }) => status === 202);
    expect(stored.length + refused.length).toBe(30);
    expect(stored.length).toBeGreaterThanOrEqual(5);
    expect(refused.length).toBeGreaterThan(0);
    expect(rejections['rate-limited']).toBe(refused.length);
    const [first] = refused;
    expect(first!.headers.get('content-type')).toBe('application/problem+json');
    expect(await first!.json()).toMatchObject({ code: 'rate-limited', status: 429, retryAfterSeconds: 1 });
    expect(first!.headers.get('retry-after')).toBe('1');
    await until(async () => (await post(`${url}/broadcast`, 'x')).status === 202, 'the rate allows it again');
  });

  it('is rate limited per client, whatever the others do', async () => {
    const { url } = await startGateway({ MAX_INGEST_EVENTS_PER_CLIENT_PER_SECOND: '1', TRUST_PROXY: '1' });
    const from = (address: string) => post(`${url}/broadcast`, 'x', { 'X-Forwarded-For': address });
    const greedy = await Promise.all(Array.from({ length: 20 }, () => from('192.0.2.1')));
    expect(greedy.some(({ status }) => status === 429)).toBe(true);
    expect((await from('192.0.2.2')).status).toBe(202);
  });

  it('in batches counts events, not requests', async () => {
    const { url } = await startGateway({ MAX_INGEST_EVENTS_PER_SECOND: '10', RATE_LIMIT_BURST_MS: '1000' });
    const batch = JSON.stringify(Array.from({ length: 500 }, (_, i) => ({ data: String(i) })));
    const headers = { 'Content-Type': 'application/json' };
    expect((await post(`${url}/events`, batch, headers)).status).toBe(202);
    const refused = await post(`${url}/broadcast`, 'x');
    expect(refused.status).toBe(429);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(30);
  });

  it('is limited in requests and bytes in flight, and free again when they are done', async () => {
    const { url, port, rejections } = await startGateway({ MAX_INGEST_REQUESTS: '2' });
    const head = 'POST /broadcast HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n';
    const slow = [rawHttp(port, `${head}ab`), rawHttp(port, `${head}ab`)];
    const refused = await until(async () => {
      const answer = await post(`${url}/broadcast`, 'x');
      return answer.status === 503 ? answer : null;
    }, 'both places are taken');
    expect(await refused.json()).toMatchObject({ code: 'too-many-in-flight' });
    expect(refused.headers.get('retry-after')).toMatch(/^\d+$/);
    expect(rejections['too-many-in-flight']).toBeGreaterThan(0);
    slow[0]!.socket.write('cd');
    await slow[0]!.until('202 Accepted');
    expect((await post(`${url}/broadcast`, 'x')).status).toBe(202);
    slow[1]!.socket.destroy();
    await until(async () => {
      const held = rawHttp(port, `${head}ab`);
      const answer = await post(`${url}/broadcast`, 'x');
      held.socket.destroy();
      return answer.status === 202;
    }, 'a place left by who has gone is free');
  });

  it('buffers no more bytes of bodies than the in-flight limit', async () => {
    const { url, port } = await startGateway({ MAX_INGEST_BYTES: '10000' });
    const head = 'POST /broadcast HTTP/1.1\r\nHost: x\r\nContent-Length: 9001\r\n\r\n';
    const slow = rawHttp(port, head + 'x'.repeat(9_000));
    const refused = await until(async () => {
      const answer = await post(`${url}/broadcast`, 'y'.repeat(2_000));
      return answer.status === 503 ? answer : null;
    }, 'the room is taken');
    expect(await refused.json()).toMatchObject({ code: 'too-many-in-flight' });
    slow.socket.write('x');
    await slow.until('202 Accepted');
    expect((await post(`${url}/broadcast`, 'y'.repeat(2_000))).status).toBe(202);
  });
});

describe('connections', () => {
  const SLOW = { HTTP_HEADERS_TIMEOUT_MS: '300', HTTP_REQUEST_TIMEOUT_MS: '600', HTTP_CHECK_MS: '50' };

  it.each([
    ['nothing', '', /^HTTP\/1\.1 408 /],
    ['half a head', 'GET /sse HTTP/1.1\r\nHost: x\r\nX-Slow', /^HTTP\/1\.1 408 /],
    [
      'half a body',
      'POST /broadcast HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc',
      /^HTTP\/1\.1 (408|400) /,
    ],
  ])('that send %s are closed at the timeout', async (_, bytes, answer) => {
    const { port, rejections } = await startGateway(SLOW);
    expect(await rawHttp(port, bytes).closed()).toMatch(answer);
    expect(rejections['head-too-slow']).toBe(1);
  });

  it('that send a head byte by byte (slowloris) are closed at the timeout, and streams are not', async () => {
    const { url, port } = await startGateway({ ...SLOW, HEARTBEAT_MS: '100', STREAM_CHECK_MS: '20' });
    const stream = await openStream(`${url}/sse`);
    const drips = Array.from({ length: 50 }, () => rawHttp(port, 'GET / HTTP/1.1\r\n'));
    const dripping = setInterval(() => {
      for (const { socket } of drips) if (socket.writable) socket.write('X');
    }, 20);
    try {
      await Promise.all(drips.map((drip) => drip.closed()));
    } finally {
      clearInterval(dripping);
    }
    const before = stream.comments.length;
    await stream.until((it) => it.comments.length > before + 3);
    expect(stream.ended()).toBe(false);
  });

  it('with too large a head get 431', async () => {
    const { port, url, rejections } = await startGateway({ HTTP_MAX_HEADER_BYTES: '4096' });
    for (const head of [
      `GET /sse HTTP/1.1\r\nHost: x\r\nX-Giant: ${'x'.repeat(8_000)}\r\n\r\n`,
      `GET /sse?${'x'.repeat(8_000)} HTTP/1.1\r\nHost: x\r\n\r\n`,
      `GET /sse HTTP/1.1\r\nHost: x\r\n${'X-Many: 1\r\n'.repeat(1_000)}\r\n`,
    ])
      expect(await rawHttp(port, head).closed()).toMatch(/^HTTP\/1\.1 431 /);
    expect(rejections['head-too-large']).toBe(3);
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
  });

  it('beyond the maximum are closed at once, and accepted again when others have closed', async () => {
    const { url, port, rejections } = await startGateway({ MAX_STREAMS: '5', HTTP_MAX_CONNECTIONS: '5' });
    const idle = Array.from({ length: 5 }, () => rawHttp(port, 'GET /sse HTTP/1.1\r\nHost: x\r\n\r\n'));
    await Promise.all(idle.map((it) => it.until(':ok')));
    const beyond = Array.from({ length: 20 }, () =>
      rawHttp(port, 'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n'),
    );
    for (const connection of beyond) expect(await connection.closed()).toBe('');
    expect(rejections['too-many-connections']).toBe(20);
    for (const { socket } of idle) socket.destroy();
    await until(
      () =>
        fetch(`${url}/healthz`).then(
          ({ ok }) => ok,
          () => false,
        ),
      'connections are taken again',
    );
  });
});
