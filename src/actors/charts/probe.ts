import {
  type AnyActorScope,
  type AnyMachineSnapshot,
  type AnyStateMachine,
  assign,
  createMachine,
  type EventObject,
} from 'xstate';

/** A state node of a machine. */
export type Node = AnyMachineSnapshot['_nodes'][number];

/** A guard as a transition names it. */
export interface ListedGuard {
  /** The guard: a name, an object with parameters, or a function. */
  readonly guard: unknown;
  /** The id of the state whose transition it guards. */
  readonly source: string;
  /** Whether it guards an `always` transition. */
  readonly isEventless: boolean;
}

/** An action as a state or transition names it, or a guard that is asked, in the course of one step. */
export type Moment<Listed> = {
  readonly listed: Listed;
  /** The event that the machine raised itself; `undefined` for the event of the step. */
  readonly raised: EventObject | undefined;
};

/** What a step leads to. */
export interface Outcome {
  /** The active states, in the order of the machine. */
  readonly nodes: readonly Node[];
  readonly value: AnyMachineSnapshot['value'];
  readonly tags: ReadonlySet<string>;
  readonly status: 'active' | 'done';
  /** Whether the machine returns the snapshot itself, unless an action changes it. */
  readonly isSame: boolean;
}

/** A part of a step: the actions up to the next guard whose outcome decides, or up to the end. */
export interface Segment {
  readonly actions: readonly Moment<unknown>[];
  readonly next: { readonly kind: 'guard'; readonly asked: Moment<ListedGuard> } | ({ readonly kind: 'end' } & Outcome);
}

/** Stands among the actions of a state that starts actors of its own: its steps are not memoised. */
const invokes = Symbol('invokes');

/** Maximum number of transitions in one step. A chart with more is not memoised. */
const maxIterations = 100;
const mark = 'mark';

type Transition = Node['always'] extends readonly (infer One)[] | undefined ? One : never;

const treeOf = (node: Node): Node[] => [node, ...Object.values(node.states).flatMap((child) => treeOf(child))];
const reference = ({ id }: Node): string => `#${id.replaceAll(/[\\.]/g, '\\$&')}`;

/**
 * A copy of a machine that only tells what the machine would do: its actions and guards are marks. It is stepped by
 * XState, so it selects transitions, leaves and enters states in the order that XState does.
 */
export class Probe {
  readonly #probe: AnyStateMachine;
  /** The states of the machine and, at the same places, those of the probe. */
  readonly #nodes: readonly Node[];
  readonly #copies: readonly Node[];
  readonly #actions: unknown[] = [];
  readonly #guards: ListedGuard[] = [];
  /** The raised events by type. Steps share them. */
  readonly #raised = new Map<string, EventObject>();
  /** The outcomes of the first guards of the step. */
  #outcomes: readonly boolean[] = [];
  #guardCount = 0;
  #segment: Moment<unknown>[] = [];
  #asked: Moment<ListedGuard> | undefined;

  /**
   * Copies the machine.
   *
   * @throws {Error} when the machine has a part that the copy cannot tell: history, or outputs
   */
  constructor(
    machine: AnyStateMachine,
    /** Returns whether an action makes another snapshot. XState looks for `always` transitions again then. */
    private readonly changes: (action: unknown) => boolean,
  ) {
    this.#nodes = treeOf(machine.root);
    if (this.#nodes.some(({ type, output }) => type === 'history' || output !== undefined)) {
      throw new Error('a chart with history or outputs');
    }
    const limit = machine.options?.maxIterations ?? maxIterations;
    const config = { ...this.#copyOf(machine.root), options: { maxIterations: Math.min(limit, maxIterations) } };
    // A configuration that is made at run time has none of the types that XState infers.
    const made: AnyStateMachine = createMachine(config as never);
    this.#probe = made.provide({
      guards: { [mark]: (_: { event: EventObject }, at: number) => this.#ask(_.event, at) },
    });
    this.#copies = treeOf(this.#probe.root);
    this.#check();
  }

  /** Returns a part of the machine's start, after guards with these outcomes. */
  start(outcomes: readonly boolean[]): Segment {
    return this.#run(outcomes, undefined, (scope) => this.#probe.getInitialSnapshot(scope, undefined));
  }

