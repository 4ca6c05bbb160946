import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type Nginx, nginxCommand } from '../../infra/local/nginx';
import { renderIncludes, workerPlan } from '../../infra/local/nginx-includes';
import { openNginx } from '../support/nginx';
import { ask, type Behaviour, oneEvent, openUpstream, status, type Upstream } from '../support/upstream';

const CONFIGURATION = resolve(__dirname, '../../infra/nginx/nginx.conf');

describe('nginx in front of the gateways', () => {
  describe('its configuration', () => {
    const isRoot = process.getuid?.() === 0;
    const users = [['this user', undefined] as const, ...(isRoot ? [['nobody', 65_534] as const] : [])];

    it.each(users)('is accepted without a warning, started by %s', (_, uid) => {
      const directory = mkdtempSync(join(tmpdir(), 'nginx-test-'));
      try {
        chmodSync(directory, 0o777);
        mkdirSync(join(directory, 'local'));
        copyFileSync(CONFIGURATION, join(directory, 'nginx.conf'));
        const includes = renderIncludes({
          upstreams: ['127.0.0.1:3001', '127.0.0.1:3002'],
          port: 8080,
          directory,
          plan: workerPlan(1_000, 1_024, 2),
          platform: process.platform,
        });
        for (const [name, text] of Object.entries(includes))
          writeFileSync(join(directory, 'local', name), text);
        const { status: code, stderr } = spawnSync(
          nginxCommand()!,
          ['-t', '-p', directory, '-c', join(directory, 'nginx.conf'), '-e', 'stderr'],
          { encoding: 'utf8', ...(uid === undefined ? {} : { uid }) },
        );
        expect(stderr).toMatch(/test is successful/);
        expect(stderr).not.toMatch(/\[(warn|alert|emerg)\]/);
        expect(code).toBe(0);
      } finally {
        rmSync(directory, { recursive: true });
      }
    });
  });

  describe('with two gateways', () => {
    let first: Upstream;
    let second: Upstream;
    let nginx: Nginx;

    beforeAll(async () => {
      first = await openUpstream(oneEvent);
      second = await openUpstream(oneEvent);
      nginx = await openNginx({ upstreams: [first.address, second.address] });
    });

    beforeEach(() => {
      for (const upstream of [first, second]) {
        upstream.behave(oneEvent);
        upstream.seen.length = 0;
      }
    });

    const seen = () => [...first.seen, ...second.seen];

    it.each(['/events?channel=/a', '/sse', '/subscribe/a/b%20c'])(
      'sends GET %s on as a stream',
      async (path) => {
        const answer = await ask(nginx, 'GET', path, { headers: { 'Last-Event-ID': '1.a.b' } });

        expect(answer).toMatchObject({ status: 200, body: 'data: here\n\n' });
        expect(answer.headers['x-accel-buffering']).toBe('no');
        expect(seen()).toEqual([
          expect.objectContaining({
            url: path,
            headers: expect.objectContaining({
              'last-event-id': '1.a.b',
              'x-sse-failover': '1',
              'x-forwarded-for': '127.0.0.1',
            }),
          }),
        ]);
      },
    );

    it('does not let a client close the connection to a gateway', async () => {
      await ask(nginx, 'GET', '/sse', { headers: { Connection: 'close' } });
      expect(seen()[0]!.headers).not.toHaveProperty('connection');
    });

    it('passes an event on before the stream goes on or ends', async () => {
      let finish = (): void => undefined;
      const goesOn: Behaviour = (_, response) => {
        response.writeHead(200, { 'Content-Type': 'text/event-stream' });
        response.write('data: 1\n\n');
        finish = () => response.end('data: 2\n\n');
      };
      first.behave(goesOn);
      second.behave(goesOn);

      const socket = connect(Number(new URL(nginx.url).port), '127.0.0.1');
      socket.write('GET /events HTTP/1.1\r\nHost: x\r\n\r\n');
      let received = '';
      const untilReceived = (text: string): Promise<void> =>
        new Promise((done) => {
          const look = (): void => {
            if (!received.includes(text)) return;
            socket.off('data', look);
            done();
          };
          socket.on('data', look);
          look();
        });
      socket.on('data', (chunk) => {
        received += chunk;
      });
      await untilReceived('data: 1\n\n');
      expect(received).not.toContain('data: 2');
      expect(received).toMatch(/^Transfer-Encoding: chunked\r$/im);

      finish();
      await untilReceived('data: 2\n\n');
      await untilReceived('\r\n0\r\n\r\n');
      socket.destroy();
    });

    it('asks the next gateway when one answers 503 to a stream', async () => {
      first.behave(status(503));
      for (let i = 0; i < 4; i++) {
        expect(await ask(nginx, 'GET', '/events')).toMatchObject({ status: 200, body: 'data: here\n\n' });
      }
      expect(first.seen.length).toBeGreaterThan(0);
      expect(second.seen).toHaveLength(4);
    });

    it.each([400, 401, 403, 404, 412])('passes a stream’s %i on', async (code) => {
      first.behave(status(code, { 'X-From': 'gateway' }));
      second.behave(status(code, { 'X-From': 'gateway' }));
      const answer = await ask(nginx, 'GET', '/events');
      expect(answer).toMatchObject({ status: code, headers: { 'x-from': 'gateway' } });
    });

    it.each(['/events', '/sse', '/subscribe/a'])('sends POST %s to ingest, with its status', async (path) => {
      for (const upstream of [first, second]) upstream.behave(status(503, { 'Retry-After': '2' }));
      const answer = await ask(nginx, 'POST', path, { body: '{"data":"x"}' });

      expect(answer).toMatchObject({ status: 503, headers: { 'retry-after': '2' } });
      expect(answer.headers).not.toHaveProperty('x-sse-unavailable');
      expect(seen()).toEqual([expect.objectContaining({ method: 'POST', url: path, body: '{"data":"x"}' })]);
      expect(seen()[0]!.headers).not.toHaveProperty('x-sse-failover');
    });

    it('does not let a client pretend to be nginx', async () => {
      await ask(nginx, 'POST', '/broadcast', { body: 'x', headers: { 'X-Sse-Failover': '1' } });
      expect(seen()[0]!.headers).not.toHaveProperty('x-sse-failover');
    });

    it.each(['/events', '/sse', '/subscribe/a', '/broadcast/a', '/connections'])(
      'lets the gateway answer OPTIONS %s and closes the connection',
      async (path) => {
        for (const upstream of [first, second]) upstream.behave(status(204, { 'X-From': 'gateway' }));
        const answer = await ask(nginx, 'OPTIONS', path, { headers: { Connection: 'keep-alive' } });
        expect(answer).toMatchObject({ status: 204, headers: { 'x-from': 'gateway', connection: 'close' } });
        expect(seen()).toEqual([expect.objectContaining({ method: 'OPTIONS', url: path })]);
      },
    );

    it('closes the connection after /connections, and only there', async () => {
      const headers = { Connection: 'keep-alive' };
      expect(await ask(nginx, 'GET', '/connections', { headers })).toMatchObject({
        headers: { connection: 'close' },
      });
      expect(await ask(nginx, 'GET', '/kafka/status', { headers })).toMatchObject({
        headers: { connection: 'keep-alive' },
      });
    });

    it.each([
      '/metrics',
      '/admin',
      '/admin/',
      '/Admin/status.json',
      '//admin/',
      '/x/../metrics',
      '/%61dmin/',
    ])('does not route %s', async (path) => {
      expect(await ask(nginx, 'GET', path)).toMatchObject({
        status: 404,
        headers: { 'content-type': 'application/problem+json' },
      });
      expect(seen()).toHaveLength(0);
    });

    it('routes a channel that is called like them', async () => {
      expect(await ask(nginx, 'GET', '/subscribe/admin')).toMatchObject({ status: 200 });
      expect(await ask(nginx, 'POST', '/broadcast/metrics', { body: 'x' })).toMatchObject({ status: 200 });
    });

    it('passes a batch of 1 MiB whole and refuses a larger one', async () => {
      const body = 'x'.repeat(1024 * 1024);
      expect(await ask(nginx, 'POST', '/events', { body })).toMatchObject({ status: 200 });
      expect(seen()[0]!.body).toHaveLength(body.length);

      const answer = await ask(nginx, 'POST', '/events', { body: `${body}x` });
      expect(answer).toMatchObject({ status: 413, headers: { 'content-type': 'application/problem+json' } });
      expect(JSON.parse(answer.body)).toMatchObject({ code: 'event-too-large', status: 413 });
    });
  });

  // Apart from the others: nginx leaves out a gateway that failed often, for some seconds.
  describe.each([
    ['every gateway answers 503', () => openUpstream(status(503)).then((upstream) => upstream.address)],
    ['every gateway answers 429', () => openUpstream(status(429)).then((upstream) => upstream.address)],
    ['no gateway listens', async () => '127.0.0.1:1'],
  ])('when %s', (_, upstreamAddress) => {
    let nginx: Nginx;

    beforeAll(async () => {
      nginx = await openNginx({ upstreams: [await upstreamAddress(), await upstreamAddress()] });
    });

    it('tells a stream to come back later, at times that differ, from any origin', async () => {
      const retries = new Set<string>();
      for (let i = 0; i < 40; i++) {
        const answer = await ask(nginx, 'GET', '/events', { headers: { Origin: 'https://example.org' } });
        expect(answer).toMatchObject({
          status: 200,
          headers: {
            'content-type': 'text/event-stream',
            'cache-control': 'no-cache, no-transform',
            'access-control-allow-origin': '*',
            'x-sse-unavailable': '1',
            connection: 'close',
          },
        });
        retries.add(
          /^event: gateway\.retry\nretry: (\d+)\ndata: {"code":"unavailable"}\n\n$/.exec(answer.body)![1]!,
        );
      }
      expect(retries.size).toBeGreaterThan(3);
    });
  });

  it('tells an API client honestly that no gateway answered', async () => {
    const nginx = await openNginx({ upstreams: ['127.0.0.1:1'] });
    for (const [method, path] of [
      ['POST', '/broadcast'],
      ['POST', '/events'],
      ['GET', '/connections'],
    ] as const) {
      const answer = await ask(nginx, method, path, { body: 'x' });
      expect(answer).toMatchObject({
        status: 503,
        headers: { 'content-type': 'application/problem+json', 'retry-after': '1' },
      });
      expect(JSON.parse(answer.body)).toMatchObject({ status: 503, outcome: 'unknown' });
    }
  });
});
