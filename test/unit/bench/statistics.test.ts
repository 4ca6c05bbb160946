import { quantile, slopeOf, spreadOf } from '../../../bench/statistics';

describe('statistics of the benchmark', () => {
  it.each([
    { values: [3], median: 3, min: 3, max: 3 },
    { values: [10, 9, 1], median: 9, min: 1, max: 10 },
    { values: [4, 1, 100, 2], median: 3, min: 1, max: 100 },
  ])('the spread of $values', ({ values, ...spread }) => {
    expect(spreadOf(values)).toEqual(spread);
  });

  it('no values have no spread', () => {
    expect(() => spreadOf([])).toThrow(RangeError);
  });

  it('quantiles do not sort as text', () => {
    expect(quantile([100, 20, 3], 0.5)).toBe(20);
    expect(quantile([1, 2, 3], 1)).toBe(3);
    expect(quantile([], 0.5)).toBe(0);
  });

  it('the slope of a line is found through noise that is even', () => {
    expect(
      slopeOf([
        [0, 5],
        [1, 7],
        [2, 9],
      ]),
    ).toBeCloseTo(2);
    expect(
      slopeOf([
        [0, 1],
        [1, -1],
        [2, 1],
      ]),
    ).toBeCloseTo(0);
    expect(slopeOf([[1, 1]])).toBe(0);
  });
});