  /** Returns a part of the step from these states, after guards with these outcomes. */
  step(
    nodes: readonly Node[],
    value: AnyMachineSnapshot['value'],
    type: string,
    outcomes: readonly boolean[],
  ): Segment {
    const from = { ...this.#probe.resolveState({ value, context: {} }), _nodes: nodes.map((node) => this.#copy(node)) };
    return this.#run(outcomes, from, (scope) => this.#probe.transition(from, { type }, scope));
  }

  #run(
    outcomes: readonly boolean[],
    from: AnyMachineSnapshot | undefined,
    go: (scope: AnyActorScope) => AnyMachineSnapshot,
  ): Segment {
    this.#outcomes = outcomes;
    this.#guardCount = 0;
    this.#segment = [];
    this.#asked = undefined;
    let to: AnyMachineSnapshot | undefined;
    try {
      to = go(this.#scope());
    } catch (error) {
      if (!this.#asked) throw error;
    }
    // A guard that is asked ends the run, also at the start, where XState returns what is thrown.
    if (this.#asked) return { actions: this.#segment, next: { kind: 'guard', asked: this.#asked } };
    if (to?.status !== 'active' && to?.status !== 'done') throw new Error('the step fails');
    const nodes = to._nodes.map((node) => this.#original(node));
    const { value, tags, status } = to;
    return { actions: this.#segment, next: { kind: 'end', nodes, value, tags, status, isSame: to === from } };
  }

  /** A scope whose actions are noted. Nothing else of it is used by a machine of marks. */
  #scope(): AnyActorScope {
    const self = { id: 'probe', sessionId: 'probe' };
    const scope = {
      ...{ self, id: self.id, sessionId: self.sessionId, system: { _sendInspectionEvent: () => {} } },
      ...{ logger: () => {}, defer: () => {}, emit: () => {}, stopChild: () => {} },
      actionExecutor: ({ info, params }: { readonly info: { readonly event: EventObject }; readonly params: number }) =>
        this.#segment.push({ listed: this.#actions[params], raised: this.#raisedOf(info.event) }),
    };
    // A scope of an actor that is never made. XState reads what is set here.
    return scope as unknown as AnyActorScope;
  }

  #ask(event: EventObject, at: number): boolean {
    const outcome = this.#outcomes[this.#guardCount++];
    if (outcome !== undefined) {
      this.#segment = [];
      return outcome;
    }
    const listed = this.#guards[at];
    if (listed) this.#asked ??= { listed, raised: this.#raisedOf(event) };
    throw new Error('the outcome of a guard decides');
  }

  /** Returns an event that the machine raises when a region is done; `undefined` for the event of the step. */
  #raisedOf({ type }: EventObject): EventObject | undefined {
    if (!type.startsWith('xstate.done.state.')) return undefined;
    const known = this.#raised.get(type) ?? Object.freeze({ type, output: undefined });
    this.#raised.set(type, known);
    return known;
  }

  #copyOf(node: Node): object {
    const hasActors = node.invoke.length > 0;
    const marks = (actions: readonly unknown[]) => this.#marks(hasActors ? [...actions, invokes] : actions);
    const initial = node.config.initial === undefined ? undefined : node.initial;
    return {
      id: node.id,
      type: node.type,
      tags: node.tags,
      entry: marks(node.entry),
      exit: marks(node.exit),
      on: Object.fromEntries(
        Array.from(node.transitions, ([type, all]) => [type, all.map((one) => this.#copyTransition(one, node, false))]),
      ),
      ...(node.always && { always: node.always.map((one) => this.#copyTransition(one, node, true)) }),
      ...(initial?.target[0] && {
        initial: { target: initial.target[0].key, actions: this.#marks(initial.actions) },
      }),
      states: Object.fromEntries(Object.values(node.states).map((child) => [child.key, this.#copyOf(child)])),
    };
  }

  #copyTransition({ target, reenter, guard, actions }: Transition, { id: source }: Node, isEventless: boolean): object {
    return {
      ...(target && { target: target.map(reference) }),
      ...(guard !== undefined && {
        guard: { type: mark, params: this.#guards.push({ guard, source, isEventless }) - 1 },
      }),
      reenter,
      actions: this.#marks(actions),
    };
  }

  #marks(actions: readonly unknown[]): object[] {
    return actions.flatMap((action) => {
      const marked = { type: mark, params: this.#actions.push(action) - 1 };
      return this.changes(action) ? [marked, assign({})] : [marked];
    });
  }

  #copy(node: Node): Node {
    return counterpart(node, this.#nodes, this.#copies);
  }
  #original(copy: Node): Node {
    return counterpart(copy, this.#copies, this.#nodes);
  }

  /** @throws {Error} when the copy differs: a chart with the same id twice, for example */
  #check(): void {
    const shape = (node: Node): string =>
      JSON.stringify([
        ...[node.id, node.order, node.type, node.path],
        [...node.transitions].map(([type, all]) => [type, all.map(({ target }) => target?.map(({ order }) => order))]),
        node.always?.map(({ target }) => target?.map(({ order }) => order)),
      ]);
    if (this.#nodes.map(shape).join() !== this.#copies.map(shape).join()) throw new Error('the copy differs');
  }
}

const counterpart = (node: Node, all: readonly Node[], others: readonly Node[]): Node => {
  const other = others[all.indexOf(node)];
  if (!other) throw new Error(`state ${node.id} belongs to another chart`);
  return other;
};
