import { startGateway, type TestGateway } from '../support/gateway';
import { useBroker } from '../support/kafka';
import { openNginx } from '../support/nginx';
import { openStream, type SseClient } from '../support/sse-client';
import { streamFaults } from '../support/stream-faults';
import { hmacToken, inSeconds, JWT_SECRET } from '../support/tokens';
import { until } from '../support/until';

jest.setTimeout(60_000);
const BROKER_MS = 20_000;

const PATHS = ['/events', '/sse', '/subscribe'];

async function post(gateway: TestGateway, count: number): Promise<string[]> {
  const ids: string[] = [];
  for (let i = 0; i < count; i++) {
    const res = await fetch(`${gateway.url}/broadcast`, { method: 'POST', body: `e${i}` });
    ids.push(((await res.json()) as { id: string }).id);
  }
  return ids;
}

const names = ({ events, streamEvents }: SseClient) => [...streamEvents, ...events].map(({ event }) => event);
const has = (name: string) => (client: SseClient) => names(client).includes(name);

/** The stream's bytes, judged; what has ended must have ended with a whole block. */
function expectWhole(client: SseClient, path: string): void {
  expect(streamFaults(client.text(), { idFirst: path === '/sse' })).toEqual([]);
  if (client.ended()) expect(client.text().slice(-2)).toBe('\n\n');
}

/** fetch-event-source, httpx-sse, r3labs and others hand an empty message on at each blank line. */
describe.each(PATHS)('no block of %s is without data', (path) => {
  it('when it begins now, is silent, gets events and is closed by the shutdown drain', async () => {
    const gateway = await startGateway({ HEARTBEAT_MS: '100', STREAM_CHECK_MS: '20' });
    const client = await openStream(gateway.url + path);
    await client.until(has('gateway.position'));
    await post(gateway, 2);
    await client.until(({ events }) => events.length === 2);
    await gateway.stop();
    await client.until((it) => it.ended());
    expect(names(client)).toEqual(expect.arrayContaining(['gateway.open', 'gateway.retry', 'message']));
    expectWhole(client, path);
  });

  it('when it resumes from ring and history, with a gap, a reset, and the replay limit', async () => {
    const gateway = await startGateway({
      MEMORY_LOG_RECORDS: '40',
      RING_RECORDS: '5',
      REPLAY_MAX_RECORDS: '10',
      FANOUT_WRITE_BYTES: '100',
    });
    const ids = await post(gateway, 50);
    const resumeAt = (id: string) => openStream(gateway.url + path, { headers: { 'Last-Event-ID': id } });
    const fromRing = await resumeAt(ids[47]!);
    await fromRing.until(has('gateway.live'));
    const fromLog = await resumeAt(ids[42]!);
    await fromLog.until(has('gateway.live'));
    const withGap = await resumeAt(ids[2]!);
    await withGap.until((it) => it.ended());
    expect(names(withGap)).toEqual(expect.arrayContaining(['gateway.gap', 'gateway.retry']));
    const invalid = await resumeAt('nonsense');
    await invalid.until(has('gateway.reset'));
    for (const client of [fromRing, fromLog, withGap, invalid]) expectWhole(client, path);
  });

  it('when it is rejected', async () => {
    const gateway = await startGateway({ MAX_STREAMS: '1' });
    await openStream(gateway.url + path);
    const refused = await openStream(gateway.url + path);
    await refused.until((it) => it.ended());
    expect(names(refused)).toEqual(['gateway.retry']);
    expectWhole(refused, path);
  });

  it('when its token ends', async () => {
    const gateway = await startGateway({ JWT_SECRET, JWT_CLOCK_SKEW_MS: '0', STREAM_CHECK_MS: '20' });
    const token = hmacToken({ subscribe: ['/'], exp: inSeconds(3) });
    const client = await openStream(gateway.url + path, { headers: { Authorization: `Bearer ${token}` } });
    await client.until((it) => it.ended());
    expect(names(client)).toEqual(['gateway.open', 'gateway.retry', 'gateway.token-expiring']);
    expectWhole(client, path);
  });
});

describe('no block of a stream is without data', () => {
  const kafka = useBroker();

  it.each(PATHS)('while Kafka is away: %s', async (path) => {
    await kafka.broker.kill();
    const gateway = await startGateway({ EVENT_LOG: 'kafka', KAFKA_BROKERS: kafka.bootstrap.join() });
    const early = await openStream(gateway.url + path);
    await early.until(has('gateway.open'));
    // Ids cannot be given yet.
    expect(early.streamEvents[0]!.id).toBeUndefined();
    await kafka.broker.start();
    await early.until(({ streamEvents }) => streamEvents.some(({ id }) => id !== undefined), BROKER_MS);
    await until(async () => (await fetch(`${gateway.url}/readyz`)).ok, 'the gateway is ready', BROKER_MS);
    await kafka.broker.kill();
    await early.until(({ events }) => events.at(-1)?.data.includes('interrupted') === true, BROKER_MS);
    const late = await openStream(gateway.url + path);
    await late.until(has('gateway.status'));
    for (const client of [early, late]) expectWhole(client, path);
    await kafka.broker.start();
  });

  it.each(PATHS)('when nginx reaches no gateway: %s', async (path) => {
    const nginx = await openNginx({ upstreams: ['127.0.0.1:1'] });
    const client = await openStream(nginx.url + path);
    await client.until((it) => it.ended());
    expect(names(client)).toEqual(['gateway.retry']);
    expect(client.text()).toMatch(/^event: gateway\.retry\nretry: \d+\ndata: {"code":"unavailable"}\n\n$/);
  });
});
