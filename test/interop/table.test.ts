import { describe, expect, test } from 'vitest';
import { type Played, print, tabulate } from '../support/conformanceTable.js';
import type { Scenario } from './scenarios.js';

const all: readonly Scenario[] = [
  { number: 4, name: 'four', without: {} },
  { number: 40, name: 'forty', without: { raw: 'it cannot', 'Go client': 'it cannot' } },
];

const ran = (file: string, title: string, state: Played['state'] = 'passed'): Played => ({
  file: `/somewhere/test/${file}.test.ts`,
  title,
  state,
});

const kinds = (...played: readonly Played[]) =>
  tabulate(played, all).map(({ cells }) => Object.values(cells).map(({ kind }) => kind));

describe('the table of scenarios', () => {
  test('a cell has passed when each of its tests has', () => {
    expect(kinds(ran('interop/raw', '#4 one'), ran('interop/frames', '[NS1] #4 #40 two'))[0]?.[0]).toBe('passed');
    expect(kinds(ran('interop/raw', '#4 one'), ran('interop/raw', '#4 two', 'failed'))[0]?.[0]).toBe('failed');
    expect(kinds(ran('interop/raw', '#4 one', 'skipped'))[0]?.[0]).toBe('skipped');
  });

  test('a number is a whole one, and a test counts for the peer of its file alone', () => {
    const [four, forty] = kinds(ran('interop/neffosjs', '#40 one'), ran('actors/lane', '#4 two'));
    expect(four).toEqual(['empty', 'empty', 'empty', 'empty']);
    expect(forty).toEqual(['without', 'passed', 'without', 'empty']);
  });

  test('a test outdoes the reason for having none', () => {
    expect(kinds(ran('interop/goClient', '#40'))[1]?.[2]).toBe('passed');
  });

  test('it prints each reason once', () => {
    const text = print(tabulate([ran('interop/goServer', '#4')], all));
    expect(text.split('\n').slice(1)).toEqual([
      ' 4  four      EMPTY  EMPTY      EMPTY      passed 1',
      '40  forty     – (1)  EMPTY      – (1)      EMPTY',
      '(1) it cannot',
    ]);
  });
});
