import { type AnyStateMachine, enqueueActions } from 'xstate';

// Names and types are those of one setup; the record types of xstate are too wide to say so.
type Table = Readonly<Record<string, unknown>>;

/**
 * What a machine is provided with: ours, less what the program has provided under the same name. Its guards and delays
 * win, and an action of its own runs after ours.
 */
export const mergeImplementations = <
  Ours extends { readonly actions?: unknown; readonly guards?: unknown; readonly delays?: unknown },
>(
  machine: AnyStateMachine,
  usual: AnyStateMachine,
  ours: Ours,
  /** Told of an action of the program's that fails later, when no chart can fail with it any more (SV11). */
  report: (error: unknown) => void,
): Ours => {
  const watched = (theirs: unknown): unknown => {
    // What xstate makes – assign, raise, … – is a function too, and says how it is resolved.
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
    return [name, inTurn];
  };
  return {
    actions: { ...(ours.actions as Table), ...Object.fromEntries(own('actions').map(both)) },
    guards: { ...(ours.guards as Table), ...Object.fromEntries(own('guards')) },
    delays: { ...(ours.delays as Table), ...Object.fromEntries(own('delays')) },
  } as unknown as Ours;
};
