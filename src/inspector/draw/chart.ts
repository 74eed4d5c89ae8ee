import type { AnyMachineSnapshot, AnyStateMachine } from 'xstate';

/** The trigger of a transition. */
export type Trigger =
  | { readonly kind: 'event'; readonly event: string }
  /** A delay, by its name or its number of ms. `ms` is missing if the delay depends on the context. */
  | { readonly kind: 'after'; readonly delay: string; readonly ms?: number }
  | { readonly kind: 'always' }
  /** The state has reached a final state. */
  | { readonly kind: 'done' }
  /** An invoked actor is done, has failed, or has emitted a snapshot. */
  | { readonly kind: 'actor'; readonly actor: string; readonly what: 'done' | 'error' | 'snapshot' };

/** A transition of a chart. */
export interface ChartTransition {
  /** Its trigger. */
  readonly on: Trigger;
  /** Its guard, by name. */
  readonly guard?: string;
  /** Whether it has no guard and follows transitions that have one. */
  readonly isOtherwise: boolean;
  /** Names of its actions. */
  readonly actions: readonly string[];
  /** Ids of its targets; empty if it runs actions only. */
  readonly targets: readonly string[];
  /** Whether it does not leave its own state. */
  readonly isInternal: boolean;
}

/** The part of a state that a drawing shows. */
export interface ChartState {
  /** Its id, unique in the chart. */
  readonly id: string;
  /** Its key in the state around it. */
  readonly key: string;
  /** Its type. */
  readonly type: 'atomic' | 'compound' | 'parallel' | 'final' | 'history';
  /** Its description. */
  readonly description?: string;
  /** Its tags. */
  readonly tags: readonly string[];
  /** Names of its entry actions. */
  readonly entry: readonly string[];
  /** Names of its exit actions. */
  readonly exit: readonly string[];
  /** Ids of the actors that run while it is active. */
  readonly invokes: readonly string[];
  /** The id of the state that a compound state begins in, and the actions on the way. */
  readonly initial?: { readonly target: string; readonly actions: readonly string[] };
  /** The kind of a history state. */
  readonly history?: 'shallow' | 'deep';
  /** Its transitions, in the order of evaluation. */
  readonly transitions: readonly ChartTransition[];
  /** The states inside it. */
  readonly states: readonly ChartState[];
}

type Node = AnyStateMachine['root'];
type Transition = NonNullable<Node['always']>[number];
type Delays = AnyStateMachine['implementations']['delays'];

const listOf = (value: unknown): readonly unknown[] =>
  Array.isArray(value) ? value : value === undefined || value === null ? [] : [value];

/** Returns the name of an action or a guard. An inline one has the name of its function, or `inline`. */
const nameOf = (named: unknown): string => {
  if (typeof named === 'string') return named;
  if (typeof named === 'object' && named !== null && 'type' in named) return String(named.type);
  if (typeof named !== 'function') return 'inline';
  if ('type' in named && typeof named.type === 'string') return named.type.replace('xstate.', '');
  return named.name === '' ? 'inline' : named.name;
};

/** Returns the name of a guard. `and`, `or` and `not` contain the names of their parts. */
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

/** Describes the transitions of one event, in the order of evaluation. */
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
    // From the config, because XState adds actions of its own for delays to the node's.
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

/** Describes a machine as plain data (IN15). An extended machine is described as extended. */
export const describeMachine = (machine: AnyStateMachine): ChartState =>
  describeState(machine.root, machine.implementations.delays);

/** Returns a chart with its states and transitions only: no descriptions, tags, actions or actors. */
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

/** Returns every state of a chart, the outermost first. */
export const allStates = (state: ChartState): ChartState[] => [state, ...state.states.flatMap(allStates)];

/**
 * Returns the ids of the active states, those of the drawing (IN17). Takes a snapshot, or the value of a stepped
 * chart.
 */
export const statesOf = (snapshot: Pick<AnyMachineSnapshot, '_nodes'>): string[] => snapshot._nodes.map(({ id }) => id);
