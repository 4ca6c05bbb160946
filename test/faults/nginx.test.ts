import { type Stack, startStack } from '../../infra/local/start-stack';
import { createDeliveryCheck } from '../support/delivery';
import { openEventSource, ownOf } from '../support/event-source';
import { startPacedPublisher } from '../support/paced-publisher';
import { type LoadReport, startStreamLoad } from '../support/stream-load';
import { topicAt } from '../support/topic';
import { until } from '../support/until';

const START_LIMIT_MS = 300_000;
const LIMIT_MS = 180_000;
const PER_SECOND = 50;

const print = (line: string) => process.stdout.write(`  ${line}\n`);

describe('behind nginx', () => {
  let stack: Stack;

  beforeAll(async () => {
    stack = await startStack({ tickMs: null, aggregators: 0 });
  }, START_LIMIT_MS);

  afterAll(() => stack?.close(), START_LIMIT_MS);

  it(
    'a reload cuts nobody off at once, and who is cut off when the old workers end misses nothing',
    async () => {
      const sources = Array.from({ length: 30 }, () => openEventSource(`${stack.url}/sse`));
      await until(() => sources.every(({ isOpen }) => isOpen), 'all clients are connected');
      const urls = stack.gateways.map(({ url }) => url);
      const published = startPacedPublisher(urls, { prefix: 'reload', perSecond: PER_SECOND });
      await until(() => published.stored.size > PER_SECOND, 'events flow');

      process.kill(stack.nginx.pid, 'SIGHUP');
      const before = published.stored.size;
      await until(() => published.stored.size > before + 2 * PER_SECOND, 'events flow past the reload');
      expect(sources.every(({ breaks }) => breaks === 0)).toBe(true);
      // New clients are served by new workers meanwhile.
      const late = openEventSource(`${stack.url}/sse`);
      await until(() => late.isOpen, 'a new client is connected');
      // infra/local/nginx.ts: worker_shutdown_timeout 30s.
      await until(() => sources.every(({ breaks, isOpen }) => breaks > 0 && isOpen), 'all are back', 60_000);
      const after = published.stored.size;
      await until(() => published.stored.size > after + PER_SECOND, 'events flow on');
      await published.stop();

      const check = createDeliveryCheck(await topicAt(stack.kafka, 'events-topic').read(), 'reload-');
      await until(() => sources.every((source) => check.of(source).missing.length === 0), 'all have all');
      for (const source of sources) {
        expect(check.of(source)).toEqual({ missing: [], misplaced: [], unknown: [], repeated: [] });
        expect([...ownOf(source, 'gap'), ...ownOf(source, 'reset')]).toEqual([]);
        expect(source.failure).toBeNull();
      }
      expect(late.breaks).toBe(0);
    },
    LIMIT_MS,
  );

  it(
    'all clients of a killed gateway are soon on the others, with all that they missed',
    async () => {
      const count = 1_500;
      const load = await startStreamLoad({ url: stack.url, path: '/subscribe/storm', count });
      await until(
        async () => (await load.report()).every(({ isOpen }) => isOpen),
        'all are connected',
        60_000,
      );
      let next = 0;
      const send = async (events: number, gateway: number) => {
        for (let i = 0; i < events; i++) {
          const url = `${stack.gateways[gateway]!.url}/broadcast/storm`;
          const res = await fetch(url, { method: 'POST', body: `${next++}:x` });
          expect(res.status).toBe(202);
        }
      };
      await send(20, 0);
      await load.reached(20);

      await stack.gateways[2]!.kill('SIGKILL');
      const startMs = performance.now();
      await send(50, 0);
      await load.reached(70, 30_000);
      const tookMs = performance.now() - startMs;
      const reports: readonly LoadReport[] = await load.report();
      for (const report of reports) {
        expect(report).toMatchObject({
          first: 0,
          next: 70,
          holes: 0,
          repeats: 0,
          isOpen: true,
          failure: null,
        });
        expect(report.own.filter((event) => !event.startsWith('gateway.live'))).toEqual([]);
      }
      const moved = reports.filter(({ connections }) => connections > 1).length;
      expect(moved).toBeGreaterThan(count / 4);
      print(
        `${moved} of ${count} clients changed the gateway and had all of it after ${Math.round(tookMs)} ms`,
      );
      await stack.gateways[2]!.start();
    },
    LIMIT_MS,
  );
});
