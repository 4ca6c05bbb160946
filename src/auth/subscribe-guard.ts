import type { IncomingMessage } from 'node:http';
import { GatewayError } from '../errors';
import { covers } from '../wire/channel';
import { tokenOf } from './credentials';
import { type Grant, grants, notGranted, OPEN_GRANT } from './grant';
import type { JwtVerifier } from './jwt-verifier';

interface SubscribeGuardDeps {
  readonly verifier: JwtVerifier;
  /** Name of the cookie that may carry the token; null: none may. */
  readonly cookie: string | null;
  /** Open to everyone, with those below them. */
  readonly publicChannels: readonly string[];
}

/**
 * Lets a stream of these channels through. Each connect is judged anew, and replays only these channels: resuming needs
 * no further check.
 * @throws GatewayError `unauthorized`, `forbidden`, `auth-unavailable`, always as a rejection
 */
export type SubscribeGuard = (req: IncomingMessage, channels: readonly string[]) => Promise<Grant>;

export function createSubscribeGuard({
  verifier,
  cookie,
  publicChannels,
}: SubscribeGuardDeps): SubscribeGuard {
  const isPublic = (channel: string) => publicChannels.some((open) => covers(open, channel));
  return async (req, channels) => {
    // Before the token is read: an expired one must not close what is open to everyone.
    const closed = channels.filter((channel) => !isPublic(channel));
    if (closed.length === 0) return OPEN_GRANT;
    const token = tokenOf(req, cookie);
    if (token === null)
      throw new GatewayError(
        'unauthorized',
        `subscribing to ${closed[0]} needs a token, as Authorization: Bearer`,
      );
    const { subject, subscribe, expiresAtMs } = await verifier.verify(token.text);
    const grant = { holder: subject, ...subscribe, expiresAtMs };
    const denied = closed.find((channel) => !grants(grant, channel));
    if (denied === undefined) return grant;
    throw notGranted(grant, 'subscribing', denied);
  };
}
