import { allStates, type ChartState, type ChartTransition } from '../draw/chart.js';

/** A transition in a machine's config. */
interface PlainTransition {
  readonly target?: string | readonly string[];
  readonly guard?: string;
  readonly actions?: readonly string[];
  readonly reenter?: true;
}

/** The part of a machine's config that may leave the process: states, and the names of everything else. */
export interface PlainState {
  /** Its id. */
  readonly id: string;
  /** Its type, unless it is atomic or compound. */
  readonly type?: 'parallel' | 'final' | 'history';
  /** The kind of a history state. */
  readonly history?: 'shallow' | 'deep';
  /** Its description. */
  readonly description?: string;
  /** Its tags. */
  readonly tags?: readonly string[];
  /** The state that it begins in, and the actions on the way. */
  readonly initial?: string | { readonly target: string; readonly actions: readonly string[] };
  /** Names of its entry actions. */
  readonly entry?: readonly string[];
  /** Names of its exit actions. */
  readonly exit?: readonly string[];
  /** The actors that it invokes. */
  readonly invoke?: readonly object[];
  /** Its transitions by event. */
  readonly on?: Readonly<Record<string, readonly PlainTransition[]>>;
  /** Its transitions by delay. */
  readonly after?: Readonly<Record<string, readonly PlainTransition[]>>;
  /** Its transitions without a trigger. */
  readonly always?: readonly PlainTransition[];
  /** Its transitions once a final state is reached. */
  readonly onDone?: readonly PlainTransition[];
  /** The states inside it, by key. */
  readonly states?: Readonly<Record<string, PlainState>>;
}

const unlessEmpty = <T>(name: string, list: readonly T[]): object => (list.length > 0 ? { [name]: list } : {});

const transitionOf = (state: ChartState, { guard, actions, targets, isInternal }: ChartTransition): PlainTransition => {
  const [first, ...others] = targets.map((target) => `#${target}`);
  const inner = new Set(allStates(state).map(({ id }) => id));
  const isReentered = !isInternal && targets.every((one) => inner.has(one));
  return {
    ...(first === undefined ? {} : { target: others.length > 0 ? [first, ...others] : first }),
    ...(guard === undefined ? {} : { guard }),
    ...unlessEmpty('actions', actions),
    ...(isReentered ? { reenter: true } : {}),
  };
};

/** Groups the transitions of a state by a key of their trigger, each group in the order of evaluation. */
const byTrigger = (
  state: ChartState,
  keyOf: (transition: ChartTransition) => string | undefined,
): Record<string, PlainTransition[]> => {
  const found = new Map<string, PlainTransition[]>();
  for (const transition of state.transitions) {
    const key = keyOf(transition);
    if (key === undefined) continue;
    found.set(key, [...(found.get(key) ?? []), transitionOf(state, transition)]);
  }
  return Object.fromEntries(found);
};

const unlessBare = (name: string, table: Readonly<Record<string, unknown>>): object =>
  Object.keys(table).length > 0 ? { [name]: table } : {};

const invokeOf = (state: ChartState, actor: string): object => {
  const by = byTrigger(state, ({ on }) => (on.kind === 'actor' && on.actor === actor ? on.what : undefined));
  const { done, error, snapshot } = by;
  return {
    id: actor,
    src: actor,
    ...(done ? { onDone: done } : {}),
    ...(error ? { onError: error } : {}),
    ...(snapshot ? { onSnapshot: snapshot } : {}),
  };
};

/** Returns the keys that lead from a state to one inside it. */
const pathTo = (state: ChartState, id: string): string[] => {
  const next = state.states.find((part) => allStates(part).some((one) => one.id === id));
  return next ? [next.key, ...pathTo(next, id)] : [];
};

const initialOf = (state: ChartState): object => {
  const { initial } = state;
  if (!initial) return {};
  const target = pathTo(state, initial.target).join('.');
  return { initial: initial.actions.length > 0 ? { target, actions: initial.actions } : target };
};

/**
 * Returns a chart as a machine's config. A machine made of this config is drawn the same. The config has no context, no
 * parameters, no functions and nothing else that a program keeps in its own.
 */
export const plainDefinition = (state: ChartState): PlainState => {
  const { id, type, history, description, tags, entry, exit, invokes, states } = state;
  const always = byTrigger(state, ({ on }) => (on.kind === 'always' ? '' : undefined))[''] ?? [];
  const onDone = byTrigger(state, ({ on }) => (on.kind === 'done' ? '' : undefined))[''] ?? [];
  return {
    id,
    ...(type === 'parallel' || type === 'final' || type === 'history' ? { type } : {}),
    ...(history ? { history } : {}),
    ...(description === undefined ? {} : { description }),
    ...unlessEmpty('tags', tags),
    ...initialOf(state),
    ...unlessEmpty('entry', entry),
    ...unlessEmpty('exit', exit),
    ...unlessEmpty(
      'invoke',
      invokes.map((actor) => invokeOf(state, actor)),
    ),
    ...unlessBare(
      'on',
      byTrigger(state, ({ on }) => (on.kind === 'event' ? on.event : undefined)),
    ),
    ...unlessBare(
      'after',
      byTrigger(state, ({ on }) => (on.kind === 'after' ? on.delay : undefined)),
    ),
    ...unlessEmpty('always', always),
    ...unlessEmpty('onDone', onDone),
    ...(states.length > 0
      ? { states: Object.fromEntries(states.map((part) => [part.key, plainDefinition(part)])) }
      : {}),
  };
};
