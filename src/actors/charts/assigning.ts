import { type AnyActorRef, type AnyActorScope, type AnyMachineSnapshot, assign, type EventObject } from 'xstate';

// This file repeats how XState runs `assign`, without the snapshot that XState makes of each. Checked against XState 5.33.3
// by `isSupported`.

/** What an action is given, and what it may change. */
interface Given {
  readonly context: AnyMachineSnapshot['context'];
  readonly children: AnyMachineSnapshot['children'];
}

type Spawn = (source: unknown, options?: unknown) => AnyActorRef;

/** What an assigner is called with. */
interface AssignArguments {
  readonly context: Given['context'];
  readonly event: EventObject;
  readonly spawn: Spawn;
  readonly self: unknown;
  readonly system: unknown;
}

type Assigner = (given: AssignArguments, params: unknown) => unknown;

/** An `assign` of XState: a function, or values and functions by their keys. */
interface Assignment {
  readonly type: 'xstate.assign';
  readonly assignment: Assigner | Readonly<Record<string, unknown>>;
}

/** Returns whether an action is an `assign` as XState makes it. */
export const isAssignment = (action: { readonly type: unknown }): action is Assignment =>
  action.type === 'xstate.assign' &&
  'assignment' in action &&
  (typeof action.assignment === 'function' || (typeof action.assignment === 'object' && action.assignment !== null));

let taken: Spawn | undefined;
/** An `assign` of XState that changes nothing: it shows how XState spawns children for a snapshot. */
const spawnTaker = assign(({ spawn }) => {
  // Its sources are checked by the type of the chart that spawns.
  taken = spawn as Spawn;
  return {};
});

/** Returns what XState spawns children with. Few assigners do. */
const spawnFor = (scope: AnyActorScope, snapshot: AnyMachineSnapshot, event: EventObject): Spawn => {
  // Its type hides that XState runs it by this method.
  const { resolve } = spawnTaker as unknown as {
    resolve(
      scope: AnyActorScope,
      snapshot: AnyMachineSnapshot,
      info: object,
      params: unknown,
      action: unknown,
    ): unknown;
  };
  resolve(scope, snapshot, { event }, undefined, spawnTaker);
  const spawn = taken;
  taken = undefined;
  if (!spawn) throw new Error('XState has not run an assign');
  return spawn;
};

/** Returns the context and the children that an assignment leads to. */
export const assigned = (
  { assignment }: Assignment,
  scope: AnyActorScope,
  snapshot: AnyMachineSnapshot,
  event: EventObject,
  params: unknown,
): Given => {
  const { context, children } = snapshot;
  const { self, system } = scope;
  let spawned: AnyMachineSnapshot['children'] | undefined;
  const given: AssignArguments = {
    context,
    event,
    spawn: (source, options) => {
      const child = spawnFor(scope, snapshot, event)(source, options);
      spawned ??= {};
      spawned[child.id] = child;
      return child;
    },
    self,
    system,
  };
  let changes: unknown;
  if (typeof assignment === 'function') {
    changes = assignment(given, params);
  } else {
    const found: Record<string, unknown> = {};
    for (const key of Object.keys(assignment)) {
      const value = assignment[key];
      // What is a function is an assigner.
      found[key] = typeof value === 'function' ? (value as Assigner)(given, params) : value;
    }
    changes = found;
  }
  return { context: Object.assign({}, context, changes), children: spawned ? { ...children, ...spawned } : children };
};
