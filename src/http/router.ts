import type { IncomingMessage, ServerResponse } from 'node:http';
import { asGatewayError, GatewayError } from '../errors';
import type { Logger } from '../logger';
import { nearestName } from '../nearest-name';
import type { Cors } from './cors';
import { logDefect, sendProblem } from './problem';
import { nameRequest } from './request-id';
import { parseTarget, type RequestTarget } from './request-target';

/** Answers a request. @throws GatewayError, also as a rejection, for the router to answer */
type Handler = (req: IncomingMessage, res: ServerResponse, target: RequestTarget) => void | Promise<void>;

export interface Route {
  /** GET includes HEAD. */
  readonly method: 'GET' | 'POST';
  /** A last segment in `<>` stands for whatever follows the segments before it, and for nothing. */
  readonly path: string;
  /** Its line in the list of endpoints; unset: not listed. */
  readonly about?: string | undefined;
  /** Null: there is nothing. The guard is asked all the same. */
  readonly handle: Handler | null;
  /** Unset: open to everyone, and to pages of other origins as CORS allows. */
  readonly guard?: RouteGuard;
  /** Why the method is not allowed at present. Null or unset: it is. */
  readonly disabled?: string | null;
  /** Matched by Express, in any case and with or without a slash at the end: pages and probes, asked for rarely. */
  readonly express?: boolean;
  /** Called for each request. That of a path's first route counts requests with a method that is not allowed too. */
  readonly onRequest?: (res: ServerResponse) => void;
  /** Called with each error before it is answered. */
  readonly onRejected?: (error: GatewayError) => void;
}

/** Lets only the operator through. Without CORS headers, which would let any page that an operator visits read it. */
interface RouteGuard {
  check(req: IncomingMessage, path: string): void;
  readonly challenge: Readonly<Record<string, string>>;
}

/** All routes of one path. The first stands for the path when none takes the method. */
interface Place {
  readonly path: string;
  readonly routes: readonly Route[];
}

/** Finds the routes marked `express`: calls `serve` with their path, or `miss` when there is none or Express failed. */
export type CreateApp = (
  paths: readonly string[],
  serve: (path: string, req: IncomingMessage, res: ServerResponse) => void,
  miss: (req: IncomingMessage, res: ServerResponse, thrown: unknown) => void,
) => (req: IncomingMessage, res: ServerResponse) => void;

interface RouterDeps {
  readonly routes: readonly Route[];
  readonly createApp: CreateApp;
  readonly cors: Cors;
  readonly logger: Logger;
}

/** Answers each request as the table of routes says; what no route takes with 404, or 405 and `Allow`. */
export type Router = (req: IncomingMessage, res: ServerResponse) => void;

export function createRouter({ routes, createApp, cors, logger }: RouterDeps): Router {
  const paths = [...new Set(routes.map(({ path }) => path))];
  const places: readonly Place[] = paths.map((path) => ({
    path,
    routes: routes.filter((route) => route.path === path),
  }));
  const direct = places.filter((place) => !place.routes[0]!.express);
  const exact = new Map(direct.filter(({ path }) => !isOpenEnded(path)).map((place) => [place.path, place]));
  const openEnded = direct
    .filter(({ path }) => isOpenEnded(path))
    .map((place) => ({ place, base: baseOf(place.path) }));

  const app = createApp(
    places.filter((place) => place.routes[0]!.express).map(({ path }) => path),
    (path, req, res) => serve(places.find((place) => place.path === path)!, req, res, targetOf(req)),
    (req, res, thrown) => reject(null, req, res, thrown ?? nothingAt(targetOf(req).path, req.method)),
  );

  function placeOf(path: string): Place | undefined {
    return (
      exact.get(path) ??
      openEnded.find(({ base }) => path === base || (path.startsWith(base) && path[base.length] === '/'))
        ?.place
    );
  }

  function serve(place: Place, req: IncomingMessage, res: ServerResponse, target: RequestTarget): void {
    const method = req.method === 'HEAD' ? 'GET' : req.method;
    const match = place.routes.find((route) => route.method === method && !route.disabled);
    const route = match ?? place.routes[0]!;
    route.onRequest?.(res);
    try {
      route.guard?.check(req, target.path);
      if (route.handle === null) throw nothingAt(target.path, req.method);
      if (match === undefined) throw methodNotAllowed(place, target.path, req.method);
      if (route.express) setHeaders(res, cors.headersFor(req.headers.origin));
      route.handle(req, res, target)?.catch((thrown: unknown) => reject(route, req, res, thrown));
    } catch (thrown) {
      reject(route, req, res, thrown);
    }
  }

  function reject(route: Route | null, req: IncomingMessage, res: ServerResponse, thrown: unknown): void {
    const error = asGatewayError(thrown);
    route?.onRejected?.(error);
    logDefect(logger, error, res);
    if (res.headersSent) req.socket.destroy();
    else if (!route?.guard) sendProblem(res, error, cors.headersFor(req.headers.origin));
    else sendProblem(res, error, error.code === 'unauthorized' ? route.guard.challenge : {});
  }

  function nothingAt(path: string, method = 'GET'): GatewayError {
    return notFound(path, nearestEndpoint(routes, method, path));
  }

  return (req, res) => {
    nameRequest(req, res);
    if (req.method === 'OPTIONS') {
      res.writeHead(204, { ...cors.preflightHeadersFor(req.headers.origin), Connection: 'close' }).end();
      return;
    }
    const target = targetOf(req);
    const place = placeOf(target.path);
    if (place === undefined) app(req, res);
    else serve(place, req, res, target);
  };
}

