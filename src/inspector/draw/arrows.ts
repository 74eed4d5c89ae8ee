import { allStates, type ChartState, type ChartTransition, type Trigger } from './chart.js';

/** One end of an arrow. */
export interface End {
  /** The id of the state. */
  readonly state: string;
  /** The border of the state, or a mark inside it: where it begins, or any state in it. */
  readonly at: 'state' | 'start' | 'anywhere';
}

/** The text beside an arrow or in a state. One label names all triggers with the same guard and actions. */
export interface Label {
  /** The triggers, separated by commas; empty for the start of a state. */
  readonly trigger: string;
  /** The guard, `else`, or empty. */
  readonly guard: string;
  /** Names of the actions. */
  readonly actions: readonly string[];
}

/** An arrow between two states. */
export interface Arrow {
  /** Its tail. */
  readonly from: End;
  /** Its head. */
  readonly to: End;
  /** Its labels, in the order of evaluation. */
  readonly labels: readonly Label[];
}

/** Returns a time with its unit. A no-break space keeps both on one line. */
const timeOf = (ms: number): string => (ms >= 1_000 ? `${ms / 1_000}\u00a0s` : `${ms}\u00a0ms`);

const triggerText = (trigger: Trigger): string => {
  if (trigger.kind === 'event') return trigger.event;
  if (trigger.kind === 'actor') return `${trigger.actor} ${trigger.what}`;
  if (trigger.kind !== 'after') return trigger.kind;
  const { delay, ms } = trigger;
  if (ms === undefined) return `after ${delay}`;
  return delay === String(ms) ? `after ${timeOf(ms)}` : `after ${delay} (${timeOf(ms)})`;
};

const guardText = ({ guard, isOtherwise }: ChartTransition): string => guard ?? (isOtherwise ? 'else' : '');

/** Returns the labels of transitions. Transitions that differ by their triggers only share a label. */
const labelsOf = (transitions: readonly ChartTransition[]): Label[] => {
  const labels = new Map<string, Label>();
  for (const transition of transitions) {
    const { actions, on } = transition;
    const guard = guardText(transition);
    const key = JSON.stringify([guard, actions]);
    const known = labels.get(key);
    const trigger = known ? `${known.trigger}, ${triggerText(on)}` : triggerText(on);
    labels.set(key, { trigger, guard, actions });
  }
  return [...labels.values()];
};

/** Returns a label as one line of text. */
export const labelText = ({ trigger, guard, actions }: Label): string =>
  `${trigger}${guard && ` [${guard}]`}${actions.length > 0 ? ` / ${actions.join(', ')}` : ''}`;

/** Returns the labels of the transitions that leave a state as it is. */
export const reactionsOf = (state: ChartState): Label[] =>
  labelsOf(state.transitions.filter(({ targets }) => targets.length === 0));

/** Returns the arrows of a chart: one for all transitions with the same ends, and one for each initial state. */
export const arrowsOf = (root: ChartState): Arrow[] => {
  const states = allStates(root);
  const within = new Map(states.map((state) => [state.id, new Set(allStates(state).map(({ id }) => id))]));
  const isWithin = (inner: string, outer: string): boolean => within.get(outer)?.has(inner) ?? false;
  const hasParts = new Set(states.filter(({ states: parts }) => parts.length > 0).map(({ id }) => id));

  /** Returns the ends of an arrow. Between a compound state and a state inside it, one end is a mark inside. */
  const route = (from: string, to: string): Pick<Arrow, 'from' | 'to'> => ({
    from: { state: from, at: hasParts.has(from) && isWithin(to, from) ? 'anywhere' : 'state' },
    to: { state: to, at: hasParts.has(to) && isWithin(from, to) ? 'start' : 'state' },
  });

  const begins = states.flatMap(({ id, initial }): Arrow[] => {
    if (!initial) return [];
    const labels = initial.actions.length > 0 ? [{ trigger: '', guard: '', actions: initial.actions }] : [];
    return [{ from: { state: id, at: 'start' }, to: { state: initial.target, at: 'state' }, labels }];
  });
  const leads = states.flatMap(({ id, transitions }) => {
    const targets = new Set(transitions.flatMap((transition) => transition.targets));
    return Array.from(targets, (target): Arrow => {
      const alike = transitions.filter((transition) => transition.targets.includes(target));
      return { ...route(id, target), labels: labelsOf(alike) };
    });
  });
  return [...begins, ...leads];
};
