import { createEventRate } from '../../../src/web/event-rate';

describe('the event rate', () => {
  it('counts by second, the current one last', () => {
    const rate = createEventRate(4);
    for (const nowMs of [10_100, 10_900, 11_000, 13_000]) rate.add(nowMs);
    expect(rate.counts(13_500)).toEqual([2, 1, 0, 1]);
    expect(rate.counts(14_000)).toEqual([1, 0, 1, 0]);
  });

  it('forgets older seconds, however long no event came', () => {
    const rate = createEventRate(3);
    rate.add(1_000);
    expect(rate.counts(1_000_000)).toEqual([0, 0, 0]);
    rate.add(1_000_000);
    expect(rate.counts(1_000_000)).toEqual([0, 0, 1]);
  });

  it('tolerates a clock that was set back', () => {
    const rate = createEventRate(3);
    rate.add(50_000);
    rate.add(40_000);
    expect(rate.counts(41_000)).toEqual([0, 0, 2]);
  });
});
