import { numberAt } from '../../../loadtest/src/payload.ts';
import { planOf } from '../../../loadtest/src/stages.ts';
import { commonWindow, parseWindowLine, windowLine, windowOf } from '../../../loadtest/src/window.ts';

describe('the window of a run', () => {
  const plan = planOf([
    { durationMs: 10, target: 5 },
    { durationMs: 20, target: 5 },
    { durationMs: 5, target: 0 },
  ]);

  it('is read again from among k6’s own output', () => {
    const window = windowOf(plan, 1_000);
    expect(window).toEqual({ holdFromMs: 1_010, holdToMs: 1_030, endMs: 1_035 });
    const line = `time="2026-11-21T14:00:00Z" level=info msg="${windowLine(window)}" source=console`;
    expect(parseWindowLine(line)).toEqual(window);
    expect(parseWindowLine('running (0m01.0s), 5/5 VUs')).toBeNull();
  });

  it('of several shards is when all of them hold', () => {
    expect(commonWindow([windowOf(plan, 1_000), windowOf(plan, 1_004)])).toEqual({
      holdFromMs: 1_014,
      holdToMs: 1_030,
      endMs: 1_039,
    });
  });
});

describe('a number in data', () => {
  it.each([
    ['{"payload":{"date":5}}', 'payload.date', 5],
    ['17', '.', 17],
    ['{"a":1}', '.', null],
    ['{"payload":null}', 'payload.date', null],
    ['{"payload":{"date":"5"}}', 'payload.date', null],
    ['hello', 'payload.date', null],
    ['', '.', null],
  ])('in %s at %s is %s', (data, path, value) => {
    expect(numberAt(data, path)).toBe(value);
  });
});
