import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { initialTransition, transition } from 'xstate';
import {
  type ClientContext,
  type ClientDelay,
  type ClientEvent,
  type ClientState,
  delays,
  initialContext,
  next,
  states,
} from '../../src/client/chart.js';
import { clientMachine } from '../../src/client/machine.js';

const runs = Number(process.env['MUSTER_RUNS'] ?? 200);

// The keys of the table are the names of its states and delays.
const stateNames = Object.keys(states) as ClientState[];
const delayNames = Object.keys(delays) as ClientDelay[];
const effectNames: readonly string[] = ['dial', 'enter', 'resume', 'giveUp', 'hangUp', 'end'];

/** The draw of both sides, so that their delays can be compared. */
const draw = (): number => 0.37;
const machine = clientMachine.provide({
  delays: Object.fromEntries(
    delayNames.map((name) => [name, ({ context }: { readonly context: ClientContext }) => delays[name](context, draw)]),
  ),
});

const codes = [1000, 1001, 1005, 1006, 1008, 1011, 1012, 1013, 3999, 4000, 4001, 4002, 4099, 4100, 4401];
const texts = ['', 'retry=0', 'retry=250', 'later; retry=99999999999', 'retry=-1', 'retrying=5', 'x retry=7 y'];

/** Every event of the vocabulary. A delay is one too, also where the state has no such delay. */
const anyEvent: fc.Arbitrary<ClientEvent> = fc.oneof(
  fc.constantFrom<ClientEvent>(
    { type: 'DIAL' },
    { type: 'OPENED' },
    { type: 'GREETED' },
    { type: 'ENTERED' },
    { type: 'SILENT' },
    { type: 'FLOODED' },
    { type: 'VISIBLE' },
    { type: 'ONLINE' },
    { type: 'OFFLINE' },
  ),
  // What leads on comes more often, so that walks go far.
  fc.constantFrom<ClientEvent>({ type: 'OPENED' }, { type: 'GREETED' }, { type: 'ENTERED' }, { type: 'retryDelay' }),
  fc.constantFrom<ClientEvent>({ type: 'CLOSE' }, ...delayNames.map((type) => ({ type }))),
  fc.record({ type: fc.constant('LOST' as const), code: fc.constantFrom(...codes), text: fc.constantFrom(...texts) }),
  fc.record({ type: fc.constant('REFUSED' as const), text: fc.constantFrom('', 'no') }),
  fc.record({ type: fc.constant('STORM' as const), storm: fc.constantFrom(0, 4_000) }),
);

/** The name and the time of a timer of the machine. */
const timerOf = (params: unknown): unknown[] => {
  // What an action that raises an event later carries.
  const { id, delay } = params as { readonly id: string; readonly delay: number };
  return [id, delay];
};

const isDelay = (type: string): type is ClientDelay => Object.hasOwn(delays, type);

const online: readonly ClientEvent[] = [{ type: 'OPENED' }, { type: 'GREETED' }, { type: 'ENTERED' }];
const lost: ClientEvent = { type: 'LOST', code: 1006, text: '' };
const walks: readonly ClientEvent[][] = [
  [...online, { type: 'CLOSE' }, lost],
  [{ type: 'OPENED' }, { type: 'REFUSED', text: 'no' }],
  [...online, lost, { type: 'OFFLINE' }],
];

