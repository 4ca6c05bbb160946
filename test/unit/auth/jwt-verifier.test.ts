import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createJwtVerifier } from '../../../src/auth/jwt-verifier';
import { parseConfig } from '../../../src/config';
import type { GatewayError } from '../../../src/errors';
import { faultsOf } from '../../support/config-faults';
import { createQuietLogger } from '../../support/quiet-logger';
import {
  bareToken,
  type Claims,
  ecSigner,
  hmacToken,
  inSeconds,
  JWT_SECRET,
  rsaSigner,
} from '../../support/tokens';

const rsa = rsaSigner();
const ec = ecSigner();
let directory: string;
let files = 0;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'keys-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

function fileOf(text: string): string {
  const file = join(directory, String(++files));
  writeFileSync(file, text);
  return file;
}

function verifierOf(env: Record<string, string>) {
  return createJwtVerifier(parseConfig(env).auth.jwt!, createQuietLogger());
}

async function refusalOf(env: Record<string, string>, token: string): Promise<GatewayError> {
  return verifierOf(env)
    .verify(token)
    .then(
      () => {
        throw new Error('was taken');
      },
      (error: GatewayError) => error,
    );
}

describe('a token', () => {
  it('says who, what and until when', async () => {
    const exp = inSeconds(60);
    const token = hmacToken({ sub: 'alice', subscribe: ['/a', '/b/c'], publish: '/p', exp });
    await expect(verifierOf({ JWT_SECRET, JWT_CLOCK_SKEW_MS: '3000' }).verify(token)).resolves.toEqual({
      subject: 'alice',
      subscribe: { channels: ['/a', '/b/c'], missingClaims: [] },
      publish: { channels: ['/p'], missingClaims: [] },
      expiresAtMs: exp * 1_000 + 3_000,
    });
  });

  it.each([
    ['/a', ['/a']],
    [
      ['/a', '/b'],
      ['/a', '/b'],
    ],
    [
      ['/a', 'b', '/c/', '', 7, null, { d: 1 }, '/e/../f'],
      ['/a', '/b'],
    ],
    [undefined, []],
    [null, []],
    [7, []],
    ['', []],
    // No wildcard: a channel of that name.
    ['*', ['/*']],
    [{ 0: '/a', length: 1 }, []],
  ])('with the claim %j grants %j', async (subscribe, granted) => {
    const token = hmacToken({ subscribe });
    expect((await verifierOf({ JWT_SECRET }).verify(token)).subscribe.channels).toEqual(granted);
  });

  it('has its channels in the claim that is configured, also inside another one', async () => {
    const token = hmacToken({
      'https://a.example/sub': ['/dots'],
      gateway: { sub: ['/nested'] },
    });
    const claimed = async (claim: string) =>
      (await verifierOf({ JWT_SECRET, JWT_SUBSCRIBE_CLAIM: claim }).verify(token)).subscribe.channels;
    expect(await claimed('https://a.example/sub')).toEqual(['/dots']);
    expect(await claimed('gateway.sub')).toEqual(['/nested']);
    for (const claim of ['gateway', 'gateway.none', 'gateway.sub.x', 'constructor.name', '__proto__'])
      expect(await claimed(claim)).toEqual([]);
  });
});

