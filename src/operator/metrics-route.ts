import type { DirectRoute } from '../http/direct-route';
import { methodNotAllowed, READ_METHODS } from '../http/route-errors';
import type { MetricRegistry } from '../status/metric-registry';
import { createOperatorRoute, type OperatorRouteOptions } from './operator-route';

export interface MetricsRouteDeps extends Pick<OperatorRouteOptions, 'guard' | 'logger'> {
  readonly metrics: Pick<MetricRegistry, 'contentType' | 'render'>;
}

const PATH = '/metrics';

/** `GET /metrics`, for Prometheus. */
export function createMetricsRoute({ metrics, guard, logger }: MetricsRouteDeps): DirectRoute {
  return createOperatorRoute({
    guard,
    logger,
    owns: (path) => path === PATH,

    async answer(req, res) {
      if (req.method !== 'GET' && req.method !== 'HEAD')
        throw methodNotAllowed(PATH, req.method, READ_METHODS);
      const body = Buffer.from(await metrics.render());
      res.writeHead(200, {
        'Content-Type': metrics.contentType,
        'Content-Length': body.length,
        'Cache-Control': 'no-store',
      });
      res.end(body);
    },
  });
}
