import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type AnyStateMachine, assign, createActor, createMachine, type EventObject, setup, stateIn } from 'xstate';
import { memoOf } from '../../src/actors/charts/memoised.js';
import { type MachineState, type Step, SteppedMachine } from '../../src/actors/charts/steppedMachine.js';
import { fastPaths } from '../../src/actors/runtime/fastPaths.js';
import { editedCharts, notedCharts } from '../support/charts/notedCharts.js';
import { chartEvents, type Kind, randomCharts } from '../support/charts/randomCharts.js';
import { CallLog, memoLogic, Twins } from '../support/charts/twins.js';
import { scenarios } from '../support/conformance/scenarios.js';
import { harnessPaths } from '../support/server/supervisorHarness.js';

// The examples import what a program would; here that is what the tests run.
vi.mock('musterjs', () => import('../../src/index.js'));

type Act = { readonly twin: number } & (
  | { readonly kind: 'send'; readonly event: EventObject }
  | { readonly kind: 'pass'; readonly ms: number }
);

const delays = [5, 10, 30, 50] as const;
const acts = (events: readonly EventObject[], times: readonly number[] = delays): fc.Arbitrary<Act[]> => {
  const twin = fc.nat(2);
  const send = fc.record({ twin, kind: fc.constant('send' as const), event: fc.constantFrom(...events) });
  const pass = fc.record({ twin, kind: fc.constant('pass' as const), ms: fc.constantFrom(...times) });
  const act = fc.oneof({ weight: 5, arbitrary: send }, { weight: 1, arbitrary: pass });
  return fc.array(act, { minLength: 1, maxLength: 20 });
};

const same = ([usual, memoised]: readonly [unknown, unknown]): void => expect(memoised).toEqual(usual);

/** Walks several actors of a chart in turn, each memoised and not, and compares what can be seen after each act. */
const walk = (machine: AnyStateMachine, log: CallLog, path: readonly Act[], inputs: readonly unknown[]): void => {
  const logic = memoLogic(machine);
  const types = [...new Set(machine.events.map(String))];
  const all = [0, 1, 2].map((at) => new Twins(machine, logic, log, types, inputs[at % inputs.length]));
  for (const twins of all) same(twins.both(() => {}));
  for (const twins of all) same(twins.both(({ actor }) => void actor.start()));
  for (const act of path) {
    const twins = all[act.twin];
    if (!twins) throw new Error('no such twin');
    same(twins.both((twin) => (act.kind === 'send' ? twin.send(act.event) : twin.pass(act.ms))));
  }
};

