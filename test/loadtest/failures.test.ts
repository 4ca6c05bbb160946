import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePorts } from '../../infra/local/ports';
import { startStack } from '../../infra/local/start-stack';
import { startBufferingNginx } from '../support/buffering-nginx';
import { type K6Run, runK6 } from '../support/k6-run';
import { scrape } from '../support/metrics';
import { spawnGateway } from '../support/process';
import { until } from '../support/until';

const RUN_LIMIT_MS = 120_000;
const CONNECTIONS = 100;
const SMALL = { CONNECTIONS: String(CONNECTIONS), RAMP: '1s', HOLD: '4s', RAMP_DOWN: '500ms' };
const THRESHOLDS_FAILED = 99;
/** Ticks that the gateway sends each stream before it dies. */
const EVENTS_EACH = 5;
/** After the first tick that was not stored; under ten seconds together with what came before. */
const STANDSTILL_MS = 5_000;

const count = ({ metrics }: K6Run, name: string): number => metrics[name]?.values.count ?? 0;

/** A gateway with the memory log, which ticks. */
const startTickingGateway = () => spawnGateway({ env: { EVENT_LOG: 'memory', TICK_MS: '200' } });

/** Some other server, closed after the test. */
async function startServer(answer: RequestListener): Promise<string> {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  servers.push(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(() => resolve()));
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const servers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of servers.splice(0)) await close();
});

describe('the load test fails, and says why', () => {
  it(
    'where nothing listens',
    async () => {
      const [port] = await freePorts(1);
      const run = await runK6({ ...SMALL, URL: `http://127.0.0.1:${port}` });
      expect(run.exitCode).toBe(THRESHOLDS_FAILED);
      expect(run.output).toMatch(/FAIL {2}sse_connections/);
      expect(run.output).toMatch(/FAIL {2}sse_connect_success/);
      expect(run.output).toMatch(/FAIL {2}sse_event_latency +max>0/);
      expect(run.output).toMatch(/× connect: nothing listens at URL/);
      expect(run.output).toMatch(/stream failed \(connect\): .*refused/);
      expect(count(run, 'sse_connections')).toBe(0);
    },
    RUN_LIMIT_MS,
  );

  it(
    'where the gateway dies',
    async () => {
      const gateway = await startTickingGateway();
      const run = await runK6({ ...SMALL, HOLD: '8s', URL: gateway.url }, async () => {
        await until(
          async () => (await (await fetch(`${gateway.url}/connections`)).text()) === String(CONNECTIONS),
          'all streams are open',
          RUN_LIMIT_MS,
        );
        const deliveries = async () => (await scrape(gateway.url)).get('deliveries_total')!;
        const before = await deliveries();
        await until(
          async () => (await deliveries()) >= before + EVENTS_EACH * CONNECTIONS,
          'k6 has counted all of them: each has events',
        );
        await gateway.kill();
      });
      expect(run.exitCode).toBe(THRESHOLDS_FAILED);
      expect(count(run, 'sse_connections')).toBe(CONNECTIONS);
      expect(run.output).toMatch(/FAIL {2}sse_errors/);
      expect(run.output).toMatch(/× connect: /);
    },
    RUN_LIMIT_MS,
  );

  it(
    'behind an nginx that buffers',
    async () => {
      const gateway = await startTickingGateway();
      const run = await runK6({ ...SMALL, URL: await startBufferingNginx(gateway.url) });
      expect(run.exitCode).toBe(THRESHOLDS_FAILED);
      expect(run.output).toMatch(new RegExp(`${CONNECTIONS} × silent: .* a proxy buffers them`));
      expect(count(run, 'sse_connections')).toBe(0);
    },
    RUN_LIMIT_MS,
  );

  it(
    'where the server answers 503',
    async () => {
      const url = await startServer((_req, res) =>
        res.writeHead(503, { 'Content-Type': 'text/plain' }).end('busy'),
      );
      const run = await runK6({ ...SMALL, URL: url });
      expect(run.exitCode).toBe(THRESHOLDS_FAILED);
      expect(run.output).toMatch(/× status: the server answered with another status than 200/);
    },
    RUN_LIMIT_MS,
  );

  it(
    'where the server answers 200 and sends everyone away',
    async () => {
      const url = await startServer((_req, res) => {
        res.writeHead(200, { 'Content-Type': 'text/event-stream', 'X-Sse-Unavailable': '1' });
        res.end('retry: 1000\n: not now\n\n');
      });
      const run = await runK6({ ...SMALL, URL: url });
      expect(run.exitCode).toBe(THRESHOLDS_FAILED);
      expect(run.output).toMatch(/× unavailable: the server answered 200 and ended at once/);
      expect(count(run, 'sse_errors{stage:unavailable}')).toBeGreaterThanOrEqual(CONNECTIONS);
    },
    RUN_LIMIT_MS,
  );

  it(
    'where events are missing, and where none has a time',
    async () => {
      let number = 0;
      const url = await startServer((_req, res) => {
        res.writeHead(200, { 'Content-Type': 'text/event-stream' });
        const timer = setInterval(() => {
          number += 2;
          res.write(`data: {"payload":{"times":${number}}}\n\n`);
        }, 100);
        res.on('close', () => clearInterval(timer));
      });
      const run = await runK6({ ...SMALL, CONNECTIONS: '1', URL: url, FROM: 'none' });
      expect(run.exitCode).toBe(THRESHOLDS_FAILED);
      expect(run.output).toMatch(/pass {2}sse_connections/);
      expect(run.output).toMatch(/FAIL {2}sse_gaps/);
      expect(run.output).toMatch(/events are missing/);
      expect(run.output).toMatch(
        /no delivery was measured during the hold: no event had a time at "payload\.date"/,
      );
    },
    RUN_LIMIT_MS,
  );
});