describe('a token is refused', () => {
  const env = {
    JWT_SECRET,
    JWT_ISSUER: 'https://issuer',
    JWT_AUDIENCE: 'gateway',
    JWT_CLOCK_SKEW_MS: '60000',
  };
  const good = { iss: 'https://issuer', aud: 'gateway' };

  it('not when all is right', async () => {
    for (const claims of [good, { ...good, aud: ['other', 'gateway'] }, { ...good, exp: inSeconds(-5) }])
      await expect(verifierOf(env).verify(hmacToken(claims))).resolves.toBeDefined();
  });

  it.each<[string, Claims, string]>([
    ['expired', { ...good, exp: inSeconds(-120) }, 'expired'],
    ['without exp', { ...good, exp: undefined }, 'invalid'],
    ['with an exp that is no number', { ...good, exp: 'never' }, 'invalid'],
    ['not yet valid', { ...good, nbf: inSeconds(300) }, 'invalid'],
    ['of another issuer', { ...good, iss: 'https://other' }, 'invalid'],
    ['without issuer', { aud: 'gateway' }, 'invalid'],
    ['for another audience', { ...good, aud: 'other' }, 'invalid'],
    ['for other audiences', { ...good, aud: ['other', 'gateways'] }, 'invalid'],
    ['without audience', { iss: 'https://issuer' }, 'invalid'],
  ])('%s', async (_, claims, reason) => {
    const error = await refusalOf(env, hmacToken(claims));
    expect(error).toMatchObject({ code: 'unauthorized', details: { reason } });
  });

  it.each([
    ['unsigned', bareToken(good)],
    ['unsigned, in capitals', bareToken(good, 'None')],
    ['unsigned, but said to be signed', bareToken(good, 'HS256')],
    ['signed with another secret', hmacToken(good, `${JWT_SECRET}.`)],
    ['signed by another algorithm', hmacToken(good, JWT_SECRET, { alg: 'HS512' })],
    ['with an extension that must be understood', hmacToken(good, JWT_SECRET, { crit: ['x'], x: 1 })],
    [
      'changed',
      hmacToken(good).replace(/\.[^.]+\./, `.${Buffer.from('{"exp":9e9}').toString('base64url')}.`),
    ],
    ['cut', hmacToken(good).slice(0, -1)],
    ['no token', 'abc'],
    ['no JSON', 'e30.abc.def'],
    ['empty parts', '..'],
    ['very long', `${'a'.repeat(10_000)}.${'b'.repeat(10_000)}.c`],
  ])('%s', async (_, token) => {
    expect(await refusalOf(env, token)).toMatchObject({
      code: 'unauthorized',
      details: { reason: 'invalid' },
    });
  });

  it('and what it says is not in the error', async () => {
    const error = await refusalOf(env, hmacToken({ ...good, aud: 'other', email: 'alice@a.example' }));
    expect(JSON.stringify({ ...error, message: error.message, cause: error.cause })).not.toContain('alice');
  });
});

describe('public keys', () => {
  it('are taken as PEM or as a key set', async () => {
    const pem = { JWT_KEY_FILE: fileOf(rsa.publicPem) };
    await expect(verifierOf(pem).verify(rsa.token({}))).resolves.toBeDefined();
    const set = {
      JWT_KEY_FILE: fileOf(JSON.stringify({ keys: [ec.jwk, rsa.jwk] })),
      JWT_ALGORITHMS: 'RS256,ES256',
    };
    await expect(verifierOf(set).verify(rsa.token({}))).resolves.toBeDefined();
    await expect(verifierOf(set).verify(ec.token({}))).resolves.toBeDefined();
    expect((await refusalOf(set, ecSigner('other').token({}))).code).toBe('unauthorized');
    expect((await refusalOf(set, rsaSigner('ec').token({}))).code).toBe('unauthorized');
  });

  it('are never taken for a shared secret', async () => {
    const env = { JWT_KEY_FILE: fileOf(rsa.publicPem), JWT_ALGORITHMS: 'RS256' };
    for (const secret of [rsa.publicPem, rsa.publicPem.trim(), Buffer.from(rsa.publicPem)])
      expect((await refusalOf(env, hmacToken({}, secret))).code).toBe('unauthorized');
  });

  it('verify only what their algorithm is for', async () => {
    const env = { JWT_KEY_FILE: fileOf(ec.publicPem), JWT_ALGORITHMS: 'RS256,ES256' };
    await expect(verifierOf(env).verify(ec.token({}))).resolves.toBeDefined();
    expect((await refusalOf(env, rsa.token({}))).code).toBe('unauthorized');
    expect((await refusalOf(env, ec.token({}, { alg: 'RS256' }))).code).toBe('unauthorized');
    expect((await refusalOf({ JWT_KEY_FILE: env.JWT_KEY_FILE }, ec.token({}))).code).toBe('unauthorized');
  });

  it('may not come from the token itself', async () => {
    const env = { JWT_KEY_FILE: fileOf(rsa.publicPem) };
    const mallory = rsaSigner('mallory');
    expect((await refusalOf(env, mallory.token({}, { jwk: mallory.jwk }))).code).toBe('unauthorized');
    expect((await refusalOf(env, mallory.token({}, { jku: 'http://127.0.0.1:9/' }))).code).toBe(
      'unauthorized',
    );
  });
});

