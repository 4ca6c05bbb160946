import fc from 'fast-check';
import { startGateway } from '../support/gateway';
import { rawHttp } from '../support/raw-http';
import { openStream } from '../support/sse-client';
import { until } from '../support/until';

jest.setTimeout(30_000);

/** A request that must never be seen as one of its own. */
const SMUGGLED = 'POST /broadcast HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\n\r\nsmuggled';

const post = (headers: string, body = '') =>
  `POST /broadcast HTTP/1.1\r\nHost: x\r\n${headers}\r\n\r\n${body}`;

describe('a request that two servers could read differently', () => {
  it.each([
    ['both lengths', post('Content-Length: 4\r\nTransfer-Encoding: chunked', `0\r\n\r\n${SMUGGLED}`)],
    [
      'both lengths, the other way round',
      post('Transfer-Encoding: chunked\r\nContent-Length: 4', `0\r\n\r\n${SMUGGLED}`),
    ],
    ['two lengths', post('Content-Length: 4\r\nContent-Length: 100', `said${SMUGGLED}`)],
    ['a list of lengths', post('Content-Length: 4, 100', `said${SMUGGLED}`)],
    ['a length with a sign', post('Content-Length: +4', `said${SMUGGLED}`)],
    ['a negative length', post('Content-Length: -1', SMUGGLED)],
    ['a length of hexadecimal digits', post('Content-Length: 0x4', `said${SMUGGLED}`)],
    ['a length that is too great', post('Content-Length: 99999999999999999999', SMUGGLED)],
    ['a space before the colon', post('Content-Length : 4', `said${SMUGGLED}`)],
    ['a folded line', post('X-Folded: a\r\n b\r\nContent-Length: 4', `said${SMUGGLED}`)],
    ['a folded length', post('Content-Length:\r\n 4', `said${SMUGGLED}`)],
    ['an unknown coding', post('Transfer-Encoding: xchunked', SMUGGLED)],
    [
      'chunked that is not the last coding',
      post('Transfer-Encoding: chunked, identity', `0\r\n\r\n${SMUGGLED}`),
    ],
    ['a chunk size that is none', post('Transfer-Encoding: chunked', `zz\r\n${SMUGGLED}`)],
    ['a negative chunk size', post('Transfer-Encoding: chunked', `-1\r\n${SMUGGLED}`)],
    ['a chunk longer than it says', post('Transfer-Encoding: chunked', `1\r\nabc\r\n0\r\n\r\n${SMUGGLED}`)],
    [
      'a chunk size that ends in a bare LF',
      post('Transfer-Encoding: chunked', `4\nsaid\r\n0\r\n\r\n${SMUGGLED}`),
    ],
    ['a bare CR between lines', `POST /broadcast HTTP/1.1\rHost: x\rContent-Length: 4\r\r\nsaid${SMUGGLED}`],
    ['a line without a colon', post('Content-Length', SMUGGLED)],
    ['a name with a NUL', post('Content\0-Length: 4', SMUGGLED)],
    ['no Host', 'POST /broadcast HTTP/1.1\r\nContent-Length: 8\r\n\r\nsmuggled'],
    ['another protocol', `POST /broadcast HTTQ/1.1\r\nHost: x\r\n\r\n${SMUGGLED}`],
    ['a version that is none', `POST /broadcast HTTP/9.9\r\nHost: x\r\n\r\n${SMUGGLED}`],
    ['a target with a space', `POST /broadcast /x HTTP/1.1\r\nHost: x\r\n\r\n${SMUGGLED}`],
    ['an unknown method', `PUBLISH /broadcast HTTP/1.1\r\nHost: x\r\n\r\n${SMUGGLED}`],
    ['a tunnel', `CONNECT /broadcast:80 HTTP/1.1\r\nHost: x\r\n\r\n${SMUGGLED}`],
  ])('(%s) is rejected and its connection closed', async (_, request) => {
    const { url, port } = await startGateway();
    const stream = await openStream(`${url}/events`);
    expect(await rawHttp(port, request).closed()).toMatch(/^(HTTP\/1\.1 4\d\d |$)/);
    await fetch(`${url}/broadcast`, { method: 'POST', body: 'the end' });
    await stream.until(({ events }) => events.some(({ data }) => data === 'the end'));
    expect(stream.events.map(({ data }) => data)).toEqual(['the end']);
  });
});

