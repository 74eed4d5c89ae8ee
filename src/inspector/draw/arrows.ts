import { allStates, type ChartState, type ChartTransition, type Trigger } from './chart.js';

/** One end of an arrow: a state, or the small sign in it where it begins, or one for "wherever in it". */
export interface End {
  readonly state: string;
  readonly at: 'state' | 'start' | 'anywhere';
}

/** What is written beside an arrow, or in a state: one or several triggers that do the same. */
export interface Label {
  readonly trigger: string;
  readonly guard: string;
  readonly actions: readonly string[];
}

export interface Arrow {
  readonly from: End;
  readonly to: End;
  readonly labels: readonly Label[];
}

/** A number and its unit stay in one line. */
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

/** Labels of transitions; those that differ in nothing but what triggers them share one. */
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

export const labelText = ({ trigger, guard, actions }: Label): string =>
  `${trigger}${guard && ` [${guard}]`}${actions.length > 0 ? ` / ${actions.join(', ')}` : ''}`;

/** What a state does without being left for another. */
export const reactionsOf = (state: ChartState): Label[] =>
  labelsOf(state.transitions.filter(({ targets }) => targets.length === 0));

/** The arrows of a chart, those that begin states included; one for all transitions that lead the same way. */
export const arrowsOf = (root: ChartState): Arrow[] => {
  const states = allStates(root);
  const within = new Map(states.map((state) => [state.id, new Set(allStates(state).map(({ id }) => id))]));
  const isWithin = (inner: string, outer: string): boolean => within.get(outer)?.has(inner) ?? false;
  const hasParts = new Set(states.filter(({ states: parts }) => parts.length > 0).map(({ id }) => id));

  /** An arrow cannot lead from a frame to what is in it, or back: it begins at a sign in the frame. */
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
