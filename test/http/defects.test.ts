import { OPEN_GRANT } from '../../src/auth/grant';
import type { PublishGuard } from '../../src/auth/publish-guard';
import { parseConfig } from '../../src/config';
import type { GatewayError } from '../../src/errors';
import { createClientAddress } from '../../src/http/client-address';
import { createCors } from '../../src/http/cors';
import { createRejectionCounts } from '../../src/http/problem';
import { createRouter, type Route } from '../../src/http/router';
import { createServer, type HttpServer } from '../../src/http/server';
import { createIngestAdmission } from '../../src/ingest/admission';
import type { Publisher } from '../../src/ingest/publisher';
import { createIngestRoutes } from '../../src/ingest/routes';
import type { Logger } from '../../src/logger';
import { createStreamCounts } from '../../src/sse/open-streams';
import { createStreamRejection } from '../../src/sse/stream-route';
import { createQuietLogger } from '../support/quiet-logger';

let server: HttpServer;
afterEach(() => server.close(100));

const config = parseConfig({ PORT: '0', HOST: '127.0.0.1' });
const cors = createCors([]);

/** A server with nothing but this route. */
async function serve(route: Route, logger: Logger): Promise<string> {
  server = createServer({
    config: config.http,
    sockets: { holds: () => false, destroyAll: () => undefined },
    route: createRouter({ routes: [route], createApp: () => () => undefined, cors, logger }),
    rejections: createRejectionCounts(),
    accepts: { count: 0 },
    logger,
  });
  return `http://127.0.0.1:${await server.listen()}`;
}

const fail = () => {
  throw new TypeError('x is not a function');
};

describe('a route with a defect', () => {
  it('is answered 500 without details, and logged without the query', async () => {
    const logger = createQuietLogger();
    const url = await serve({ method: 'GET', path: '/a/<path>', handle: fail }, logger);
    const res = await fetch(`${url}/a/path?access_token=kee-secret`);
    expect(res.status).toBe(500);
    const text = await res.text();
    const { code, requestId } = JSON.parse(text);
    expect(code).toBe('internal');
    expect(text).not.toContain('function');
    const [line, ...others] = logger.lines;
    expect(others).toEqual([]);
    expect(line).toMatchObject({
      level: 'error',
      fields: { err: expect.any(TypeError), path: '/a/path', requestId },
    });
    expect(requestId).toBe(res.headers.get('x-request-id'));
    expect(JSON.stringify(line)).not.toContain('kee-secret');
  });
});

describe('a stream with a defect before it has begun', () => {
  it('is answered 500, so that no client reconnects, logged and counted', async () => {
    const rejected: GatewayError[] = [];
    const counts = createStreamCounts();
    const reject = createStreamRejection({
      counts,
      cors,
      retryMs: () => 1,
      onRejected: (error) => rejected.push(error),
    });
    const handle: Route['handle'] = (req, res) => reject(req, res, new TypeError('x'));
    const url = await serve({ method: 'GET', path: '/sse', handle }, createQuietLogger());
    const res = await fetch(`${url}/sse?strict=1`);
    expect(res.status).toBe(500);
    expect(res.headers.get('access-control-allow-origin')).toBe('*');
    expect(rejected).toEqual([expect.objectContaining({ code: 'internal', cause: expect.any(TypeError) })]);
    expect(counts.rejected.internal).toBe(1);
  });
});

describe('publishing with a defect', () => {
  it.each<[string, PublishGuard, Publisher['publish']]>([
    ['in the guard', fail, async () => []],
    ['in the guard, later', () => Promise.reject(new TypeError('x')), async () => []],
    ['behind it', () => OPEN_GRANT, () => Promise.reject(new TypeError('x'))],
  ])('%s is answered 500, logged once, and frees its in-flight place', async (_, guard, publish) => {
    const rejected: GatewayError[] = [];
    const admission = createIngestAdmission({
      guard,
      clientAddress: createClientAddress(0),
      config: config.ingest,
      draining: () => null,
    });
    const { broadcast } = createIngestRoutes({
      publisher: { publish },
      cors,
      config: config.ingest,
      admission,
      onRejected: (error) => rejected.push(error),
      onDone: () => undefined,
    });
    const url = await serve(
      { ...broadcast, method: 'POST', path: '/broadcast/<channel>' },
      createQuietLogger(),
    );
    const res = await fetch(`${url}/broadcast`, { method: 'POST', body: 'x' });
    expect(res.status).toBe(500);
    expect(rejected).toEqual([expect.objectContaining({ code: 'internal', cause: expect.any(TypeError) })]);
    expect(admission.inFlight).toEqual({ requests: 0, bytes: 0 });
  });
});
