import { createHash, createPublicKey, type KeyObject } from 'node:crypto';
import { z } from 'zod';
import { channelFault, channelOf } from '../wire/channel';
import { type GrantTemplate, parseGrantTemplate } from './grant-template';
import { bytes, file, int, list, ms, type SettingsOf, text } from './setting-types';

/** RFC 7518 §3.2 for HS256. */
const MIN_SECRET_BYTES = 32;
const SYMMETRIC = ['HS256', 'HS384', 'HS512'];
const ASYMMETRIC = ['RS', 'PS', 'ES']
  .flatMap((family) => [256, 384, 512].map((bits) => `${family}${bits}`))
  .concat('EdDSA', 'Ed25519');
const NEEDS_JWT = 'needs OIDC_ISSUER, JWT_JWKS_URL, JWT_KEY_FILE or JWT_SECRET';

export const AUTH_SETTINGS = {
  API_KEYS: apiKeys().describe(
    'keys that may publish: `name=secret` or `name=sha256:<hex>`, each with `;/channel` to limit it; unset, with no `JWT_*` either: anyone may publish',
  ),
  API_KEYS_FILE: file()
    .unwrap()
    .transform((content, context) => apiKeysIn(content.split('\n'), context))
    .optional()
    .describe('file with one key per line, each as in API_KEYS'),
  JWT_JWKS_URL: z
    .url({ protocol: /^https?$/, error: 'must be an http or https URL' })
    .refine((url) => !/^[^/]*\/\/[^/]*@/.test(url), 'must not hold a user or password')
    .optional()
    .describe(
      'URL of the key set (JWKS) that verifies tokens; with it, JWT_KEY_FILE or JWT_SECRET, subscribing needs a token',
    ),
  OIDC_ISSUER: z
    .url({ protocol: /^https?$/, error: 'must be an http or https URL' })
    .refine(
      (url) => !/[?#]|^[^/]*\/\/[^/]*@/.test(url),
      'must not hold a query, a fragment, a user or a password',
    )
    .optional()
    .describe(
      'issuer of the tokens (OpenID Connect): its key set is found by discovery, and `iss` must be this; instead of JWT_JWKS_URL and JWT_ISSUER',
    ),
  JWT_KEY_FILE: file().describe('PEM file of the public key or certificate, or a JWKS as JSON'),
  JWT_SECRET: z
    .string()
    .refine((secret) => Buffer.byteLength(secret) >= MIN_SECRET_BYTES, 'must have at least 32 bytes')
    .optional()
    .describe('shared secret of HS256 tokens, at least 32 bytes'),
  JWT_ALGORITHMS: list(undefined, algorithmOf)
    .unwrap()
    .optional()
    .describe('accepted algorithms; unset: `RS256`, with JWT_SECRET `HS256`'),
  JWT_ISSUER: z.string().optional().describe('required `iss` of a token; unset: any'),
  JWT_AUDIENCE: z.string().optional().describe('required `aud` of a token; unset: any'),
  JWT_SUBSCRIBE_CLAIM: text('subscribe').describe(
    'claim with the channels that a token may subscribe to; `a.b` is b inside a',
  ),
  JWT_PUBLISH_CLAIM: text('publish').describe('claim with the channels that a token may publish to'),
  JWT_COOKIE: z
    .string()
    .regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, 'must be the name of a cookie')
    .optional()
    .describe('cookie that may carry the token, since EventSource sends no headers; unset: none'),
  JWT_SUBSCRIBE: grantTemplates().describe(
    'channels that a token may subscribe to, made of its claims: `/orders/{sub},/tenants/{tenant_id}`; a claim with a list gives one channel for each of its values',
  ),
  JWT_PUBLISH: grantTemplates().describe(
    'channels that a token may publish to, made of its claims in the same way',
  ),
  JWT_MAX_GRANTS: int(1_000, 1, 100_000).describe(
    'most channels that the claims of one token may make by JWT_SUBSCRIBE or JWT_PUBLISH; a token with more is rejected',
  ),
  JWT_CLOCK_SKEW_MS: ms(5_000, 0).describe(
    'tolerated difference between clocks when `exp` and `nbf` are checked',
  ),
  JWKS_TIMEOUT_MS: ms(5_000, 10).describe('longest time of one request for the key set'),
  OIDC_MAX_BYTES: bytes(256 << 10, 1024).describe(
    'largest document in which OIDC_ISSUER says where its key set is',
  ),
  JWKS_CACHE_MS: ms(600_000, 0).describe('age after which the key set is fetched again'),
  JWKS_COOLDOWN_MS: ms(30_000, 0).describe(
    'shortest time between two fetches of the key set because of a token with an unknown key',
  ),
  JWKS_RETRY_MS: ms(1_000, 0).describe(
    'pause after a failed fetch of the key set, or of what OIDC_ISSUER says of itself',
  ),
  TOKEN_NOTICE_MS: ms(30_000, 0).describe(
    'how long before a token expires its stream gets `gateway.token-expiring`',
  ),
  PUBLIC_CHANNELS: list(channelFault, channelOf).describe(
    'channels that need no token, with all channels below them; `/`: all',
  ),
} as const;

