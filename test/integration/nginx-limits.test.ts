import { openNginx } from '../support/nginx';
import { openStream } from '../support/sse-client';
import { until } from '../support/until';
import { ask, type Behaviour, openUpstream, status } from '../support/upstream';

const lastingStream: Behaviour = (_, response) => {
  response.writeHead(200, { 'Content-Type': 'text/event-stream' });
  response.write(':ok\n\n');
};

describe('what nginx lets one client address take', () => {
  const limits = { streams: 3, postsPerSecond: 1, burst: 2 };

  it('is that many streams; one more is told to come back, and may when one has ended', async () => {
    const upstream = await openUpstream(lastingStream);
    const nginx = await openNginx({ upstreams: [upstream.address], limits });
    const streams = [];
    for (const path of ['/events', '/sse', '/subscribe/a']) streams.push(await openStream(nginx.url + path));
    for (const stream of streams) expect(stream.headers).not.toHaveProperty('x-sse-unavailable');

    const refused = await ask(nginx, 'GET', '/sse');
    expect(refused).toMatchObject({
      status: 200,
      headers: { 'content-type': 'text/event-stream', 'x-sse-unavailable': '1' },
    });
    expect(refused.body).toMatch(/^event: gateway\.retry\nretry: \d+\ndata: {"code":"unavailable"}\n\n$/);
    expect(upstream.seen).toHaveLength(limits.streams);
    // Nothing else is counted with them.
    upstream.behave(status(204));
    expect((await ask(nginx, 'GET', '/kafka/status')).status).toBe(204);

    upstream.behave(lastingStream);
    streams[0]!.close();
    await until(async () => {
      const stream = await openStream(`${nginx.url}/sse`);
      if (stream.headers['x-sse-unavailable'] === undefined) return true;
      stream.close();
      return false;
    }, 'another stream is let in');
  });

  it('is that many posts; one more is told to come later', async () => {
    const upstream = await openUpstream(status(202));
    const nginx = await openNginx({ upstreams: [upstream.address], limits });
    const answers = [];
    for (const path of ['/broadcast', '/broadcast/a', '/events', '/broadcast', '/broadcast', '/broadcast']) {
      answers.push(await ask(nginx, 'POST', path, { body: 'x', headers: { Origin: 'https://a.example' } }));
    }
    const stored = answers.filter(({ status: code }) => code === 202);
    // The first, the burst, and one more if this took a second.
    expect(stored.length).toBeGreaterThanOrEqual(3);
    expect(upstream.seen).toHaveLength(stored.length);
    const refused = answers.find(({ status: code }) => code === 429)!;
    expect(refused.headers).toMatchObject({
      'content-type': 'application/problem+json',
      'retry-after': '1',
      'access-control-allow-origin': '*',
      'access-control-expose-headers': 'Retry-After',
    });
    expect(JSON.parse(refused.body)).toMatchObject({ status: 429, code: 'rate-limited' });
    // Neither reading nor a preflight is a post.
    for (const method of ['GET', 'OPTIONS']) {
      expect((await ask(nginx, method, '/kafka/status')).status).toBe(202);
    }
  });

  it('is anything unless there are limits', async () => {
    const upstream = await openUpstream(status(202));
    const nginx = await openNginx({ upstreams: [upstream.address] });
    const codes = await Promise.all(
      Array.from({ length: 200 }, async () => (await ask(nginx, 'POST', '/broadcast', { body: 'x' })).status),
    );
    expect(new Set(codes)).toEqual(new Set([202]));
    upstream.behave(lastingStream);
    const streams = await Promise.all(Array.from({ length: 100 }, () => openStream(`${nginx.url}/sse`)));
    expect(streams.filter(({ headers }) => 'x-sse-unavailable' in headers)).toEqual([]);
  });
});

describe('who may read what nginx says itself', () => {
  it.each([
    [[], 'https://a.example', '*'],
    [[], undefined, '*'],
    [['https://a.example'], 'https://a.example', 'https://a.example'],
    [['https://a.example', ' https://b.example '], 'https://b.example', 'https://b.example'],
    [
      ['https://a.example', 'https://b.example', 'https://c.example'],
      'https://c.example',
      'https://c.example',
    ],
    [['https://a.example'], 'https://b.example', undefined],
    [['https://a.example'], 'https://a.example.evil', undefined],
    [['https://a.example:8443'], 'https://a.example', undefined],
    [['https://a.example'], 'a.example', undefined],
    [['https://a.example', 'https://b.example'], 'https://a.example,https://b.example', undefined],
    [['https://a.example'], undefined, undefined],
    [['https://a.example'], '', undefined],
  ])('with the list %p and the origin %p: %p', async (corsOrigins, origin, allowed) => {
    const nginx = await openNginx({ upstreams: ['127.0.0.1:1'], corsOrigins });
    const headers: Record<string, string> = origin === undefined ? {} : { Origin: origin };
    for (const [method, path] of [
      ['GET', '/sse'],
      ['POST', '/broadcast'],
    ] as const) {
      const answer = await ask(nginx, method, path, { headers });
      expect(answer.headers['access-control-allow-origin']).toBe(allowed);
      const hasList = corsOrigins.length > 0;
      expect(answer.headers['access-control-allow-credentials']).toBe(
        hasList && allowed !== undefined ? 'true' : undefined,
      );
      expect(answer.headers['access-control-expose-headers']).toBe(
        path === '/broadcast' && allowed !== undefined ? 'Retry-After' : undefined,
      );
      expect(answer.headers.vary).toBe(hasList ? 'Origin' : undefined);
    }
  });
});
