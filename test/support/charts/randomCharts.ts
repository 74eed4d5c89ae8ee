import fc from 'fast-check';
import {
  type AnyStateMachine,
  and,
  assign,
  cancel,
  emit,
  enqueueActions,
  fromCallback,
  log as logAction,
  not,
  or,
  raise,
  setup,
  spawnChild,
  stateIn,
} from 'xstate';
import type { CallLog } from './twins.js';

interface Context {
  readonly count: number;
}
interface Params {
  readonly by: number;
}

const delays = ['short', 'long', '30', 'varying'] as const;
export const chartEvents = ['A', 'B', 'C.x', 'C.y'] as const;

/** One state of a chart, before its targets are names. */
interface Draft {
  readonly type: 'compound' | 'parallel' | 'atomic' | 'final' | 'history';
  readonly children: readonly Draft[];
  readonly entry: readonly number[];
  readonly exit: readonly number[];
  readonly tags: readonly string[];
  readonly on: readonly (readonly [string, readonly Edge[]])[];
  readonly always: readonly Edge[];
  readonly after: readonly (readonly [string, Edge])[];
  readonly onDone: Edge | undefined;
  readonly initial: number;
  readonly initialActions: readonly number[];
}
interface Edge {
  readonly target: number | undefined;
  readonly guard: number | undefined;
  readonly actions: readonly number[];
  readonly reenter: boolean;
}

/** Which parts may be in a chart: `plain` ones are memoised in full, the others in part or not at all. */
export type Kind = 'plain' | 'any';

const plainActions = [
  'note',
  { type: 'note', params: { by: 3 } },
  { type: 'note', params: ({ context }: { context: Context }) => ({ by: context.count }) },
  'add',
  { type: 'addBy', params: { by: 2 } },
  {
    type: 'addBy',
    params: ({ context, event }: { context: Context; event: { type: string } }) => ({
      by: context.count + event.type.length,
    }),
  },
  assign({ count: ({ context }: { context: Context }) => (context.count * 7) % 11 }),
  cancel('later'),
  'later',
  emit({ type: 'EMITTED' }),
  logAction('noted'),
  'throwing',
] as const;
const otherActions = [
  raise({ type: 'B' }),
  'queue',
  spawnChild('child', { id: 'spawned' }),
  'missing',
  'slow',
] as const;
const plainGuards = [
  'isEven',
  { type: 'atLeast', params: { by: 4 } },
  { type: 'atLeast', params: ({ context }: { context: Context }) => ({ by: 8 - context.count }) },
  not('isEven'),
  and(['isEven', not('isBig')]),
  or(['isBig', { type: 'atLeast', params: { by: 2 } }]),
  ({ context }: { context: Context }) => context.count % 3 === 0,
  'isCombined',
  'isThrowing',
] as const;
const otherGuards = [stateIn('#chart'), 'isInside'] as const;

const actionsOf = (kind: Kind) =>
  kind === 'plain' ? plainActions : [...plainActions, ...plainActions, ...otherActions];
const guardsOf = (kind: Kind) => (kind === 'plain' ? plainGuards : [...plainGuards, ...plainGuards, ...otherGuards]);

const edge = (kind: Kind): fc.Arbitrary<Edge> =>
  fc.record({
    target: fc.option(fc.nat(40), { nil: undefined, freq: 4 }),
    guard: fc.option(fc.nat(guardsOf(kind).length - 1), { nil: undefined, freq: 2 }),
    actions: fc.array(fc.nat(actionsOf(kind).length - 1), { maxLength: 2 }),
    reenter: fc.boolean(),
  });

const draft = (kind: Kind, depth: number): fc.Arbitrary<Draft> => {
  const actions = fc.array(fc.nat(actionsOf(kind).length - 1), { maxLength: 2 });
  const types =
    depth === 0 ? (['atomic', 'atomic', 'final'] as const) : (['compound', 'parallel', 'atomic', 'final'] as const);
  const all = kind === 'any' ? [...types, 'history' as const] : types;
  return fc.constantFrom(...all).chain((type) => {
    const hasChildren = type === 'compound' || type === 'parallel';
    return fc.record({
      type: fc.constant(type),
      children: hasChildren
        ? fc.array(draft(kind, depth - 1), { minLength: 1, maxLength: 3 }).map(([first, ...rest]) => [
            // The first child may be the initial one.
            ...(first ? [first.type === 'history' ? { ...first, type: 'atomic' as const } : first] : []),
            ...rest,
          ])
        : fc.constant([]),
      entry: actions,
      exit: actions,
      tags: fc.subarray(['one', 'two']),
      on: fc.array(
        fc.tuple(
          fc.constantFrom(...chartEvents, ...(kind === 'any' ? ['*', 'C.*'] : [])),
          fc.array(edge(kind), { minLength: 1, maxLength: 3 }),
        ),
        { maxLength: 3 },
      ),
      always: fc.array(edge(kind), { maxLength: depth === 0 ? 1 : 0 }),
      after: fc.array(fc.tuple(fc.constantFrom(...(kind === 'any' ? delays : delays.slice(0, 3))), edge(kind)), {
        maxLength: 1,
      }),
      onDone: fc.option(edge(kind), { nil: undefined }),
      initial: fc.nat(2),
      initialActions: actions,
    });
  });
};

