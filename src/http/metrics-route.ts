import type { IncomingMessage, ServerResponse } from 'node:http';
import { OPERATOR_CHALLENGE, type OperatorGuard } from '../auth/operator-guard';
import { asGatewayError } from '../errors';
import type { Logger } from '../logger';
import type { MetricRegistry } from '../status/metric-registry';
import { sendProblem } from './problem';
import { requestIdOf } from './request-id';
import type { DirectRoute } from './server';
import { methodNotAllowed, READ_METHODS } from './unserved';

export interface MetricsRouteDeps {
  readonly metrics: Pick<MetricRegistry, 'contentType' | 'render'>;
  readonly guard: OperatorGuard;
  readonly logger: Logger;
}

const PATH = '/metrics';

/** `GET /metrics`, for the operator only, as `/admin/` is. */
export function createMetricsRoute({ metrics, guard, logger }: MetricsRouteDeps): DirectRoute {
  async function answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
    guard(req, PATH);
    if (req.method !== 'GET' && req.method !== 'HEAD') throw methodNotAllowed(PATH, req.method, READ_METHODS);
    const body = Buffer.from(await metrics.render());
    res.writeHead(200, {
      'Content-Type': metrics.contentType,
      'Content-Length': body.length,
      'Cache-Control': 'no-store',
    });
    res.end(body);
  }

  return {
    owns: (path) => path === PATH,

    handle(req, res) {
      answer(req, res).catch((thrown: unknown) => {
        const error = asGatewayError(thrown);
        if (error.code === 'internal')
          logger.error({ err: error.cause, requestId: requestIdOf(res) }, 'a scrape failed');
        sendProblem(res, error, error.code === 'unauthorized' ? OPERATOR_CHALLENGE : {});
      });
    },
  };
}
