import { startGateway } from '../support/gateway';
import { openStream, type SseClient } from '../support/sse-client';
import { until } from '../support/until';

const EVERY_MS = 1_000;

const data = ({ events }: SseClient) =>
  events.flatMap(({ event, data }) => (event === 'message' ? [data] : []));

async function post(url: string, text: string): Promise<void> {
  const res = await fetch(`${url}/broadcast/prices`, { method: 'POST', body: text });
  expect(res.status).toBe(202);
}

describe('?every=', () => {
  it.each(['/events', '/sse', '/subscribe/prices'])(
    '%s sends the first event at once, and what comes meanwhile together, in its time',
    async (path) => {
      const { url } = await startGateway();
      const [calm, usual] = await Promise.all([
        openStream(`${url}${path}?every=${EVERY_MS}`),
        openStream(url + path),
      ]);
      const startMs = performance.now();
      await post(url, '1');
      await calm.until(() => data(calm).length === 1);
      await post(url, '2');
      await post(url, '3');
      await usual.until(() => data(usual).length === 3);
      expect(data(calm)).toEqual(performance.now() - startMs < EVERY_MS ? ['1'] : ['1', '2', '3']);
      await calm.until(() => data(calm).length > 1);
      expect(data(calm)).toEqual(['1', '2', '3']);
      expect(performance.now() - startMs).toBeGreaterThanOrEqual(EVERY_MS);
    },
  );

  it('lets a stream that resumes have everything at once, also what others wait for', async () => {
    const { url } = await startGateway();
    const path = `${url}/subscribe/prices?every=60000`;
    const waiting = await openStream(path);
    await post(url, '1');
    await waiting.until(() => data(waiting).length === 1);
    await post(url, '2');
    const resumed = await openStream(path, { headers: { 'Last-Event-ID': waiting.events[0]!.id! } });
    await resumed.until(({ events }) => events.some(({ event }) => event === 'gateway.live'));
    expect(data(resumed)).toEqual(['2']);
    expect(data(waiting)).toEqual(['1']);
    await until(async () => {
      await post(url, 'x'.repeat(30_000));
      return data(waiting).length > 1;
    }, 'a full write ends the wait');
    await resumed.until(() => data(resumed).length >= data(waiting).length - 1);
    expect(data(resumed)).toEqual(data(waiting).slice(1));
  });

  it.each(['49', '60001', '100000', '1e3', '-100', '100ms', ''])(
    '%j is rejected, with the range',
    async (value) => {
      const { url } = await startGateway();
      for (const path of ['/events', '/sse', '/subscribe/a']) {
        const res = await fetch(`${url}${path}?every=${value}`);
        expect(res.status).toBe(400);
        const problem = (await res.json()) as { detail: string };
        expect(problem).toMatchObject({ code: 'bad-request', field: 'every' });
        expect(problem.detail).toContain('50 to 60000');
      }
    },
  );
});
