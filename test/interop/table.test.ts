import { describe, expect, test } from 'vitest';
import { holesIn, print, type TestRun, tableOf } from '../support/conformance/interopTable.js';
import { goVersions, muster, nameOfGo, players, type Scenario } from './scenarios.js';

const all: readonly Scenario[] = [
  { number: 4, name: 'four', without: {} },
  { number: 40, name: 'forty', without: { raw: 'it cannot', 'Go client': 'it cannot' } },
];

const ran = (file: string, title: string, state: TestRun['state'] = 'passed'): TestRun => ({
  file: `/somewhere/test/${file}.test.ts`,
  title,
  state,
});
const [older, newest] = goVersions;
const goClient = (version: (typeof goVersions)[number], title: string, state?: TestRun['state']): TestRun =>
  ran('interop/goClient', `${nameOfGo(version)} as a client > ${title}`, state);

const kinds = (...played: readonly TestRun[]) => tableOf(played, all).map(({ cells }) => cells.map(({ kind }) => kind));
const empty = players.map(() => 'empty');
const notOurs = { 'our client': 'no', 'our client to Go': 'no' };
/** Only Go clients play it. */
const forGo: readonly Scenario[] = [
  { number: 5, name: 'five', without: { raw: 'no', 'neffos.js': 'no', 'Go server': 'no', ...notOurs } },
];

describe('the table of scenarios', () => {
  test('each release line of Go has columns of its own', () => {
    expect(players.map(({ name }) => name)).toEqual([
      'raw',
      'neffos.js',
      'Go client v0.0.24',
      'Go client v0.0.25',
      'Go server v0.0.24',
      'Go server v0.0.25',
      'our client',
      'our client, Go v0.0.24',
      'our client, Go v0.0.25',
    ]);
    const [four] = kinds(goClient(newest, '#4 one'));
    expect(four).toEqual([...empty.slice(0, 3), 'passed', ...empty.slice(4)]);
  });

  test('a cell has passed when each of its tests has', () => {
    expect(kinds(ran('interop/raw', '#4 one'), ran('interop/frames', '[NS1] #4 #40 two'))[0]?.[0]).toBe('passed');
    expect(kinds(ran('interop/raw', '#4 one'), ran('interop/raw', '#4 two', 'failed'))[0]?.[0]).toBe('failed');
  });

  test('numbers match in full, and a test counts for the peer of its file only', () => {
    const [four, forty] = kinds(ran('interop/neffosjs', '#40 one'), ran('actors/lane', '#4 two'));
    expect(four).toEqual(empty);
    expect(forty?.slice(0, 6)).toEqual(['without', 'passed', 'without', 'without', 'empty', 'empty']);
  });

  test('a test outdoes the reason for having none', () => {
    expect(kinds(goClient(older, '#40'))[1]?.slice(2, 4)).toEqual(['passed', 'without']);
  });

  test('a release line whose tests were all skipped is missing, and that is no hole', () => {
    const lines = tableOf([goClient(older, '#5'), goClient(newest, '#5', 'skipped')], forGo);
    expect(lines[0]?.cells.slice(2, 4)).toEqual([
      { kind: 'passed', tests: 1 },
      { kind: 'without', why: 'not built on this machine' },
    ]);
    expect(holesIn(lines)).toEqual([]);
  });

  test('a release line without tests is a hole', () => {
    expect(holesIn(tableOf([goClient(older, '#5')], forGo))).toHaveLength(1);
  });

  test('a scenario that a present peer has skipped is a hole', () => {
    const played = [goClient(older, '#5'), goClient(newest, '#4'), goClient(newest, '#5', 'skipped')];
    const lines = tableOf(played, forGo);
    expect(lines[0]?.cells[3]).toEqual({ kind: 'skipped' });
    expect(holesIn(lines)).toHaveLength(1);
  });

  test('the suites of our client have a column for each server', () => {
    const played = [
      ran('interop/ourClient', `our client and ${muster} > #4 one`),
      ran('interop/ourClientMessages', `our client and ${nameOfGo(newest)} > #4 two`),
    ];
    expect(kinds(...played)[0]?.slice(6)).toEqual(['passed', 'empty', 'passed']);
  });

  test('it prints each reason once', () => {
    const text = print(tableOf([ran('interop/goServer', `${nameOfGo(older)} as a server > #4`)], all));
    expect(text.split('\n').slice(1)).toEqual([
      ' 4  four      EMPTY  EMPTY      EMPTY              EMPTY              passed 1           EMPTY              EMPTY       EMPTY                   EMPTY',
      '40  forty     – (1)  EMPTY      – (1)              – (1)              EMPTY              EMPTY              EMPTY       EMPTY                   EMPTY',
      '(1) it cannot',
    ]);
  });
});
