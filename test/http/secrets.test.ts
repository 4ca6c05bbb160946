import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ConfigError, parseConfig } from '../../src/config';
import { createGateway } from '../../src/gateway';
import { createLogger } from '../../src/logger';
import { rawHttp } from '../support/raw-http';
import { openStream } from '../support/sse-client';
import { hmacToken, inSeconds, JWT_SECRET, rsaSigner } from '../support/tokens';
import { until } from '../support/until';

jest.setTimeout(30_000);

/** Each must appear in no answer, log line or error. */
const API_KEY = 'kee-0123456789-api-key';
const WRONG_KEY = 'kee-9876543210-wrong-key';
const ADMIN_KEY = 'kee-admin-0123456789';
const IN_URL = 'kee-in-the-url-012345';
const IN_CLAIM = 'kee-claim-of-a-token';
const SECRETS = [API_KEY, WRONG_KEY, ADMIN_KEY, IN_URL, IN_CLAIM, JWT_SECRET];

interface Observed {
  /** All that anyone could have read. */
  readonly texts: string[];
  readonly port: number;
}

const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

/** A gateway with the real logger, at its most talkative. */
async function start(env: Record<string, string>): Promise<Observed> {
  const config = parseConfig({
    EVENT_LOG: 'memory',
    HOST: '127.0.0.1',
    PORT: '0',
    TICK_MS: '0',
    DRAIN_MS: '0',
    LOG_LEVEL: 'trace',
    API_KEYS: `shop=${API_KEY};/shop`,
    ADMIN_KEY,
    ...env,
  });
  const texts: string[] = [];
  const logger = createLogger({
    level: config.logLevel,
    secrets: config.secrets,
    destination: { write: (line) => void texts.push(line) },
  });
  logger.info({ config }, 'the whole configuration, as nobody should log it');
  const gateway = createGateway(config, logger);
  const port = await gateway.start();
  ends.push(() => gateway.stop());
  return { texts, port };
}

/** Every way to be refused that there is, each with the secret in every place for one. */
async function driveEveryError({ texts, port }: Observed, secret: string): Promise<void> {
  const url = `http://127.0.0.1:${port}`;
  const proofs: Record<string, string>[] = [
    { Authorization: `Bearer ${secret}` },
    { Authorization: `Basic ${Buffer.from(`x:${secret}`).toString('base64')}` },
    { Authorization: secret },
    { 'X-Api-Key': secret },
    { Cookie: `session=${secret}`, Origin: 'https://evil.example' },
    { 'Last-Event-ID': 'x' },
  ];
  const query = `access_token=${IN_URL}&key=${IN_URL}&token=${IN_URL}`;
  const requests: [string, string, string][] = [
    ['GET', `/sse?${query}`, ''],
    ['GET', `/events?channel=bad&${query}`, ''],
    ['GET', `/events?strict=1&lastEventId=${IN_URL}&${query}`, ''],
    ['HEAD', `/subscribe/a?${query}`, ''],
    ['PUT', `/events?${query}`, ''],
    ['POST', `/broadcast?${query}`, 'x'],
    ['POST', `/broadcast/shop?event=gateway.x&${query}`, 'x'],
    ['POST', `/broadcast/shop?event=%ff&${query}`, 'x'],
    ['POST', `/broadcast/other?${query}`, 'x'.repeat(400_000)],
    ['POST', `/events?${query}`, '{'],
    ['POST', `/events?${query}`, '[{"channel":"/other","data":1}]'],
    ['GET', `/admin/?${query}`, ''],
    ['GET', `/admin/status.json?limit=x&${query}`, ''],
    ['GET', `/metrics?${query}`, ''],
    ['GET', `/nowhere?${query}`, ''],
    ['POST', `/web/x?${query}`, 'x'],
    ['OPTIONS', `/sse?${query}`, ''],
  ];
  for (const headers of proofs) {
    for (const [method, path, body] of requests) {
      const hasBody = body !== '';
      const controller = new AbortController();
      const res = await fetch(url + path, {
        method,
        headers,
        signal: controller.signal,
        ...(hasBody ? { body } : {}),
      });
      texts.push(JSON.stringify([...res.headers]));
      // A stream that opens has no end.
      if (res.status === 200 && res.headers.get('content-type')?.startsWith('text/event-stream'))
        controller.abort();
      else texts.push(await res.text());
    }
  }
  for (const bytes of [
    `GET /sse?${query} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${secret}\r\nBad Header\r\n\r\n`,
    `GET /sse HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${secret}\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`,
    `GET /%ff?${query} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Api-Key: ${secret}\r\n\r\n`,
  ])
    texts.push(await rawHttp(port, bytes).closed());
}