export function endpointsOf(routes: readonly Route[]): Record<string, string> {
  return Object.fromEntries(listed(routes).map((route) => [nameOf(route), route.about!]));
}

/** @param meant the endpoint that was probably meant; null: no guess */
export function notFound(path: string, meant: string | null = null): GatewayError {
  const hint = meant === null ? 'GET / lists the endpoints' : `did you mean ${meant}?`;
  return new GatewayError('not-found', `there is nothing at ${path}; ${hint}`);
}

function methodNotAllowed({ routes }: Place, path: string, method: string | undefined): GatewayError {
  const enabled = routes.filter(({ disabled }) => !disabled);
  const methods = enabled.map((route) => (route.method === 'GET' ? 'GET, HEAD' : route.method));
  const allow = [...methods, 'OPTIONS'].join(', ');
  const message = enabled.length === 0 ? routes[0]!.disabled! : `${path} takes ${allow}, not ${method}`;
  return new GatewayError('method-not-allowed', message, { details: { allow } });
}

/** The endpoint nearest to a request to a path without a route, such as `POST /broadcast/scores`; or null. */
function nearestEndpoint(routes: readonly Route[], method: string, path: string): string | null {
  const openEnded = listed(routes)
    .filter((route) => isOpenEnded(route.path))
    .map((route) => baseOf(route.path).slice(1));
  const segments = path.split('/').filter((segment) => segment !== '');
  const [first = '', ...below] = segments;
  const glued = openEnded.find((name) => first.startsWith(name));
  if (glued !== undefined) return channelEndpoint(glued, method, [first.slice(glued.length), ...below]);

  const whole = `/${segments.join('/')}`;
  // The method decides between two routes of one path.
  const fixed = new Map<string, Route>();
  for (const route of listed(routes)) {
    if (route.path === '/' || isOpenEnded(route.path)) continue;
    if (route.method === method || !fixed.has(route.path)) fixed.set(route.path, route);
  }
  const near =
    nearestName(whole, fixed.keys()) ??
    [...fixed.keys()].find((known) => whole.endsWith(known) || (first !== '' && known.endsWith(whole)));
  if (near !== undefined) return nameOf(fixed.get(near)!);

  const name = nearestName(first, [...openEnded, 'events', 'sse']);
  return name === null ? null : channelEndpoint(name, method, below);
}

/** `/events/scores` and `/sse/scores` may be either, by the method. */
function channelEndpoint(name: string, method: string, channel: readonly string[]): string {
  const isPost = name === 'broadcast' || (name !== 'subscribe' && method === 'POST');
  const base = isPost ? 'POST /broadcast' : 'GET /subscribe';
  return [base, ...channel.filter((segment) => segment !== '')].join('/');
}

function listed(routes: readonly Route[]): readonly Route[] {
  return routes.filter(({ about }) => about !== undefined);
}

function nameOf({ method, path }: Route): string {
  return `${method} ${path}`;
}

function isOpenEnded(path: string): boolean {
  return path.endsWith('>');
}

/** `/broadcast` of `/broadcast/<channel>`. */
function baseOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/'));
}

function setHeaders(res: ServerResponse, headers: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(headers)) res.setHeader(name, value);
}

function targetOf({ url }: IncomingMessage): RequestTarget {
  return parseTarget(url ?? '/');
}
