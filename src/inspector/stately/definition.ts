import { allStates, type ChartState, type ChartTransition } from '../draw/chart.js';

/** A transition as a machine's config has it. */
interface PlainTransition {
  readonly target?: string | readonly string[];
  readonly guard?: string;
  readonly actions?: readonly string[];
  readonly reenter?: true;
}

/** What of a chart may leave the process: how it is drawn, by names. */
export interface PlainState {
  readonly id: string;
  readonly type?: 'parallel' | 'final' | 'history';
  readonly history?: 'shallow' | 'deep';
  readonly description?: string;
  readonly tags?: readonly string[];
  readonly initial?: string | { readonly target: string; readonly actions: readonly string[] };
  readonly entry?: readonly string[];
  readonly exit?: readonly string[];
  readonly invoke?: readonly object[];
  readonly on?: Readonly<Record<string, readonly PlainTransition[]>>;
  readonly after?: Readonly<Record<string, readonly PlainTransition[]>>;
  readonly always?: readonly PlainTransition[];
  readonly onDone?: readonly PlainTransition[];
  readonly states?: Readonly<Record<string, PlainState>>;
}

const filled = <T>(name: string, list: readonly T[]): object => (list.length > 0 ? { [name]: list } : {});

const transitionOf = (state: ChartState, { guard, actions, targets, isInternal }: ChartTransition): PlainTransition => {
  const [first, ...others] = targets.map((target) => `#${target}`);
  const inner = new Set(allStates(state).map(({ id }) => id));
  const isReentered = !isInternal && targets.every((one) => inner.has(one));
  return {
    ...(first === undefined ? {} : { target: others.length > 0 ? [first, ...others] : first }),
    ...(guard === undefined ? {} : { guard }),
    ...filled('actions', actions),
    ...(isReentered ? { reenter: true } : {}),
  };
};

/** Transitions by what makes them happen, in the order in which they are tried. */
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

const some = (name: string, table: Readonly<Record<string, unknown>>): object =>
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

/** The way to a state in this one, by keys. */
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
 * A chart as a machine's config, made of what is drawn of it: a machine that is made of that looks the same. Contexts,
 * parameters, functions and whatever else a program keeps in its config are not in it.
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
    ...filled('tags', tags),
    ...initialOf(state),
    ...filled('entry', entry),
    ...filled('exit', exit),
    ...filled(
      'invoke',
      invokes.map((actor) => invokeOf(state, actor)),
    ),
    ...some(
      'on',
      byTrigger(state, ({ on }) => (on.kind === 'event' ? on.event : undefined)),
    ),
    ...some(
      'after',
      byTrigger(state, ({ on }) => (on.kind === 'after' ? on.delay : undefined)),
    ),
    ...filled('always', always),
    ...filled('onDone', onDone),
    ...(states.length > 0
      ? { states: Object.fromEntries(states.map((part) => [part.key, plainDefinition(part)])) }
      : {}),
  };
};