function expectNoSecret(texts: readonly string[], more: readonly string[] = []): void {
  expect(texts.length).toBeGreaterThan(10);
  for (const text of texts)
    for (const secret of [...SECRETS, ...more])
      if (text.includes(secret)) throw new Error(`${secret} in ${text}`);
}

describe('secrets', () => {
  it.each([
    ['a wrong key', WRONG_KEY],
    ['the right key', API_KEY],
    ['the admin key', ADMIN_KEY],
    ['an expired token', hmacToken({ email: IN_CLAIM, exp: inSeconds(-60) })],
    ['a token for nothing', hmacToken({ email: IN_CLAIM, sub: IN_CLAIM })],
    ['a token that anyone made', hmacToken({ email: IN_CLAIM }, WRONG_KEY)],
  ])('are in no answer and no log line, after %s', async (_, secret) => {
    const observed = await start({ JWT_SECRET, JWT_COOKIE: 'session', CORS_ORIGINS: 'https://app.example' });
    await driveEveryError(observed, secret);
    expectNoSecret(observed.texts, [secret]);
  });

  it('are in no log line when the key set cannot be fetched', async () => {
    const issuer = createServer((_req, res) => res.writeHead(500).end(API_KEY));
    await new Promise<void>((resolve) => issuer.listen(0, '127.0.0.1', resolve));
    ends.push(() => new Promise((resolve) => issuer.close(() => resolve())));
    const observed = await start({
      JWT_JWKS_URL: `http://127.0.0.1:${(issuer.address() as AddressInfo).port}/jwks`,
      JWKS_RETRY_MS: '0',
    });
    const token = rsaSigner().token({ email: IN_CLAIM });
    await driveEveryError(observed, token);
    expect(observed.texts.join()).toContain('auth-unavailable');
    expect(observed.texts.join()).toContain('JWKS fetch failed');
    expectNoSecret(observed.texts, [token]);
  });

  it('are not on a stream or the admin page either', async () => {
    const observed = await start({ JWT_SECRET, JWT_COOKIE: 'session' });
    const url = `http://127.0.0.1:${observed.port}`;
    const token = hmacToken({ subscribe: ['/'], publish: ['/'] });
    const client = await openStream(`${url}/events?meta=1`, { headers: { Cookie: `session=${token}` } });
    await fetch(`${url}/broadcast/shop`, { method: 'POST', body: 'x', headers: { 'X-Api-Key': API_KEY } });
    await client.until(({ events }) => events.length === 1);
    const status = async () =>
      (await fetch(`${url}/admin/status.json`, { headers: { Authorization: `Bearer ${ADMIN_KEY}` } })).text();
    await until(async () => (await status()).includes('"msgs_sent":1'), 'it is listed');
    observed.texts.push(client.text(), await status(), ...client.rawHeaders, ...Array(10).fill(''));
    expectNoSecret(observed.texts, [token]);
  });

  it('are not in the faults of a configuration', () => {
    const faulty = {
      API_KEYS: `shop=${API_KEY};no-channel,x y=${WRONG_KEY}`,
      JWT_SECRET: IN_CLAIM,
      JWT_ALGORITHMS: 'RS256',
      ADMIN_KEYS: ADMIN_KEY,
      JWT_JWKS_URL: `https://user:${ADMIN_KEY}@issuer.example`,
      KAFKA_SASL_PASSWORD: IN_URL,
      PORT: 'x',
    };
    let text = '';
    try {
      parseConfig(faulty);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      text = `${error.message}${error.stack}${JSON.stringify(error)}`;
    }
    expect(text).toContain('API_KEYS');
    expect(text).toContain('JWT_SECRET');
    for (const secret of SECRETS) expect(text).not.toContain(secret);
  });
});
