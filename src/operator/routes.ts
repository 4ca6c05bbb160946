import type { ServerResponse } from 'node:http';
import express, { type Request, type Response } from 'express';
import { OPERATOR_CHALLENGE, type OperatorGuard } from '../auth/operator-guard';
import { queryFault } from '../http/request-target';
import { type CreateApp, endpointsOf, notFound, type Route, type RouteGuard } from '../http/router';
import type { WebFiles } from '../http/web-files';
import type { IngestRoutes } from '../ingest/routes';
import type { OpenStreams } from '../sse/open-streams';
import type { StreamRoute } from '../sse/stream-route';
import { type ReportAdminStatus, streamSelectionOf } from '../status/admin-status';
import type { readiness } from '../status/health';
import type { MetricRegistry } from '../status/metric-registry';

export interface RoutesDeps {
  readonly stream: StreamRoute;
  readonly ingest: Pick<IngestRoutes, 'broadcast' | 'batch'>;
  readonly streams: Pick<OpenStreams, 'count'>;
  readonly readiness: () => ReturnType<typeof readiness>;
  /** What `GET /kafka/status` answers. */
  readonly kafkaStatus: () => object;
  /** What the admin page shows. */
  readonly report: ReportAdminStatus;
  readonly metrics: Pick<MetricRegistry, 'contentType' | 'render'>;
  readonly guard: OperatorGuard;
  readonly web: WebFiles;
}

const WEB = '/web/';

/** The table of routes: all that the gateway answers. */
export function routesOf(deps: RoutesDeps): readonly Route[] {
  const { stream, ingest, streams, kafkaStatus, report, metrics, web } = deps;
  const operator: { guard: RouteGuard } = {
    guard: { check: deps.guard, challenge: OPERATOR_CHALLENGE },
  };
  const routes: readonly Route[] = [
    {
      ...stream,
      method: 'GET',
      path: '/events',
      about: 'event stream; ?channel=/a&channel=/b, default all',
    },
    { ...stream, method: 'GET', path: '/sse', about: 'event stream of all channels' },
    {
      ...stream,
      method: 'GET',
      path: '/subscribe/<channel>',
      about: 'event stream of a channel and those below it',
    },
    {
      ...ingest.broadcast,
      method: 'POST',
      path: '/broadcast/<channel>',
      about: 'publishes the body as an event; ?event=name, ?key=k',
    },
    {
      ...ingest.batch,
      method: 'POST',
      path: '/events',
      about: 'publishes a batch of {channel?, event?, data, key?}, as JSON or NDJSON',
    },
    {
      method: 'GET',
      path: '/connections',
      about: 'number of open streams of this gateway',
      express: true,
      handle(_req, res) {
        // Not through Express's send: it would add a charset to the type, and the contract wants none.
        res.writeHead(200, {
          'Content-Type': 'text/plain',
          'Cache-Control': 'no-cache',
          Connection: 'close',
        });
        res.end(String(streams.count));
      },
    },
    {
      method: 'GET',
      path: '/kafka/status',
      about: 'state of the event log: connections, topics, positions, lag, current aggregation',
      express: true,
      handle: (_req, res) => sendJson(res, 200, kafkaStatus()),
    },
    {
      method: 'GET',
      path: '/healthz',
      about: 'alive',
      express: true,
      handle: (_req, res) => sendJson(res, 200, { status: 'ok' }),
    },
    {
      method: 'GET',
      path: '/readyz',
      about: 'ready to serve, check by check, and what is served only in part',
      express: true,
      handle(_req, res) {
        const { ready, checks, degraded } = deps.readiness();
        sendJson(res, ready ? 200 : 503, { status: ready ? 'ready' : 'not ready', checks, degraded });
      },
    },
    {
      ...operator,
      method: 'GET',
      path: '/metrics',
      about: 'metrics of this gateway, for Prometheus',
      async handle(_req, res) {
        const body = Buffer.from(await metrics.render());
        res.writeHead(200, {
          'Content-Type': metrics.contentType,
          'Content-Length': body.length,
          'Cache-Control': 'no-store',
        });
        res.end(body);
      },
    },
    {
      method: 'GET',
      path: '/',
      about: 'this list; to a browser the live page',
      express: true,
      handle(req, res) {
        (res as Response).vary('Accept');
        // A client that accepts anything, as curl does, gets JSON.
        if ((req as Request).accepts(['json', 'html']) === 'html') web.send(req, res, 'live.html');
        else sendJson(res, 200, { name: 'kafka-sse-gateway', endpoints: endpointsOf(routes) });
      },
    },
    {
      method: 'GET',
      path: `${WEB}<file>`,
      express: true,
      handle(req, res, { path }) {
        if (!web.send(req, res, path.slice(WEB.length))) throw notFound(path);
      },
    },
    {
      ...operator,
      method: 'GET',
      path: '/admin',
      handle(_req, res) {
        // Relative, so that it holds behind a path prefix.
        res.writeHead(308, { Location: 'admin/', 'Content-Length': 0 }).end();
      },
    },
    {
      ...operator,
      method: 'GET',
      path: '/admin/',
      about: 'streams of this gateway, for its operator',
      handle: (req, res) => void web.send(req, res, 'admin.html'),
    },
    {
      ...operator,
      method: 'GET',
      path: '/admin/status.json',
      async handle(_req, res, target) {
        const fault = queryFault(target, ['sort', 'limit']);
        if (fault !== null) throw fault;
        const { query } = target;
        const status = await report(streamSelectionOf(query.first('limit'), query.first('sort')));
        sendJson(res, 200, status, { 'Cross-Origin-Resource-Policy': 'same-origin' });
      },
    },
    // Only the operator is told that there is nothing.
    { ...operator, method: 'GET', path: '/admin/<page>', handle: null },
  ];
  return routes;
}

function sendJson(
  res: ServerResponse,
  status: number,
  value: object,
  headers: Readonly<Record<string, string>> = {},
): void {
  res.writeHead(status, {
    'Content-Type': 'application/json; charset=utf-8',
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
    ...headers,
  });
  res.end(JSON.stringify(value));
}

/** Express, in front of the routes that are asked for rarely. */
export const createApp: CreateApp = (paths, serve, miss) => {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('query parser', false);
  for (const path of paths) app.all(patternOf(path), (req, res) => serve(path, req, res));
  return (req, res) => app(req as Request, res as Response, (thrown) => miss(req, res, thrown));
};

/** A name in `<>` is one segment. Without `%`, since Express fails at what it cannot decode, and no file needs it. */
function patternOf(path: string): string | RegExp {
  return path.endsWith('>') ? new RegExp(`^${path.slice(0, path.lastIndexOf('/'))}/[\\w.-]+$`) : path;
}
