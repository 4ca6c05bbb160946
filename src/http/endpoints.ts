import { nearestName } from '../nearest-name';

/** The list that `GET /` gives. */
export const ENDPOINTS = {
  'GET /events': 'event stream; ?channel=/a&channel=/b, default all',
  'GET /sse': 'event stream of all channels',
  'GET /subscribe/<channel>': 'event stream of a channel and those below it',
  'POST /broadcast/<channel>': 'publishes the body as an event; ?event=name, ?key=k',
  'POST /events': 'publishes a batch of {channel?, event?, data, key?}, as JSON or NDJSON',
  'GET /connections': 'number of open streams of this process',
  'GET /kafka/status': 'state of the log: connections, topics, positions, lag, current aggregation',
  'GET /healthz': 'alive',
  'GET /readyz': 'ready to serve, check by check, and what is served only in part',
  'GET /metrics': 'what this process does, for Prometheus',
  'GET /': 'this list; to a browser the live page',
  'GET /admin/': 'streams of this process, for its operator',
} as const;

/** Those without a channel in their path. */
const FIXED = Object.keys(ENDPOINTS).filter((endpoint) => !endpoint.endsWith('>') && endpoint !== 'GET /');
const CHANNEL_ROUTES = ['broadcast', 'subscribe'];

/** The endpoint that was most probably meant by a request to where nothing is, such as `POST /broadcast/scores`; or null. */
export function nearestEndpoint(method: string, path: string): string | null {
  const segments = path.split('/').filter((segment) => segment !== '');
  const [first = '', ...below] = segments;
  const glued = CHANNEL_ROUTES.find((route) => first.startsWith(route));
  if (glued !== undefined) return channelEndpoint(glued, method, [first.slice(glued.length), ...below]);

  const whole = `/${segments.join('/')}`;
  // The method decides where two have the same path.
  const paths = new Map<string, string>();
  for (const endpoint of FIXED) {
    const [own = '', known = ''] = endpoint.split(' ');
    if (own === method || !paths.has(known)) paths.set(known, endpoint);
  }
  const near =
    nearestName(whole, paths.keys()) ??
    [...paths.keys()].find((known) => whole.endsWith(known) || (first !== '' && known.endsWith(whole)));
  if (near !== undefined) return paths.get(near)!;

  const route = nearestName(first, [...CHANNEL_ROUTES, 'events', 'sse']);
  return route === null ? null : channelEndpoint(route, method, below);
}

/** `/events/scores` and `/sse/scores` may be either, by the method. */
function channelEndpoint(route: string, method: string, channel: readonly string[]): string {
  const isPost = route === 'broadcast' || (route !== 'subscribe' && method === 'POST');
  const base = isPost ? 'POST /broadcast' : 'GET /subscribe';
  return [base, ...channel.filter((segment) => segment !== '')].join('/');
}
