import type { Config } from '../config';
import { type ClientAddress, createClientAddress, isLoopbackHost } from '../http/client-address';
import { type Cors, createCors } from '../http/cors';
import { createDetachedSockets, type DetachedSockets } from '../http/detached-sockets';
import {
  createOnRejected,
  createRejectionCounts,
  type OnRejected,
  type RejectionCounts,
} from '../http/problem';
import type { AcceptCount } from '../http/server';
import type { Logger } from '../logger';

/** HTTP state shared by all parts that answer requests. */
export interface Edge {
  readonly cors: Cors;
  readonly clientAddress: ClientAddress;
  readonly sockets: DetachedSockets;
  readonly accepts: AcceptCount;
  readonly rejections: RejectionCounts;
  readonly onRejected: OnRejected;
}

export function createEdge({ corsOrigins, trustProxy }: Config['http'], logger: Logger): Edge {
  const rejections = createRejectionCounts();
  return {
    cors: createCors(corsOrigins),
    clientAddress: createClientAddress(trustProxy),
    sockets: createDetachedSockets(logger),
    accepts: { count: 0 },
    rejections,
    onRejected: createOnRejected(rejections, logger),
  };
}

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
