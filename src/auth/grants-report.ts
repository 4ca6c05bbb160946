import type { IncomingMessage } from 'node:http';
import { ROOT_CHANNEL } from '../wire/channel';
import { apiKeyOf, bearerOf, tokenOf } from './credentials';
import type { JwtVerifier } from './jwt-verifier';
import { type ApiKeys, unknownKey } from './publish-guard';

/** What `GET /grants` answers: what the bearer of these credentials may do, and nothing about others. */
interface GrantsReport {
  /** `key:shop`, `sub:alice`; null without credentials, and for a token without a subject. */
  readonly holder: string | null;
  /** Channels, each with those below it. */
  readonly subscribe: readonly string[];
  readonly publish: readonly string[];
  /** Claims without which JWT_SUBSCRIBE and JWT_PUBLISH do not grant what they might. */
  readonly missingClaims: readonly string[];
  /** ISO 8601; null: never. */
  readonly expiresAt: string | null;
}

/**
 * @throws GatewayError `unauthorized` for credentials that are not valid
 * @throws GatewayError `auth-unavailable`
 */
export type ReportGrants = (req: IncomingMessage) => Promise<GrantsReport>;

interface GrantsReportDeps {
  readonly apiKeys: ApiKeys;
  /** Null: tokens are not accepted, and anyone may subscribe. */
  readonly verifier: JwtVerifier | null;
  /** Name of the cookie that may carry a token; null: none may. */
  readonly cookie: string | null;
  readonly publicChannels: readonly string[];
  /** False: publishing over HTTP is off. */
  readonly ingest: boolean;
}

export function createReportGrants(deps: GrantsReportDeps): ReportGrants {
  const { apiKeys, verifier, cookie, ingest } = deps;
  const openToAll = verifier === null ? [ROOT_CHANNEL] : deps.publicChannels;
  const publishable = (channels: readonly string[]) => (ingest ? channels : []);
  return async (req) => {
    const ownHeader = apiKeyOf(req);
    const secret = ownHeader ?? bearerOf(req);
    const key = secret === null ? null : apiKeys.find(secret);
    const token = ownHeader === null ? tokenOf(req, cookie) : null;
    const report = { subscribe: openToAll, missingClaims: [], expiresAt: null };
    if (key !== null) return { holder: key.holder, ...report, publish: publishable(key.channels) };
    if (verifier !== null && token !== null) {
      const { subject, subscribe, publish, expiresAtMs } = await verifier.verify(token.text);
      return {
        holder: subject === null ? null : `sub:${subject}`,
        subscribe: [...openToAll, ...subscribe.channels],
        publish: publishable(publish.channels),
        missingClaims: [...new Set([...subscribe.missingClaims, ...publish.missingClaims])],
        expiresAt: new Date(expiresAtMs).toISOString(),
      };
    }
    const isOpen = verifier === null && apiKeys.isEmpty;
    if (secret !== null && !isOpen) throw unknownKey();
    return { holder: null, ...report, publish: publishable(isOpen ? [ROOT_CHANNEL] : []) };
  };
}
