import { test as check } from '@fast-check/vitest';
import { describe, expect, test } from 'vitest';
import { createMachine } from 'xstate';
import { linkMachine } from '../../../src/index.js';
import { allStates, type ChartState, describeMachine } from '../../../src/inspector/draw/chart.js';
import { toMermaid } from '../../../src/inspector/draw/mermaid.js';
import { arbitraryMachine } from '../../support/model/randomMachines.js';

const read = (text: string): string =>
  text.replaceAll(/#(\d+);/g, (_, sign: string) => String.fromCodePoint(Number(sign))).replaceAll(/\s+/g, ' ');
const plain = (text: string): string => text.trim().replaceAll(/\s+/g, ' ');

interface Picture {
  /** Names of states in Mermaid, without signs; in the order in which they stand. */
  readonly names: readonly string[];
  readonly titles: ReadonlyMap<string, string>;
  readonly arrows: readonly { readonly from: string; readonly to: string; readonly text: string }[];
  /** What is written in each state, and in its sign. */
  readonly words: ReadonlyMap<string, string>;
}

/** Reads the text as Mermaid does, and fails on a line that it would not know. */
const parse = (text: string): Picture => {
  const titles = new Map<string, string>();
  const words = new Map<string, string>();
  const arrows: Picture['arrows'][number][] = [];
  const [first, ...lines] = text.split('\n').map((line) => line.trim());
  expect(first).toBe('stateDiagram-v2');
  let depth = 0;
  for (const line of lines) {
    const [, title, name, opens] = /^state "([^"]*)" as (\w+)( \{)?$/.exec(line) ?? [];
    const [, from, to, label = ''] =
      /^(\w+|\[\*\]) --> (\w+|\[\*\])(?: : ([^:;"]*(?:#\d+;[^:;"]*)*))?$/.exec(line) ?? [];
    const [, owner, word = ''] = /^(\w+) : ([^:;"]*(?:#\d+;[^:;"]*)*)$/.exec(line) ?? [];
    if (name !== undefined) titles.set(name, read(title ?? ''));
    else if (from !== undefined && to !== undefined) arrows.push({ from, to, text: read(label) });
    else if (owner !== undefined) words.set(owner, `${words.get(owner) ?? ''}\n${read(word)}`);
    else expect(line).toMatch(/^(?:\}|--)$/);
    depth += opens ? 1 : line === '}' ? -1 : 0;
  }
  expect(depth).toBe(0);
  const names = [...titles.keys()].filter((name) => !/__(?:anywhere|anew)$/.test(name));
  return { names, titles, arrows, words };
};

/** Ids of states by their names in the text, which come in the same order. */
const idsOf = (root: ChartState, { names }: Picture): Map<string, string> => {
  const shown = root.type === 'compound' ? allStates(root).slice(1) : allStates(root);
  expect(names).toHaveLength(shown.length);
  return new Map(names.map((name, at) => [name, shown[at]?.id ?? '']));
};

describe('a chart as Mermaid text', () => {
  check.prop([arbitraryMachine])(
    '[IN16] has every state and every transition, whatever they are called',
    ({ machine, written }) => {
      const root = describeMachine(machine);
      const picture = parse(toMermaid(root));
      const ids = idsOf(root, picture);
      const frame = /__(?:anywhere|anew)$/;
      const rootName = picture.names[0]?.split('_')[0] ?? '';
      const idOf = (name: string): string => {
        const owner = name.replace(frame, '');
        return ids.get(owner) ?? (owner === rootName || picture.names.length === 0 ? root.id : '');
      };
      const between = new Map<string, string>();
      for (const { from, to, text } of picture.arrows) {
        if (from === '[*]' || to === '[*]') continue;
        const ends = JSON.stringify([idOf(from), idOf(to)]);
        expect(between.has(ends)).toBe(false);
        between.set(ends, text);
      }
      const leading = written.filter(({ targets }) => targets.length > 0);
      const pairs = new Set(leading.map(({ state, targets }) => JSON.stringify([state, targets[0]])));
      expect([...between.keys()].sort()).toEqual([...pairs].sort());
      for (const { state, trigger, guard, actions, targets } of written) {
        const names = [...picture.words.keys()].filter((name) => idOf(name) === state);
        const inside = names.map((name) => picture.words.get(name) ?? '').join('\n');
        const text = targets.length > 0 ? (between.get(JSON.stringify([state, targets[0]])) ?? '') : inside;
        for (const part of [trigger, guard ?? '', ...actions]) expect(text).toContain(plain(part));
      }
      const begun = allStates(root).filter(({ initial }) => initial).length;
      expect(picture.arrows.filter(({ from }) => from === '[*]')).toHaveLength(begun);
      const final = allStates(root).filter(({ type, states }) => type === 'final' && states.length === 0).length;
      expect(picture.arrows.filter(({ to }) => to === '[*]')).toHaveLength(final);
    },
  );

  test('[IN16] shows nested states, conditions, delays and actions', () => {
    const text = toMermaid(describeMachine(linkMachine));
    for (const line of [
      '  [*] --> link_connecting',
      '  link__anywhere --> link_closed : CLOSE',
      '  link_connecting --> link_closed : FAILED<br/>after connectTimeout (4 s) / abandon',
      '  state "degraded" as link_degraded {',
      '    link_degraded_waiting --> link_degraded_trying : after retryDelay',
      '  link_degraded_settling --> link_online : after settleDelay (2 s)',
      '  link_closed --> [*]',
    ]) {
      expect(text.split('\n')).toContain(line);
    }
  });

  test('[IN16] divides regions', () => {
    const machine = createMachine({ id: 'p', type: 'parallel', states: { a: {}, b: { on: { GO: '#p.a' } } } });
    const lines = toMermaid(describeMachine(machine)).split('\n');
    expect(lines).toEqual([
      'stateDiagram-v2',
      '  s_b --> s_a : GO',
      '  state "p" as s {',
      '    state "a" as s_a',
      '    --',
      '    state "b" as s_b',
      '  }',
    ]);
  });
});
