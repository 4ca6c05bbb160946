import { createServer, type Server } from 'node:http';
import { freePorts } from '../../infra/local/ports';
import { openEventSource } from '../support/event-source';
import { openNginx } from '../support/nginx';
import { until } from '../support/until';

/**
 * nginx counts the failures of an upstream server and forgets them only when a later request to it has ended. A stream
 * does not end: after `max_fails` refused connections a gateway that was back got one stream per `fail_timeout`, and
 * once that had happened to all of them, clients were turned away for minutes.
 */
describe('gateways that were down and are up again behind nginx', () => {
  const servers = new Map<number, Server>();

  const listen = (port: number) =>
    new Promise<void>((done) => {
      const server = createServer((_, res) => {
        res.writeHead(200, { 'Content-Type': 'text/event-stream' });
        res.write(':ok\n\nid: 1\n\n');
      });
      servers.set(port, server);
      server.listen(port, '127.0.0.1', done);
    });

  const kill = (port: number) =>
    new Promise<void>((done) => {
      servers.get(port)!.close(() => done());
      servers.get(port)!.closeAllConnections();
      servers.delete(port);
    });

  afterEach(async () => {
    for (const port of [...servers.keys()]) await kill(port);
  });

  it('get streams again at once', async () => {
    const ports = await freePorts(2);
    for (const port of ports) await listen(port);
    const nginx = await openNginx({ upstreams: ports.map((port) => `127.0.0.1:${port}`) });
    const open = (count: number) => Array.from({ length: count }, () => openEventSource(`${nginx.url}/sse`));
    const isEachOpen = (sources: ReturnType<typeof open>) => () => sources.every(({ isOpen }) => isOpen);
    const first = open(10);
    await until(isEachOpen(first), 'streams on both');

    for (const port of ports) {
      await kill(port);
      // More than nginx's default of max_fails, one after the other, so that each of them tries the one that is away.
      for (let i = 0; i < 5; i++) await (await fetch(`${nginx.url}/sse`)).body!.cancel();
      await listen(port);
    }
    const second = open(20);
    await until(isEachOpen(second), 'all streams are open', 2_000);
    expect(second.every(({ connections }) => connections === 1)).toBe(true);
  });
});
