import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { asGatewayError, GatewayError } from '../errors';
import type { Logger } from '../logger';
import { type ReportAdminStatus, streamSelectionOf } from '../status/admin-status';
import type { ClientAddress } from './client-address';
import { sendProblem } from './problem';
import type { RequestTarget } from './request-target';
import type { DirectRoute } from './server';
import type { WebFiles } from './web-files';

export interface AdminRouteDeps {
  readonly report: ReportAdminStatus;
  readonly web: WebFiles;
  /** Null: only requests made on this machine are answered. */
  readonly adminKey: string | null;
  readonly clientAddress: ClientAddress;
  readonly logger: Logger;
}

const PATH = '/admin';
const PAGE = `${PATH}/`;
const STATUS = `${PATH}/status.json`;

/**
 * `GET /admin/` and `/admin/status.json`. Without CORS headers, which would let any page that the operator visits read
 * them. A key is taken as `Authorization: Bearer` or as the password of HTTP Basic, which browsers can ask for; never
 * from a URL, since URLs are logged and remembered.
 */
export function createAdminRoute({
  report,
  web,
  adminKey,
  clientAddress,
  logger,
}: AdminRouteDeps): DirectRoute {
  const expected = adminKey === null ? null : digest(adminKey);

  function admit(req: IncomingMessage, path: string): void {
    if (expected === null) {
      // Like any other path that is not there.
      if (!clientAddress.isLocal(req)) throw notFound(path);
      return;
    }
    const given = keyOf(req.headers.authorization);
    if (given === null || !timingSafeEqual(digest(given), expected))
      throw new GatewayError('unauthorized', 'the admin key is needed, as bearer token or basic password');
  }

  async function answer(
    req: IncomingMessage,
    res: ServerResponse,
    { path, query }: RequestTarget,
  ): Promise<void> {
    admit(req, path);
    if (path !== PATH && path !== PAGE && path !== STATUS) throw notFound(path);
    if (req.method !== 'GET' && req.method !== 'HEAD')
      throw new GatewayError('method-not-allowed', `${path} takes GET, not ${req.method}`, {
        details: { allow: 'GET, HEAD, OPTIONS' },
      });
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
        if (error.code === 'internal') logger.error({ err: error.cause, url: req.url }, 'a request failed');
        sendProblem(res, error, error.code === 'unauthorized' ? CHALLENGE : {});
      });
    },
  };
}

const CHALLENGE = { 'WWW-Authenticate': 'Basic realm="kafka-sse-gateway", charset="UTF-8"' };

function notFound(path: string): GatewayError {
  return new GatewayError('not-found', `there is nothing at ${path}; GET / lists the endpoints`);
}

/** Equal lengths for the comparison, whose time then says nothing about the key. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

/** RFC 6750 §2.1 and RFC 7617 §2; null when there is neither. */
function keyOf(authorization: string | undefined): string | null {
  const [, scheme = '', credentials = ''] = /^(\S+) +(\S+) *$/.exec(authorization ?? '') ?? [];
  if (scheme.toLowerCase() === 'bearer') return credentials;
  if (scheme.toLowerCase() !== 'basic') return null;
  const userAndPassword = Buffer.from(credentials, 'base64').toString();
  const colon = userAndPassword.indexOf(':');
  return colon < 0 ? null : userAndPassword.slice(colon + 1);
}
