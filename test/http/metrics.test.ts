import { startGateway } from '../support/gateway';
import { scrape } from '../support/metrics';
import { rawHttp } from '../support/raw-http';
import { openStream } from '../support/sse-client';
import { until } from '../support/until';

jest.setTimeout(20_000);

async function post(url: string, body: string): Promise<{ id: string }> {
  const res = await fetch(url, { method: 'POST', body });
  expect(res.status).toBe(202);
  return (await res.json()) as { id: string };
}

describe('GET /metrics', () => {
  it('is Prometheus text with every series from the start, at zero', async () => {
    const { url } = await startGateway();
    const res = await fetch(`${url}/metrics`);
    expect(res.status).toBe(200);
    expect(res.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(res.headers.get('cache-control')).toBe('no-store');
    const metrics = await scrape(url);
    for (const series of [
      'streams_open',
      'streams_closed_total{reason="slow"}',
      'replay_requests_total{result="reset"}',
      'ingest_requests_total{code="503"}',
      'ingest_requests_total{code="aborted"}',
      'events_consumed_total{topic="events-topic"}',
      'events_lost_total{reason="retention"}',
      'kafka_errors_total{op="produce"}',
      'delivery_latency_seconds_count',
      'fanout_pass_duration_seconds_bucket{le="1"}',
    ])
      expect([series, metrics.get(series)]).toEqual([series, 0]);
    expect(metrics.get(`build_info{version="0.1.0",node="${process.version}"}`)).toBe(1);
    expect(metrics.get('kafka_up')).toBe(1);
  });

  it('counts streams that open and close between scrapes, and what they are sent', async () => {
    const { url } = await startGateway();
    const streams = await Promise.all(
      ['/', '/a', '/a', '/b'].map((channel) => openStream(`${url}/events?channel=${channel}`)),
    );
    const posts = ['/a', '/a/x', '/c'].map((channel) =>
      fetch(`${url}/broadcast${channel}`, { method: 'POST', body: 'data' }),
    );
    const [during] = await Promise.all([scrape(url), ...posts]);
    expect(during.get('streams_open')).toBe(4);
    await streams[0]!.until(({ events }) => events.length === 3);
    await streams[1]!.until(({ events }) => events.length === 2);
    streams[3]!.close();
    const metrics = await until(async () => {
      const found = await scrape(url);
      return found.get('streams_open') === 3 && found.get('deliveries_total') === 7 ? found : null;
    }, 'one stream has gone');
    expect(metrics.get('streams_opened_total')).toBe(4);
    expect(metrics.get('streams_closed_total{reason="client"}')).toBe(1);
    expect(metrics.get('stream_duration_seconds_count')).toBe(1);
    expect(metrics.get('streams{phase="live"}')).toBe(3);
    expect(metrics.get('client_buffer_bytes')).toBe(0);
    expect(metrics.get('ingest_requests_total{code="202"}')).toBe(3);
    expect(metrics.get('ingest_duration_seconds_count')).toBe(3);
    expect(metrics.get('ingest_inflight')).toBe(0);
    expect(metrics.get('events_produced_total{topic="events-topic"}')).toBe(3);
    expect(metrics.get('events_consumed_total{topic="events-topic"}')).toBe(3);
    expect(metrics.get('ring_records')).toBe(3);
    expect(metrics.get('ring_age_seconds')).toBeGreaterThan(0);
    const sent = streams.flatMap(({ events }) => events).length;
    expect(sent).toBe(7);
    // A pass may carry one event or several, for each of the two subscriptions that got any.
    const passes = metrics.get('fanout_pass_events_count')!;
    expect(passes).toBeGreaterThanOrEqual(2);
    expect(metrics.get('fanout_pass_events_sum')).toBe(5);
    expect(metrics.get('delivery_latency_seconds_count')).toBe(passes);
    expect(metrics.get('delivery_latency_seconds_bucket{le="5"}')).toBe(passes);
  });

  it('counts closed streams by reason, and shows slow clients', async () => {
    const { url, port } = await startGateway({
      MAX_CLIENT_BUFFER_BYTES: '1024',
      SLOW_GRACE_MS: '700',
      STREAM_CHECK_MS: '50',
      RING_RECORDS: '5',
      REPLAY_MAX_RECORDS: '10',
      REPLAY_CHUNK_BYTES: '1024',
    });
    const slow = rawHttp(port, 'GET /subscribe/slow HTTP/1.1\r\nHost: x\r\n\r\n');
    await slow.until(':ok');
    slow.socket.pause();
    const body = 'x'.repeat(200_000);
    await until(async () => {
      // The kernel takes some megabytes before it is full.
      await Promise.all(Array.from({ length: 20 }, () => post(`${url}/broadcast/slow`, body)));
      return (await scrape(url)).get('streams{phase="slow"}') === 1;
    }, 'it is slow');
    const full = await scrape(url);
    expect(full.get('client_buffer_bytes')).toBeGreaterThan(1_024);
    await until(
      async () => (await scrape(url)).get('streams_closed_total{reason="slow"}') === 1,
      'it is closed',
    );
    const { id } = await post(`${url}/broadcast`, 'first');
    for (let i = 0; i < 30; i++) await post(`${url}/broadcast`, 'x'.repeat(200));
    const spent = await openStream(`${url}/sse`, { headers: { 'Last-Event-ID': id } });
    await spent.until(({ ended }) => ended());
    const metrics = await scrape(url);
    expect(metrics.get('streams_closed_total{reason="replay-limit"}')).toBe(1);
    expect(metrics.get('streams_closed_total{reason="client"}')).toBe(0);
    expect(metrics.get('replay_requests_total{result="log"}')).toBe(1);
    expect(metrics.get('history_reads_total')).toBeGreaterThanOrEqual(1);
    expect(metrics.get('history_records_total')).toBeGreaterThanOrEqual(10);
    expect(metrics.get('ring_records')).toBe(5);
    expect(metrics.get('streams_open')).toBe(0);
  });

  it('counts rejected streams by code', async () => {
    const { url } = await startGateway({ MAX_STREAMS: '1' });
    const first = await openStream(`${url}/sse`);
    const refused = async (path: string, method = 'GET') => (await fetch(url + path, { method })).text();
    for (let i = 0; i < 3; i++) await refused('/sse');
    first.close();
    await until(async () => (await scrape(url)).get('streams_open') === 0, 'it has gone');
    await refused('/sse?lastEventId=nonsense');
    await refused('/sse?lastEventId=nonsense');
    await refused('/sse?event=');
    await refused('/sse', 'DELETE');
    const metrics = await scrape(url);
    const rejected = [...metrics].filter(
      ([series, value]) => series.startsWith('streams_rejected_total') && value > 0,
    );
    expect(Object.fromEntries(rejected)).toEqual({
      'streams_rejected_total{reason="too-many-streams"}': 3,
      'streams_rejected_total{reason="bad-cursor"}': 2,
      'streams_rejected_total{reason="bad-event-name"}': 1,
      'streams_rejected_total{reason="method-not-allowed"}': 1,
    });
    expect(metrics.get('requests_rejected_total{reason="too-many-streams"}')).toBe(3);
  });

  it('counts how streams resumed, and records lost to gaps', async () => {
    const { url } = await startGateway({ RING_RECORDS: '5', MEMORY_LOG_RECORDS: '20' });
    const ids: string[] = [];
    for (let i = 0; i < 50; i++) ids.push((await post(`${url}/broadcast`, String(i))).id);
    const resume = async (id: string) => {
      const client = await openStream(`${url}/sse`, { headers: { 'Last-Event-ID': id } });
      await client.until(({ events }) => events.some(({ event }) => event === 'gateway.live'));
      return client;
    };
    for (let i = 0; i < 3; i++) await resume(ids.at(-3)!);
    for (let i = 0; i < 2; i++) await resume(ids.at(-10)!);
    const told = await resume(ids[4]!);
    await resume('nonsense');
    await openStream(`${url}/sse`);
    const metrics = await scrape(url);
    const results = ['ring', 'log', 'gap', 'reset'].map((result) => [
      result,
      metrics.get(`replay_requests_total{result="${result}"}`),
    ]);
    expect(Object.fromEntries(results)).toEqual({ ring: 3, log: 2, gap: 1, reset: 1 });
    const gap = told.events.find(({ event }) => event === 'gateway.gap')!;
    const { lost } = JSON.parse(gap.data) as { lost: number };
    expect(lost).toBe(25);
    expect(metrics.get('replay_lost_events_total')).toBe(lost);
    expect(metrics.get('deliveries_total')).toBeGreaterThanOrEqual(3 * 2 + 2 * 9 + 20);
  });

  it('counts answers to publishers by status', async () => {
    const { url } = await startGateway({ MAX_EVENT_BYTES: '1024', KAFKA_TOPICS: 'a=/a,b=/b' });
    for (const [path, body] of [
      ['/a', 'x'],
      ['/a/b', 'x'],
      ['/b', 'x'],
      ['/c', 'x'],
      ['/a', 'x'.repeat(2_000)],
    ])
      await fetch(`${url}/broadcast${path}`, { method: 'POST', body: body! });
    await fetch(`${url}/broadcast/a`, { method: 'POST', body: 'x', headers: { 'Idempotency-Key': 'k' } });
    await fetch(`${url}/broadcast/a`, { method: 'POST', body: 'x', headers: { 'Idempotency-Key': 'k' } });
    await fetch(`${url}/events`, { method: 'POST', body: Buffer.from('{"channel":"/b","data":1}') });
    await fetch(`${url}/broadcast/a`);
    const metrics = await until(async () => {
      const found = await scrape(url);
      return found.get('ingest_duration_seconds_count') === 9 ? found : null;
    }, 'all answers are through');
    const codes = [...metrics].filter(([series, value]) => series.startsWith('ingest_requests') && value > 0);
    expect(Object.fromEntries(codes)).toEqual({
      'ingest_requests_total{code="202"}': 6,
      'ingest_requests_total{code="400"}': 1,
      'ingest_requests_total{code="405"}': 1,
      'ingest_requests_total{code="413"}': 1,
    });
    expect(metrics.get('events_produced_total{topic="a"}')).toBe(4);
    expect(metrics.get('events_produced_total{topic="b"}')).toBe(2);
    expect(metrics.get('events_consumed_total{topic="a"}')).toBe(4);
    expect(metrics.get('events_repeated_total')).toBe(1);
  });

  it('counts a publisher that left before its answer', async () => {
    const { url, port } = await startGateway();
    const half = rawHttp(port, 'POST /broadcast HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf');
    await until(async () => (await scrape(url)).get('ingest_inflight_bytes') === 4, 'half of it is there');
    expect((await scrape(url)).get('ingest_inflight')).toBe(1);
    half.socket.destroy();
    await until(
      async () => (await scrape(url)).get('ingest_requests_total{code="aborted"}') === 1,
      'it is counted',
    );
    expect((await scrape(url)).get('ingest_inflight')).toBe(0);
    expect((await scrape(url)).get('ingest_inflight_bytes')).toBe(0);
  });

  it('counts heartbeats', async () => {
    const { url } = await startGateway({ HEARTBEAT_MS: '100', STREAM_CHECK_MS: '20' });
    const quiet = await openStream(`${url}/sse`);
    await quiet.until(({ comments }) => comments.length >= 4);
    // Those that are on their way are counted already.
    expect((await scrape(url)).get('heartbeats_sent_total')).toBeGreaterThanOrEqual(3);
  });

  it('has metrics of the process: memory, files and event loop, without a list of its sockets', async () => {
    const { url } = await startGateway();
    const metrics = await scrape(url);
    for (const name of ['process_resident_memory_bytes', 'process_open_fds', 'nodejs_heap_size_used_bytes'])
      expect(metrics.get(name)).toBeGreaterThan(0);
    expect(metrics.has('nodejs_eventloop_lag_p99_seconds')).toBe(true);
    expect([...metrics.keys()].filter((series) => series.startsWith('nodejs_active_'))).toEqual([]);
  });

  it('is for the operator only', async () => {
    const open = await startGateway();
    const passedOn = await fetch(`${open.url}/metrics`, { headers: { 'X-Forwarded-For': '203.0.113.5' } });
    expect(passedOn.status).toBe(404);
    const { url } = await startGateway({ ADMIN_KEY: 'key' });
    const stranger = await fetch(`${url}/metrics`);
    expect(stranger.status).toBe(401);
    expect(stranger.headers.get('www-authenticate')).toMatch(/^Basic /);
    expect(await stranger.text()).not.toContain('sse_gateway_');
    expect((await scrape(url, { Authorization: 'Bearer key' })).get('ready')).toBe(1);
    expect(
      (await fetch(`${url}/metrics`, { method: 'POST', headers: { Authorization: 'Bearer key' } })).status,
    ).toBe(405);
  });
});
