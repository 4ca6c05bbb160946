import type { Config } from '../config';
import { isLoopbackHost } from '../http/client-address';
import type { Logger } from '../logger';

/** Warns at start about settings that let anyone publish, or forge tokens. */
export function warnOfExposure({ auth, http, ingest }: Config, logger: Logger): void {
  const { jwt, apiKeys } = auth;
  if (ingest.enabled && jwt === null && apiKeys.length === 0 && !isLoopbackHost(http.host)) {
    logger.warn(
      { host: http.host },
      'ANYONE WHO REACHES THIS ADDRESS MAY PUBLISH: set API_KEYS or JWT_*, or INGEST=off, or HOST=127.0.0.1',
    );
  }
  if (jwt?.source.kind === 'url') {
    const { protocol, host } = new URL(jwt.source.url);
    if (protocol === 'http:' && !isLoopbackHost(host))
      logger.warn({ host }, 'JWKS is fetched over plain HTTP: anyone on the network path can forge tokens');
  }
  if (jwt !== null && jwt.audience === null && jwt.source.kind !== 'secret')
    logger.warn({}, 'Tokens for other services are accepted too: set JWT_AUDIENCE');
}
