import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { GatewayError } from '../../../src/errors';
import { createCors } from '../../../src/http/cors';
import { createRouter, endpointsOf, type Route } from '../../../src/http/router';
import { createQuietLogger } from '../../support/quiet-logger';

const answer: Route['handle'] = (_req, res) => void res.end('served');
const guard = {
  check() {
    throw new GatewayError('unauthorized', 'no key');
  },
  challenge: { 'WWW-Authenticate': 'Basic' },
};

let counted: string[];
const routes: readonly Route[] = [
  { method: 'GET', path: '/events', about: 'a stream', handle: answer },
  { method: 'POST', path: '/events', handle: answer },
  {
    method: 'POST',
    path: '/broadcast/<channel>',
    about: 'publishes',
    handle: () => Promise.reject(new GatewayError('forbidden', 'not granted')),
    onRequest: () => counted.push('request'),
    onRejected: ({ code }) => counted.push(code),
  },
  { method: 'POST', path: '/off', handle: answer, disabled: 'switched off' },
  { method: 'GET', path: '/secret', handle: answer, guard },
  { method: 'GET', path: '/secret/<page>', handle: null, guard },
  { method: 'GET', path: '/page', handle: answer, express: true },
];

let server: Server;
let url: string;
beforeEach(async () => {
  counted = [];
  const route = createRouter({
    routes,
    // Stands for Express.
    createApp: (paths, serve, miss) => (req, res) =>
      paths.includes(req.url!) ? serve(req.url!, req, res) : miss(req, res, undefined),
    cors: createCors([]),
    logger: createQuietLogger(),
  });
  server = createServer(route);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(() => server.close());

async function ask(method: string, path: string) {
  const res = await fetch(url + path, { method });
  const text = await res.text();
  return { status: res.status, headers: res.headers, text };
}

describe('the table of routes', () => {
  it.each([
    ['GET', '/events', 200],
    ['HEAD', '/events', 200],
    ['POST', '/events', 200],
    ['GET', '/page', 200],
    ['GET', '/nothing', 404],
    ['GET', '/events/', 404],
    ['OPTIONS', '/nothing', 204],
  ])('%s %s is answered %i', async (method, path, status) => {
    expect((await ask(method, path)).status).toBe(status);
  });

  it.each([
    ['PUT', '/events', 'GET, HEAD, POST, OPTIONS'],
    ['GET', '/broadcast/a', 'POST, OPTIONS'],
    ['POST', '/page', 'GET, HEAD, OPTIONS'],
    ['POST', '/off', 'OPTIONS'],
  ])('%s %s is answered 405 with the methods of all routes of the path', async (method, path, allow) => {
    const { status, headers } = await ask(method, path);
    expect(status).toBe(405);
    expect(headers.get('allow')).toBe(allow);
  });

  it('says why a path takes no method at present', async () => {
    expect((await ask('POST', '/off')).text).toContain('switched off');
  });

  it.each(['/secret', '/secret/nothing'])(
    'asks the guard of %s before all else, without CORS',
    async (path) => {
      const { status, headers } = await ask('PUT', path);
      expect(status).toBe(401);
      expect(headers.get('www-authenticate')).toBe('Basic');
      expect(headers.get('access-control-allow-origin')).toBe(null);
    },
  );

  it('counts requests and rejections, also those with another method', async () => {
    expect((await ask('POST', '/broadcast')).status).toBe(403);
    expect((await ask('GET', '/broadcast/a')).status).toBe(405);
    expect(counted).toEqual(['request', 'forbidden', 'request', 'method-not-allowed']);
  });

  it('gives the list of endpoints, and the nearest one to a path without a route', async () => {
    expect(endpointsOf(routes)).toEqual({
      'GET /events': 'a stream',
      'POST /broadcast/<channel>': 'publishes',
    });
    expect((await ask('POST', '/broadcastscores')).text).toContain('did you mean POST /broadcast/scores?');
  });
});