type AuthSettings = SettingsOf<typeof AUTH_SETTINGS>;

export function authConfig(s: AuthSettings) {
  return {
    apiKeys: allApiKeys(s),
    /** Null: tokens are ignored, and anyone may subscribe. */
    jwt: jwtConfig(s),
    /** Null: only the header may carry a token. */
    cookie: s.JWT_COOKIE ?? null,
    publicChannels: s.PUBLIC_CHANNELS,
    noticeMs: s.TOKEN_NOTICE_MS,
  };
}

function jwtConfig(s: AuthSettings) {
  const source =
    s.OIDC_ISSUER !== undefined
      ? { kind: 'issuer' as const, issuer: s.OIDC_ISSUER }
      : s.JWT_JWKS_URL !== undefined
        ? { kind: 'url' as const, url: s.JWT_JWKS_URL }
        : s.JWT_KEY_FILE !== undefined
          ? { kind: 'file' as const, text: s.JWT_KEY_FILE }
          : s.JWT_SECRET !== undefined
            ? { kind: 'secret' as const, secret: s.JWT_SECRET }
            : null;
  if (source === null) return null;
  return {
    source,
    algorithms: s.JWT_ALGORITHMS ?? [source.kind === 'secret' ? 'HS256' : 'RS256'],
    /** Null: any. */
    issuer: s.OIDC_ISSUER ?? s.JWT_ISSUER ?? null,
    /** Null: any. */
    audience: s.JWT_AUDIENCE ?? null,
    subscribe: { claim: s.JWT_SUBSCRIBE_CLAIM, templates: s.JWT_SUBSCRIBE, maxChannels: s.JWT_MAX_GRANTS },
    publish: { claim: s.JWT_PUBLISH_CLAIM, templates: s.JWT_PUBLISH, maxChannels: s.JWT_MAX_GRANTS },
    clockSkewMs: s.JWT_CLOCK_SKEW_MS,
    jwks: {
      timeoutMs: s.JWKS_TIMEOUT_MS,
      maxBytes: s.OIDC_MAX_BYTES,
      cacheMs: s.JWKS_CACHE_MS,
      cooldownMs: s.JWKS_COOLDOWN_MS,
      retryMs: s.JWKS_RETRY_MS,
    },
  };
}

export function* authContradictions(s: AuthSettings): Iterable<string> {
  const keys = allApiKeys(s);
  for (const [i, { name, digest }] of keys.entries()) {
    if (keys.findIndex((key) => key.name === name || key.digest === digest) !== i)
      yield `API_KEYS has ${name} or its secret twice`;
  }
  const sources = (['OIDC_ISSUER', 'JWT_JWKS_URL', 'JWT_KEY_FILE', 'JWT_SECRET'] as const).filter(
    (name) => s[name] !== undefined,
  );
  if (sources.length > 1) yield `${sources.join(' and ')} must not be set together`;
  if (s.OIDC_ISSUER !== undefined && s.JWT_ISSUER !== undefined)
    yield 'JWT_ISSUER must not be set beside OIDC_ISSUER, which says the same';
  // Setting one of these without keys would suggest a protection that is not there.
  const needless = (['JWT_ALGORITHMS', 'JWT_ISSUER', 'JWT_AUDIENCE', 'JWT_COOKIE'] as const).filter(
    (name) => s[name] !== undefined,
  );
  if (s.PUBLIC_CHANNELS.length > 0 && sources.length === 0)
    yield `PUBLIC_CHANNELS ${NEEDS_JWT}: without them every channel is public`;
  if (sources.length === 0) for (const name of needless) yield `${name} ${NEEDS_JWT}`;
  for (const name of ['JWT_SUBSCRIBE', 'JWT_PUBLISH'] as const)
    if (sources.length === 0 && s[name].length > 0) yield `${name} ${NEEDS_JWT}`;
  // A public key used as an HMAC secret would let anyone sign tokens (RFC 8725 §3.1).
  const fitting = s.JWT_SECRET === undefined ? ASYMMETRIC : SYMMETRIC;
  for (const algorithm of s.JWT_ALGORITHMS ?? []) {
    if (!fitting.includes(algorithm))
      yield `JWT_ALGORITHMS must not have ${algorithm} with ${s.JWT_SECRET === undefined ? 'public keys' : 'JWT_SECRET'}, only ${fitting.join(', ')}`;
  }
  if (s.JWT_KEY_FILE !== undefined) {
    try {
      parseJwtKeyText(s.JWT_KEY_FILE);
    } catch (error) {
      yield `JWT_KEY_FILE ${(error as Error).message}`;
    }
  }
}

