import { type AnyActorScope, type AnyMachineSnapshot, type AnyStateMachine, createActor } from 'xstate';
import { watchInspectors } from '../runtime/actorPatches.js';
import type { Memo } from './memo.js';
import { memoOf } from './memoised.js';

/** A named action that a step requests. */
export interface RequestedAction {
  /** The name of the action. */
  readonly type: string;
  /** The parameters that the chart gives it. */
  readonly params: unknown;
}

/** The state of a chart, as an immutable value. */
export type MachineState = AnyMachineSnapshot;

/** The outcome of one step. */
export interface Step {
  /** The state after the step: the same value when the event changes nothing. */
  readonly value: MachineState;
  /** The actions that the step requests, in order. */
  readonly actions: readonly RequestedAction[];
}

/**
 * A machine that is stepped and never run as an actor. The caller stores its state as a value, and a step returns the
 * named actions that it requests. States without a context of their own are shared, so the state of a settled
 * membership takes no memory.
 */
export class SteppedMachine {
  /** The initial state. */
  readonly initial: MachineState;
  readonly #scope: AnyActorScope;
  readonly #shared = new Map<string, MachineState>();
  /** The shared value for each value that a step has returned. */
  readonly #canonical = new WeakMap<MachineState, MachineState>();
  readonly #stepper: Pick<Memo, 'transition'>;
  /** The actions that steps have requested: those of the innermost step last. */
  readonly #requested: RequestedAction[] = [];

  constructor(
    machine: AnyStateMachine,
    /** Receives the rejection of an asynchronous action of the program. */
    report: (error: unknown) => void,
    /** Whether steps are memoised. */
    isMemoised = true,
  ) {
    const self = createActor(machine);
    // The system is its own, so it has no other inspectors.
    watchInspectors(self.system);
    this.#scope = {
      self,
      id: self.id,
      sessionId: self.sessionId,
      system: self.system,
      logger: () => {},
      defer: (run) => run(),
      emit: () => {},
      stopChild: () => {},
      actionExecutor: (action) => {
        this.#requested.push({ type: action.type, params: action.params });
        const done: unknown = action.exec?.(action.info, action.params);
        if (done instanceof Promise) done.catch(report);
      },
    };
    this.initial = this.#share(self.getSnapshot());
    this.#stepper = (isMemoised && memoOf(machine, { sharedContext: this.initial.context })) || machine;
  }

  /** Returns the state that an event leads to. An event that the state does not handle changes nothing. */
  step(value: MachineState, event: { readonly type: string }): Step {
    const requested = this.#requested;
    const from = requested.length;
    try {
      const next = this.#stepper.transition(value, event, this.#scope);
      // A copy has no room to grow, of which a list of its own would have much.
      return { value: next === value ? value : this.#share(next), actions: requested.slice(from) };
    } finally {
      // To set the length to 0 would free the list.
      while (requested.length > from) requested.pop();
    }
  }

  #share(value: MachineState): MachineState {
    const canonical = this.#canonical.get(value);
    if (canonical) return canonical;
    if (value.status === 'active' && this.initial !== undefined && value.context !== this.initial.context) return value;
    const key = value.status + JSON.stringify(value.value);
    const shared = this.#shared.get(key) ?? value;
    this.#shared.set(key, shared);
    this.#canonical.set(value, shared);
    return shared;
  }
}
