import { AggregationWindow } from '../../../src/roles/aggregation-window';

const SAMPLE_BYTES = 32;

function windowOf(...values: (string | Buffer | null)[]): AggregationWindow {
  const window = new AggregationWindow({ topic: 'events-topic', partition: 2 }, 100n, SAMPLE_BYTES);
  for (const [i, value] of values.entries()) {
    window.add({
      offset: 100n + BigInt(i),
      timestampMs: 1_704_672_000_000 + 500 * i,
      value: typeof value === 'string' ? Buffer.from(value) : value,
    });
  }
  return window;
}

describe('AggregationWindow', () => {
  it('has null minimum and maximum while it is empty', () => {
    const window = windowOf();
    expect(window.stats).toEqual({
      totalEvents: 0,
      sumOfValues: 0,
      minValue: null,
      maxValue: null,
      firstEventTime: null,
      lastEventTime: null,
    });
    expect(window.next).toBe(100n);
  });

  it.each<[string, string | Buffer | null, number]>([
    ['payload.times', '{"payload":{"date":1704672000000,"times":42}}', 42],
    ['payload.times before value', '{"payload":{"times":-1.5},"value":7}', -1.5],
    ['value', '{"value":7}', 7],
    ['value when payload.times is no number', '{"payload":{"times":"42"},"value":7}', 7],
    ['value when payload is null', '{"payload":null,"value":7}', 7],
    ['0 for a value that is no number', '{"value":"7"}', 0],
    ['0 for a number beyond any', '{"value":1e999}', 0],
    ['0 for a bare number', '1704672000000', 0],
    ['0 for null', 'null', 0],
    ['0 for a list', '[1,2]', 0],
    ['0 for what is not JSON', 'hello', 0],
    ['0 for nothing', '', 0],
    ['0 for a tombstone', null, 0],
    ['0 for binary', Buffer.from([0xff, 0x00]), 0],
    ['0 for what an object inherits', '{"payload":[]}', 0],
  ])('takes %s', (_what, value, expected) => {
    expect(windowOf(value).stats).toMatchObject({
      totalEvents: 1,
      sumOfValues: expected,
      minValue: expected,
      maxValue: expected,
    });
  });

  it('ignores implausible timestamps in its bounds', () => {
    const window = windowOf('1', '2');
    const { firstEventTime, lastEventTime } = window.stats;
    for (const timestampMs of [-1, Number(2n ** 63n - 1n), 1_704_672_000, Number.NaN])
      window.add({ offset: 102n, timestampMs, value: null });
    expect(window.stats).toMatchObject({ totalEvents: 6, firstEventTime, lastEventTime });
    expect(windowOf().stats.firstEventTime).toBeNull();
  });

  it('has a summary with its last five events as a sample', () => {
    const window = windowOf('{"value":5}', '{"value":6}', 'six', null, '{"payload":{"times":7}}', 'null');
    expect(window.next).toBe(106n);
    expect(window.summary(1_704_672_009_000)).toEqual({
      id: 'events-topic.2.100',
      timestamp: 1_704_672_009_000,
      aggregationPeriod: { start: 1_704_672_000_000, end: 1_704_672_002_500, durationMs: 2_500 },
      statistics: { totalEvents: 6, sumOfValues: 18, averageValue: 3, minValue: 0, maxValue: 7 },
      eventSample: [{ value: 6 }, 'six', null, { payload: { times: 7 } }, null],
    });
  });

  it('cuts a long event in the sample, never within a character', () => {
    const sampleOf = (value: string | Buffer) => windowOf(value).summary(0).eventSample[0];
    expect(sampleOf('x'.repeat(SAMPLE_BYTES))).toBe('x'.repeat(SAMPLE_BYTES));
    expect(sampleOf(`${'x'.repeat(SAMPLE_BYTES - 1)}€`)).toBe(`${'x'.repeat(SAMPLE_BYTES - 1)}…`);
    expect(sampleOf(JSON.stringify({ value: 1, text: 'x'.repeat(100) }))).toMatch(
      /^\{"value":1,"text":"x{13}…$/,
    );
    const binary = Buffer.alloc(100, 0xff);
    expect(sampleOf(binary)).toBe(`${binary.subarray(0, SAMPLE_BYTES).toString('base64')}…`);
    expect(sampleOf(Buffer.from([0xff]))).toBe('/w==');
  });

  it('takes the records’ timestamps in any order', () => {
    const window = windowOf();
    const at = (ms: number) => 1_704_672_000_000 + ms;
    for (const ms of [30, 10, 20]) window.add({ offset: 100n, timestampMs: at(ms), value: null });
    expect(window.stats).toMatchObject({ firstEventTime: at(10), lastEventTime: at(30) });
    expect(window.summary(99).aggregationPeriod).toEqual({ start: at(10), end: at(30), durationMs: 20 });
  });
});
