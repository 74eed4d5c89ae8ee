import { describe, expect, test } from 'vitest';
import { figure, grouped } from '../../bench/figures.js';
import { median, medianRatio, percentile, ratioOfMedians } from '../../bench/statistics.js';

test.each([
  [0, '0.00'],
  [0.0812, '0.081'],
  [1.005, '1.00'],
  [12.34, '12.3'],
  [456.7, '457'],
  [1234567.8, '1 234 568'],
  [-2, '-2.00'],
  [Number.NaN, '–'],
  [null, '–'],
])('a figure of %s reads %s', (value, text) => {
  expect(figure(value)).toBe(text);
});

test('integers have digit groups', () => {
  expect([0, 999, 1_000, 40_000, 1_000_000].map(grouped)).toEqual(['0', '999', '1 000', '40 000', '1 000 000']);
});

describe('the statistics', () => {
  test('the median is the middle for any order', () => {
    expect(median([9, 1, 10])).toBe(9);
    expect(median([10, 2, 9, 1])).toBe(5.5);
    expect(median([])).toBeNaN();
  });

  test('a percentile is one of the values', () => {
    const hundred = Array.from({ length: 100 }, (_, at) => 100 - at);
    expect([0, 0.5, 0.99, 1].map((share) => percentile(hundred, share))).toEqual([1, 50, 99, 100]);
    expect(percentile([], 0.5)).toBeNaN();
  });

  test('a ratio in pairs is not affected by a slow round', () => {
    const values = [1, 10, 100];
    const others = [2, 20, 200];
    expect(medianRatio(values, others)).toBe(0.5);
    expect(medianRatio([1, 30, 50], others)).toBe(0.5);
    expect(ratioOfMedians([1, 30, 50], others)).toBe(1.5);
    expect(() => medianRatio(values, [1])).toThrow('3 rounds against 1');
  });
});
