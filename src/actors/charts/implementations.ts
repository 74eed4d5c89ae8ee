import { type AnyStateMachine, enqueueActions } from 'xstate';

// Names and types are those of one setup. The record types of XState are too wide to express that.
type Table = Readonly<Record<string, unknown>>;

/** The actions that each action of `inTurn` runs. */
const bothOf = new WeakMap<object, readonly unknown[]>();

/** Returns the actions that an action runs one after the other, if it is one of `mergeImplementations`. */
export const actionsInTurn = (action: object): readonly unknown[] | undefined => bothOf.get(action);

/**
 * Returns the implementations for a machine: the server's, merged with those of the program under the same names. The
 * program's guards and delays win, and its actions run after the server's (SV11).
 */
export const mergeImplementations = <
  Ours extends { readonly actions?: unknown; readonly guards?: unknown; readonly delays?: unknown },
>(
  machine: AnyStateMachine,
  usual: AnyStateMachine,
  ours: Ours,
  /** Receives the rejection of an asynchronous action of the program, which cannot fail the chart (SV11). */
  report: (error: unknown) => void,
): Ours => {
  const watched = (theirs: unknown): unknown => {
    // Actions that XState creates, such as `assign` and `raise`, are functions too. They have a `resolve`.
    if (typeof theirs !== 'function' || 'resolve' in theirs) return theirs;
    return (...given: unknown[]): void => {
      const done: unknown = theirs(...given);
      if (done instanceof Promise) done.catch(report);
    };
  };
  const own = (kind: 'actions' | 'guards' | 'delays'): [string, unknown][] => {
    const [given, known] = [machine.implementations[kind] as Table, usual.implementations[kind] as Table];
    return Object.entries(given).filter(([name, made]) => made !== known[name]);
  };
  const both = ([name, made]: [string, unknown]): [string, unknown] => {
    const theirs = watched(made);
    const action = (ours.actions as Table | undefined)?.[name];
    if (action === undefined) return [name, theirs];
    const inTurn = enqueueActions(({ enqueue }) => {
      enqueue(action as never);
      enqueue(theirs as never);
    });
    bothOf.set(inTurn, [action, theirs]);
    return [name, inTurn];
  };
  return {
    actions: { ...(ours.actions as Table), ...Object.fromEntries(own('actions').map(both)) },
    guards: { ...(ours.guards as Table), ...Object.fromEntries(own('guards')) },
    delays: { ...(ours.delays as Table), ...Object.fromEntries(own('delays')) },
  } as unknown as Ours;
};

/**
 * Returns the machine with another `transition`. Checked against XState 5.33.3: an actor handles each event by
 * `logic.transition`, and all other calls work on an object that inherits from the machine.
 */
export const withTransition = <Machine extends AnyStateMachine>(
  machine: Machine,
  transition: AnyStateMachine['transition'],
): Machine => Object.create(machine, { transition: { value: transition } });
