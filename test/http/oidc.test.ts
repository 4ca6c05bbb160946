import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { startGateway, type TestGateway } from '../support/gateway';
import { openStream } from '../support/sse-client';
import { rsaSigner } from '../support/tokens';
import { until } from '../support/until';

jest.setTimeout(30_000);

const SETTINGS = {
  JWT_AUDIENCE: 'gateway',
  JWT_SUBSCRIBE: '/orders/{sub},/teams/{teams}',
  JWT_PUBLISH: '/orders/{sub}',
  JWKS_COOLDOWN_MS: '0',
  JWKS_RETRY_MS: '50',
};

const headersOf = (token: string) => ({ Authorization: `Bearer ${token}`, 'X-Sse-Failover': '1' });

async function statusOf({ url }: TestGateway, channel: string, token: string): Promise<number> {
  const client = await openStream(`${url}/subscribe${channel}`, { headers: headersOf(token) });
  client.close();
  return client.status;
}

describe('a real OpenID provider', () => {
  let provider: ChildProcess;
  let issuer: string;
  beforeAll(async () => {
    provider = fork(join(__dirname, '../support/oidc-provider.mjs'), { silent: true });
    [issuer] = (await once(provider, 'message')) as [string];
  });
  afterAll(async () => {
    provider.disconnect();
    await once(provider, 'exit');
  });

  async function tokenFor(client: string): Promise<string> {
    const answer = await fetch(`${issuer}/token`, {
      method: 'POST',
      headers: { authorization: `Basic ${Buffer.from(`${client}:${client}-secret`).toString('base64')}` },
      body: new URLSearchParams({ grant_type: 'client_credentials', resource: 'urn:gateway' }),
    });
    const { access_token } = (await answer.json()) as { access_token: string };
    expect(access_token.split('.')).toHaveLength(3);
    return access_token;
  }

  it('is found by its name, and its tokens grant by sub and by a list', async () => {
    const gateway = await startGateway({ ...SETTINGS, OIDC_ISSUER: issuer });
    const alice = await tokenFor('alice');
    for (const channel of ['/orders/alice', '/teams/alice-1', '/teams/alice-2'])
      expect(await statusOf(gateway, channel, alice)).toBe(200);
    for (const channel of ['/orders/bob', '/teams/bob-1', '/teams', '/'])
      expect(await statusOf(gateway, channel, alice)).toBe(403);
    expect(await statusOf(gateway, '/orders/bob', await tokenFor('bob'))).toBe(200);
  });

  it('may rotate its keys while streams are open', async () => {
    const gateway = await startGateway({ ...SETTINGS, OIDC_ISSUER: issuer });
    const before = await tokenFor('alice');
    const stream = await openStream(`${gateway.url}/subscribe/orders/alice`, { headers: headersOf(before) });
    provider.send('rotate');
    await once(provider, 'message');
    const after = await tokenFor('alice');
    expect(await statusOf(gateway, '/orders/alice', after)).toBe(200);
    expect(await statusOf(gateway, '/orders/alice', before)).toBe(401);
    const body = { method: 'POST', body: 'still here', headers: headersOf(after) };
    expect((await fetch(`${gateway.url}/broadcast/orders/alice`, body)).status).toBe(202);
    await stream.until(({ events }) => events.some(({ data }) => data === 'still here'));
  });
});

describe('a provider that is not as it must be', () => {
  const signer = rsaSigner();
  const state = { answer: (_res: ServerResponse): void => undefined, requests: 0 };
  const server = createServer((req, res) => {
    if (req.url === '/keys') return res.end(JSON.stringify({ keys: [signer.jwk] }));
    state.requests++;
    return state.answer(res);
  });
  let issuer: string;
  beforeAll(async () => {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });
  const right = (res: ServerResponse) => res.end(JSON.stringify({ issuer, jwks_uri: `${issuer}/keys` }));

  it.each<[string, (res: ServerResponse) => unknown]>([
    [
      'is another issuer',
      (res) => res.end(JSON.stringify({ issuer: 'https://other', jwks_uri: `${issuer}/keys` })),
    ],
    ['sends elsewhere', (res) => res.writeHead(302, { location: `${issuer}/right` }).end()],
    ['fails', (res) => res.writeHead(500).end()],
    ['has no key set', (res) => res.end(JSON.stringify({ issuer }))],
    ['sends without end', (res) => void setInterval(() => res.write('x'.repeat(4_096)), 1).unref()],
    ['is silent', () => undefined],
  ])('lets nobody in while it %s, and all once it is right', async (_, answer) => {
    state.answer = answer;
    const gateway = await startGateway({
      ...SETTINGS,
      OIDC_ISSUER: issuer,
      JWKS_TIMEOUT_MS: '300',
      OIDC_MAX_BYTES: '20000',
    });
    const token = signer.token({ iss: issuer, aud: 'gateway', sub: 'alice' });
    expect(await statusOf(gateway, '/orders/alice', token)).toBe(503);
    expect(gateway.logged.some(({ message }) => message === 'OpenID discovery failed')).toBe(true);
    state.answer = right;
    await until(async () => (await statusOf(gateway, '/orders/alice', token)) === 200, 'it lets in');
  });

  it('is asked once for many tokens, and again no sooner than its answer is old', async () => {
    state.answer = right;
    state.requests = 0;
    const gateway = await startGateway({ ...SETTINGS, OIDC_ISSUER: issuer });
    const token = signer.token({ iss: issuer, aud: 'gateway', sub: 'alice' });
    const statuses = await Promise.all(
      Array.from({ length: 20 }, () => statusOf(gateway, '/orders/alice', token)),
    );
    expect(new Set(statuses)).toEqual(new Set([200]));
    expect(state.requests).toBe(1);
    const others = signer.token({ iss: 'https://other', aud: 'gateway', sub: 'alice' });
    expect(await statusOf(gateway, '/orders/alice', others)).toBe(401);
  });
});
