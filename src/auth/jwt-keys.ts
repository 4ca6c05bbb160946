import type { JWTVerifyGetKey } from 'jose';
import type { JwtConfig } from '../config';
import { parseJwtKeyText } from '../config/auth-settings';
import { GatewayError } from '../errors';
import type { Logger } from '../logger';
import { keySetUrl } from './oidc-discovery';

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
  if (source.kind === 'issuer') return issuerKeys(source.issuer, { config, jose, logger });
  return remoteKeys(new URL(source.url), { config, jose, logger });
}

/** The key set that the issuer names. What it says of itself is asked again when it is as old as a key set may be. */
function issuerKeys(issuer: string, deps: JwtKeysDeps): JWTVerifyGetKey {
  const { logger, config } = deps;
  const { cacheMs, retryMs } = config.jwks;
  let keys: { readonly url: string; readonly get: JWTVerifyGetKey } | null = null;
  let discovery: Promise<void> | null = null;
  let dueMs = Number.NEGATIVE_INFINITY;

  async function discover(): Promise<void> {
    try {
      const url = await keySetUrl(issuer, config.jwks);
      if (keys?.url !== url) keys = { url, get: remoteKeys(new URL(url), deps) };
      dueMs = performance.now() + cacheMs;
    } catch (error) {
      dueMs = performance.now() + retryMs;
      logger.warn({ err: error, issuer }, 'OpenID discovery failed');
    } finally {
      discovery = null;
    }
  }

  return async (header, token) => {
    if (performance.now() >= dueMs) discovery ??= discover();
    // With keys at hand nobody waits for newer ones.
    if (keys === null && discovery !== null) await discovery;
    if (keys === null) throw new GatewayError('auth-unavailable');
    return keys.get(header, token);
  };
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
