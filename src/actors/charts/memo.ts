import {
  type AnyActorScope,
  type AnyMachineSnapshot,
  type AnyStateMachine,
  assign,
  type EventObject,
  stopChild,
} from 'xstate';
import { evaluateGuard } from 'xstate/guards';
import { isInspected } from '../runtime/actorPatches.js';
import { assigned, isAssignment } from './assigning.js';
import { type Plan, Planner, type Task } from './plan.js';
import { type ListedGuard, type Moment, type Node, type Outcome, Probe } from './probe.js';

// This file repeats how XState runs one action, makes a snapshot and names a failed guard. Checked against XState 5.33.3
// by `isSupported`, which compares both ways at the first use. Whatever it does not know is left to XState.

/** A set of active states. Snapshots in these states share its parts. */
interface State {
  readonly nodes: Node[];
  readonly value: AnyMachineSnapshot['value'];
  readonly tags: Set<string>;
  /** The plans by event type; `undefined` for an event that is left to XState. */
  readonly plans: Map<string, Plan<State> | undefined>;
  /** The snapshots with the context of the machine itself, if they are shared. */
  readonly shared: Map<Outcome['status'], AnyMachineSnapshot>;
}

/** What a step has changed so far. */
interface Progress {
  context: AnyMachineSnapshot['context'];
  children: AnyMachineSnapshot['children'];
}

/** An action that XState creates, such as `assign`. */
interface BuiltIn {
  readonly type: string;
  resolve(
    scope: AnyActorScope,
    snapshot: AnyMachineSnapshot,
    info: object,
    params: unknown,
    action: BuiltIn,
    extra: object,
  ): readonly [AnyMachineSnapshot, unknown, unknown];
  execute?(scope: AnyActorScope, params: unknown): void;
}

/** What an action is called with. */
interface Info {
  readonly context: unknown;
  readonly event: EventObject;
}

/** The children and the history of every actor that has none. XState copies both and never changes them. */
const none = {};
const noNodes: readonly Node[] = [];
const nothingRaised = { internalQueue: [], deferredActorIds: undefined };

/** What a memo may share. */
export interface MemoOptions {
  /** The context whose snapshots are one object for each state; `undefined`: each step makes its own. */
  readonly sharedContext?: unknown;
}

/** Steps a machine, and remembers for each state, event and outcome of guards which actions run and where they lead. */
export class Memo {
  readonly #probe: Probe;
  readonly #planner: Planner;
  /** The events that any state handles. Others are left to XState. */
  readonly #types = new Set<string>();
  readonly #states = new Map<string, State>();
  readonly #byNodes = new WeakMap<readonly Node[], State>();
  readonly #template: AnyMachineSnapshot;
  readonly #start: Plan<State> | undefined;
  /** The context of the machine itself, if it does not make one for each actor. */
  readonly #context: AnyMachineSnapshot['context'] | undefined;
  readonly #makeContext: BuiltIn | undefined;

