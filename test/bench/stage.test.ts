import { describe, expect, test } from 'vitest';
import { inTurn } from '../../bench/stage.js';

describe.each([1, 2, 3, 4, 5, 6])('%d systems that have their turn', (count) => {
  const all = Array.from({ length: count }, (_, at) => `system ${at}`);
  const rounds = Array.from({ length: 2 * count }, (_, round) => inTurn(all, round));

  test('every system runs in each round', () => {
    for (const round of rounds) expect(round.toSorted()).toEqual(all);
  });

  test('each system is in each position equally often', () => {
    for (let place = 0; place < count; place++) {
      const there = rounds.map((round) => round[place]).sort();
      expect(there).toEqual(all.flatMap((system) => [system, system]));
    }
  });

  test('none runs twice in a row, if there are three or more', () => {
    const turns = [...rounds, ...rounds].flat();
    const again = turns.filter((system, at) => system === turns[at - 1]);
    expect(again.length > 0).toBe(count < 3);
  });

  test('and none always follows the same one', () => {
    const turns = [...rounds, ...rounds].flat();
    const before = new Set(turns.flatMap((system, at) => (system === all[0] && at > 0 ? [turns[at - 1]] : [])));
    expect(before.size).toBeGreaterThan(count < 3 ? 0 : 1);
  });
});
