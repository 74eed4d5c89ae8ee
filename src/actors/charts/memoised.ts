import type { AnyStateMachine } from 'xstate';
import { Memo, type MemoOptions } from './memo.js';
import { isSupported } from './selfCheck.js';

/** Returns a memo for a machine; `undefined` when nothing of it can be memoised, or for an XState that is unknown. */
export const memoOf = (machine: AnyStateMachine, options?: MemoOptions): Memo | undefined => {
  if (!isSupported()) return undefined;
  try {
    return new Memo(machine, options);
  } catch {
    return undefined;
  }
};

/** Returns the machine with memoised steps, or the machine itself when nothing of it can be memoised. */
export const memoised = <Machine extends AnyStateMachine>(machine: Machine): Machine => {
  const memo = memoOf(machine);
  if (!memo) return machine;
  const transition: AnyStateMachine['transition'] = (snapshot, event, scope) => memo.transition(snapshot, event, scope);
  const getInitialSnapshot: AnyStateMachine['getInitialSnapshot'] = (scope, input) => memo.initial(scope, input);
  // It inherits everything else from the machine.
  return Object.create(machine, {
    transition: { value: transition },
    getInitialSnapshot: { value: getInitialSnapshot },
  });
};
