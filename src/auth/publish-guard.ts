import { timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { ApiKeySetting } from '../config/auth-settings';
import { GatewayError } from '../errors';
import { apiKeyOf, bearerOf, digestOf, tokenOf } from './credentials';
import { type Grant, OPEN_GRANT } from './grant';
import type { JwtVerifier } from './jwt-verifier';

/**
 * Tells what a request may publish.
 * @throws GatewayError `unauthorized`, `forbidden`, `auth-unavailable`, also as a rejection
 */
export type PublishGuard = (req: IncomingMessage) => Grant | Promise<Grant>;

interface PublishGuardDeps {
  readonly apiKeys: ApiKeys;
  /** Null: tokens are not accepted. */
  readonly verifier: JwtVerifier | null;
  /** Name of the cookie that may carry a token; null: none may. */
  readonly cookie: string | null;
  /** Other origins whose pages may publish with the cookie. */
  readonly corsOrigins: readonly string[];
}

/** Without keys and without a verifier of tokens, anyone may publish. */
export function createPublishGuard(deps: PublishGuardDeps): PublishGuard {
  const { apiKeys, verifier, cookie, corsOrigins } = deps;
  if (apiKeys.isEmpty && verifier === null) return () => OPEN_GRANT;
  return (req) => {
    const ownHeader = apiKeyOf(req);
    const secret = ownHeader ?? bearerOf(req);
    const granted = secret === null ? null : apiKeys.find(secret);
    if (granted !== null) return granted;
    const token = ownHeader === null ? tokenOf(req, cookie) : null;
    if (verifier === null || token === null) {
      if (secret !== null) throw unknownKey();
      throw new GatewayError(
        'unauthorized',
        'publishing needs a key or token, as Authorization: Bearer or X-Api-Key',
      );
    }
    if (token.isCookie && !isOwnPage(req, corsOrigins))
      throw new GatewayError(
        'forbidden',
        'a cookie counts only for pages of this origin and of CORS_ORIGINS',
      );
    return verifier.verify(token.text).then(({ subject, publish, expiresAtMs }) => ({
      holder: subject === null ? null : `sub:${subject}`,
      ...publish,
      expiresAtMs,
    }));
  };
}

export function unknownKey(): GatewayError {
  return new GatewayError('unauthorized', 'the key is not one that this gateway knows', {
    details: { reason: 'invalid' },
  });
}

/**
 * False for a page of another site, whose requests carry the cookie too. Every browser sends the origin of a POST (Fetch
 * standard, "append a request Origin header"), so a request without it is rejected.
 */
function isOwnPage({ headers }: IncomingMessage, corsOrigins: readonly string[]): boolean {
  const { origin, host } = headers;
  if (origin === undefined) return false;
  return (
    corsOrigins.includes(origin) || (host !== undefined && /^https?:\/\/(.+)$/.exec(origin)?.[1] === host)
  );
}

/** Static secrets of publishers. */
export interface ApiKeys {
  /** True: there are none. */
  readonly isEmpty: boolean;
  /** Compares with every key, so that the time tells nothing about any. Null: not one of them. */
  find(secret: string): Grant | null;
}

export function createApiKeys(settings: readonly ApiKeySetting[]): ApiKeys {
  const keys = settings.map(({ name, digest, channels }) => ({
    digest: Buffer.from(digest, 'hex'),
    grant: { holder: `key:${name}`, channels, missingClaims: [], expiresAtMs: null },
  }));
  return {
    isEmpty: keys.length === 0,
    find(secret) {
      const given = digestOf(secret);
      let found: Grant | null = null;
      for (const { digest, grant } of keys) if (timingSafeEqual(digest, given)) found = grant;
      return found;
    },
  };
}
