import type { DirectRoute } from '../http/direct-route';
import { queryFault } from '../http/request-target';
import { methodNotAllowed, notFound, READ_METHODS } from '../http/route-errors';
import type { WebFiles } from '../http/web-files';
import { type ReportAdminStatus, streamSelectionOf } from '../status/admin-status';
import { createOperatorRoute, type OperatorRouteOptions } from './operator-route';

export interface AdminRouteDeps extends Pick<OperatorRouteOptions, 'guard' | 'logger'> {
  readonly report: ReportAdminStatus;
  readonly web: WebFiles;
}

const PATH = '/admin';
const PAGE = `${PATH}/`;
const STATUS = `${PATH}/status.json`;

/** `GET /admin/` and `/admin/status.json`. */
export function createAdminRoute({ report, web, guard, logger }: AdminRouteDeps): DirectRoute {
  return createOperatorRoute({
    guard,
    logger,
    owns: (path) => path === PATH || path.startsWith(PAGE),

    async answer(req, res, target) {
      const { path, query } = target;
      if (path !== PATH && path !== PAGE && path !== STATUS) throw notFound(path, req.method);
      if (req.method !== 'GET' && req.method !== 'HEAD')
        throw methodNotAllowed(path, req.method, READ_METHODS);
      if (path === PATH) {
        // Relative, so that it holds behind a path prefix.
        res.writeHead(308, { Location: 'admin/', 'Content-Length': 0 }).end();
      } else if (path === PAGE) {
        web.send(req, res, 'admin.html');
      } else {
        const fault = queryFault(target, ['sort', 'limit']);
        if (fault !== null) throw fault;
        const selection = streamSelectionOf(query.first('limit'), query.first('sort'));
        const body = JSON.stringify(await report(selection));
        res.writeHead(200, {
          'Content-Type': 'application/json; charset=utf-8',
          'Cache-Control': 'no-store',
          'X-Content-Type-Options': 'nosniff',
          'Cross-Origin-Resource-Policy': 'same-origin',
        });
        res.end(body);
      }
    },
  });
}