describe('a request behind a stream on the same connection', () => {
  const GET = 'GET /events HTTP/1.1\r\nHost: x\r\n';

  it.each([
    ['as its body', `${GET}Content-Length: ${SMUGGLED.length}\r\n\r\n${SMUGGLED}`],
    [
      'as its chunked body',
      `${GET}Transfer-Encoding: chunked\r\n\r\n${SMUGGLED.length.toString(16)}\r\n${SMUGGLED}\r\n0\r\n\r\n`,
    ],
    ['behind it', `${GET}\r\n${SMUGGLED}`],
    ['behind its body', `${GET}Content-Length: 4\r\n\r\nbody${SMUGGLED}`],
    ['behind an upgrade', `${GET}Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n${SMUGGLED}`],
    [
      'behind an upgrade to HTTP/2',
      `${GET}Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n${SMUGGLED}`,
    ],
    ['behind an expectation', `${GET}Expect: 100-continue\r\nContent-Length: 4\r\n\r\nbody${SMUGGLED}`],
    ['later', `${GET}\r\n`],
  ])('(%s) is never executed', async (when, request) => {
    const { url, port } = await startGateway();
    const stream = await openStream(`${url}/events`);
    const connection = rawHttp(port, request);
    if (when === 'later') {
      await connection.until(':ok');
      connection.socket.write(SMUGGLED);
      await connection.closed();
    } else
      await until(() => connection.received() !== '' || connection.socket.destroyed, 'an answer or an end');
    await fetch(`${url}/broadcast`, { method: 'POST', body: 'the end' });
    await stream.until(({ events }) => events.some(({ data }) => data === 'the end'));
    expect(stream.events.map(({ data }) => data)).toEqual(['the end']);
    expect(connection.received()).not.toContain('202 Accepted');
  });
});

describe('a target', () => {
  const KEYED = { ADMIN_KEY: 'the admin key', JWT_SECRET: 'x'.repeat(32) };

  it.each([
    '/sse',
    '//sse',
    '/sse/',
    '/SSE',
    '/%73se',
    '/sse;x',
    '/sse%00',
    '/sse%3f',
    '/sse#x',
    '/./sse',
    '/x/../sse',
    '/events',
    '/events/',
    '/Events',
    '/events/../sse',
    '/subscribe',
    '/subscribe/',
    '/subscribe//',
    '/subscribe/.',
    '/subscribe/%2e%2e',
    '/subscribe/a/../..',
    '/subscribe/%2e%2e%2fadmin',
    '/admin/status.json',
    '/admin//status.json',
    '/ADMIN/status.json',
    '/%61dmin/status.json',
    '//admin/status.json',
    '/admin%2fstatus.json',
    '/x/../admin/status.json',
    '/web/../admin/status.json',
    'http://x/sse',
    'http://x/admin/status.json',
    'HTTP://x/events',
    'http:///sse',
    '*',
    '/metrics',
    '/METRICS',
    '//metrics',
    '/metrics/',
  ])('in whatever form does not bypass its guard: %s', async (target) => {
    const { port } = await startGateway(KEYED);
    for (const method of ['GET', 'HEAD']) {
      const text = await rawHttp(
        port,
        `${method} ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`,
      ).closed();
      expect(text).toMatch(/^HTTP\/1\.1 (400|401|404) /);
    }
    const text = await rawHttp(
      port,
      `POST ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`,
    ).closed();
    expect(text).toMatch(/^HTTP\/1\.1 (400|401|404|405) /);
  });
});

describe('any bytes', () => {
  it('are answered or disconnected, and affect no other client', async () => {
    const { url, port, logged } = await startGateway({
      HTTP_HEADERS_TIMEOUT_MS: '200',
      HTTP_REQUEST_TIMEOUT_MS: '300',
      HTTP_CHECK_MS: '50',
      HTTP_KEEP_ALIVE_MS: '100',
    });
    const stream = await openStream(`${url}/events`);
    const piece = fc.oneof(
      fc.constantFrom(
        'GET ',
        'POST ',
        '/sse',
        '/broadcast',
        '/events',
        ' HTTP/1.1',
        '\r\n',
        '\r\n\r\n',
        '\n',
        '\r',
      ),
      fc.constantFrom(
        'Host: x',
        'Content-Length: ',
        'Transfer-Encoding: chunked',
        'Last-Event-ID: ',
        '0',
        '5',
        '\0',
      ),
      fc.string({ unit: 'binary', maxLength: 20 }),
    );
    const requests = fc.sample(
      fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join('')),
      300,
    );
    const connections = requests.map((request) => rawHttp(port, request));
    // What opens a stream stays open: its client leaves.
    await until(
      () => connections.every(({ received, socket }) => socket.destroyed || received().includes('\r\n\r\n')),
      'each is answered or closed',
    );
    for (const { received } of connections) expect(received()).toMatch(/^(HTTP\/1\.1 [1-4]\d\d |$)/);
    for (const { socket } of connections) socket.destroy();
    await fetch(`${url}/broadcast`, { method: 'POST', body: 'the end' });
    await stream.until(({ events }) => events.some(({ data }) => data === 'the end'));
    expect(logged.filter(({ level }) => level === 'error')).toEqual([]);
    await until(
      async () => (await (await fetch(`${url}/connections`)).text()) === '1',
      'nothing of them is left but the first stream',
    );
  });
});
