import { startGateway } from '../support/gateway';
import { openStream, type SseClient } from '../support/sse-client';

jest.setTimeout(30_000);

/** Clients with a read timeout of 5 or 10 s cut a quiet stream for ever: the gateway's own heartbeat is every 15 s. */
describe('?heartbeat=', () => {
  /** How long each of the next silences is, in ms, until a heartbeat comes. */
  async function silencesOf(client: SseClient, count: number): Promise<number[]> {
    const beats = () => client.comments.length + client.streamEvents.length;
    const silences: number[] = [];
    for (let i = 0; i < count; i++) {
      const before = beats();
      const startMs = performance.now();
      await client.until(() => beats() > before, 10_000);
      silences.push(performance.now() - startMs);
    }
    return silences;
  }

  it.each(['/events', '/sse', '/subscribe/quiet'])('%s is never silent for longer', async (path) => {
    const { url } = await startGateway();
    const [one, three, usual] = await Promise.all(
      ['?heartbeat=1', '?heartbeat=3', ''].map((query) => openStream(url + path + query)),
    );
    const [ones, threes] = await Promise.all([silencesOf(one!, 6), silencesOf(three!, 2)]);
    // To the nearest of the rounds over all streams, which are a second apart, and a busy machine's delay on top.
    for (const silence of ones!) expect(silence).toBeLessThan(2_000);
    for (const silence of threes!) expect(silence).toBeLessThan(4_500);
    expect(one!.streamEvents.map(({ event }) => event)).toContain('gateway.position');
    expect([one, three, usual].map((it) => it!.streamEvents[0]!.data)).toEqual([
      '{"heartbeatMs":1000}',
      '{"heartbeatMs":3000}',
      '{"heartbeatMs":15000}',
    ]);
    expect(usual!.comments).toEqual(['ok']);
  });

  it.each(['0', '61', '100', '1.5', '-1', 'x', '', '1e1'])('%j is rejected, with its name', async (value) => {
    const { url } = await startGateway();
    for (const path of ['/events', '/sse', '/subscribe/a']) {
      const res = await fetch(`${url}${path}?heartbeat=${value}`);
      expect(res.status).toBe(400);
      expect(await res.json()).toMatchObject({ code: 'bad-request', field: 'heartbeat' });
    }
  });
});