  /** @throws {Error} when nothing of the machine can be memoised */
  constructor(
    private readonly machine: AnyStateMachine,
    private readonly options: MemoOptions = {},
  ) {
    this.#planner = new Planner(machine);
    this.#probe = new Probe(machine, (action) => this.#planner.changes(action));
    const { context } = machine.config;
    if (typeof context === 'function') this.#makeContext = contextMaker(context);
    else this.#context = context;
    this.#template = machine.resolveState({ value: {}, context: {} });
    this.#collectTypes(machine.root);
    this.#start = this.#planner.plan(
      (outcomes) => this.#probe.start(outcomes),
      (outcome) => this.#stateOf(outcome),
    );
  }

  /** Returns what `machine.transition` returns, by the same calls of guards and actions. */
  transition(snapshot: AnyMachineSnapshot, event: EventObject, scope: AnyActorScope): AnyMachineSnapshot {
    const plan = this.#planOf(snapshot, event.type, scope);
    if (!plan) return this.machine.transition(snapshot, event, scope);
    const { context, children } = snapshot;
    const progress = { context, children };
    return this.#follow(plan, progress, event, scope, snapshot);
  }

  /** Returns what `machine.getInitialSnapshot` returns. */
  initial(scope: AnyActorScope, input: unknown): AnyMachineSnapshot {
    if (!this.#start || isInspected(scope.system)) return this.machine.getInitialSnapshot(scope, input);
    const event = { type: 'xstate.init', input };
    // As XState does before it makes the context.
    let before: Progress = { context: this.#context ?? {}, children: none };
    try {
      if (this.#makeContext) this.#resolve(this.#makeContext, before, { context: {}, event }, undefined, scope);
      const progress = before;
      before = { ...progress };
      return this.#follow(this.#start, progress, event, scope, undefined);
    } catch (error) {
      const { context, children } = before;
      const { root } = this.machine;
      return this.#snapshot(
        { nodes: [root], value: this.#template.value, tags: new Set(root.tags) },
        { status: 'error', error, context, children, historyValue: none },
      );
    }
  }

  #planOf(snapshot: AnyMachineSnapshot, type: string, scope: AnyActorScope): Plan<State> | undefined {
    if (snapshot.status !== 'active' || snapshot.machine !== this.machine || !this.#types.has(type)) return undefined;
    if (isInspected(scope.system)) return undefined;
    const state = this.#byNodes.get(snapshot._nodes) ?? this.#stateFrom(snapshot);
    const known = state.plans.get(type);
    if (known || state.plans.has(type)) return known;
    const plan = this.#planner.plan(
      (outcomes) => this.#probe.step(state.nodes, state.value, type, outcomes),
      (outcome) => this.#stateOf(outcome),
    );
    state.plans.set(type, plan);
    return plan;
  }

  #follow(
    start: Plan<State>,
    progress: Progress,
    event: EventObject,
    scope: AnyActorScope,
    from: AnyMachineSnapshot | undefined,
  ): AnyMachineSnapshot {
    for (let plan = start; ; ) {
      for (const task of plan.tasks) this.#run(task, progress, task.raised ?? event, scope);
      const { next } = plan;
      if (next.kind === 'guard') {
        plan = this.#passes(next.asked, progress, next.asked.raised ?? event) ? next.yes : next.no;
        continue;
      }
      const { state, status, isSame } = next;
      if (from && isSame) return from;
      const { context, children } = progress;
      if (status !== 'active') this.#stopChildren(progress, event, scope);
      const historyValue = from?.historyValue ?? none;
      if (context !== this.options.sharedContext) {
        return this.#snapshot(state, { status, error: undefined, context, children, historyValue });
      }
      const known = state.shared.get(status);
      if (known) return known;
      const made = this.#snapshot(state, { status, error: undefined, context, children, historyValue });
      state.shared.set(status, made);
      return made;
    }
  }

  #run(task: Task, progress: Progress, event: EventObject, scope: AnyActorScope): void {
    const { type, run, params: listed } = task;
    const { context } = progress;
    const info = { context, event, self: scope.self, system: scope.system };
    const params: unknown = typeof listed === 'function' ? listed({ context, event }) : listed;
    // The plan has looked at each implementation.
    if (task.isBuiltIn) this.#resolve(run as BuiltIn, progress, info, params, scope);
    else scope.actionExecutor({ type, info, params, exec: run } as never);
  }

  /** Runs an action that XState creates. The snapshot that it gets has no active states: it makes a copy of them. */
  #resolve(action: BuiltIn, progress: Progress, info: Info, params: unknown, scope: AnyActorScope): void {
    const { context, children } = progress;
    // An action that is planned reads and copies nothing else of it.
    const given = { machine: this.machine, context, children, _nodes: noNodes } as unknown as AnyMachineSnapshot;
    if (context && isAssignment(action)) {
      const after = assigned(action, scope, given, info.event, params);
      progress.context = after.context;
      progress.children = after.children;
      return;
    }
    const [changed, resolved] = action.resolve(scope, given, info, params, action, nothingRaised);
    if (changed !== given) {
      progress.context = changed.context;
      progress.children = changed.children;
    }
    if (!action.execute) return;
    const exec = action.execute.bind(null, scope, resolved);
    scope.actionExecutor({ type: action.type, info, params: resolved, exec } as never);
  }

  #passes({ listed }: Moment<ListedGuard>, { context }: Progress, event: EventObject): boolean {
    const { guard, source, isEventless } = listed;
    try {
      // The plan has looked at the guard. It finds others by the machine, and reads nothing else of the snapshot.
      return evaluateGuard(guard as never, context, event, this.#template);
    } catch (error) {
      if (isEventless) throw error;
      const name = typeof guard === 'object' && guard !== null && 'type' in guard ? guard.type : guard;
      const named = typeof name === 'string' ? `'${name}' ` : '';
      // As XState does, which reads `message` of anything that is thrown.
      const { message } = error as Error;
      throw new Error(
        `Unable to evaluate guard ${named}in transition for event '${event.type}' in state node '${source}':\n${message}`,
      );
    }
  }

  #stopChildren(progress: Progress, event: EventObject, scope: AnyActorScope): void {
    for (const child of Object.values(progress.children)) {
      if (!child) continue;
      const info = { context: progress.context, event, self: scope.self, system: scope.system };
      // As each action that XState creates.
      this.#resolve(stopChild(child as never) as unknown as BuiltIn, { ...progress }, info, undefined, scope);
    }
  }

  #snapshot(
    { nodes, value, tags }: Pick<State, 'nodes' | 'value' | 'tags'>,
    {
      status,
      error,
      context,
      children,
      historyValue,
    }: Pick<AnyMachineSnapshot, 'status' | 'error' | 'context' | 'children' | 'historyValue'>,
  ): AnyMachineSnapshot {
    const { matches, hasTag, can, getMeta, toJSON } = this.#template;
    const made = {
      status,
      output: undefined,
      error,
      machine: this.machine,
      context,
      _nodes: nodes,
      value,
      tags,
      children,
      historyValue,
      matches,
      hasTag,
      can,
      getMeta,
      toJSON,
    };
    // Status and error belong together by the plan.
    return made as AnyMachineSnapshot;
  }

  #stateFrom({ _nodes, value, tags }: AnyMachineSnapshot): State {
    const state = this.#stateOf({ nodes: _nodes, value, tags });
    this.#byNodes.set(_nodes, state);
    return state;
  }

  #stateOf({ nodes, value, tags }: Pick<Outcome, 'nodes' | 'value' | 'tags'>): State {
    const key = nodes.map(({ order }) => order).join();
    const known = this.#states.get(key);
    if (known) return known;
    const state = { nodes: [...nodes], value, tags: new Set(tags), plans: new Map(), shared: new Map() };
    this.#states.set(key, state);
    this.#byNodes.set(state.nodes, state);
    return state;
  }

  #collectTypes(node: Node): void {
    for (const type of node.transitions.keys()) {
      const isOwn = !type.startsWith('xstate.') || type.startsWith('xstate.after.');
      if (isOwn && !type.includes('*')) this.#types.add(type);
    }
    for (const child of Object.values(node.states)) this.#collectTypes(child);
  }
}

type ContextArguments = {
  readonly spawn: unknown;
  readonly event: { readonly input?: unknown };
  readonly self: unknown;
};

/** Returns the action by which XState makes the context of an actor. */
const contextMaker = (make: (given: never) => object): BuiltIn => {
  const assigner = ({ spawn, event, self }: ContextArguments): object =>
    make({ spawn, input: event.input, self } as never);
  return assign(assigner as never) as unknown as BuiltIn;
};
