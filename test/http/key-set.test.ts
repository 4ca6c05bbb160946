import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { startGateway, type TestGateway } from '../support/gateway';
import { openStream } from '../support/sse-client';
import { rsaSigner, type Signer } from '../support/tokens';
import { until } from '../support/until';

jest.setTimeout(30_000);

/** Who issues the tokens: the far side, so a fake one. */
interface Issuer {
  readonly url: string;
  keys: readonly Signer[];
  state: 'up' | 'error' | 'junk' | 'silent';
  requests: number;
  close(): Promise<void>;
}

const first = rsaSigner('first');
const second = rsaSigner('second');
const issuers = new Set<Issuer>();
afterEach(async () => {
  for (const issuer of issuers) await issuer.close();
});

async function startIssuer(): Promise<Issuer> {
  const server: Server = createServer((_req, res) => {
    issuer.requests++;
    if (issuer.state === 'silent') return;
    if (issuer.state === 'error') res.writeHead(500).end();
    else if (issuer.state === 'junk') res.end('<html>');
    else res.end(JSON.stringify({ keys: issuer.keys.map(({ jwk }) => jwk) }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const issuer: Issuer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks`,
    keys: [first],
    state: 'up',
    requests: 0,
    async close() {
      issuers.delete(issuer);
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
  issuers.add(issuer);
  return issuer;
}

function start({ url }: Issuer, env: Record<string, string> = {}): Promise<TestGateway> {
  return startGateway({ JWT_JWKS_URL: url, JWT_AUDIENCE: 'gateway', JWKS_RETRY_MS: '50', ...env });
}

const tokenOf = (signer: Signer) => ({
  Authorization: `Bearer ${signer.token({ aud: 'gateway', subscribe: ['/'], publish: ['/'] })}`,
});

async function statusOf({ url }: TestGateway, signer: Signer): Promise<number> {
  const client = await openStream(`${url}/sse`, {
    headers: { ...tokenOf(signer), 'X-Sse-Failover': '1' },
  });
  client.close();
  return client.status;
}

describe('a key set', () => {
  it('is fetched once for many tokens', async () => {
    const issuer = await startIssuer();
    const gateway = await start(issuer);
    const statuses = await Promise.all(Array.from({ length: 20 }, () => statusOf(gateway, first)));
    expect(new Set(statuses)).toEqual(new Set([200]));
    expect(issuer.requests).toBe(1);
  });

  it('is fetched again for an unknown key, so that keys can be rotated', async () => {
    const issuer = await startIssuer();
    const gateway = await start(issuer, { JWKS_COOLDOWN_MS: '0' });
    expect(await statusOf(gateway, first)).toBe(200);
    expect(await statusOf(gateway, second)).toBe(401);
    issuer.keys = [first, second];
    expect(await statusOf(gateway, second)).toBe(200);
    expect(await statusOf(gateway, first)).toBe(200);
    issuer.keys = [second];
    expect(await statusOf(gateway, second)).toBe(200);
  });

  it('is fetched no more often than the pause allows, whatever strangers send', async () => {
    const issuer = await startIssuer();
    const gateway = await start(issuer, { JWKS_COOLDOWN_MS: '60000' });
    expect(await statusOf(gateway, first)).toBe(200);
    for (let i = 0; i < 10; i++) expect(await statusOf(gateway, second)).toBe(401);
    expect(issuer.requests).toBe(1);
  });

  it('no longer accepts a removed key once it has expired from the cache', async () => {
    const issuer = await startIssuer();
    const gateway = await start(issuer, { JWKS_CACHE_MS: '50' });
    expect(await statusOf(gateway, first)).toBe(200);
    issuer.keys = [second];
    await until(async () => (await statusOf(gateway, first)) === 401, 'the key is out');
  });

  it.each(['error', 'junk', 'silent'] as const)(
    'that cannot be had (%s) lets nobody in, for now',
    async (state) => {
      const issuer = await startIssuer();
      issuer.state = state;
      const gateway = await start(issuer, { JWKS_TIMEOUT_MS: '300' });
      const { url, rejections, logged } = gateway;
      const browser = await openStream(`${url}/sse`, { headers: tokenOf(first) });
      await browser.until((it) => it.ended());
      expect(browser.status).toBe(200);
      expect(browser.text()).toMatch(
        /^event: gateway\.retry\nretry: \d+\ndata: {"code":"auth-unavailable"}\n\n$/,
      );
      expect(await statusOf(gateway, first)).toBe(503);
      const post = () => fetch(`${url}/broadcast`, { method: 'POST', body: 'x', headers: tokenOf(first) });
      const refused = await post();
      expect(refused.status).toBe(503);
      expect(refused.headers.get('retry-after')).toMatch(/^\d+$/);
      expect(await refused.json()).toMatchObject({ code: 'auth-unavailable' });
      expect(rejections['auth-unavailable']).toBe(3);
      expect(logged.filter(({ message }) => message === 'JWKS fetch failed').length).toBeGreaterThan(0);
      issuer.state = 'up';
      await until(async () => (await statusOf(gateway, first)) === 200, 'it lets in again');
      expect((await post()).status).toBe(202);
    },
  );

  it('that is unreachable lets nobody in, and is not fetched for each request', async () => {
    const issuer = await startIssuer();
    issuer.state = 'error';
    const gateway = await start(issuer, { JWKS_RETRY_MS: '60000' });
    expect(await statusOf(gateway, first)).toBe(503);
    const requests = issuer.requests;
    for (let i = 0; i < 10; i++) expect(await statusOf(gateway, first)).toBe(503);
    expect(issuer.requests).toBe(requests);
    await issuer.close();
    expect(await statusOf(await start(issuer), first)).toBe(503);
  });
});
