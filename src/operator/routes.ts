import type { IncomingMessage, ServerResponse } from 'node:http';
import express, { type Request, type Response } from 'express';
import type { ReportGrants } from '../auth/grants-report';
import { OPERATOR_CHALLENGE, type OperatorGuard } from '../auth/operator-guard';
import { queryFault, type RequestTarget } from '../http/request-target';
import { type CreateApp, endpointsOf, notFound, type Route } from '../http/router';
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
  readonly kafkaStatus: () => object;
  /** What `GET /grants` answers. */
  readonly reportGrants: ReportGrants;
  readonly report: ReportAdminStatus;
  readonly metrics: Pick<MetricRegistry, 'contentType' | 'render'>;
  readonly guard: OperatorGuard;
  readonly web: WebFiles;
}

const WEB = '/web/';

type Behaviour = Omit<Route, 'method' | 'path' | 'about'>;
type Handle = NonNullable<Route['handle']>;

const lineFor =
  (method: Route['method']) =>
  (path: string, behaviour: Behaviour, about?: string): Route => ({ ...behaviour, method, path, about });
const get = lineFor('GET');
const post = lineFor('POST');

/** The table of routes: all that the gateway answers. */
export function routesOf(deps: RoutesDeps): readonly Route[] {
  const { stream, ingest, streams, kafkaStatus, report, metrics, web } = deps;
  const guard = { check: deps.guard, challenge: OPERATOR_CHALLENGE };
  const rare = (handle: Handle): Behaviour => ({ express: true, handle });
  const forOperator = (handle: Handle | null): Behaviour => ({ guard, handle });

  function connections(_req: IncomingMessage, res: ServerResponse): void {
    // Not through Express's send: it would add a charset to the type, and the contract wants none.
    const headers = { 'Content-Type': 'text/plain', 'Cache-Control': 'no-cache', Connection: 'close' };
    res.writeHead(200, headers).end(String(streams.count));
  }

  function ready(_req: IncomingMessage, res: ServerResponse): void {
    const { ready: isReady, checks, degraded } = deps.readiness();
    sendJson(res, isReady ? 200 : 503, { status: isReady ? 'ready' : 'not ready', checks, degraded });
  }

  async function scrape(_req: IncomingMessage, res: ServerResponse): Promise<void> {
    const body = Buffer.from(await metrics.render());
    res.writeHead(200, {
      'Content-Type': metrics.contentType,
      'Content-Length': body.length,
      'Cache-Control': 'no-store',
    });
    res.end(body);
  }

  function start(req: IncomingMessage, res: ServerResponse): void {
    (res as Response).vary('Accept');
    // A client that accepts anything, as curl does, gets JSON.
    if ((req as Request).accepts(['json', 'html']) === 'html') web.send(req, res, 'live.html');
    else sendJson(res, 200, { name: 'kafka-sse-gateway', endpoints: endpointsOf(routes) });
  }

  function file(req: IncomingMessage, res: ServerResponse, { path }: RequestTarget): void {
    if (!web.send(req, res, path.slice(WEB.length))) throw notFound(path);
  }

  async function adminStatus(
    _req: IncomingMessage,
    res: ServerResponse,
    target: RequestTarget,
  ): Promise<void> {
    const fault = queryFault(target, ['sort', 'limit']);
    if (fault !== null) throw fault;
    const { query } = target;
    const status = await report(streamSelectionOf(query.first('limit'), query.first('sort')));
    sendJson(res, 200, status, { 'Cross-Origin-Resource-Policy': 'same-origin' });
  }

  const grants: Handle = async (req, res) => sendJson(res, 200, await deps.reportGrants(req));
  const alive: Handle = (_req, res) => sendJson(res, 200, { status: 'ok' });
  const status: Handle = (_req, res) => sendJson(res, 200, kafkaStatus());
  const admin: Handle = (req, res) => void web.send(req, res, 'admin.html');
  // Relative, so that it holds behind a path prefix.
  const toAdmin: Handle = (_req, res) =>
    void res.writeHead(308, { Location: 'admin/', 'Content-Length': 0 }).end();

  const routes: readonly Route[] = [
    get('/events', stream, 'event stream; ?channel=/a&channel=/b, default all'),
    get('/sse', stream, 'event stream of all channels'),
    get('/subscribe/<channel>', stream, 'event stream of a channel and those below it'),
    post('/broadcast/<channel>', ingest.broadcast, 'publishes the body as an event; ?event=name, ?key=k'),
    post('/events', ingest.batch, 'publishes a batch of {channel?, event?, data, key?}, as JSON or NDJSON'),
    get('/grants', rare(grants), 'channels that a token or key may subscribe and publish to'),
    get('/connections', rare(connections), 'number of open streams of this gateway'),
    get(
      '/kafka/status',
      rare(status),
      'state of the event log: connections, topics, positions, lag, current aggregation',
    ),
    get('/healthz', rare(alive), 'alive'),
    get('/readyz', rare(ready), 'ready to serve, check by check, and what is served only in part'),
    get('/metrics', forOperator(scrape), 'metrics of this gateway, for Prometheus'),
    get('/', rare(start), 'this list; to a browser the live page'),
    get(`${WEB}<file>`, rare(file)),
    get('/admin', forOperator(toAdmin)),
    get('/admin/', forOperator(admin), 'streams of this gateway, for its operator'),
    get('/admin/status.json', forOperator(adminStatus)),
    // Only the operator is told that there is nothing.
    get('/admin/<page>', forOperator(null)),
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
