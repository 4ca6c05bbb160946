import type { JWTPayload, JWTVerifyGetKey } from 'jose';
import type { JwtConfig } from '../config';
import { GatewayError } from '../errors';
import type { Logger } from '../logger';
import { channelFault, channelOf } from '../wire/channel';
import { createJwtKeys } from './jwt-keys';

/** What a token says that was found to be true. */
export interface VerifiedToken {
  /** Null: it does not say. */
  readonly subject: string | null;
  /** Channels, each with those below it. */
  readonly subscribe: readonly string[];
  readonly publish: readonly string[];
  /** Unix milliseconds, the tolerated skew of the clocks included. */
  readonly expiresAtMs: number;
}

export interface JwtVerifier {
  /**
   * @throws GatewayError `unauthorized` with `reason`: `expired` or `invalid`
   * @throws GatewayError `auth-unavailable`
   */
  verify(token: string): Promise<VerifiedToken>;
}

/** JSON Web Tokens (RFC 7519), verified by the rules of RFC 8725: the algorithms are ours to choose, `exp` is a must. */
export function createJwtVerifier(config: JwtConfig, logger: Logger): JwtVerifier {
  // An ES module, and one that most gateways never need: `import` works on every Node version, `require` would not.
  let loaded: Promise<{ jose: typeof import('jose'); keys: JWTVerifyGetKey }> | null = null;

  async function load() {
    const jose = await import('jose');
    return { jose, keys: createJwtKeys({ config, jose, logger }) };
  }

  return {
    async verify(token) {
      loaded ??= load();
      const { jose, keys } = await loaded;
      try {
        const { payload } = await jose.jwtVerify(token, keys, {
          algorithms: [...config.algorithms],
          requiredClaims: ['exp'],
          clockTolerance: config.clockSkewMs / 1_000,
          ...(config.issuer === null ? {} : { issuer: config.issuer }),
          ...(config.audience === null ? {} : { audience: config.audience }),
        });
        return {
          subject: payload.sub ?? null,
          subscribe: channelsOf(payload, config.subscribeClaim),
          publish: channelsOf(payload, config.publishClaim),
          expiresAtMs: payload.exp! * 1_000 + config.clockSkewMs,
        };
      } catch (error) {
        if (error instanceof GatewayError) throw error;
        throw refusalOf(error);
      }
    },
  };
}

function refusalOf(error: unknown): GatewayError {
  const { code, claim } = error as { code?: string; claim?: string };
  if (code === 'ERR_JWT_EXPIRED')
    return new GatewayError('unauthorized', 'the token has expired', { details: { reason: 'expired' } });
  const message =
    code === 'ERR_JWT_CLAIM_VALIDATION_FAILED'
      ? `the token's claim ${claim} is missing or not as it must be`
      : 'the token is not valid';
  // Without the cause: jose's errors hold what the token says.
  return new GatewayError('unauthorized', message, { details: { reason: 'invalid' } });
}

/** A list of channels or one channel. What is no channel grants nothing. */
function channelsOf(payload: JWTPayload, claim: string): string[] {
  const value = claimOf(payload, claim);
  const values: unknown[] = Array.isArray(value) ? value : [value];
  return values
    .filter((it) => typeof it === 'string')
    .map(channelOf)
    .filter((channel) => channelFault(channel) === null);
}

/** The claim of that name, which may have dots in it, else the one at that path: `gateway.subscribe`. */
function claimOf(payload: JWTPayload, claim: string): unknown {
  if (Object.hasOwn(payload, claim)) return payload[claim];
  let value: unknown = payload;
  for (const name of claim.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
    value = (value as Record<string, unknown>)[name];
  }
  return value;
}
