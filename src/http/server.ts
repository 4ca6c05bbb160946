import {
  createServer as createHttpServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Config } from '../config';
import type { Logger } from '../logger';

import type { DetachedSockets } from './detached-sockets';
import { connectionsWithin, openFileLimit } from './open-file-limit';
import type { RejectionCounts } from './problem';
import type { Router } from './router';

interface HttpServerDeps {
  readonly config: Config['http'];
  /** Sockets of streams, which are detached from this server. */
  readonly sockets: Pick<DetachedSockets, 'holds' | 'destroyAll'>;
  readonly route: Router;
  readonly rejections: RejectionCounts;
  readonly accepts: AcceptCount;
  readonly logger: Logger;
}

export interface AcceptCount {
  count: number;
}

export interface HttpServer {
  /** Resolves with the port it listens on. Rejects when the address is taken. */
  listen(): Promise<number>;
  /** Accepts nothing more, lets requests in flight finish within `deadlineMs`, then closes what is left. */
  close(deadlineMs: number): Promise<void>;
}

export function createServer(deps: HttpServerDeps): HttpServer {
  const { config, sockets, route, rejections, accepts, logger } = deps;

  function handle(req: IncomingMessage, res: ServerResponse): void {
    // A stream has no end after which the answer to a pipelined request could come.
    if (sockets.holds(req.socket)) req.socket.destroy();
    else route(req, res);
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

  // Without a free file descriptor the listening socket stays readable, and the process spins on failing accepts.
  server.maxConnections = connectionsWithin(openFileLimit(), config);
  if (server.maxConnections < config.maxConnections) {
    logger.warn(
      { maxConnections: server.maxConnections, wanted: config.maxConnections },
      'Open file limit lowers the connection limit: raise it (ulimit -n)',
    );
  }
  server.on('drop', () => rejections['too-many-connections']++);

  server.on('connection', () => {
    accepts.count++;
  });

  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (error.code === 'HPE_HEADER_OVERFLOW') rejections['head-too-large']++;
    if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') rejections['head-too-slow']++;
    // A stream ends when its client sends anything; other clients get a status.
    if (sockets.holds(socket as Socket) || !socket.writable || error.code === 'ECONNRESET') socket.destroy();
    else socket.end(`HTTP/1.1 ${statusOf(error)}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
  });

  return {
    listen() {
      return new Promise((resolve, reject) => {
        server.once('error', reject);
        server.listen({ port: config.port, host: config.host, backlog: config.backlog }, () => {
          server.off('error', reject);
          server.on('error', (error) => logger.error({ err: error }, 'HTTP server failed'));
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
