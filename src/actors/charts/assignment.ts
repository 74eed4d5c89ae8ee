import { type AnyActorRef, type AnyActorScope, type AnyMachineSnapshot, assign, type EventObject } from 'xstate';

/*
 * XState makes a snapshot for each `assign`, and all that is needed for a spawn. A memo needs the new context alone, and
 * few charts spawn. Checked against XState 5.33.3 by `isSupported`.
 */

/** What an assignment changes. */
export interface Assignable {
  context: AnyMachineSnapshot['context'];
  children: AnyMachineSnapshot['children'];
}

/** Where an assignment runs. */
interface Moment {
  readonly event: EventObject;
  readonly scope: AnyActorScope;
  /** Returns a snapshot with this context and these children. */
  snapshot(context: Assignable['context'], children: Assignable['children']): AnyMachineSnapshot;
}

type Spawn = (...given: readonly unknown[]) => AnyActorRef;
type Assigner = (given: object, params: unknown) => object;

/** An action that `assign` of XState has made. */
interface Assign {
  readonly assignment: Assigner | Readonly<Record<string, unknown>>;
  readonly resolve: (
    scope: AnyActorScope,
    snapshot: AnyMachineSnapshot,
    info: { readonly event: EventObject },
    params: unknown,
    action: Assign,
  ) => readonly [AnyMachineSnapshot];
}

// What `assign` returns is a function with these members. Its type shows none.
const { resolve: resolveAssign } = assign({}) as unknown as Assign;

/** Returns whether an action is an `assign` of this XState. */
export const isAssign = (action: object): action is Assign =>
  'resolve' in action && action.resolve === resolveAssign && 'assignment' in action;

const isAssigner = (value: unknown): value is Assigner => typeof value === 'function';

const updateBy = ({ assignment }: Assign, given: object, params: unknown): object => {
  if (isAssigner(assignment)) return assignment(given, params);
  const update: Record<string, unknown> = {};
  for (const key of Object.keys(assignment)) {
    const one = assignment[key];
    update[key] = isAssigner(one) ? one(given, params) : one;
  }
  return update;
};

/** Changes the context as `action` says, and adds the children that it spawns. */
export const assignTo = (target: Assignable, action: Assign, params: unknown, moment: Moment): void => {
  const { context } = target;
  const { event, scope } = moment;
  let { children } = target;
  /** XState itself spawns, by an assignment for each call. */
  const spawn: Spawn = (...what) => {
    const spawned: AnyActorRef[] = [];
    const assignment: Assigner = (inner) => {
      // XState gives it to every assignment.
      spawned.push((inner as { readonly spawn: Spawn }).spawn(...what));
      return {};
    };
    // No `assign`: XState warns about its call where an action of another actor has caused this step.
    const spawning = { assignment, resolve: resolveAssign };
    const [changed] = resolveAssign(scope, moment.snapshot(context, children), { event }, params, spawning);
    children = changed.children;
    const [actor] = spawned;
    if (!actor) throw new TypeError('XState has spawned nothing');
    return actor;
  };
  const update = updateBy(action, { context, event, spawn, self: scope.self, system: scope.system }, params);
  // As XState does: the update may have members that a literal would treat otherwise.
  target.context = Object.assign({}, context, update);
  target.children = children;
};
