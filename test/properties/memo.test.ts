import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { AnyStateMachine } from 'xstate';
import { memoOf } from '../../src/actors/charts/memoised.js';
import { chartEvents, type Kind, randomCharts } from '../support/charts/randomCharts.js';
import { CallLog, memoLogic, Twins } from '../support/charts/twins.js';

type Act = { readonly twin: number } & (
  | { readonly kind: 'send'; readonly type: string }
  | { readonly kind: 'pass'; readonly ms: number }
);

const acts = (events: readonly string[]): fc.Arbitrary<Act[]> =>
  fc.array(
    fc.oneof(
      {
        weight: 4,
        arbitrary: fc.record({ twin: fc.nat(2), kind: fc.constant('send' as const), type: fc.constantFrom(...events) }),
      },
      {
        weight: 1,
        arbitrary: fc.record({
          twin: fc.nat(2),
          kind: fc.constant('pass' as const),
          ms: fc.constantFrom(5, 10, 30, 50),
        }),
      },
    ),
    { minLength: 1, maxLength: 20 },
  );

const walk = (machine: AnyStateMachine, log: CallLog, events: readonly string[], path: readonly Act[]): void => {
  const logic = memoLogic(machine);
  const all = [0, 1, 2].map((input) => new Twins(machine, logic, log, events, input));
  const same = (pair: readonly [unknown, unknown]): void => expect(pair[1]).toEqual(pair[0]);
  for (const twins of all) same(twins.both(() => {}));
  for (const twins of all) same(twins.both(({ actor }) => void actor.start()));
  for (const act of path) {
    const twins = all[act.twin];
    if (act.kind === 'send') same(twins?.both((twin) => twin.send({ type: act.type })) ?? [1, 0]);
    else same(twins?.both((twin) => twin.pass(act.ms)) ?? [1, 0]);
  }
};

describe('memoised steps', () => {
  test.each<Kind>(['plain', 'any'])('[SV9] [SV11] %s charts take the steps that XState takes', (kind) => {
    const log = new CallLog();
    const events = [...chartEvents, 'UNKNOWN'];
    let memos = 0;
    fc.assert(
      fc.property(randomCharts(kind, log), acts(events), ({ machine }, path) => {
        if (memoOf(machine)) memos++;
        walk(machine, log, events, path);
      }),
      { numRuns: 150 },
    );
    expect(memos).toBeGreaterThan(kind === 'plain' ? 149 : 20);
  });
});
