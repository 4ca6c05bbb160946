import { distributionOf } from '../../../loadtest/probe/distribution';

describe('a distribution', () => {
  it('has values that were measured, by nearest rank', () => {
    const values = Array.from({ length: 100 }, (_, i) => 100 - i);
    expect(distributionOf(values)).toEqual({ count: 100, p50: 50, p95: 95, p99: 99, max: 100 });
    expect(distributionOf([3])).toEqual({ count: 1, p50: 3, p95: 3, p99: 3, max: 3 });
  });

  it('of nothing is zero', () => {
    expect(distributionOf([])).toEqual({ count: 0, p50: 0, p95: 0, p99: 0, max: 0 });
  });
});
