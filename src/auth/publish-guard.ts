import type { IncomingMessage } from 'node:http';
import { GatewayError } from '../errors';
import type { ApiKeys } from './api-keys';
import { apiKeyOf, bearerOf, tokenOf } from './credentials';
import { OPEN_GRANT, type PublishGuard } from './grant';
import type { JwtVerifier } from './jwt-verifier';

export interface PublishGuardDeps {
  /** Null: there are none. */
  readonly apiKeys: ApiKeys | null;
  /** Null: tokens count for nothing. */
  readonly verifier: JwtVerifier | null;
  /** Name of the cookie that may hold a token; null: none may. */
  readonly cookie: string | null;
  /** Other origins whose pages may publish with it. */
  readonly corsOrigins: readonly string[];
}

/** Publishing is open as long as there is neither a key nor a way to verify tokens. */
export function createPublishGuard({
  apiKeys,
  verifier,
  cookie,
  corsOrigins,
}: PublishGuardDeps): PublishGuard {
  if (apiKeys === null && verifier === null) return () => OPEN_GRANT;
  return (req) => {
    const ownHeader = apiKeyOf(req);
    const secret = ownHeader ?? bearerOf(req);
    const granted = secret === null ? null : (apiKeys?.find(secret) ?? null);
    if (granted !== null) return granted;
    const token = ownHeader === null ? tokenOf(req, cookie) : null;
    if (verifier === null || token === null) throw unauthorized(secret !== null);
    if (token.isCookie && !isOwnPage(req, corsOrigins))
      throw new GatewayError(
        'forbidden',
        'a cookie counts only for pages of this origin and of CORS_ORIGINS',
      );
    return verifier.verify(token.text).then(({ subject, publish, expiresAtMs }) => ({
      holder: subject === null ? null : `sub:${subject}`,
      channels: publish,
      expiresAtMs,
    }));
  };
}

function unauthorized(wasGiven: boolean): GatewayError {
  return wasGiven
    ? new GatewayError('unauthorized', 'the key is not one that this gateway knows', {
        details: { reason: 'invalid' },
      })
    : new GatewayError(
        'unauthorized',
        'publishing needs a key or token, as Authorization: Bearer or X-Api-Key',
      );
}

/**
 * False for a page of another site, whose requests carry the cookie all the same. Every browser says the origin of a
 * POST (Fetch standard, "append a request Origin header"), so who does not is refused.
 */
function isOwnPage({ headers }: IncomingMessage, corsOrigins: readonly string[]): boolean {
  const { origin, host } = headers;
  if (origin === undefined) return false;
  return (
    corsOrigins.includes(origin) || (host !== undefined && /^https?:\/\/(.+)$/.exec(origin)?.[1] === host)
  );
}
