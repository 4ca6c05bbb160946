import { retryAfterMs, retryDelayMs } from '../../../src/client/retry-delay';

describe('the wait before the next attempt', () => {
  const delays = (random: number, baseMs: number, failures: readonly number[]) => {
    jest.spyOn(Math, 'random').mockReturnValue(random);
    return failures.map((count) => retryDelayMs({ baseMs, maxMs: 30_000, failures: count }));
  };
  afterEach(() => jest.restoreAllMocks());

  it('is never shorter than the base', () => {
    expect(delays(0, 1_000, [0, 1, 2, 10, 5_000])).toEqual([1_000, 1_000, 1_000, 1_000, 1_000]);
  });

  it('doubles its jitter after each failure, up to its limit', () => {
    expect(delays(1, 1_000, [0, 1, 2, 3, 4, 5, 5_000])).toEqual([
      1_250, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000,
    ]);
  });

  it('has jitter beyond the limit when the base is longer', () => {
    expect(delays(1, 60_000, [0, 5])).toEqual([75_000, 75_000]);
  });

  it('grows from nothing, and stays within what a timer can do', () => {
    expect(delays(1, 0, [0, 1, 4, 5_000])).toEqual([1, 2, 16, 30_000]);
    expect(delays(0, 1e15, [1])).toEqual([2_147_483_647]);
  });
});

describe('Retry-After', () => {
  afterEach(() => jest.useRealTimers());

  it('is in seconds', () => {
    expect(['7', '0', '1.5'].map(retryAfterMs)).toEqual([7_000, 0, 1_500]);
  });

  it('or a date', () => {
    jest.useFakeTimers({ now: Date.parse('2026-11-21T10:00:00Z') });
    expect(retryAfterMs('Sat, 21 Nov 2026 10:00:30 GMT')).toBe(30_000);
    expect(retryAfterMs('Sat, 21 Nov 2026 09:00:00 GMT')).toBe(0);
  });

  it('or nothing', () => {
    expect([null, '', 'soon', '-5', 'NaN'].map(retryAfterMs)).toEqual([0, 0, 0, 0, 0]);
  });
});
