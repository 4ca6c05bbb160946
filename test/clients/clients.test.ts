import { readyFault } from '../../infra/local/program';
import { type ClientProgram, untilAll, useClientLibraries } from '../support/client-programs';
import { useBroker } from '../support/kafka';
import { type GatewayProcess, spawnGateway } from '../support/process';
import { type RawConnection, rawHttp } from '../support/raw-http';
import { openTcpProxy, type TcpProxy } from '../support/tcp-proxy';
import { hmacToken, JWT_SECRET } from '../support/tokens';
import { until } from '../support/until';

const LIMIT_MS = 120_000;

describe('client libraries as they are published, used as docs/clients.md says', () => {
  const kafka = useBroker();
  const libraries = useClientLibraries();
  /** Takes what is published while the other one is away. */
  let publisher: GatewayProcess;

  beforeAll(async () => {
    publisher = await startGateway();
  }, LIMIT_MS);

  async function startGateway(env: Record<string, string> = {}): Promise<GatewayProcess> {
    const gateway = await spawnGateway({
      env: { KAFKA_BROKERS: kafka.bootstrap.join(','), RETRY_MIN_MS: '50', RETRY_MAX_MS: '100', ...env },
    });
    await until(async () => (await readyFault(gateway.url)) === null, 'the gateway is ready');
    return gateway;
  }

  async function publish(channel: string, ...events: string[]): Promise<void> {
    for (const body of events) {
      const { status } = await fetch(`${publisher.url}/broadcast${channel}`, { method: 'POST', body });
      expect(status).toBe(202);
    }
  }

  /** Open streams whose address begins so. */
  async function streamsAt({ url }: GatewayProcess, path: string): Promise<number> {
    const res = await fetch(`${url}/admin/status.json`);
    const { connections } = (await res.json()) as { connections: { request_path: string }[] };
    return connections.filter(({ request_path }) => request_path.startsWith(path)).length;
  }

  async function untilStreams(gateway: GatewayProcess, path: string, count: number): Promise<void> {
    const what = `${count} streams are open at ${path}`;
    await until(async () => (await streamsAt(gateway, path)) === count, what, 30_000);
  }

  /** What each client has handed over, once the last of these has come to all. */
  async function expectEach(clients: readonly ClientProgram[], data: readonly string[]): Promise<void> {
    const last = data.at(-1)!;
    await untilAll(clients, (client) => client.data.includes(last), `${last} has come to all`);
    const right = { data, incomplete: [], stopped: null };
    expect(
      clients.map(({ name, data, incomplete, stopped }) => ({ name, data, incomplete, stopped })),
    ).toEqual(clients.map(({ name }) => ({ name, ...right })));
    // Whoever was given an event was given an id to come back with.
    expect(clients.flatMap(({ ids }) => ids.filter((id) => id === ''))).toEqual([]);
  }

  it(
    'get what was published while their gateway was killed, without having received anything before',
    async () => {
      const gateway = await startGateway();
      const clients = libraries.start({ url: () => `${gateway.url}/subscribe/idle` });
      await untilAll(clients, ({ connections }) => connections > 0, 'it is connected');
      await untilStreams(gateway, '/subscribe/idle', clients.length);

      await gateway.kill();
      await publish('/idle', 'away-0', 'away-1', 'away-2');
      const again = await startGateway({ PORT: String(gateway.port) });
      await untilStreams(again, '/subscribe/idle', clients.length);
      await publish('/idle', 'live');
      await expectEach(clients, ['away-0', 'away-1', 'away-2', 'live']);
    },
    LIMIT_MS,
  );

  it.each([
    ['in a line of its data', 'line', (text: string) => text.indexOf('data: line-a') + 9],
    ['between two lines', 'lines', (text: string) => text.indexOf('data: lines-b')],
    ['in its id', 'id', (text: string) => text.indexOf('\n\n', text.indexOf('data: id-b')) - 3],
    [
      'before its last byte',
      'byte',
      (text: string) => text.indexOf('\n\n', text.indexOf('data: byte-b')) + 1,
    ],
  ])(
    'get an event whose bytes a broken connection cut %s',
    async (_where, name, placeIn) => {
      const gateway = await startGateway();
      const proxy = await openTcpProxy(gateway.port);
      const clients = libraries.start({ url: () => `${proxy.url}/subscribe/cut` });
      await untilAll(clients, ({ connections }) => connections > 0, 'it is connected');
      await untilStreams(gateway, '/subscribe/cut', clients.length);
      await publish('/cut', 'before');
      await untilAll(clients, ({ data }) => data.length > 0, 'the first event is there');

      const torn = proxy.tear((passed) => {
        const text = passed.toString('latin1');
        return text.includes(`data: ${name}-b`) ? placeIn(text) : -1;
      });
      await publish('/cut', `${name}-a\n${name}-b`);
      await torn;
      await untilStreams(gateway, '/subscribe/cut', clients.length);
      await publish('/cut', 'after');
      await expectEach(clients, ['before', `${name}-a\n${name}-b`, 'after']);
    },
    LIMIT_MS,
  );

  it(
    'get an event of 250,000 bytes, and one of many lines',
    async () => {
      const gateway = await startGateway();
      const clients = libraries.start({ url: () => `${gateway.url}/subscribe/large` });
      await untilStreams(gateway, '/subscribe/large', clients.length);
      const large = ['x'.repeat(250_000), Array.from({ length: 2_000 }, (_, i) => `line ${i}`).join('\n')];
      await publish('/large', ...large);
      await untilAll(clients, ({ data }) => data.length >= 2, 'both are there');
      // Not as they are: nobody wants to read the difference.
      const has = ({ data }: ClientProgram) => data.map((text, at) => text === large[at]);
      expect(clients.map((client) => [client.name, has(client)])).toEqual(
        clients.map(({ name }) => [name, [true, true]]),
      );
    },
    LIMIT_MS,
  );

  it(
    'get every event while their gateway drains and starts again',
    async () => {
      const gateway = await startGateway({ DRAIN_MS: '1000', DRAIN_MAX_PAUSE_MS: '1000' });
      const clients = libraries.start({ url: () => `${gateway.url}/subscribe/drain` });
      await untilAll(clients, ({ connections }) => connections > 0, 'it is connected');
      await untilStreams(gateway, '/subscribe/drain', clients.length);

      const published: string[] = [];
      const next = async () => {
        const event = `event-${published.length}`;
        published.push(event);
        await publish('/drain', event);
      };
      await next();
      let isBack = false;
      const restarted = gateway
        .kill('SIGTERM')
        .then((exit) => {
          expect(exit).toEqual({ code: 0, signal: null });
          return startGateway({ PORT: String(gateway.port) });
        })
        .finally(() => {
          isBack = true;
        });
      while (!isBack) await next();
      await untilStreams(await restarted, '/subscribe/drain', clients.length);
      await next();
      await expectEach(clients, published);
    },
    LIMIT_MS,
  );

  it(
    'come back to a full gateway until it has room, and then miss nothing',
    async () => {
      const streams = libraries.names.length;
      const gateway = await startGateway({ MAX_STREAMS: String(streams) });
      const proxies = new Map<string, TcpProxy>();
      for (const name of libraries.names) proxies.set(name, await openTcpProxy(gateway.port));
      const all = [...proxies.values()];
      const fill = async (): Promise<RawConnection[]> => {
        await untilStreams(gateway, '/', 0);
        const holders = Array.from({ length: streams }, () =>
          rawHttp(gateway.port, 'GET /events HTTP/1.1\r\nHost: gateway\r\n\r\n'),
        );
        await untilStreams(gateway, '/events', streams);
        return holders;
      };
      /** Refused more than once. */
      const comeBack = async (): Promise<void> => {
        const before = all.map(({ accepted }) => accepted);
        const isBack = () => all.every(({ accepted }, at) => accepted >= before[at]! + 3);
        await until(isBack, 'all have come back', 30_000);
      };
      const leave = async (holders: readonly RawConnection[]): Promise<void> => {
        for (const { socket } of holders) socket.destroy();
        await untilStreams(gateway, '/subscribe/full', streams);
      };

      let holders = await fill();
      const clients = libraries.start({ url: (name) => `${proxies.get(name)!.url}/subscribe/full` });
      await comeBack();
      await leave(holders);
      await publish('/full', 'first');
      await untilAll(clients, ({ data }) => data.length > 0, 'the first event is there');

      for (const proxy of all) proxy.cut();
      holders = await fill();
      await publish('/full', 'full-0', 'full-1', 'full-2');
      for (const proxy of all) proxy.mend();
      await comeBack();
      await leave(holders);
      await publish('/full', 'last');
      await expectEach(clients, ['first', 'full-0', 'full-1', 'full-2', 'last']);
    },
    LIMIT_MS,
  );

  it(
    'keep a quiet stream for longer than their own read timeout, with ?heartbeat=3',
    async () => {
      const gateway = await startGateway();
      const proxies = new Map<string, TcpProxy>();
      for (const name of libraries.names) proxies.set(name, await openTcpProxy(gateway.port));
      const unheard = await openTcpProxy(gateway.port);
      // Longer than the five seconds of httpx, so that a busy machine may be late with a heartbeat.
      const readTimeoutMs = 6_000;
      const clients = libraries.start({
        url: (name) => `${proxies.get(name)!.url}/subscribe/quiet?heartbeat=3`,
        readTimeoutMs,
      });
      await untilAll(clients, ({ connections }) => connections > 0, 'it is connected');
      // The same with the gateway's own 15 s, begun after the others.
      libraries.start({
        url: () => `${unheard.url}/subscribe/quiet`,
        readTimeoutMs,
        only: ['Python httpx-sse'],
      });
      await until(() => unheard.accepted >= 2, 'the one without heartbeats was cut off', 30_000);

      await publish('/quiet', 'at last');
      await expectEach(clients, ['at last']);
      expect(clients.map(({ name }) => [name, proxies.get(name)!.accepted])).toEqual(
        clients.map(({ name }) => [name, 1]),
      );
    },
    LIMIT_MS,
  );

  it(
    'send their token, and end with it when it is refused',
    async () => {
      const gateway = await startGateway({ JWT_SECRET });
      const url = () => `${gateway.url}/subscribe/private`;
      const refused = libraries.start({ url, token: hmacToken({ subscribe: ['/other'] }) });
      const unknown = libraries.start({ url, token: 'none' });
      const clients = libraries.start({ url, token: hmacToken({ subscribe: ['/private'] }) });
      await untilAll(refused, ({ stopped }) => stopped?.includes('403') ?? false, 'it says 403');
      await untilAll(unknown, ({ stopped }) => stopped?.includes('401') ?? false, 'it says 401');
      await untilStreams(gateway, '/subscribe/private', clients.length);
      await publish('/private', 'for their eyes');
      await expectEach(clients, ['for their eyes']);
      expect([...refused, ...unknown].flatMap(({ data }) => data)).toEqual([]);
    },
    LIMIT_MS,
  );
});
