import type { IncomingMessage, ServerResponse } from 'node:http';
import { OPERATOR_CHALLENGE, type OperatorGuard } from '../auth/operator-guard';
import { asGatewayError } from '../errors';
import type { Logger } from '../logger';
import type { ReportAdminStatus } from '../status/admin-status';
import { streamSelectionOf } from '../status/stream-selection';
import { sendProblem } from './problem';
import { requestIdOf } from './request-id';
import type { RequestTarget } from './request-target';
import type { DirectRoute } from './server';
import { methodNotAllowed, notFound, READ_METHODS } from './unserved';
import type { WebFiles } from './web-files';

export interface AdminRouteDeps {
  readonly report: ReportAdminStatus;
  readonly web: WebFiles;
  readonly guard: OperatorGuard;
  readonly logger: Logger;
}

const PATH = '/admin';
const PAGE = `${PATH}/`;
const STATUS = `${PATH}/status.json`;

/**
 * `GET /admin/` and `/admin/status.json`, for the operator only. Without CORS headers, which would let any page that he
 * visits read them.
 */
export function createAdminRoute({ report, web, guard, logger }: AdminRouteDeps): DirectRoute {
  async function answer(
    req: IncomingMessage,
    res: ServerResponse,
    { path, query }: RequestTarget,
  ): Promise<void> {
    guard(req, path);
    if (path !== PATH && path !== PAGE && path !== STATUS) throw notFound(path);
    if (req.method !== 'GET' && req.method !== 'HEAD') throw methodNotAllowed(path, req.method, READ_METHODS);
    if (path === PATH) {
      // Relative, so that it holds behind a path prefix.
      res.writeHead(308, { Location: 'admin/', 'Content-Length': 0 }).end();
    } else if (path === PAGE) {
      web.send(req, res, 'admin.html');
    } else {
      const body = JSON.stringify(await report(streamSelectionOf(query.first('limit'), query.first('sort'))));
      res.writeHead(200, {
        'Content-Type': 'application/json; charset=utf-8',
        'Cache-Control': 'no-store',
        'X-Content-Type-Options': 'nosniff',
        'Cross-Origin-Resource-Policy': 'same-origin',
      });
      res.end(body);
    }
  }

  return {
    owns: (path) => path === PATH || path.startsWith(PAGE),

    handle(req, res, target) {
      answer(req, res, target).catch((thrown: unknown) => {
        const error = asGatewayError(thrown);
        if (error.code === 'internal')
          logger.error(
            { err: error.cause, path: target.path, requestId: requestIdOf(res) },
            'a request failed',
          );
        sendProblem(res, error, error.code === 'unauthorized' ? OPERATOR_CHALLENGE : {});
      });
    },
  };
}