describe('the load test does not start', () => {
  it(
    'with settings that make no sense, and names them',
    async () => {
      await expect(runK6({ CONNECTIONS: 'many', HOLD: 'long' })).rejects.toThrow(
        /CONNECTIONS must be a whole number[\s\S]*HOLD must be a duration/,
      );
    },
    RUN_LIMIT_MS,
  );
});

describe('the load test passes', () => {
  it(
    'where all is well, one process by hand',
    async () => {
      const gateway = await startTickingGateway();
      const run = await runK6({ ...SMALL, URL: gateway.url });
      expect(run.output).not.toMatch(/FAIL/);
      expect(run.exitCode).toBe(0);
      expect(count(run, 'sse_connections')).toBe(CONNECTIONS);
      expect(count(run, 'sse_errors')).toBe(0);
      // At least half of the ticks of the hold, of every stream.
      expect(count(run, 'sse_event_latency')).toBeGreaterThan((CONNECTIONS * 4_000) / 200 / 2);
    },
    RUN_LIMIT_MS,
  );
});

describe('the load test passes although Kafka stood still', () => {
  it(
    'since ticks that were never stored are not lost',
    async () => {
      const told: string[] = [];
      const stack = await startStack({
        gateways: 1,
        aggregators: 0,
        tickMs: 200,
        env: { KAFKA_PRODUCE_DEADLINE_MS: '1000' },
        onOutput: (name, line) => name === 'ticker' && told.push(line),
      });
      try {
        const settings = { ...SMALL, HOLD: '14s', LATENCY_P95_MS: '8000', URL: stack.url };
        const run = await runK6(settings, async () => {
          await until(
            async () =>
              (await (await fetch(`${stack.gateways[0]!.url}/connections`)).text()) === String(CONNECTIONS),
            'all streams are open',
            RUN_LIMIT_MS,
          );
          stack.broker!.pause();
          await until(
            () => told.some((line) => line.includes('Ticker append failed')),
            'a tick is not stored',
          );
          // As long again, so that ticks are of unknown outcome and refused.
          await sleep(STANDSTILL_MS);
          stack.broker!.resume();
          await until(
            () => told.some((line) => line.includes('Ticker append recovered')),
            'ticks are stored',
          );
        });
        expect(run.output).not.toMatch(/FAIL/);
        expect(run.exitCode).toBe(0);
        expect([count(run, 'sse_gaps'), count(run, 'sse_duplicates')]).toEqual([0, 0]);
        const { missed } = JSON.parse(told.find((line) => line.includes('Ticker append recovered'))!);
        expect(missed).toBeGreaterThan(STANDSTILL_MS / 200);
      } finally {
        stack.broker?.resume();
        await stack.close();
      }
    },
    RUN_LIMIT_MS,
  );
});
