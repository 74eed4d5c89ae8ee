import { describe, expect, test } from 'vitest';
import { orderOf } from '../../bench/rowRunner.js';

describe.each([1, 2, 3, 4, 5, 6, 7, 8])('the order of %d systems', (count) => {
  const all = Array.from({ length: count }, (_, at) => `system ${at}`);
  const rounds = Array.from({ length: 2 * count }, (_, round) => orderOf(all, round));

  test('each round has all of them', () => {
    for (const round of rounds) expect(round.toSorted()).toEqual(all);
  });

  test('each system is in each position equally often', () => {
    for (let place = 0; place < count; place++) {
      const there = rounds.map((round) => round[place]).sort();
      expect(there).toEqual(all.flatMap((system) => [system, system]));
    }
  });

  test('none of three or more follows itself', () => {
    const turns = [...rounds, ...rounds].flat();
    const again = turns.filter((system, at) => system === turns[at - 1]);
    expect(again.length > 0).toBe(count < 3);
  });

  test('each follows each other one equally often within the rounds', () => {
    const neighbours = rounds.flatMap((round) => round.slice(1).map((system, at) => `${round[at]}, then ${system}`));
    const pairs = all.flatMap((one) => all.flatMap((other) => (one === other ? [] : [`${one}, then ${other}`])));
    expect(neighbours.sort()).toEqual([...pairs, ...pairs].sort());
  });
});
