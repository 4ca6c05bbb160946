import type { JWTVerifyGetKey } from 'jose';
import type { JwtConfig } from '../config';
import { parseJwtKeyText } from '../config/auth-settings';
import { GatewayError } from '../errors';
import type { Logger } from '../logger';

export interface JwtKeysDeps {
  readonly config: Pick<JwtConfig, 'source' | 'jwks'>;
  readonly jose: typeof import('jose');
  readonly logger: Logger;
}

/** The key set was read, and has no key for this token: the token's fault. All else is the key set's. */
const TOKEN_FAULTS = [
  'ERR_JWKS_NO_MATCHING_KEY',
  'ERR_JWKS_MULTIPLE_MATCHING_KEYS',
  'ERR_JOSE_NOT_SUPPORTED',
];

/**
 * Where the keys come from that tokens are verified with. While a remote key set cannot be had, and none that is fresh
 * enough is at hand, it throws GatewayError `auth-unavailable`: nobody gets in meanwhile.
 */
export function createJwtKeys({ config, jose, logger }: JwtKeysDeps): JWTVerifyGetKey {
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
    // While it is down, a crowd that knocks must not make a crowd of requests there.
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
