import { openNginx } from '../support/nginx';
import { spawnGateway } from '../support/process';
import { openStream, type SseClient } from '../support/sse-client';
import { until } from '../support/until';

const MEMORY = { EVENT_LOG: 'memory', TICK_MS: '0' };

const isUnavailable = ({ headers }: { readonly headers: object }) => 'x-sse-unavailable' in headers;
const countOf = async ({ url }: { readonly url: string }) =>
  Number(await (await fetch(`${url}/connections`)).text());

// Processes that start and end.
const LIMIT_MS = 60_000;

describe('gateways behind nginx', () => {
  it(
    'share the streams evenly',
    async () => {
      const gateways = [await spawnGateway({ env: MEMORY }), await spawnGateway({ env: MEMORY })];
      const nginx = await openNginx({ upstreams: gateways.map(({ port }) => `127.0.0.1:${port}`) });
      for (let i = 0; i < 20; i++) await openStream(`${nginx.url}/sse`);
      expect(await Promise.all(gateways.map(countOf))).toEqual([10, 10]);
    },
    LIMIT_MS,
  );

  it(
    'take each other’s streams when one is full, although it has the fewest',
    async () => {
      const full = await spawnGateway({ env: { ...MEMORY, MAX_STREAMS: '2' } });
      const free = await spawnGateway({ env: MEMORY });
      const nginx = await openNginx({ upstreams: [full, free].map(({ port }) => `127.0.0.1:${port}`) });
      const streams = [];
      for (let i = 0; i < 20; i++) streams.push(await openStream(`${nginx.url}/sse`));
      expect(streams.filter(isUnavailable)).toEqual([]);
      expect([await countOf(full), await countOf(free)]).toEqual([2, 18]);
    },
    LIMIT_MS,
  );

  it(
    'take each other’s streams while one drains',
    async () => {
      const leaving = await spawnGateway({
        env: { ...MEMORY, DRAIN_MS: '2000', DRAIN_MAX_PAUSE_MS: '2000' },
      });
      const staying = await spawnGateway({ env: MEMORY });
      const nginx = await openNginx({ upstreams: [leaving, staying].map(({ port }) => `127.0.0.1:${port}`) });
      const before = await Promise.all(Array.from({ length: 20 }, () => openStream(`${nginx.url}/sse`)));
      let hasEnded = false;
      const exit = leaving.kill('SIGTERM').finally(() => {
        hasEnded = true;
      });
      await until(() => before.some((stream) => stream.ended()), 'it has begun to drain');
      const during: SseClient[] = [];
      await until(async () => {
        during.push(await openStream(`${nginx.url}/sse`));
        return hasEnded;
      }, 'it has ended');
      expect(during.length).toBeGreaterThan(20);
      expect(during.filter(isUnavailable)).toEqual([]);
      expect(await exit).toMatchObject({ code: 0 });
      expect(during.filter((stream) => stream.ended())).toEqual([]);
    },
    LIMIT_MS,
  );
});