const pathsOf = (node: Draft, id: string): string[] => [
  id,
  ...node.children.flatMap((child, at) => pathsOf(child, `${id}.s${at}`)),
];

const configOf = (root: Draft, kind: Kind): object => {
  const ids = pathsOf(root, 'chart');
  const [actions, guards] = [actionsOf(kind), guardsOf(kind)];
  const edgeOf = ({ target, guard, actions: own, reenter }: Edge): object => ({
    ...(target !== undefined && { target: `#${ids[target % ids.length]}` }),
    ...(guard !== undefined && { guard: guards[guard] }),
    actions: own.map((at) => actions[at]),
    reenter,
  });
  // An `always` without a target and guard would go on for ever.
  const eventless = (own: Edge): object => ({ ...edgeOf(own), guard: guards[(own.guard ?? 0) % guards.length] });
  const nodeOf = (node: Draft, id: string): object => {
    const { type } = node;
    const isCompound = type === 'compound';
    const wanted = isCompound ? node.initial % node.children.length : 0;
    const first = node.children[wanted]?.type === 'history' ? 0 : wanted;
    return {
      id,
      type,
      tags: node.tags,
      ...(type !== 'history' && {
        entry: node.entry.map((at) => actions[at]),
        exit: node.exit.map((at) => actions[at]),
        meta: { of: id },
      }),
      ...(type !== 'history' &&
        type !== 'final' && {
          on: Object.fromEntries(node.on.map(([event, edges]) => [event, edges.map(edgeOf)])),
          ...(node.always.length > 0 && { always: node.always.map(eventless) }),
          after: Object.fromEntries(node.after.map(([delay, own]) => [delay, edgeOf(own)])),
        }),
      ...((isCompound || type === 'parallel') && {
        states: Object.fromEntries(node.children.map((child, at) => [`s${at}`, nodeOf(child, `${id}.s${at}`)])),
        ...(node.onDone && { onDone: edgeOf(node.onDone) }),
      }),
      ...(isCompound && { initial: { target: `s${first}`, actions: node.initialActions.map((at) => actions[at]) } }),
    };
  };
  return { ...nodeOf(root, 'chart'), options: { maxIterations: 12 } };
};

/** A delay that is none at times: XState raises the event at once then. Its type does not allow that. */
const varying = ({ context }: { readonly context: Context }): number =>
  (context.count === 5 ? undefined : context.count + 1) as number;

const setupOf = (log: CallLog) =>
  setup({
    types: { context: {} as Context, events: {} as { readonly type: string }, input: {} as number },
    actors: { child: fromCallback(() => () => log.note('the child is stopped')) },
    actions: {
      note: ({ context, event }, params?: Params) => log.note('note', context, event, params),
      add: assign({ count: ({ context, event }) => (context.count + event.type.length) % 13 }),
      addBy: assign(({ context }, { by }: Params) => ({ count: (context.count + by) % 13 })),
      later: raise({ type: 'A' }, { id: 'later', delay: 20 }),
      queue: enqueueActions(({ enqueue, context }) => {
        if (context.count % 2 === 0) enqueue.raise({ type: 'C.x' });
        enqueue({ type: 'note' } as never);
      }),
      slow: raise({ type: 'A' }, { id: 'slow', delay: 'varying' }),
      throwing: ({ context }) => {
        log.note('throwing', context);
        if (context.count % 6 === 5) throw new Error('the action fails');
      },
    },
    guards: {
      isEven: ({ context, event }) => {
        log.note('isEven', context, event);
        return context.count % 2 === 0;
      },
      isBig: ({ context }) => context.count > 6,
      atLeast: ({ context }, { by }: Params) => {
        log.note('atLeast', context, by);
        return context.count >= by;
      },
      isCombined: and(['isEven', 'isBig']),
      isThrowing: ({ context }) => {
        if (context.count % 4 === 3) throw new Error('the guard fails');
        return context.count > 3;
      },
      isInside: stateIn('#chart.s0'),
    },
    delays: { short: 10, long: 50, varying },
  });

/** A chart. A failed property prints its configuration. */
export interface RandomChart {
  readonly machine: AnyStateMachine;
  readonly [fc.toStringMethod]: () => string;
}

/** Charts at random. Their actions and guards note what they are called with. */
export const randomCharts = (kind: Kind, log: CallLog): fc.Arbitrary<RandomChart> =>
  draft(kind, 3)
    .filter(({ type }) => type === 'compound' || type === 'parallel')
    .map((root) => {
      const context = ({ input }: { readonly input: number }): Context => ({ count: input });
      // A chart that is made at run time has none of the types that XState infers.
      const config = configOf(root, kind);
      const machine = setupOf(log).createMachine({ ...config, context } as never) as unknown as AnyStateMachine;
      const named = (_: string, value: unknown): unknown => (typeof value === 'function' ? value.name : value);
      return { machine, [fc.toStringMethod]: () => JSON.stringify(config, named) };
    });
