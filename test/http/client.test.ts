import type { StreamGap, StreamLive, StreamReset } from '../../src/client/event-stream';
import { openEventStream } from '../support/event-stream';
import { startGateway } from '../support/gateway';
import { hmacToken, inSeconds, JWT_SECRET } from '../support/tokens';
import { until } from '../support/until';
import { ask } from '../support/upstream';

async function post(url: string, body: string): Promise<string> {
  const res = await fetch(`${url}/broadcast`, { method: 'POST', body });
  expect(res.status).toBe(202);
  return ((await res.json()) as { id: string }).id;
}

/** Tokens live for seconds, and the machine may be busy. */
jest.setTimeout(30_000);

const QUICK = { RETRY_MIN_MS: '50', RETRY_MAX_MS: '100' };

describe('the client library at a gateway', () => {
  it('reports what was replayed and when it has caught up', async () => {
    const { url } = await startGateway({ ...QUICK, MEMORY_LOG_RECORDS: '10', RING_RECORDS: '10' });
    const first = await post(url, 'e0');
    for (let i = 1; i < 30; i++) await post(url, `e${i}`);
    const gaps: StreamGap[] = [];
    const lives: StreamLive[] = [];
    const { events } = openEventStream(`${url}/sse`, {
      lastEventId: first,
      onGap: (gap) => gaps.push(gap),
      onLive: (live) => lives.push(live),
    });
    await until(() => lives.length === 1, 'it has caught up');
    const { available, lost } = gaps[0]!;
    expect(gaps).toEqual([
      { reason: 'retention', topic: 'events-topic', partition: 0, requested: '1', available, lost },
    ]);
    expect(lost).toBe(Number(available) - 1);
    expect(lost).toBeGreaterThan(0);
    expect(lives).toEqual([{ replayed: 29 - lost }]);
    expect(events.map(({ data }) => data)).toEqual(
      Array.from({ length: 29 - lost }, (_, i) => `e${i + 1 + lost}`),
    );
  });

  it('reports a reset when a gateway with a memory log has restarted', async () => {
    const gateway = await startGateway(QUICK);
    const resets: StreamReset[] = [];
    const { stream, events } = openEventStream(`${gateway.url}/sse`, {
      onReset: (reset) => resets.push(reset),
    });
    await until(() => stream.lastEventId !== '', 'it has begun');
    await post(gateway.url, 'before');
    await until(() => events.length === 1, 'the event has come');
    await gateway.stop();
    const again = await startGateway({ ...QUICK, PORT: String(gateway.port) });
    await until(() => resets.length === 1, 'it is told');
    expect(resets).toEqual([{ reason: 'cluster', topics: ['events-topic'] }]);
    await post(again.url, 'after');
    await until(() => events.length === 2, 'it goes on');
    expect(events.map(({ data }) => data)).toEqual(['before', 'after']);
  });

  it('reconnects with a new token at the expiry of the old one, and loses nothing', async () => {
    const key = 'publisher-secret-0123';
    const gateway = await startGateway({
      ...QUICK,
      JWT_SECRET,
      JWT_CLOCK_SKEW_MS: '0',
      API_KEYS: `all=${key}`,
    });
    // On a connection of its own: fetch may choose the one whose stream has ended before it hears that it is closed too.
    const publish = async (body: string) => {
      const { status } = await ask(gateway, 'POST', '/broadcast', { body, headers: { 'X-Api-Key': key } });
      expect(status).toBe(202);
    };
    let attempts = 0;
    let wasIn = false;
    const { stream, events, errors } = openEventStream(`${gateway.url}/sse`, {
      headers: async () => {
        // The first is too old; then soon to be, until one is let in, which a busy machine may do too late for some.
        const lifetime = attempts++ === 0 ? -60 : wasIn ? 60 : 2;
        const token = hmacToken({ exp: inSeconds(lifetime), subscribe: ['/'] });
        return { Authorization: `Bearer ${token}` };
      },
    });
    stream.addEventListener('open', () => {
      wasIn = true;
    });
    await until(() => stream.lastEventId !== '', 'it is let in');
    expect(errors[0]!.status).toBe(401);
    await publish('with the first');
    await until(() => errors.some(({ status }) => status === 0), 'the token is at its end');
    await publish('in between');
    await until(() => events.length === 2, 'it is back');
    expect(events.map(({ data }) => data)).toEqual(['with the first', 'in between']);
  });
});
