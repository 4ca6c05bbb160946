import { type Stack, startStack } from '../../infra/local/start-stack';
import { useBrowser } from '../support/browser';
import { type ClientPage, startClientPage } from '../support/client-page';
import { createDeliveryCheck } from '../support/delivery';
import { startPacedPublisher } from '../support/paced-publisher';
import { topicAt } from '../support/topic';
import { until } from '../support/until';

const START_LIMIT_MS = 300_000;
const LIMIT_MS = 120_000;
const GATEWAYS = 2;
const PER_SECOND = 50;

interface Seen {
  readonly events: { event: string; data: string }[];
  readonly told: string[];
  opened: number;
  readyState: number;
}

describe('the client library on the whole stack', () => {
  const browser = useBrowser();
  let stack: Stack;

  beforeAll(async () => {
    stack = await startStack({
      gateways: GATEWAYS,
      tickMs: null,
      aggregators: 0,
      env: { RETRY_MIN_MS: '100', RETRY_MAX_MS: '200' },
    });
  }, START_LIMIT_MS);

  afterAll(() => stack?.close(), START_LIMIT_MS);

  it(
    'has no hole and no repeat in a page of another origin while every gateway is killed and comes back',
    async () => {
      const { page } = await browser.open(await startClientPage());
      await page.evaluate(async (url) => {
        const { EventStream } = globalThis as unknown as ClientPage;
        const seen: Seen = { events: [], told: [], opened: 0, readyState: 0 };
        const stream = new EventStream(url, {
          onEvent: ({ type, data }) => seen.events.push({ event: type, data }),
          onGap: (gap) => seen.told.push(`gap ${gap.lost}`),
          onReset: ({ reason }) => seen.told.push(`reset ${reason}`),
        });
        stream.onopen = () => seen.opened++;
        Object.defineProperty(seen, 'readyState', { get: () => stream.readyState, enumerable: true });
        Object.assign(globalThis, { seen });
      }, `${stack.url}/sse`);
      const seen = () => page.evaluate(() => (globalThis as unknown as { seen: Seen }).seen);
      await until(async () => (await seen()).readyState === 1, 'the stream is open');

      const published = startPacedPublisher(
        stack.gateways.map(({ url }) => url),
        { prefix: 'client', perSecond: PER_SECOND },
      );
      const flow = async (what: string) => {
        const before = published.stored.size;
        await until(() => published.stored.size >= before + PER_SECOND, `events flow ${what}`, 30_000);
      };
      await flow('at first');
      // One after the other first, then all at once: then nginx answers for them.
      for (const gateway of stack.gateways) {
        await gateway.kill('SIGKILL');
        await flow('with the others');
        await gateway.start();
      }
      await flow('with all of them');
      await Promise.all(stack.gateways.map((gateway) => gateway.kill('SIGKILL')));
      await until(async () => (await seen()).readyState === 0, 'the page knows');
      await Promise.all(stack.gateways.map((gateway) => gateway.start()));
      await flow('again');
      await published.stop();

      const check = createDeliveryCheck(await topicAt(stack.kafka, 'events-topic').read(), 'client-');
      await until(async () => check.of(await seen()).missing.length === 0, 'the page has everything', 60_000);
      const { told, opened, ...source } = await seen();
      expect(check.of(source)).toEqual({ missing: [], misplaced: [], unknown: [], repeated: [] });
      expect(check.count).toBeGreaterThan(4 * PER_SECOND);
      expect(told).toEqual([]);
      expect(opened).toBeGreaterThan(2);
      process.stdout.write(
        `  ${published.stored.size} events acknowledged, ${check.count} in the topic, each seen once; opened ${opened} times\n`,
      );
    },
    LIMIT_MS,
  );
});