describe('the configuration of tokens', () => {
  const SOURCES = { JWT_SECRET, JWT_JWKS_URL: 'https://issuer/jwks' };

  it.each<[string, Record<string, string>, string]>([
    ['two sources of keys', SOURCES, 'must not be set together'],
    ['a short secret', { JWT_SECRET: 'x'.repeat(31) }, 'JWT_SECRET must have at least 32 bytes'],
    ['a password in the URL', { JWT_JWKS_URL: 'https://a:b@issuer/jwks' }, 'JWT_JWKS_URL must not hold'],
    ['no URL', { JWT_JWKS_URL: 'file:///etc/passwd' }, 'JWT_JWKS_URL must be'],
    [
      'HS256 with public keys',
      { JWT_JWKS_URL: 'https://issuer', JWT_ALGORITHMS: 'RS256,HS256' },
      'must not have HS256',
    ],
    ['RS256 with a secret', { JWT_SECRET, JWT_ALGORITHMS: 'RS256' }, 'must not have RS256'],
    ['none', { JWT_SECRET, JWT_ALGORITHMS: 'none' }, 'must not have none'],
    ['templates without keys', { JWT_SUBSCRIBE: '/a/{sub}' }, 'JWT_SUBSCRIBE needs OIDC_ISSUER'],
    ['half a segment', { JWT_SECRET, JWT_SUBSCRIBE: '/a/x{sub}' }, 'JWT_SUBSCRIBE entry "/a/x{sub}"'],
    [
      'an issuer beside a key',
      { JWT_SECRET, OIDC_ISSUER: 'https://i' },
      'OIDC_ISSUER and JWT_SECRET must not',
    ],
    ['an audience without keys', { JWT_AUDIENCE: 'x' }, 'JWT_AUDIENCE needs OIDC_ISSUER'],
    ['a cookie without keys', { JWT_COOKIE: 'x' }, 'JWT_COOKIE needs OIDC_ISSUER'],
    ['public channels without keys', { PUBLIC_CHANNELS: '/a' }, 'PUBLIC_CHANNELS needs OIDC_ISSUER'],
    ['a public channel that is none', { JWT_SECRET, PUBLIC_CHANNELS: 'a/' }, 'PUBLIC_CHANNELS entry'],
    ['a name that is no cookie', { JWT_SECRET, JWT_COOKIE: 'a b' }, 'JWT_COOKIE must be'],
  ])('with %s is refused, without a word of the secret', (_, env, fault) => {
    const faults = faultsOf(env);
    expect(faults.join()).toContain(fault);
    expect(faults.join()).not.toContain(JWT_SECRET);
  });

  it('names a key file that cannot be one', () => {
    const privateJwk = JSON.stringify({ keys: [{ ...rsa.jwk, d: 'x' }] });
    for (const text of ['', 'x', '{}', '{"keys":[]}', '{', privateJwk, '{"keys":[{"kty":"oct","k":"x"}]}'])
      expect(faultsOf({ JWT_KEY_FILE: fileOf(text) })).toEqual([expect.stringMatching(/^JWT_KEY_FILE /)]);
    const key = '-----BEGIN PRIVATE KEY-----\nx\n-----END PRIVATE KEY-----\n';
    expect(faultsOf({ JWT_KEY_FILE: fileOf(key) })[0]).toContain('private key');
  });
});