function allApiKeys(s: AuthSettings): readonly ApiKeySetting[] {
  return [...s.API_KEYS, ...(s.API_KEYS_FILE ?? [])];
}

/** Channels with claims in braces, separated by commas. */
function grantTemplates() {
  return z
    .string()
    .transform((words, context): GrantTemplate[] => {
      const found: GrantTemplate[] = [];
      for (const word of words
        .split(',')
        .map((part) => part.trim())
        .filter((part) => part !== '')) {
        const template = parseGrantTemplate(word);
        if (typeof template !== 'string') found.push(template);
        else context.addIssue({ code: 'custom', message: `entry "${word}" ${template}` });
      }
      return found;
    })
    .default([]);
}

/** The spelling of RFC 7518 and RFC 8037; an unknown algorithm stays as it is. */
function algorithmOf(text: string): string {
  return [...SYMMETRIC, ...ASYMMETRIC].find((name) => name.toLowerCase() === text.toLowerCase()) ?? text;
}

/** Keys separated by commas. A fault names the key, never its secret. */
function apiKeys() {
  return z
    .string()
    .transform((words, context) => apiKeysIn(words.split(','), context))
    .default([]);
}

function apiKeysIn(words: readonly string[], context: z.RefinementCtx): ApiKeySetting[] {
  const found: ApiKeySetting[] = [];
  for (const word of words.map((part) => part.trim()).filter((part) => part !== '')) {
    const key = parseApiKey(word);
    if (typeof key !== 'string') found.push(key);
    else context.addIssue({ code: 'custom', message: key });
  }
  return found;
}

export interface ApiKeySetting {
  readonly name: string;
  /** SHA-256 of the secret, 64 hexadecimal digits. */
  readonly digest: string;
  /** Channels that it may publish to, each with the channels below it. */
  readonly channels: readonly string[];
}

const NAME = /^[A-Za-z0-9_-]{1,64}$/;
/** The characters of a bearer token (RFC 6750 §2.1). */
const SECRET = /^[A-Za-z0-9._~+/-]{16,256}=*$/;
const DIGEST = /^sha256:([0-9a-f]{64})$/i;

/**
 * `name=secret` or `name=sha256:<hex>`, followed by `;/channel` for each channel granted; without any, all are granted.
 * @returns the key, or what is wrong with it: a sentence without a subject, which never contains the secret
 */
export function parseApiKey(text: string): ApiKeySetting | string {
  const [first = '', ...granted] = text.split(';').map((part) => part.trim());
  const channels = granted.map(channelOf);
  const equals = first.indexOf('=');
  const name = first.slice(0, Math.max(0, equals)).trim();
  const secret = first.slice(equals + 1).trim();
  if (!NAME.test(name)) return 'has no name of letters, digits, "-" and "_" before "="';
  const digest = DIGEST.exec(secret)?.[1]?.toLowerCase();
  if (digest === undefined && !SECRET.test(secret))
    return `has a key named ${name} that is neither 16 to 256 characters of A-Z a-z 0-9 . _ ~ + / - nor sha256:<64 hex digits>`;
  for (const channel of channels) {
    const fault = channelFault(channel);
    if (fault !== null) return `grants ${name} a channel that ${fault}`;
  }
  return {
    name,
    digest: digest ?? createHash('sha256').update(secret).digest('hex'),
    channels: channels.length === 0 ? ['/'] : channels,
  };
}

type JwtKeyText = { readonly key: KeyObject } | { readonly jwks: { readonly keys: object[] } };

/**
 * A JSON Web Key Set, or one public key or certificate as PEM.
 * @throws Error with a sentence without a subject, which never contains the key
 */
export function parseJwtKeyText(text: string): JwtKeyText {
  // A private key would work, but must not be on a machine that only verifies.
  if (text.includes('PRIVATE KEY')) throw new Error('holds a private key; the public one is enough');
  if (!text.trimStart().startsWith('{')) return { key: publicKeyOf(text) };
  const jwks = jsonOf(text) as { keys?: Record<string, unknown>[] };
  if (!Array.isArray(jwks.keys) || jwks.keys.length === 0)
    throw new Error('is no JSON Web Key Set: it has no keys');
  if (jwks.keys.some((key) => key.kty === 'oct' || key.d !== undefined))
    throw new Error('holds a private or secret key; the public ones are enough');
  return { jwks: { keys: jwks.keys } };
}

function publicKeyOf(text: string): KeyObject {
  try {
    return createPublicKey(text);
  } catch (cause) {
    throw new Error('is neither a public key or certificate as PEM nor a JSON Web Key Set', { cause });
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new Error('is not JSON', { cause });
  }
}
