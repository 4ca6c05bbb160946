import { parseLoadConfig } from '../../../loadtest/src/config.ts';
import { mergeMetrics } from '../../../loadtest/src/merge.ts';
import { k6Options } from '../../../loadtest/src/options.ts';
import { type Metrics, reasonsOf, renderSummary, verdictsOf } from '../../../loadtest/src/summary.ts';
import { holds, thresholdsOf } from '../../../loadtest/src/thresholds.ts';

const counter = (count: number) => ({ type: 'counter', values: { count } });
const trend = (p95: number, count = 100) => ({
  type: 'trend',
  values: { avg: p95 / 2, min: 1, med: p95 / 2, 'p(95)': p95, max: p95 * 2, count },
});

const GOOD: Metrics = {
  sse_connections: counter(1_000),
  sse_connect_success: { type: 'rate', values: { rate: 1, passes: 1_000, fails: 0 } },
  sse_errors: counter(0),
  sse_response_time: trend(20),
  sse_time_to_first_event: trend(30),
  sse_event_latency: trend(40),
  sse_gaps: counter(0),
};
const config = parseLoadConfig({ CONNECTIONS: '1000' });
const failing = (metrics: Metrics, of = config) =>
  verdictsOf(thresholdsOf(of), metrics)
    .filter(({ ok }) => !ok)
    .map(({ metric }) => metric);

describe('the thresholds', () => {
  it('pass a good run', () => {
    expect(failing(GOOD)).toEqual([]);
    expect(reasonsOf(config, GOOD)).toEqual([]);
  });

  it('fail a run without data', () => {
    expect(failing({})).toEqual(
      expect.arrayContaining(['sse_connections', 'sse_connect_success', 'sse_event_latency']),
    );
    expect(reasonsOf(config, {})).toEqual([expect.stringContaining('only 0 connections opened')]);
  });

  it.each<[string, Metrics, RegExp]>([
    ['sse_connections', { sse_connections: counter(949) }, /only 949 connections/],
    ['sse_connect_success', { sse_connect_success: { type: 'rate', values: { rate: 0.95 } } }, /^$/],
    ['sse_errors', { sse_errors: counter(10), 'sse_errors{stage:stream}': counter(10) }, /^10 × stream: /],
    ['sse_response_time', { sse_response_time: trend(5_000) }, /sse_response_time is 5000 ms/],
    [
      'sse_time_to_first_event',
      { sse_time_to_first_event: trend(3_000) },
      /sse_time_to_first_event is 3000 ms/,
    ],
    ['sse_event_latency', { sse_event_latency: trend(3_000) }, /sse_event_latency is 3000 ms/],
    ['sse_event_latency', { sse_event_latency: trend(0, 0) }, /no delivery was measured/],
    [
      'sse_event_latency',
      { sse_event_latency: { type: 'trend', values: { min: -100, max: 5 } } },
      /the clocks differ/,
    ],
    ['sse_gaps', { sse_gaps: counter(1) }, /events are missing/],
  ])('fail for %s alone', (metric, bad, reason) => {
    const metrics = { ...GOOD, ...bad };
    expect(failing(metrics)).toEqual([metric]);
    expect(reasonsOf(config, metrics).join('\n')).toMatch(reason);
    expect(renderSummary(config, metrics, false)).toMatch(/FAIL {2}sse_/);
  });

  it('have a floor for each shard', () => {
    const shard = parseLoadConfig({ CONNECTIONS: '50000', SHARDS: '3' });
    expect(thresholdsOf(shard).sse_connections).toEqual(['count>=15833']);
  });

  it('leave out what is switched off', () => {
    const without = parseLoadConfig({ LATENCY_PATH: 'none', SEQUENCE_PATH: 'none' });
    expect(Object.keys(thresholdsOf(without))).not.toContain('sse_event_latency');
    expect(Object.keys(thresholdsOf(without))).not.toContain('sse_gaps');
  });

  it('are told to k6, with the errors of each stage beside them', () => {
    const { thresholds } = k6Options(config);
    for (const [name, expressions] of Object.entries(thresholdsOf(config)))
      expect(thresholds[name]).toEqual(expressions);
    for (const expression of Object.values(thresholds).flat())
      expect(() => holds(expression, {})).not.toThrow();
    expect(thresholds['sse_errors{stage:connect}']).toBeDefined();
  });

  it('are only what can be judged', () => {
    expect(() => holds('p95 is fine', {})).toThrow(/no threshold/);
    expect(holds('count==0', {})).toBe(true);
    expect(holds('count<=3', { count: 3 })).toBe(true);
  });
});

describe('several shards', () => {
  it('add up counters and rates, and take the worst percentile', () => {
    const other: Metrics = {
      ...GOOD,
      sse_connections: counter(500),
      sse_connect_success: { type: 'rate', values: { rate: 0.5, passes: 500, fails: 500 } },
      sse_event_latency: trend(100, 300),
      sse_errors: counter(3),
    };
    const merged = mergeMetrics([GOOD, other]);
    expect(merged.sse_connections?.values).toEqual({ count: 1_500 });
    expect(merged.sse_errors?.values).toEqual({ count: 3 });
    expect(merged.sse_connect_success?.values).toEqual({ passes: 1_500, fails: 500, rate: 0.75 });
    expect(merged.sse_event_latency?.values).toMatchObject({
      'p(95)': 100,
      max: 200,
      min: 1,
      count: 400,
      avg: 42.5,
    });
  });

  it('do not take the zeros of a trend without values for values', () => {
    const merged = mergeMetrics([
      { a: trend(50) },
      { a: { type: 'trend', values: { min: 0, max: 0, count: 0 } } },
    ]);
    expect(merged.a?.values).toMatchObject({ min: 1, max: 100, count: 100 });
    expect(mergeMetrics([{ a: { type: 'trend', values: { max: 0, count: 0 } } }]).a?.values).toEqual({
      count: 0,
    });
  });

  it('fail together when none fails alone', () => {
    const whole = parseLoadConfig({ CONNECTIONS: '50000' });
    const shard = { sse_errors: counter(200) };
    expect(
      failing({ ...GOOD, sse_connections: counter(50_000), ...mergeMetrics([shard, shard, shard]) }, whole),
    ).toEqual(['sse_errors']);
  });
});
