import fc from 'fast-check';
import { AggregationWindow } from '../../../src/roles/aggregation-window';

const number = fc.oneof(
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e200, max: 1e200 }),
);
/** An event and, known beforehand, the number it stands for. */
const event = fc.oneof(
  number.map((times) => ({ data: { payload: { date: 1, times } } as unknown, value: times })),
  number.map((value) => ({ data: { value, payload: { times: null } } as unknown, value })),
  fc
    .jsonValue()
    .filter((data) => !isObject(data))
    .map((data) => ({ data: data as unknown, value: 0 })),
);
/** A record's timestamp, and the time that it tells: null when it cannot be right. */
const time = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.integer({ min: 10 ** 11, max: 1_700_000_000_000 }).map((ms) => [ms, ms] as const),
  },
  fc.integer({ min: -1, max: 10 ** 11 - 1 }).map((ms) => [ms, null] as const),
  fc.integer({ min: 10 ** 15, max: Number.MAX_SAFE_INTEGER }).map((ms) => [ms, null] as const),
);
const events = fc.array(fc.record({ event, time }), { maxLength: 30 });

function isObject(data: unknown): boolean {
  return typeof data === 'object' && data !== null;
}

describe('an aggregation window', () => {
  it('says what the events say when they are looked at one by one', () => {
    fc.assert(
      fc.property(events, fc.bigInt({ min: 0n, max: 2n ** 60n }), fc.nat(), (list, firstOffset, nowMs) => {
        const window = new AggregationWindow({ topic: 't', partition: 0 }, firstOffset, 1 << 20);
        let offset = firstOffset;
        for (const { event, time } of list) {
          window.add({
            offset: offset++,
            timestampMs: time[0],
            value: Buffer.from(JSON.stringify(event.data)),
          });
        }

        const values = list.map(({ event }) => JSON.parse(JSON.stringify(event.value)) as number);
        const ascending = [...values].sort((a, b) => a - b);
        const times = list.flatMap(({ time }) => time[1] ?? []).sort((a, b) => a - b);
        const sum = values.reduce((total, value) => total + value, 0);
        const summary = window.summary(nowMs);
        expect(window.next).toBe(firstOffset + BigInt(list.length));
        expect(window.stats).toEqual({
          ...{ totalEvents: list.length, sumOfValues: sum },
          ...{ minValue: ascending[0] ?? null, maxValue: ascending.at(-1) ?? null },
          ...{ firstEventTime: times[0] ?? null, lastEventTime: times.at(-1) ?? null },
        });
        expect(summary.id).toBe(`t.0.${firstOffset}`);
        expect(summary.statistics.averageValue).toBe(list.length === 0 ? null : sum / list.length);
        expect(summary.aggregationPeriod.durationMs).toBe((times.at(-1) ?? 0) - (times[0] ?? 0));
        expect(summary.eventSample).toEqual(
          list.slice(-5).map(({ event }) => JSON.parse(JSON.stringify(event.data))),
        );
      }),
    );
  });

  it('takes any bytes, and its summary stays small and is JSON', () => {
    const limit = 64;
    fc.assert(
      fc.property(fc.array(fc.option(fc.uint8Array({ maxLength: 300 })), { maxLength: 12 }), (list) => {
        const window = new AggregationWindow({ topic: 't', partition: 0 }, 0n, limit);
        for (const [i, bytes] of list.entries()) {
          window.add({
            offset: BigInt(i),
            timestampMs: i,
            value: bytes === null ? null : Buffer.from(bytes),
          });
        }
        const text = JSON.stringify(window.summary(0));
        expect((JSON.parse(text) as { statistics: { totalEvents: number } }).statistics.totalEvents).toBe(
          list.length,
        );
        // JSON needs six characters at the most for one byte.
        expect(text.length).toBeLessThan(512 + 5 * 6 * (limit + 1));
      }),
    );
  });
});
