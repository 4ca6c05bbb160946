import express, { type Express, type Request, type Response } from 'express';
import { asGatewayError } from '../errors';
import type { Cors } from '../http/cors';
import { ENDPOINTS } from '../http/endpoints';
import { logDefect, sendProblem } from '../http/problem';
import { methodNotAllowed, notFound, READ_METHODS } from '../http/route-errors';
import type { WebFiles } from '../http/web-files';
import type { Logger } from '../logger';
import type { OpenStreams } from '../sse/open-streams';
import { type HealthDeps, readiness } from '../status/health';

export interface AppDeps {
  readonly streams: OpenStreams;
  readonly cors: Cors;
  readonly health: HealthDeps;
  /** What `GET /kafka/status` answers. */
  readonly kafkaStatus: () => object;
  readonly web: WebFiles;
  readonly logger: Logger;
}

/** All routes that are asked for rarely. */
export function createApp({ streams, cors, health, kafkaStatus, web, logger }: AppDeps): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('query parser', false);

  const routes: readonly [path: string | RegExp, answer: (req: Request, res: Response) => void][] = [
    [
      '/',
      (req, res) => {
        res.vary('Accept');
        // Who takes anything, as curl does, gets JSON.
        if (req.accepts(['json', 'html']) === 'html') web.send(req, res, 'live.html');
        else sendJson(res, 200, { name: 'kafka-sse-gateway', endpoints: ENDPOINTS });
      },
    ],
    [
      // Without `%`: no file has a name that needs it, and Express fails at what it cannot decode.
      /^\/web\/([\w.-]+)$/,
      (req, res) => {
        if (!web.send(req, res, String(req.params[0]))) throw notFound(req.path, req.method);
      },
    ],
    [
      '/connections',
      (_req, res) => {
        // Not through Express's send: it would add a charset to the type, and the contract wants none.
        res.writeHead(200, {
          'Content-Type': 'text/plain',
          'Cache-Control': 'no-cache',
          Connection: 'close',
        });
        res.end(String(streams.count));
      },
    ],
    ['/kafka/status', (_req, res) => sendJson(res, 200, kafkaStatus())],
    ['/healthz', (_req, res) => sendJson(res, 200, { status: 'ok' })],
    [
      '/readyz',
      (_req, res) => {
        const { ready, checks, degraded } = readiness(health);
        sendJson(res, ready ? 200 : 503, { status: ready ? 'ready' : 'not ready', checks, degraded });
      },
    ],
  ];

  app.use((req, res, next) => {
    for (const [name, value] of Object.entries(cors.headersFor(req.headers.origin)))
      res.setHeader(name, value);
    next();
  });
  for (const [path, answer] of routes) {
    app.get(path, answer);
    app.all(path, (req) => {
      throw methodNotAllowed(req.path, req.method, READ_METHODS);
    });
  }
  app.use((req) => {
    throw notFound(req.path, req.method);
  });
  app.use((thrown: unknown, _req: Request, res: Response, _next: () => void) => {
    const error = asGatewayError(thrown);
    logDefect(logger, error, res);
    sendProblem(res, error);
  });
  return app;
}

function sendJson(res: Response, status: number, value: object): void {
  res.writeHead(status, {
    'Content-Type': 'application/json; charset=utf-8',
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
  });
  res.end(JSON.stringify(value));
}
