import type { ServerResponse } from 'node:http';
import type { GatewayError } from '../errors';
import type { Logger } from '../logger';
import { requestIdOf } from './request-id';
import { parseTarget } from './request-target';

/**
 * Logs why a request failed when that is a defect of the gateway, under the id that its client was told. What clients do
 * wrong is answered and counted, but not logged. Without the query, in which strangers write what they like, secrets too.
 */
export function logDefect(logger: Logger, { code, cause }: GatewayError, res: ServerResponse): void {
  if (code !== 'internal') return;
  const { path } = parseTarget(res.req.url ?? '/');
  logger.error({ err: cause, path, requestId: requestIdOf(res) }, 'a request failed');
}
