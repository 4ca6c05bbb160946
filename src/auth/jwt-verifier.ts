import type { JWTVerifyGetKey } from 'jose';
import type { JwtConfig } from '../config';
import { GatewayError } from '../errors';
import type { Logger } from '../logger';
import { type ClaimGrants, grantsOf } from './claim-grants';
import { createJwtKeys } from './jwt-keys';

/** The claims of a verified token. */
interface VerifiedToken {
  /** Null: it has none. */
  readonly subject: string | null;
  readonly subscribe: ClaimGrants;
  readonly publish: ClaimGrants;
  /** Unix milliseconds, including the tolerated clock skew. */
  readonly expiresAtMs: number;
}

export interface JwtVerifier {
  /**
   * @throws GatewayError `unauthorized` with `reason`: `expired` or `invalid`
   * @throws GatewayError `auth-unavailable`
   */
  verify(token: string): Promise<VerifiedToken>;
}

/** JSON Web Tokens (RFC 7519), verified by the rules of RFC 8725: only the configured algorithms, and `exp` is required. */
export function createJwtVerifier(config: JwtConfig, logger: Logger): JwtVerifier {
  // Loaded when first needed. It is an ES module: `import` works on every Node version, `require` would not.
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
          subscribe: grantsOf(payload, config.subscribe),
          publish: grantsOf(payload, config.publish),
          expiresAtMs: payload.exp! * 1_000 + config.clockSkewMs,
        };
      } catch (error) {
        if (error instanceof GatewayError) throw error;
        throw unauthorized(error);
      }
    },
  };
}

function unauthorized(error: unknown): GatewayError {
  if (error instanceof RangeError)
    return new GatewayError('unauthorized', error.message, { details: { reason: 'invalid' } });
  const { code, claim } = error as { code?: string; claim?: string };
  if (code === 'ERR_JWT_EXPIRED')
    return new GatewayError('unauthorized', 'the token has expired', { details: { reason: 'expired' } });
  const message =
    code === 'ERR_JWT_CLAIM_VALIDATION_FAILED'
      ? `the token's claim ${claim} is missing or not as it must be`
      : 'the token is not valid';
  // Without the cause: jose's errors contain the claims of the token.
  return new GatewayError('unauthorized', message, { details: { reason: 'invalid' } });
}
