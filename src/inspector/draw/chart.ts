import type { AnyMachineSnapshot, AnyStateMachine } from 'xstate';

/** What makes a transition happen. */
export type Trigger =
  | { readonly kind: 'event'; readonly event: string }
  /** Time: the name of the delay, or its milliseconds; `ms` is known unless it depends on the context. */
  | { readonly kind: 'after'; readonly delay: string; readonly ms?: number }
  | { readonly kind: 'always' }
  /** The state itself is done: it has reached a final state. */
  | { readonly kind: 'done' }
  /** An actor that the state invokes has ended, failed or said something. */
  | { readonly kind: 'actor'; readonly actor: string; readonly what: 'done' | 'error' | 'snapshot' };

export interface ChartTransition {
  readonly on: Trigger;
  readonly guard?: string;
  /** It is taken when none of the guards before it holds. */
  readonly isOtherwise: boolean;
  readonly actions: readonly string[];
  /** Ids of states; none when only actions run. */
  readonly targets: readonly string[];
  /** Its own state is not left. */
  readonly isInternal: boolean;
}

/** A state of a chart, as far as it can be drawn. */
export interface ChartState {
  readonly id: string;
  readonly key: string;
  readonly type: 'atomic' | 'compound' | 'parallel' | 'final' | 'history';
  readonly description?: string;
  readonly tags: readonly string[];
  readonly entry: readonly string[];
  readonly exit: readonly string[];
  /** The ids of actors that live while the state does. */
  readonly invokes: readonly string[];
  /** Where a compound state begins, and what is done on the way. */
  readonly initial?: { readonly target: string; readonly actions: readonly string[] };
  readonly history?: 'shallow' | 'deep';
  readonly transitions: readonly ChartTransition[];
  readonly states: readonly ChartState[];
}

type Node = AnyStateMachine['root'];
type Transition = NonNullable<Node['always']>[number];
type Delays = AnyStateMachine['implementations']['delays'];

const listOf = (value: unknown): readonly unknown[] =>
  Array.isArray(value) ? value : value === undefined || value === null ? [] : [value];

/** The name of an action or a guard; what was written inline has none, or that of its function. */
const nameOf = (named: unknown): string => {
  if (typeof named === 'string') return named;
  if (typeof named === 'object' && named !== null && 'type' in named) return String(named.type);
  if (typeof named !== 'function') return 'inline';
  if ('type' in named && typeof named.type === 'string') return named.type.replace('xstate.', '');
  return named.name === '' ? 'inline' : named.name;
};

/** A guard may be made of others. */
const guardOf = (guard: unknown): string => {
  const parts = typeof guard === 'function' && 'guards' in guard ? listOf(guard.guards) : [];
  if (parts.length === 0) return nameOf(guard);
  const named = parts.map((part) => guardOf(part));
  return nameOf(guard) === 'not' ? `not ${named.join('')}` : `(${named.join(` ${nameOf(guard)} `)})`;
};

const afterOf = (delay: string | number, delays: Delays): Trigger => {
  const ms = typeof delay === 'number' ? delay : delays[delay];
  return { kind: 'after', delay: String(delay), ...(typeof ms === 'number' && { ms }) };
};

const triggerOf = (node: Node, transition: Transition, delays: Delays): Trigger => {
  const event = transition.eventType;
  if (event === '') return { kind: 'always' };
  if ('delay' in transition && (typeof transition.delay === 'string' || typeof transition.delay === 'number'))
    return afterOf(transition.delay, delays);
  if (event === `xstate.done.state.${node.id}`) return { kind: 'done' };
  for (const { id: actor } of node.invoke) {
    if (event === `xstate.done.actor.${actor}`) return { kind: 'actor', actor, what: 'done' };
    if (event === `xstate.error.actor.${actor}`) return { kind: 'actor', actor, what: 'error' };
    if (event === `xstate.snapshot.${actor}`) return { kind: 'actor', actor, what: 'snapshot' };
  }
  return { kind: 'event', event };
};

const isWithin = (node: Node, ancestor: Node): boolean =>
  node === ancestor || (node.parent !== undefined && isWithin(node.parent, ancestor));

const describeTransition = (node: Node, transition: Transition, isOtherwise: boolean, delays: Delays) => ({
  on: triggerOf(node, transition, delays),
  ...(transition.guard !== undefined && { guard: guardOf(transition.guard) }),
  isOtherwise,
  actions: transition.actions.map(nameOf),
  targets: transition.target?.map(({ id }) => id) ?? [],
  isInternal: !transition.reenter && (transition.target ?? []).every((target) => isWithin(target, node)),
});

/** All that one event can lead to, in the order in which it is tried. */
const describeCandidates = (node: Node, candidates: readonly Transition[], delays: Delays): ChartTransition[] =>
  candidates.map((transition, at) => {
    const isOtherwise = transition.guard === undefined && candidates.slice(0, at).some(({ guard }) => guard);
    return describeTransition(node, transition, isOtherwise, delays);
  });

const describeState = (node: Node, delays: Delays): ChartState => {
  const initial = node.type === 'compound' ? node.initial : undefined;
  const [target] = initial?.target ?? [];
  return {
    id: node.id,
    key: node.key,
    type: node.type,
    ...(node.description !== undefined && { description: node.description }),
    tags: node.tags,
    // As they were written: what xstate adds for delays is no action of the chart's.
    entry: listOf(node.config.entry).map(nameOf),
    exit: listOf(node.config.exit).map(nameOf),
    invokes: node.invoke.map(({ id }) => id),
    ...(initial && target && { initial: { target: target.id, actions: initial.actions.map(nameOf) } }),
    ...(node.history !== false && { history: node.history }),
    transitions: [...node.transitions.values(), node.always ?? []].flatMap((all) =>
      describeCandidates(node, all, delays),
    ),
    states: Object.values(node.states).map((child) => describeState(child, delays)),
  };
};

/** A machine as plain values, all of it that can be drawn: an edited machine is drawn as edited. */
export const describeMachine = (machine: AnyStateMachine): ChartState =>
  describeState(machine.root, machine.implementations.delays);

/** The same chart with no more than its states, and what leads from one to another, and when. */
export const outlineOf = ({ id, key, type, initial, history, transitions, states }: ChartState): ChartState => ({
  id,
  key,
  type,
  ...(initial ? { initial: { target: initial.target, actions: [] } } : {}),
  ...(history ? { history } : {}),
  tags: [],
  entry: [],
  exit: [],
  invokes: [],
  transitions: transitions.filter(({ targets }) => targets.length > 0).map((one) => ({ ...one, actions: [] })),
  states: states.map(outlineOf),
});

/** Every state of a chart, the outermost first. */
export const allStates = (state: ChartState): ChartState[] => [state, ...state.states.flatMap(allStates)];

/** The ids of the states that are active, as they stand in the drawing; of an actor as of a value that is stepped. */
export const statesOf = (snapshot: Pick<AnyMachineSnapshot, '_nodes'>): string[] => snapshot._nodes.map(({ id }) => id);
