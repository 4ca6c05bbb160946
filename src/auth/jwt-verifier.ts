import type { JWTPayload, JWTVerifyGetKey } from 'jose';
import type { JwtConfig } from '../config';
import { parseJwtKeyText } from '../config/auth-settings';
import { GatewayError } from '../errors';
import type { Logger } from '../logger';
import { channelFault, channelOf } from '../wire/channel';

/** The claims of a verified token. */
interface VerifiedToken {
  /** Null: it has none. */
  readonly subject: string | null;
  /** Channels, each with those below it. */
  readonly subscribe: readonly string[];
  readonly publish: readonly string[];
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
          subscribe: channelsOf(payload, config.subscribeClaim),
          publish: channelsOf(payload, config.publishClaim),
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

/** A list of channels or one channel. Invalid ones grant nothing. */
function channelsOf(payload: JWTPayload, claim: string): string[] {
  const value = claimOf(payload, claim);
  const values: unknown[] = Array.isArray(value) ? value : [value];
  return values
    .filter((it) => typeof it === 'string')
    .map(channelOf)
    .filter((channel) => channelFault(channel) === null);
}

/** The claim of that name, dots included, else the one at that path, such as `gateway.subscribe`. */
function claimOf(payload: JWTPayload, claim: string): unknown {
  if (Object.hasOwn(payload, claim)) return payload[claim];
  let value: unknown = payload;
  for (const name of claim.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
    value = (value as Record<string, unknown>)[name];
  }
  return value;
}

interface JwtKeysDeps {
  readonly config: Pick<JwtConfig, 'source' | 'jwks'>;
  readonly jose: typeof import('jose');
  readonly logger: Logger;
}

/** The key set was read, but has no key for this token: the token is invalid. With any other error the key set failed. */
const TOKEN_FAULTS = [
  'ERR_JWKS_NO_MATCHING_KEY',
  'ERR_JWKS_MULTIPLE_MATCHING_KEYS',
  'ERR_JOSE_NOT_SUPPORTED',
];

/**
 * The keys that tokens are verified with. While a remote key set cannot be fetched and no fresh one is cached, throws
 * GatewayError `auth-unavailable`: no token is accepted meanwhile.
 */
function createJwtKeys({ config, jose, logger }: JwtKeysDeps): JWTVerifyGetKey {
  const { source } = config;
  if (source.kind === 'secret') {
    const key = new TextEncoder().encode(source.secret);
    return () => key;
  }
  if (source.kind === 'file') {
    const parsed = parseJwtKeyText(source.text);
    if ('key' in parsed) return () => parsed.key;
    return jose.createLocalJWKSet({ keys: parsed.jwks.keys as import('jose').JWK[] });
  }
  return remoteKeys(new URL(source.url), { config, jose, logger });
}

function remoteKeys(url: URL, { config, jose, logger }: JwtKeysDeps): JWTVerifyGetKey {
  const { timeoutMs, cacheMs, cooldownMs, retryMs } = config.jwks;
  const remote = jose.createRemoteJWKSet(url, {
    timeoutDuration: timeoutMs,
    cacheMaxAge: cacheMs,
    cooldownDuration: cooldownMs,
  });
  let failedUntilMs = Number.NEGATIVE_INFINITY;
  return async (header, token) => {
    // While the key server is down, a crowd of clients must not become a crowd of requests to it.
    if (performance.now() < failedUntilMs && !remote.fresh) throw new GatewayError('auth-unavailable');
    try {
      return await remote(header, token);
    } catch (error) {
      if (TOKEN_FAULTS.includes((error as { code?: string }).code ?? '')) throw error;
      failedUntilMs = performance.now() + retryMs;
      logger.warn({ err: error, host: url.host }, 'JWKS fetch failed');
      throw new GatewayError('auth-unavailable');
    }
  };
}
