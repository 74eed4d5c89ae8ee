import { expect, test, vi } from 'vitest';
import {
  type AnyActorRef,
  type AnyStateMachine,
  assign,
  createActor,
  createMachine,
  fromCallback,
  setup,
} from 'xstate';
import { memoised } from '../../../src/actors/charts/memoised.js';
import { watchInspectors } from '../../../src/actors/runtime/actorPatches.js';
import { sendIfActive } from '../../../src/actors/runtime/mailbox.js';

const makeChart = (log: string[]) => {
  const child = fromCallback<{ type: string }, string>(({ input, receive }) => {
    log.push(`starts ${input}`);
    receive(({ type }) => void log.push(`${input} hears ${type}`));
    return () => void log.push(`stops ${input}`);
  });
  return setup({
    types: { context: {} as { readonly count: number; readonly refs: readonly AnyActorRef[] }, input: {} as number },
    actors: { child },
    actions: {
      add: assign({ count: ({ context }, by: number) => context.count + by, refs: [] }),
      spawnTwo: assign(({ context, spawn, event }) => ({
        refs: [
          ...context.refs,
          spawn('child', { id: 'named', input: `${event.type} ${context.count}` }),
          spawn(child, { input: 'unnamed' }),
        ],
      })),
      spawnAgain: assign({ refs: ({ spawn }) => [spawn('child', { id: 'named', input: 'again' })] }),
      spawnUnknown: assign({ refs: ({ spawn }) => [spawn('nobody' as 'child', { id: 'none', input: '' })] }),
      fail: assign(() => {
        throw new Error('the assignment fails');
      }),
    },
  }).createMachine({
    context: ({ input, spawn }) => ({ count: input, refs: [spawn('child', { id: 'first', input: 'first' })] }),
    initial: 'here',
    states: {
      here: {
        on: {
          ADD: { actions: { type: 'add', params: 2 } },
          TWO: { actions: ['spawnTwo', { type: 'add', params: 1 }] },
          AGAIN: { actions: ['spawnTwo', 'spawnAgain'], target: 'there' },
          UNKNOWN: { actions: 'spawnUnknown' },
          FAIL: { actions: 'fail' },
        },
      },
      there: { on: { END: 'over' } },
      over: { type: 'final' },
    },
  });
};

/** Returns what can be seen of an actor that takes these events. */
const walk = (events: readonly string[], stepped: (machine: AnyStateMachine) => AnyStateMachine): unknown => {
  const log: string[] = [];
  const root = createActor(createMachine({}));
  watchInspectors(root.system);
  root.subscribe({ error: () => {} });
  root.start();
  const actor = createActor(stepped(makeChart(log)), { parent: root, id: 'actor', input: 3 });
  actor.subscribe({ error: (error) => void log.push(String(error)) });
  actor.start();
  for (const type of events) {
    actor.send({ type });
    const { value, context, children, status } = actor.getSnapshot();
    const refs: readonly AnyActorRef[] = context.refs;
    for (const one of Object.values<AnyActorRef>(children)) sendIfActive(one, { type });
    log.push(JSON.stringify([value, context.count, refs.map(({ id }) => id), Object.keys(children), status]));
    log.push(String(refs.every((one) => one.id === 'named' || children[one.id] === one)));
  }
  // XState numbers all actors of a process.
  const first = Number(root.sessionId.slice(2));
  return log.map((line) => line.replaceAll(/x:(\d+)/g, (_, at) => `x:+${Number(at) - first}`));
};

test.each([
  { events: ['ADD', 'ADD'] },
  { events: ['TWO', 'ADD', 'TWO'] },
  { events: ['AGAIN', 'END'] },
  { events: ['TWO', 'UNKNOWN'] },
  { events: ['TWO', 'FAIL'] },
])('[SV9] [SV11] a memoised chart assigns and spawns as XState does: $events', ({ events }) => {
  const usual = walk(events, (machine) => machine);
  expect(walk(events, memoised)).toEqual(usual);
  expect(usual).toContain('starts first');
});

test('[SV9] [SV11] a memoised chart spawns within the action of another one as XState does', () => {
  const warn = vi.spyOn(console, 'warn').mockReturnValue();
  const log: string[] = [];
  const actor = createActor(memoised(makeChart(log)), { input: 3 });
  watchInspectors(actor.system);
  actor.start();
  const sender = createMachine({ on: { GO: { actions: () => actor.send({ type: 'TWO' }) } } });
  createActor(sender).start().send({ type: 'GO' });
  expect(log).toEqual(['starts first', 'starts TWO 3', 'starts unnamed']);
  expect(warn).not.toHaveBeenCalled();
  warn.mockRestore();
});
