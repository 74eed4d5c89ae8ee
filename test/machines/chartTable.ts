import { describe, expect, test } from 'vitest';
import { type AnyMachineSnapshot, type AnyStateMachine, initialTransition, type StateValue, transition } from 'xstate';

/** Event -> the rules it serves, the next state, and what is to be done. */
export type Row<Type extends string> = Partial<Record<Type, readonly [rules: string, to: string, does: string[]]>>;

export interface ChartTable<Type extends string> {
  readonly machine: AnyStateMachine;
  readonly events: readonly Type[];
  readonly rows: Readonly<Record<string, Row<Type>>>;
  /** The final state, where nothing happens any more. */
  readonly last: string;
}

const valueAt = (path: string): StateValue => {
  const [first = '', second] = path.split('.');
  return second === undefined ? first : { [first]: second };
};
const pathOf = (value: StateValue): string =>
  typeof value === 'string'
    ? value
    : Object.entries(value)
        .map(([key, inner]) => `${key}.${String(inner)}`)
        .join();

interface Asked {
  readonly type: string;
  readonly params?: unknown;
}

const lineOf = ({ type, params }: Asked): string => {
  // What these charts give their actions is nothing, or just this.
  const { event = '', isLocal = false } = (params ?? {}) as { event?: string; isLocal?: boolean };
  return [type, event, isLocal ? 'local' : ''].filter((word) => word !== '').join(' ');
};

/** Tests every event in every state of a chart that is stepped; what its table does not name changes nothing. */
export const describeChart = <Type extends string>({ machine, events, rows, last }: ChartTable<Type>) => {
  const stateAt = (path: string): AnyMachineSnapshot => machine.resolveState({ value: valueAt(path), context: {} });
  const step = (path: string, type: Type): { readonly to: string; readonly does: string[] } => {
    const [next, actions] = transition(machine, stateAt(path), { type });
    return { to: pathOf(next.value), does: actions.map(lineOf) };
  };
  const rowsOf = (row: Row<Type>) =>
    events.flatMap((type) => {
      const [rules, to, does] = row[type] ?? [];
      return rules === undefined ? [] : [[rules, type, to, does] as const];
    });

  test('[SV9] the initial state is outside, without actions', () => {
    const [snapshot, actions] = initialTransition(machine);
    expect([snapshot.value, actions]).toEqual(['outside', []]);
  });

  describe.each(Object.entries(rows))('%s', (from, row) => {
    test.each(rowsOf(row))('%s %s leads to %s', (_, type, to, does) => {
      expect(step(from, type)).toEqual({ to, does });
    });

    test.each(events.filter((type) => !row[type]))('[SV9] [NS10] %s changes nothing', (type) => {
      expect(step(from, type)).toEqual({ to: from, does: [] });
    });
  });

  test('[SV9] the table has every state but the last', () => {
    const paths = Object.values(machine.states).flatMap(({ key, states }) => {
      const inner = Object.keys(states);
      return inner.length === 0 ? [key] : inner.map((name) => `${key}.${name}`);
    });
    expect(paths.toSorted()).toEqual([...Object.keys(rows), last].toSorted());
  });

  const tagged = (tag: string): string[] => [...Object.keys(rows), last].filter((path) => stateAt(path).hasTag(tag));
  return { stateAt, tagged };
};
