import { type AnyStateMachine, and, type EventObject, not, or } from 'xstate';
import { actionsInTurn } from './implementations.js';
import type { ListedGuard, Moment, Outcome, Segment } from './probe.js';

/** An action of a plan. */
export interface Task {
  /** The name that observers of the actor see. */
  readonly type: string;
  /** The implementation: a function, an action that XState creates, or nothing. */
  readonly run: unknown;
  /** Whether it is an action that XState creates. */
  readonly isBuiltIn: boolean;
  /** The parameters, or a function that returns them. */
  readonly params: unknown;
  /** The event that the machine raised itself; `undefined` for the event of the step. */
  readonly raised: EventObject | undefined;
}

/** The course of a step, as far as its state and event decide it: actions, then a guard or the outcome. */
export interface Plan<State> {
  readonly tasks: readonly Task[];
  readonly next:
    | {
        readonly kind: 'guard';
        readonly asked: Moment<ListedGuard>;
        readonly yes: Plan<State>;
        readonly no: Plan<State>;
      }
    | { readonly kind: 'end'; readonly state: State; readonly status: Outcome['status']; readonly isSame: boolean };
}

/** Maximum number of runs of the probe for one plan. A step with more outcomes of guards is not memoised. */
const maxRuns = 64;

/** The actions of XState whose effects follow from their arguments, so that a plan may list them. */
const plannable = new Set(['xstate.assign', 'xstate.raise', 'xstate.cancel', 'xstate.log', 'xstate.emit']);
/** How XState checks the guards that are made of others. */
const combined = new Set<unknown>([and([]), or([]), not(() => false)].map((guard) => 'check' in guard && guard.check));

const paramsOf = (action: unknown): unknown =>
  typeof action === 'object' && action !== null && 'params' in action ? action.params : undefined;

const nameOf = (listed: unknown): string | undefined => {
  if (typeof listed === 'string') return listed;
  if (typeof listed !== 'object' || listed === null || !('type' in listed)) return undefined;
  return typeof listed.type === 'string' ? listed.type : undefined;
};

/** Makes the plans of one machine. */
export class Planner {
  constructor(private readonly machine: AnyStateMachine) {}

  /** Returns the plan of a step; `undefined` if its state and event and the outcomes of guards do not decide it. */
  plan<State>(
    segment: (outcomes: readonly boolean[]) => Segment,
    stateOf: (outcome: Outcome) => State,
  ): Plan<State> | undefined {
    let runs = 0;
    const from = (outcomes: readonly boolean[]): Plan<State> => {
      runs++;
      if (runs > maxRuns) throw new Error('too many outcomes');
      const { actions, next } = segment(outcomes);
      const tasks = actions.flatMap((moment) => this.#tasks(moment));
      if (next.kind === 'end') {
        return { tasks, next: { kind: 'end', state: stateOf(next), status: next.status, isSame: next.isSame } };
      }
      if (!this.#isPlain(next.asked.listed.guard)) throw new Error('a guard that looks at more than its arguments');
      const { asked } = next;
      return { tasks, next: { kind: 'guard', asked, yes: from([...outcomes, true]), no: from([...outcomes, false]) } };
    };
    try {
      return from([]);
    } catch {
      return undefined;
    }
  }

  /** Returns whether an action makes another snapshot. */
  changes(listed: unknown): boolean {
    const run = this.#implementationOf(listed);
    const both = typeof run === 'function' && actionsInTurn(run);
    if (both) return both.some((action) => this.changes(action));
    return typeof run === 'function' && 'type' in run && run.type === 'xstate.assign';
  }

  #implementationOf(listed: unknown): unknown {
    const name = nameOf(listed);
    return name === undefined ? listed : this.machine.implementations.actions[name];
  }

  /** @throws {Error} for an action whose effects the arguments do not decide */
  #tasks({ listed, raised }: Moment<unknown>): readonly Task[] {
    const isInline = typeof listed === 'function';
    const name = nameOf(listed);
    const run = this.#implementationOf(listed);
    if (run !== undefined && typeof run !== 'function') throw new Error('no action');
    const both = run && actionsInTurn(run);
    if (both) return both.flatMap((action) => this.#tasks({ listed: action, raised }));
    const isBuiltIn = run !== undefined && 'resolve' in run;
    if (isBuiltIn && !this.#isPlannable(run)) throw new Error('an action that decides more than it shows');
    const type = name ?? (isInline && listed.name !== '' ? listed.name : '(anonymous)');
    return [{ type, run, isBuiltIn, params: isInline ? undefined : paramsOf(listed), raised }];
  }

  #isPlannable(action: { readonly name: string; readonly type?: unknown; readonly delay?: unknown }): boolean {
    const { type, delay } = action;
    if (typeof type !== 'string' || !plannable.has(type)) return false;
    if (type !== 'xstate.raise') return true;
    // An event that is raised without a delay takes part in the step.
    return typeof (typeof delay === 'string' ? this.machine.implementations.delays[delay] : delay) === 'number';
  }

  /** Returns whether the outcome of a guard depends on the context, the event and parameters alone. */
  #isPlain(guard: unknown): boolean {
    const name = nameOf(guard);
    if (name !== undefined) {
      const implemented: unknown = this.machine.implementations.guards[name];
      return implemented !== undefined && this.#isPlain(implemented);
    }
    if (typeof guard !== 'function') return false;
    if (!('check' in guard)) return true;
    return (
      combined.has(guard.check) &&
      'guards' in guard &&
      Array.isArray(guard.guards) &&
      guard.guards.every((one) => this.#isPlain(one))
    );
  }
}
