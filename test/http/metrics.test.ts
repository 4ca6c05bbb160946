import { startGateway } from '../support/gateway';
import { scrape } from '../support/metrics';
import { openStream } from '../support/sse-client';
import { until } from '../support/until';

describe('GET /metrics', () => {
  it('is Prometheus text with every series from the start, at zero', async () => {
    const { url } = await startGateway();
    const res = await fetch(`${url}/metrics`);
    expect(res.status).toBe(200);
    expect(res.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(res.headers.get('cache-control')).toBe('no-store');
    const metrics = await scrape(url);
    for (const series of [
      'connections',
      'connections_closed_total{reason="slow"}',
      'replay_requests_total{result="reset"}',
      'ingest_requests_total{code="503"}',
      'ingest_requests_total{code="aborted"}',
      'events_consumed_total{topic="events-topic"}',
      'events_lost_total{reason="retention"}',
      'kafka_errors_total{op="produce"}',
      'delivery_latency_seconds_count',
      'fanout_batch_duration_seconds_bucket{le="1"}',
    ])
      expect([series, metrics.get(series)]).toEqual([series, 0]);
    expect(metrics.get(`build_info{version="0.1.0",node="${process.version}"}`)).toBe(1);
    expect(metrics.get('kafka_up')).toBe(1);
  });

  it('counts streams that come and go while it is asked, and what they are sent', async () => {
    const { url } = await startGateway();
    const streams = await Promise.all(
      ['/', '/a', '/a', '/b'].map((channel) => openStream(`${url}/events?channel=${channel}`)),
    );
    const posts = ['/a', '/a/x', '/c'].map((channel) =>
      fetch(`${url}/broadcast${channel}`, { method: 'POST', body: 'data' }),
    );
    const [during] = await Promise.all([scrape(url), ...posts]);
    expect(during.get('connections')).toBe(4);
    await streams[0]!.until(({ events }) => events.length === 3);
    await streams[1]!.until(({ events }) => events.length === 2);
    streams[3]!.close();
    const metrics = await until(async () => {
      const found = await scrape(url);
      return found.get('connections') === 3 && found.get('deliveries_total') === 7 ? found : null;
    }, 'one stream has gone');
    expect(metrics.get('connections_opened_total')).toBe(4);
    expect(metrics.get('connections_closed_total{reason="client"}')).toBe(1);
    expect(metrics.get('connection_duration_seconds_count')).toBe(1);
    expect(metrics.get('streams{state="live"}')).toBe(3);
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
    const passes = metrics.get('fanout_batch_events_count')!;
    expect(passes).toBeGreaterThanOrEqual(2);
    expect(metrics.get('fanout_batch_events_sum')).toBe(5);
    expect(metrics.get('delivery_latency_seconds_count')).toBe(passes);
    expect(metrics.get('delivery_latency_seconds_bucket{le="5"}')).toBe(passes);
  });
});