test('[CL1] the table and the machine take the same steps in every walk', () => {
  const visited = new Set<ClientState>();
  fc.assert(
    fc.property(fc.boolean(), fc.array(anyEvent, { minLength: 1, maxLength: 40, size: 'max' }), (isOffline, walk) => {
      let state: ClientState = 'idle';
      let context = initialContext(isOffline);
      let [snapshot] = initialTransition(machine);
      snapshot = machine.resolveState({ value: 'idle', context });
      for (const event of [{ type: 'DIAL' } as const, ...walk]) {
        const step = next(state, context, event);
        visited.add(state);
        if (state === 'closed') {
          // An actor takes nothing more once its machine is done.
          expect(step).toEqual({ state, context, isEntry: false, effects: [] });
          break;
        }
        // A machine calls a delay by its state.
        const type = isDelay(event.type) ? `xstate.after.${event.type}.client.${state}` : event.type;
        // The machine has an event of this name for each delay of its states.
        const [after, actions] = transition(machine, snapshot, { ...event, type } as ClientEvent);
        // A timer begins when its state is entered, and only then. The keys of `after` are names of delays.
        const begun = (Object.keys(states[step.state].after ?? {}) as ClientDelay[]).map((name) => [
          `xstate.after.${name}.client.${step.state}`,
          delays[name](step.context, draw),
        ]);
        const taken = {
          state: after.value,
          context: after.context,
          status: after.status,
          effects: actions.map((action) => action.type).filter((name) => effectNames.includes(name)),
          timers: actions.filter((action) => action.type === 'xstate.raise').map(({ params }) => timerOf(params)),
        };
        const expected = {
          state: step.state,
          context: step.context,
          status: step.state === 'closed' ? 'done' : 'active',
          effects: step.effects,
          timers: step.isEntry ? begun : [],
        };
        if (!isDeepStrictEqual(taken, expected)) expect(taken).toEqual(expected);
        ({ state, context } = step);
        snapshot = after;
        visited.add(state);
      }
    }),
    // Walks that come through every state in any case.
    { numRuns: runs, examples: walks.map((walk) => [false, walk]) },
  );
  expect([...visited].sort()).toEqual([...stateNames].sort());
});

test('[CL1] no step changes what it is given, and every target, guard, action and delay is there', () => {
  fc.assert(
    fc.property(fc.constantFrom(...stateNames), anyEvent, fc.boolean(), (state, event, isOffline) => {
      const context = Object.freeze(initialContext(isOffline));
      const first = next(state, context, Object.freeze(event));
      expect(next(state, context, event)).toEqual(first);
      expect(stateNames).toContain(first.state);
      expect(JSON.parse(JSON.stringify(first.context))).toEqual(first.context);
    }),
    { numRuns: runs },
  );
});

test('[CL21] a client is closed by final codes, by refusals and by its program, and by nothing else', () => {
  const deadlines = ['not acknowledged in time', 'not accepted in time', 'message not completed in time'];
  const isFinal = (code: number, text: string): boolean =>
    code === 1000 || (code === 1008 && !deadlines.includes(text)) || (code >= 4000 && code <= 4099);
  const codes = fc.oneof(fc.integer({ min: 1000, max: 4999 }), fc.constant(1008));
  const texts = fc.constantFrom('', 'no', 'not ready in time', ...deadlines);
  fc.assert(
    fc.property(
      fc.constantFrom<ClientState>('dialing', 'greeting', 'entering', 'online'),
      codes,
      texts,
      fc.boolean(),
      (state, code, text, isOffline) => {
        const { state: reached } = next(state, initialContext(isOffline), { type: 'LOST', code, text });
        expect(reached).toBe(isFinal(code, text) ? 'closed' : isOffline ? 'offline' : 'waiting');
      },
    ),
  );
  fc.assert(
    fc.property(codes, texts, (code, text) => {
      // Without a close frame (1005, 1006), nothing says otherwise.
      const mayReturn = !isFinal(code, text) && code !== 1005 && code !== 1006;
      const { state, context } = next(
        'refused',
        { ...initialContext(), code: 1008, text: 'no' },
        { type: 'LOST', code, text },
      );
      expect([state, context.text]).toEqual([mayReturn ? 'waiting' : 'closed', 'no']);
    }),
  );
});

test('[CL22] a client waits for the slot of the server, else within the storm, else with full jitter', () => {
  const draws = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  fc.assert(
    fc.property(
      draws,
      fc.nat(2_000),
      fc.nat(60_000),
      fc.constantFrom(...codes),
      fc.nat(),
      (at, tries, storm, code, ms) => {
        const before = { ...initialContext(), tries, storm };
        const { context, state } = next('online', before, { type: 'LOST', code, text: `bye; retry=${ms}` });
        if (state === 'closed') return;
        const wait = delays.retryDelay(context, () => at);
        const isSlot = [1001, 1012, 1013].includes(code);
        const width = tries === 0 && storm > 0 ? storm : Math.min(20_000, 500 * 2 ** tries);
        expect(wait).toBeCloseTo(isSlot ? Math.min(ms, 3_600_000) : at * width, 6);
      },
    ),
  );
});
