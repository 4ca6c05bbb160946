import { timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { GatewayError } from '../errors';
import type { ClientAddress } from '../http/client-address';
import { notFound } from '../http/router';
import { digestOf } from './credentials';

/**
 * Lets only the operator through.
 * @throws GatewayError `not-found` for a request from another machine while no key is set, like any unknown path
 * @throws GatewayError `unauthorized` for a wrong key; to be answered with OPERATOR_CHALLENGE
 */
export type OperatorGuard = (req: IncomingMessage, path: string) => void;

/** Basic, so that a browser asks for the key. */
export const OPERATOR_CHALLENGE = {
  'WWW-Authenticate': 'Basic realm="kafka-sse-gateway", charset="UTF-8"',
};

/**
 * The guard of `/admin/` and `/metrics`. The key is accepted as `Authorization: Bearer` or as the password of HTTP Basic,
 * which browsers can ask for; never from a URL, since URLs are logged and remembered.
 * @param adminKey null: only requests made on this machine are answered
 */
export function createOperatorGuard(adminKey: string | null, clientAddress: ClientAddress): OperatorGuard {
  const expected = adminKey === null ? null : digestOf(adminKey);
  return (req, path) => {
    if (expected === null) {
      if (!clientAddress.isLocal(req)) throw notFound(path);
      return;
    }
    const given = keyOf(req.headers.authorization);
    if (given === null || !timingSafeEqual(digestOf(given), expected))
      throw new GatewayError('unauthorized', 'the admin key is needed, as bearer token or basic password');
  };
}

/** RFC 6750 §2.1 and RFC 7617 §2; null when there is neither. */
function keyOf(authorization: string | undefined): string | null {
  const [, scheme = '', credentials = ''] = /^(\S+) +(\S+) *$/.exec(authorization ?? '') ?? [];
  if (scheme.toLowerCase() === 'bearer') return credentials;
  if (scheme.toLowerCase() !== 'basic') return null;
  const userAndPassword = Buffer.from(credentials, 'base64').toString();
  const colon = userAndPassword.indexOf(':');
  return colon < 0 ? null : userAndPassword.slice(colon + 1);
}
