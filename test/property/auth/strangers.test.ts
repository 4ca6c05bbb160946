import type { IncomingMessage } from 'node:http';
import fc from 'fast-check';
import { cookieOf, tokenOf } from '../../../src/auth/credentials';
import { grants } from '../../../src/auth/grant';
import { createJwtVerifier } from '../../../src/auth/jwt-verifier';
import { createApiKeys } from '../../../src/auth/publish-guard';
import { parseConfig } from '../../../src/config';
import { parseApiKey } from '../../../src/config/auth-settings';
import { networkOf } from '../../../src/http/client-address';
import { createQuietLogger } from '../../support/quiet-logger';
import { hmacToken, JWT_SECRET } from '../../support/tokens';

jest.setTimeout(30_000);

const verifier = createJwtVerifier(parseConfig({ JWT_SECRET }).auth.jwt!, createQuietLogger());
const codeOf = (token: string) =>
  verifier.verify(token).then(
    () => 'taken',
    (error: { code?: string }) => error.code,
  );

describe('any text', () => {
  it('is no token', async () => {
    const part = fc.oneof(
      fc.string(),
      fc.json().map((json) => Buffer.from(json).toString('base64url')),
      fc.constantFrom('', 'e30', Buffer.from('{"alg":"HS256"}').toString('base64url')),
    );
    const token = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.array(part, { maxLength: 6 }).map((parts) => parts.join('.')),
    );
    await fc.assert(
      fc.asyncProperty(token, async (text) => expect(await codeOf(text)).toBe('unauthorized')),
      {
        numRuns: 1_000,
      },
    );
  });

  it('is no key, and as a key’s setting is never repeated in its fault', () => {
    const keys = createApiKeys(parseConfig({ API_KEYS: 'a=0123456789abcdef' }).auth.apiKeys);
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(keys.find(text)).toBeNull();
        const parsed = parseApiKey(`name=secret ${text}`);
        expect(typeof parsed).toBe('string');
        if (text.length > 8) expect(parsed).not.toContain(text);
      }),
    );
  });

  it('as a header is read without harm', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string(), (text, name) => {
        const req = { headers: { cookie: text, authorization: text } } as unknown as IncomingMessage;
        const token = tokenOf(req, name);
        if (token !== null) expect(text).toContain(token.text);
        const cookie = cookieOf(req, name);
        if (cookie !== null) expect(text).toContain(cookie);
        expect(typeof networkOf(text)).toBe('string');
      }),
    );
  });
});

describe('a token', () => {
  it('is none any more when any character of it is another one', async () => {
    const good = hmacToken({ sub: 'alice', subscribe: ['/'] });
    expect(await codeOf(good)).toBe('taken');
    await fc.assert(
      fc.asyncProperty(
        fc.nat(good.length - 2),
        fc.constantFrom('A', 'b', '7', '-', '.', '=', ' '),
        async (at, other) => {
          fc.pre(good[at] !== other);
          expect(await codeOf(good.slice(0, at) + other + good.slice(at + 1))).toBe('unauthorized');
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe('a grant', () => {
  it('brings exactly the channel and those below it', () => {
    const channel = fc
      .array(fc.constantFrom('a', 'b', 'ab', 'a b', 'ä'), { minLength: 1, maxLength: 4 })
      .map((segments) => `/${segments.join('/')}`);
    fc.assert(
      fc.property(fc.array(channel, { maxLength: 3 }), channel, (channels, asked) => {
        const segments = asked.split('/');
        const prefixes = segments.map((_, i) => segments.slice(0, i + 1).join('/')).slice(1);
        const expected = channels.some((granted) => prefixes.includes(granted));
        expect(grants({ holder: null, channels, missingClaims: [], expiresAtMs: null }, asked)).toBe(
          expected,
        );
        expect(grants({ holder: null, channels, missingClaims: [], expiresAtMs: null }, '/')).toBe(false);
        expect(grants({ holder: null, channels: ['/'], missingClaims: [], expiresAtMs: null }, asked)).toBe(
          true,
        );
      }),
    );
  });
});
