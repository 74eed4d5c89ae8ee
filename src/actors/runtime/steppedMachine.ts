import { type AnyActorScope, type AnyMachineSnapshot, type AnyStateMachine, createActor } from 'xstate';

/** A named action that a step asks for, with its parameters. */
export interface RequestedAction {
  readonly type: string;
  readonly params: unknown;
}

/** The state of a chart, as a value. */
export type MachineState = AnyMachineSnapshot;

export interface Step {
  readonly value: MachineState;
  readonly actions: readonly RequestedAction[];
}

/**
 * A drawn machine that is stepped, not run: its state is a value that somebody else keeps, and a step says which named
 * actions it asks for. Values without a context of their own are shared, so that a settled membership costs next to nothing.
 */
export class SteppedMachine {
  readonly initial: MachineState;
  readonly #scope: AnyActorScope;
  readonly #shared = new Map<string, MachineState>();
  #asked: RequestedAction[] = [];

  constructor(
    private readonly machine: AnyStateMachine,
    /** Told of an action of the program's that fails later. */
    report: (error: unknown) => void,
  ) {
    const self = createActor(machine);
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
        this.#asked.push({ type: action.type, params: action.params });
        const done: unknown = action.exec?.(action.info, action.params);
        if (done instanceof Promise) done.catch(report);
      },
    };
    this.initial = this.#share(self.getSnapshot());
  }

  /** Where this event leads, and what is to be done. An event that the state does not know changes nothing. */
  step(value: MachineState, event: { readonly type: string }): Step {
    const outer = this.#asked;
    const asked: RequestedAction[] = [];
    this.#asked = asked;
    try {
      const next = this.machine.transition(value, event, this.#scope);
      return { value: next === value ? value : this.#share(next), actions: asked };
    } finally {
      this.#asked = outer;
    }
  }

  #share(value: MachineState): MachineState {
    if (value.status === 'active' && this.initial !== undefined && value.context !== this.initial.context) return value;
    const key = value.status + JSON.stringify(value.value);
    const known = this.#shared.get(key);
    if (known) return known;
    this.#shared.set(key, value);
    return value;
  }
}
