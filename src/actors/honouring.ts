import { type AnyStateMachine, enqueueActions } from 'xstate';

// Names and types are those of one setup; the record types of xstate are too wide to say so.
type Table = Readonly<Record<string, unknown>>;

/**
 * What a machine is provided with: ours, less what the program has provided under the same name. Its guards and delays
 * win, and an action of its own runs after ours.
 */
export const honouring = <
  Ours extends { readonly actions?: unknown; readonly guards?: unknown; readonly delays?: unknown },
>(
  machine: AnyStateMachine,
  usual: AnyStateMachine,
  ours: Ours,
): Ours => {
  const own = (kind: 'actions' | 'guards' | 'delays'): [string, unknown][] => {
    const [given, known] = [machine.implementations[kind] as Table, usual.implementations[kind] as Table];
    return Object.entries(given).filter(([name, made]) => made !== known[name]);
  };
  const both = ([name, theirs]: [string, unknown]): [string, unknown] => {
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
