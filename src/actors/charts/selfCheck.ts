import { type AnyActorRef, type AnyStateMachine, assign, createActor, setup } from 'xstate';
import { watchInspectors } from '../runtime/actorPatches.js';
import { Memo } from './memo.js';

const sample = setup({
  types: { context: {} as { readonly count: number }, input: {} as { readonly count: number } },
  actions: { note: () => {}, add: assign({ count: ({ context }, by: number) => context.count + by }) },
  guards: { isSmall: ({ context }) => context.count < 3 },
  delays: { wait: 1_000 },
}).createMachine({
  id: 'sample',
  context: ({ input }) => ({ count: input.count }),
  type: 'parallel',
  states: {
    left: {
      initial: 'one',
      states: {
        one: {
          tags: 'first',
          entry: { type: 'note', params: { text: 'in' } },
          on: {
            GO: [
              { guard: 'isSmall', actions: { type: 'add', params: 1 } },
              { target: 'two', actions: 'note' },
            ],
          },
          after: { wait: 'two' },
        },
        two: { type: 'final' },
      },
    },
    right: { initial: 'one', states: { one: { on: { GO: 'two' }, exit: 'note' }, two: { type: 'final' } } },
  },
});

const noted = (value: unknown): string => JSON.stringify(value) ?? '';

/** Returns what can be seen of a walk through the sample. */
const walk = (go: (memo: Memo) => Pick<AnyStateMachine, 'transition'> & { start: Memo['initial'] }): string => {
  const memo = new Memo(sample);
  const stepper = go(memo);
  const seen: string[] = [];
  const scope = {
    ...{
      self: {} as AnyActorRef,
      id: 'sample',
      sessionId: 'sample',
      system: createActor(sample, { input: { count: 0 } }).system,
    },
    ...{ logger: () => {}, defer: () => {}, emit: () => {}, stopChild: () => {} },
    actionExecutor: ({ type, params }: { readonly type: string; readonly params: unknown }) =>
      void seen.push(noted([type, params])),
  };
  watchInspectors(scope.system);
  let snapshot = stepper.start(scope, { count: 1 });
  for (const type of ['GO', 'GO', 'GO']) {
    const next = stepper.transition(snapshot, { type }, scope);
    const { _nodes, value, tags, context, status } = next;
    seen.push(
      noted([Object.keys(next), _nodes.map(({ id }) => id), value, [...tags], context, status, next === snapshot]),
    );
    snapshot = next;
  }
  return seen.join('\n');
};

let isChecked: boolean | undefined;

/** Returns whether a memo does what the XState in use does, by a walk of a sample chart. Checked once. */
export const isSupported = (): boolean => {
  if (isChecked !== undefined) return isChecked;
  try {
    const usual = walk(() => ({
      transition: sample.transition,
      start: (scope, input) => sample.getInitialSnapshot(scope, input as never),
    }));
    const ours = walk((memo) => ({
      transition: (snapshot, event, scope) => memo.transition(snapshot, event, scope),
      start: (scope, input) => memo.initial(scope, input),
    }));
    isChecked = usual === ours;
  } catch {
    isChecked = false;
  }
  return isChecked;
};