describe('memoised steps', () => {
  test.each<Kind>(['plain', 'any'])('[SV9] [SV11] %s charts take the steps that XState takes', (kind) => {
    const log = new CallLog();
    const events = [...chartEvents, 'UNKNOWN'].map((type) => ({ type }));
    let memos = 0;
    fc.assert(
      fc.property(randomCharts(kind, log), acts(events), ({ machine }, path) => {
        if (memoOf(machine)) memos++;
        walk(machine, log, path, [0, 1, 2]);
      }),
      { numRuns: 100, endOnFailure: true },
    );
    expect(memos).toBeGreaterThan(kind === 'plain' ? 99 : 15);
  });

  test('[SV9] a guard of an eventless transition that throws fails the actor as it does in XState', () => {
    const machine = createMachine({
      initial: 'ready',
      states: { ready: { on: { GO: 'deciding' } }, deciding: { always: { guard: 'fails', target: 'ready' } } },
    }).provide({
      guards: {
        fails: () => {
          throw new Error('it cannot be told');
        },
      },
    });
    walk(machine, new CallLog(), [{ twin: 0, kind: 'send', event: { type: 'GO' } }], [0]);
  });

  test('[SV11] a guard that looks at other states is asked each time', () => {
    const machine = createMachine({
      type: 'parallel',
      states: {
        door: { initial: 'shut', states: { shut: { on: { OPEN: 'open' } }, open: { on: { SHUT: 'shut' } } } },
        guest: {
          initial: 'outside',
          states: {
            outside: { on: { ENTER: { guard: stateIn({ door: 'open' }), target: 'inside' } } },
            inside: { on: { LEAVE: 'outside' } },
          },
        },
      },
    });
    const path = ['ENTER', 'OPEN', 'ENTER', 'LEAVE', 'SHUT', 'ENTER'];
    const sent = path.map((type) => ({ twin: 0, kind: 'send', event: { type } }) as const);
    walk(machine, new CallLog(), sent, [0]);
  });

  test('[SV9] [SV11] an assign spawns children, takes parameters and fails as in XState', () => {
    const child = createMachine({ initial: 'on', states: { on: {} } });
    const machine = setup({
      types: { context: {} as { readonly count: number; readonly name: string } },
      actors: { child },
      actions: {
        add: assign({ count: ({ context }, by: number) => context.count + by, name: 'added' }),
        grow: assign({
          count: ({ context, spawn }) => {
            spawn('child', { id: `child ${context.count}` });
            return context.count + 1;
          },
        }),
        growTwice: assign(({ context, spawn, event }) => {
          for (const at of [1, 2]) spawn('child', { id: `${event.type} ${context.count} ${at}` });
          return { count: context.count + 2 };
        }),
        fail: assign({
          name: () => {
            throw new Error('no name');
          },
        }),
      },
    }).createMachine({
      context: ({ spawn }) => {
        spawn('child', { id: 'first' });
        return { count: 0, name: '' };
      },
      on: {
        ADD: { actions: { type: 'add', params: 3 } },
        ONE: { actions: 'grow' },
        GROW: { actions: ['grow', 'growTwice', { type: 'add', params: 1 }] },
        FAIL: { actions: ['grow', 'fail'] },
      },
    });
    expect(memoOf(machine)).toBeDefined();
    const sent = ['ONE', 'GROW', 'ADD', 'GROW', 'FAIL', 'ADD'].map(
      (type) => ({ twin: 0, kind: 'send', event: { type } }) as const,
    );
    walk(machine, new CallLog(), sent, [0]);
    const memoised = createActor(memoLogic(machine)).start();
    for (const type of ['GROW', 'ADD'] as const) memoised.send({ type });
    const { context, children } = memoised.getSnapshot();
    expect(context).toEqual({ count: 7, name: 'added' });
    expect(Object.keys(children)).toEqual(['first', 'child 0', 'GROW 1 1', 'GROW 1 2']);
  });

  const log = new CallLog();
  const charts = Object.entries(notedCharts(log));

  test.each(charts)('[SV9] [SV11] [SV20] the chart %s takes the steps that XState takes', (_, chart) => {
    const { machine, events, inputs } = chart;
    fc.assert(
      fc.property(acts(events, [50, 300, 5_000, 10_000]), (path) => walk(machine, log, path, inputs)),
      { numRuns: 40, endOnFailure: true },
    );
  });

  const edited = editedCharts(log);

  test('[SV9] [SV11] [SV20] charts without one of their transitions take the steps that XState takes', {
    timeout: 120_000,
  }, () => {
    expect(edited.length).toBeGreaterThan(200);
    for (const [label, { machine, events, inputs }] of edited) {
      const same = fc.property(acts(events, [50, 300, 5_000, 10_000]), (path) => walk(machine, log, path, inputs));
      const { failed, errorInstance, counterexample } = fc.check(same, { numRuns: 3, endOnFailure: true });
      expect({ label, failed, error: failed && errorInstance, counterexample }).toEqual({
        label,
        failed: false,
        error: false,
        counterexample: null,
      });
    }
  });

  const wholly = charts.filter(([name]) => name !== 'login' && name !== 'link');
  test.each(wholly)('[SV9] each step of the chart %s is memoised', (_, { machine, events, inputs }) => {
    const usual = vi.spyOn(machine, 'transition');
    const start = vi.spyOn(machine, 'getInitialSnapshot');
    const known = events.filter(({ type }) => type !== 'UNKNOWN');
    const logic = memoLogic(machine);
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...known), { minLength: 1, maxLength: 12 }), (path) => {
        const twins = new Twins(logic, logic, log, [], inputs[0]);
        twins.both(({ actor }) => void actor.start());
        for (const event of path) twins.both((twin) => twin.send(event));
      }),
      { numRuns: 20 },
    );
    expect([usual.mock.calls.length, start.mock.calls.length]).toEqual([0, 0]);
    usual.mockRestore();
    start.mockRestore();
  });

  const stepped = charts.filter(([name]) => ['namespace', 'room', 'guarded'].includes(name));
  test.each(stepped)('[SV9] [SV3] the chart %s is stepped alike, memoised or not', (_, { machine, events }) => {
    const fail = (error: unknown): never => {
      throw error;
    };
    const stepOf = (chart: SteppedMachine, value: MachineState, event: EventObject) => {
      let step: Step = { value, actions: [] };
      const calls = log.of(() => {
        step = chart.step(value, event);
      });
      return { step, calls };
    };
    const [usual, memoised] = [new SteppedMachine(machine, fail, false), new SteppedMachine(machine, fail, true)];
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...events), { minLength: 1, maxLength: 30 }), (path) => {
        let pair = [usual.initial, memoised.initial] as const;
        for (const event of path) {
          const [from, twin] = pair;
          const ours = stepOf(usual, from, event);
          const theirs = stepOf(memoised, twin, event);
          expect([theirs.step.actions, theirs.calls]).toEqual([ours.step.actions, ours.calls]);
          expect(JSON.stringify(theirs.step.value)).toBe(JSON.stringify(ours.step.value));
          expect(theirs.step.value === twin).toBe(ours.step.value === from);
          expect(theirs.step.value === memoised.initial).toBe(ours.step.value === usual.initial);
          pair = [ours.step.value, theirs.step.value];
        }
      }),
      { numRuns: 60 },
    );
  });

  test('[SV9] [IN1] an inspector of XState sees each microstep and action, from when it is attached', () => {
    const chart = charts.find(([name]) => name === 'connection')?.[1];
    if (!chart) throw new Error('no chart');
    const twins = new Twins(chart.machine, memoLogic(chart.machine), log, [], chart.inputs[0]);
    const both = (type: string): void => same(twins.both((twin) => twin.send({ type })));
    same(twins.both(({ actor }) => void actor.start()));
    both('ACK');
    const ends: (() => void)[] = [];
    same(twins.both((twin) => void ends.push(twin.inspect())));
    both('AGREED');
    for (const end of ends) end();
    both('CONGESTED');
    expect(twins.both((twin) => void twin.inspect())[0]).toMatchObject({ seen: [] });
    both('DRAINED');
    both('SOCKET.CLOSED');
  });
});

describe('the usual suite without memoised steps', () => {
  beforeAll(() => {
    harnessPaths.current = { ...fastPaths, memo: false };
  });
  afterAll(() => {
    harnessPaths.current = fastPaths;
  });

  test.each(scenarios.map((scenario) => [`${scenario.rule} ${scenario.name}`, scenario] as const))(
    '[SV20] %s',
    async (_, scenario) => {
      await scenario.run({});
    },
  );
});
