import { connect } from 'node:net';
import fc from 'fast-check';

const ANSWER_MS = 5_000;
/** A stream never ends by itself: this is enough of one. */
const ENOUGH_BYTES = 2_048;

const junk = fc.oneof(
  fc.string({ unit: 'binary-ascii', maxLength: 12 }),
  fc.constantFrom(
    '\r',
    '\n',
    '\0',
    '\r\n',
    '\r\n\r\n',
    ' ',
    ':',
    '\t',
    '%0d%0aX-Injected: 1',
    '\r\nX-Injected: 1',
  ),
);
const path = fc.oneof(
  fc.constantFrom(
    '/sse',
    '/events',
    '/broadcast',
    '/broadcast/a',
    '/connections',
    '/',
    '/admin/',
    '/kafka/status',
  ),
  fc
    .tuple(fc.constantFrom('/subscribe/', '/broadcast/', '/events?channel=', '/sse?from=', 'http://x/'), junk)
    .map((parts) => parts.join('')),
);
const line = fc.oneof(
  fc.constantFrom(
    'Content-Length: 5',
    'Content-Length: 0',
    'Content-Length: 5, 5',
    'Transfer-Encoding: chunked',
    'Transfer-Encoding: xchunked',
    ' folded: value',
    'Connection: close',
    'Connection: keep-alive',
    'Expect: 100-continue',
    'Origin: http://a.example',
    'Content-Type: application/json',
    'X-Sse-Failover: 1',
  ),
  fc
    .tuple(
      fc.constantFrom(
        'Last-Event-ID',
        'Origin',
        'X-Request-ID',
        'Idempotency-Key',
        'Traceparent',
        'Authorization',
        'X-Forwarded-For',
        'Host',
      ),
      junk,
    )
    .map(([name, value]) => `${name}: ${value}`),
  junk,
);

/** A request as no client would write it, or nearly as one would. */
export const strangeRequest: fc.Arbitrary<string> = fc
  .record({
    method: fc.constantFrom('GET', 'POST', 'HEAD', 'OPTIONS', 'PUT', 'get', 'GET ', ''),
    path,
    version: fc.constantFrom('HTTP/1.1', 'HTTP/1.0', 'HTTP/2.0', 'HTTP/1.1 ', ''),
    host: fc.constantFrom('Host: x', 'Host: x', 'Host: x', ''),
    lines: fc.array(line, { maxLength: 5 }),
    lineEnd: fc.constantFrom('\r\n', '\r\n', '\r\n', '\n', '\r'),
    body: fc.oneof(
      fc.constantFrom(
        '',
        'hello',
        '{"data":1}',
        '5\r\nhello\r\n0\r\n\r\n',
        'GET /sse HTTP/1.1\r\nHost: x\r\n\r\n',
      ),
      junk,
    ),
  })
  .map(({ method, path: target, version, host, lines, lineEnd, body }) =>
    [`${method} ${target} ${version}`, host, ...lines.filter((each) => each !== ''), '', body].join(lineEnd),
  );

const STATUS_LINE = /^HTTP\/1\.[01] [1-5]\d\d [ -~]*$/;
const HEADER_LINE = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+: [\t -~\x80-\xff]*$/;

/**
 * Sends the bytes and reads what comes, until the other side closes, has said enough, or says no more.
 * Resolves with why the first answer is not one, or null.
 */
export function faultOfAnswer(port: number, request: string): Promise<string | null> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    let received = '';
    const finish = () => {
      clearTimeout(timer);
      socket.destroy();
      resolve(faultOf(received));
    };
    const timer = setTimeout(() => {
      socket.destroy();
      resolve(`neither an answer nor an end within ${ANSWER_MS} ms: ${JSON.stringify(received)}`);
    }, ANSWER_MS);
    socket.on('data', (part) => {
      received += part.toString('latin1');
      if (received.length > ENOUGH_BYTES || received.includes('\r\n\r\n')) finish();
    });
    // A reset is an answer too: the head was not worth one.
    socket.on('error', finish).on('close', finish);
    // Nothing more will come, so a head that is not complete is at its end.
    socket.end(request, 'latin1');
  });
}

function faultOf(received: string): string | null {
  if (received === '') return null;
  const end = received.indexOf('\r\n\r\n');
  if (end < 0) return `an answer without an end of its head: ${JSON.stringify(received)}`;
  const [status, ...lines] = received.slice(0, end).split('\r\n');
  if (!STATUS_LINE.test(status!)) return `no status line: ${JSON.stringify(status)}`;
  const bad = lines.find((each) => !HEADER_LINE.test(each) || /^x-injected/i.test(each));
  return bad === undefined ? null : `no header line of ours: ${JSON.stringify(bad)}`;
}
