import {
  createServer as createHttpServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Config } from '../config';
import { asGatewayError } from '../errors';
import type { Logger } from '../logger';
import type { Cors } from './cors';

import type { DetachedSockets } from './detached-sockets';
import type { DirectRoute } from './direct-route';
import { connectionsWithin, openFileLimit } from './open-file-limit';
import { logDefect, type RejectionCounts, sendProblem } from './problem';

import { nameRequest } from './request-id';
import { parseTarget } from './request-target';

export interface HttpServerDeps {
  readonly config: Config['http'];
  readonly cors: Cors;
  /** Those of streams, which are taken from this server. */
  readonly sockets: Pick<DetachedSockets, 'holds' | 'destroyAll'>;
  /** Those that need no Express, asked in order. */
  readonly directRoutes: readonly DirectRoute[];
  /** Everything else. */
  readonly app: (req: IncomingMessage, res: ServerResponse) => void;
  readonly rejections: RejectionCounts;
  /** Counted on by this server. */
  readonly accepts: AcceptCount;
  readonly logger: Logger;
}

/** Connections accepted since the start. */
export interface AcceptCount {
  count: number;
}

export interface HttpServer {
  /** Resolves with the port it listens on. Rejects when the address is taken. */
  listen(): Promise<number>;
  /** Accepts nothing more, lets requests in flight finish within `deadlineMs`, then closes what is left. */
  close(deadlineMs: number): Promise<void>;
}

/** HTTP in two halves: streams and ingest straight from Node's server, all that is rare through Express. */
export function createServer(deps: HttpServerDeps): HttpServer {
  const { config, cors, sockets, directRoutes, app, rejections, accepts, logger } = deps;

  function handle(req: IncomingMessage, res: ServerResponse): void {
    // A stream has no end after which the answer to a pipelined request could come.
    if (sockets.holds(req.socket)) {
      req.socket.destroy();
      return;
    }
    nameRequest(req, res);
    const corsHeaders = cors.headersFor(req.headers.origin);
    try {
      if (req.method === 'OPTIONS') {
        res.writeHead(204, { ...cors.preflightHeadersFor(req.headers.origin), Connection: 'close' }).end();
        return;
      }
      const target = parseTarget(req.url ?? '/');
      const route = directRoutes.find((candidate) => candidate.owns(target.path, req.method ?? 'GET'));
      if (route === undefined) app(req, res);
      else route.handle(req, res, target);
    } catch (thrown) {
      const error = asGatewayError(thrown);
      logDefect(logger, error, res);
      if (res.headersSent) req.socket.destroy();
      else sendProblem(res, error, corsHeaders);
    }
  }

  const server: Server = createHttpServer(
    {
      headersTimeout: config.headersTimeoutMs,
      requestTimeout: config.requestTimeoutMs,
      keepAliveTimeout: config.keepAliveMs,
      connectionsCheckingInterval: config.checkMs,
      maxHeaderSize: config.maxHeaderBytes,
    },
    handle,
  );

  // Without a free file the listening socket stays readable, and the process does nothing but fail to accept.
  server.maxConnections = connectionsWithin(openFileLimit(), config);
  if (server.maxConnections < config.maxConnections) {
    logger.warn(
      { maxConnections: server.maxConnections, wanted: config.maxConnections },
      'the limit of open files allows fewer connections: raise it (ulimit -n)',
    );
  }
  server.on('drop', () => rejections['too-many-connections']++);

  server.on('connection', () => {
    accepts.count++;
  });

  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (error.code === 'HPE_HEADER_OVERFLOW') rejections['head-too-large']++;
    if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') rejections['head-too-slow']++;
    // On a stream's socket anything but silence from the client ends it; before a head was sent it gets its status.
    if (sockets.holds(socket as Socket) || !socket.writable || error.code === 'ECONNRESET') socket.destroy();
    else socket.end(`HTTP/1.1 ${statusOf(error)}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
  });

  return {
    listen() {
      return new Promise((resolve, reject) => {
        server.once('error', reject);
        server.listen({ port: config.port, host: config.host, backlog: config.backlog }, () => {
          server.off('error', reject);
          server.on('error', (error) => logger.error({ err: error }, 'the HTTP server failed'));
          resolve((server.address() as AddressInfo).port);
        });
      });
    },
    async close(deadlineMs) {
      const deadline = setTimeout(() => {
        server.closeAllConnections();
        sockets.destroyAll();
      }, deadlineMs);
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeIdleConnections();
      });
      clearTimeout(deadline);
    },
  };
}

function statusOf(error: NodeJS.ErrnoException): string {
  if (error.code === 'HPE_HEADER_OVERFLOW') return '431 Request Header Fields Too Large';
  if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') return '408 Request Timeout';
  return '400 Bad Request';
}
