import { useBroker } from '../support/kafka';
import { spawnGateway } from '../support/process';
import { type RawConnection, rawHttp } from '../support/raw-http';
import { until } from '../support/until';

const LIMIT_MS = 60_000;
const STREAMS = 600;
const DRAIN_MS = 4_000;
const BUCKETS = 8;
/** Longest reconnect time that a closing gateway tells: RETRY_MAX_MS of the contract. */
const RETRY_MAX_MS = 5_000;

interface Watched {
  readonly connection: RawConnection;
  /** When it was closed, as `performance.now()`; null before. */
  closedMs: number | null;
}

async function openStreams(port: number, count: number): Promise<Watched[]> {
  const watched: Watched[] = [];
  for (let i = 0; i < count; i++) {
    const stream: Watched = {
      connection: rawHttp(port, 'GET /sse HTTP/1.1\r\nHost: gateway\r\n\r\n'),
      closedMs: null,
    };
    stream.connection.socket.on('close', () => {
      stream.closedMs = performance.now();
    });
    watched.push(stream);
  }
  await Promise.all(watched.map(({ connection }) => connection.until('id: ', 20_000)));
  return watched;
}

/** How much the order of two lists has to do with each other, from -1 to 1; 0 is nothing. */
function correlation(xs: readonly number[], ys: readonly number[]): number {
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [mx, my] = [mean(xs), mean(ys)];
  const sum = (f: (i: number) => number) => xs.reduce((total, _, i) => total + f(i), 0);
  const covariance = sum((i) => (xs[i]! - mx) * (ys[i]! - my));
  return covariance / Math.sqrt(sum((i) => (xs[i]! - mx) ** 2) * sum((i) => (ys[i]! - my) ** 2));
}

/** Ctrl-C with three streams took 13 seconds: they were spread over all of DRAIN_MS. */
describe('Ctrl-C with three streams open', () => {
  const kafka = useBroker();

  it.each([
    ['a memory log', () => ({ EVENT_LOG: 'memory' })],
    ['Kafka', () => ({ KAFKA_BROKERS: kafka.bootstrap.join(',') })],
  ])(
    'ends the gateway within a second, with %s',
    async (_, env) => {
      const gateway = await spawnGateway({ env: env() });
      await until(async () => (await fetch(`${gateway.url}/readyz`)).status === 200, 'it is ready');
      // Kept alive by its client, as a browser keeps one beside its streams.
      const idle = rawHttp(gateway.port, 'GET /healthz HTTP/1.1\r\nHost: gateway\r\n\r\n');
      await idle.until('"ok"');
      const streams = await openStreams(gateway.port, 3);
      const startMs = performance.now();
      expect(await gateway.kill('SIGINT')).toEqual({ code: 0, signal: null });
      expect(performance.now() - startMs).toBeLessThan(1_000);
      for (const { connection } of streams) expect(await connection.closed()).toMatch(/0\r\n\r\n$/);
    },
    LIMIT_MS,
  );
});

describe('SIGTERM', () => {
  it(
    'closes the streams evenly and in no order, each with a time of its own to come back, and ends with 0',
    async () => {
      const gateway = await spawnGateway({ env: { DRAIN_MS: String(DRAIN_MS), TICK_MS: '100' } });
      const streams = await openStreams(gateway.port, STREAMS);

      const startMs = performance.now();
      const ended = gateway.kill('SIGTERM');
      await until(async () => (await fetch(`${gateway.url}/readyz`)).status === 503, 'it is not ready');
      expect((await fetch(`${gateway.url}/healthz`)).status).toBe(200);
      const refused = await fetch(`${gateway.url}/broadcast`, { method: 'POST', body: 'too late' });
      expect(refused.status).toBe(503);
      expect(refused.headers.get('connection')).toBe('close');
      expect(await refused.json()).toMatchObject({ code: 'draining' });
      // nginx asks the next one; a browser is told to come back.
      const viaNginx = await fetch(`${gateway.url}/sse`, { headers: { 'x-sse-failover': '1' } });
      expect(viaNginx.status).toBe(503);
      const direct = await fetch(`${gateway.url}/sse`);
      expect(direct.status).toBe(200);
      expect(await direct.text()).toMatch(/^event: gateway\.retry\nretry: \d+\n/);

      expect(await ended).toEqual({ code: 0, signal: null });
      await until(() => streams.every(({ closedMs }) => closedMs !== null), 'all streams are closed');
      const closed = streams.map(({ closedMs }) => closedMs! - startMs);
      const counts = Array.from({ length: BUCKETS }, () => 0);
      for (const ms of closed) {
        const bucket = Math.min(BUCKETS - 1, Math.floor((ms / DRAIN_MS) * BUCKETS));
        counts[bucket] = counts[bucket]! + 1;
      }
      const even = STREAMS / BUCKETS;
      for (const count of counts) {
        expect(count).toBeGreaterThan(even / 2);
        expect(count).toBeLessThan(even * 2);
      }
      const opened = streams.map((_, i) => i);
      expect(Math.abs(correlation(opened, closed))).toBeLessThan(0.25);

      const retries = streams.map(({ connection }) => {
        const received = connection.received();
        // A whole body, so that a proxy sees an end and no fault.
        expect(received.endsWith('0\r\n\r\n')).toBe(true);
        return Number([...received.matchAll(/retry: (\d+)\n/g)].at(-1)![1]);
      });
      expect(Math.min(...retries)).toBeGreaterThan(0);
      expect(Math.max(...retries)).toBeLessThanOrEqual(RETRY_MAX_MS);
      expect(new Set(retries).size).toBeGreaterThan(STREAMS / 3);
    },
    LIMIT_MS,
  );

  it(
    'given twice ends at once',
    async () => {
      const gateway = await spawnGateway({ env: { DRAIN_MS: '600000', DRAIN_MAX_PAUSE_MS: '600000' } });
      const [stream] = await openStreams(gateway.port, 1);
      await openStreams(gateway.port, 5);
      process.kill(gateway.pid, 'SIGTERM');
      await until(async () => (await fetch(`${gateway.url}/readyz`)).status === 503, 'it is draining');
      const startMs = performance.now();
      expect(await gateway.kill('SIGTERM')).toEqual({ code: null, signal: 'SIGTERM' });
      expect(performance.now() - startMs).toBeLessThan(1_000);
      await until(() => stream!.closedMs !== null, 'the stream is cut');
    },
    LIMIT_MS,
  );
});
