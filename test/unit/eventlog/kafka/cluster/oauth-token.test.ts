import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { TokenError } from '../../../../../src/eventlog/kafka/cluster/connection-error';
import { createMskTokens, createOauthTokens } from '../../../../../src/eventlog/kafka/cluster/oauth-token';
import { bareToken } from '../../../../support/tokens';

const TIMEOUT_MS = 5_000;
const START_MS = 1_700_000_000_000;

/** Answers each request for a token as told. */
async function startService(answers: ((response: ServerResponse, nth: number) => void)[]) {
  let requests = 0;
  const server = createServer((request, response) => {
    request.resume().on('end', () => answers[Math.min(requests, answers.length - 1)]!(response, requests++));
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  closers.push(() => {
    server.closeAllConnections();
    server.close();
  });
  const tokens = createOauthTokens(
    {
      tokenUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/token?secret=1`,
      clientId: 'c',
      clientSecret: 's',
      scope: null,
      extensions: { logicalCluster: 'lkc-1' },
    },
    TIMEOUT_MS,
  );
  return { tokens, requests: () => requests };
}

const closers: (() => void)[] = [];
let nowMs = START_MS;

beforeEach(() => {
  nowMs = START_MS;
  jest.spyOn(Date, 'now').mockImplementation(() => nowMs);
});
afterEach(() => {
  jest.restoreAllMocks();
  for (const close of closers.splice(0)) close();
});

const grant = (seconds: number | string) => (response: ServerResponse, nth: number) =>
  response.end(JSON.stringify({ access_token: `token ${nth}`, expires_in: seconds }));

it('shares one request among those that ask together, and keeps the token for 80 % of its life', async () => {
  const { tokens, requests } = await startService([grant('100')]);
  const together = await Promise.all([tokens(), tokens(), tokens()]);
  expect(together.map(({ value }) => value)).toEqual(['token 0', 'token 0', 'token 0']);
  expect(together[0]!.extensions).toEqual({ logicalCluster: 'lkc-1' });
  nowMs = START_MS + 79_999;
  expect((await tokens()).value).toBe('token 0');
  nowMs = START_MS + 80_000;
  expect((await tokens()).value).toBe('token 1');
  expect(requests()).toBe(2);
});

it('uses the old token while a new one cannot be had, for as long as it lasts', async () => {
  const away = (response: ServerResponse) => response.writeHead(503).end();
  const { tokens } = await startService([grant(100), away]);
  await tokens();
  nowMs = START_MS + 99_999;
  expect((await tokens()).value).toBe('token 0');
  nowMs = START_MS + 100_000;
  await expect(tokens()).rejects.toBeInstanceOf(TokenError);
});

it('reads the end of a token from its claim when the answer does not say it', async () => {
  const exp = START_MS / 1_000 + 100;
  const jwt = bareToken({ exp });
  const { tokens, requests } = await startService([
    (response) => response.end(JSON.stringify({ access_token: jwt })),
  ]);
  await tokens();
  nowMs = START_MS + 79_999;
  await tokens();
  expect(requests()).toBe(1);
  nowMs = START_MS + 80_000;
  await tokens();
  expect(requests()).toBe(2);
});

it('asks each time for a token of which nobody says when it ends', async () => {
  const { tokens, requests } = await startService([
    (response) => response.end(JSON.stringify({ access_token: 'opaque' })),
  ]);
  await tokens();
  await tokens();
  expect(requests()).toBe(2);
});

it('does not show the query of the URL, and does not follow a redirect with the secret', async () => {
  const { tokens } = await startService([(response) => response.writeHead(307, { location: '/x' }).end()]);
  const error = await tokens().catch((thrown: Error) => thrown);
  expect(error).toBeInstanceOf(TokenError);
  expect((error as Error).message).toMatch(/\/token: /);
});

jest.mock(
  'aws-msk-iam-sasl-signer-js',
  () => ({
    generateAuthToken: async ({ region }: { region: string }) => {
      if (region === 'nowhere') throw new Error('no credentials');
      return { token: `for ${region}`, expiryTime: Date.now() + 100_000 };
    },
  }),
  { virtual: true },
);

it('takes tokens of Amazon MSK from its signer', async () => {
  expect(await createMskTokens('eu-central-1')()).toEqual({ value: 'for eu-central-1', extensions: {} });
  await expect(createMskTokens('nowhere')()).rejects.toThrow('no token for Amazon MSK: no credentials');
});
