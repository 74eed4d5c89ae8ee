import type {
  ActorRefFrom,
  AnyActorRef,
  AnyMachineSnapshot,
  AnyStateMachine,
  AnyStateNode,
  SnapshotFrom,
} from 'xstate';
import type { connectionMachine } from '../../machines/connection.js';

/** The paths of a chart's states, from the type of its state. */
type PathsIn<Value> = Value extends string
  ? Value
  : string extends keyof Value
    ? string
    : { [Name in keyof Value & string]: Name | `${Name}.${PathsIn<Value[Name]>}` }[keyof Value & string];

/** The tags of a chart. */
type TagsIn<Machine extends AnyStateMachine> = Parameters<SnapshotFrom<Machine>['hasTag']>[0];

/** A text of any chart. Those of the built-in one are suggested. */
type Suggested<Text extends string> = Text | (string & Record<never, never>);

/** The actor of a connection with this chart. Where the chart is not known, it takes any event. */
export type ConnectionActor<Chart> = Chart extends AnyStateMachine ? ActorRefFrom<Chart> : AnyActorRef;

/** A state of a connection with this chart: its path from the root, such as `open.flow.congested`. */
export type StatePath<Chart> = Chart extends AnyStateMachine
  ? PathsIn<SnapshotFrom<Chart>['value']>
  : Suggested<PathsIn<SnapshotFrom<typeof connectionMachine>['value']>>;

/** A tag of a connection with this chart. */
export type StateTag<Chart> = Chart extends AnyStateMachine
  ? TagsIn<Chart>
  : Suggested<TagsIn<typeof connectionMachine>>;

/** The paths and tags of a chart's states. */
interface Names {
  readonly paths: ReadonlySet<string>;
  readonly tags: ReadonlySet<string>;
}

/** By the root of the chart, which all machines share that `provide` makes of one. */
const namesByRoot = new WeakMap<AnyStateNode, Names>();

const inside = (node: AnyStateNode): AnyStateNode[] =>
  Object.values(node.states).flatMap((one) => [one, ...inside(one)]);

/** Returns the path of a state. A dot in a name is escaped, as XState does. */
const pathOf = ({ path }: AnyStateNode): string => path.map((name) => name.replaceAll('.', '\\.')).join('.');

const namesOf = (root: AnyStateNode): Names => {
  const known = namesByRoot.get(root);
  if (known) return known;
  const nodes = inside(root);
  const names = { paths: new Set(nodes.map(pathOf)), tags: new Set([root, ...nodes].flatMap(({ tags }) => tags)) };
  namesByRoot.set(root, names);
  return names;
};

const check = (what: string, name: unknown, known: ReadonlySet<string>): void => {
  if (typeof name === 'string' && known.has(name)) return;
  const got = typeof name === 'string' ? `"${name}"` : typeof name;
  throw new TypeError(
    `the chart of the connection has no ${what} ${got}; it has ${[...known].map((one) => `"${one}"`).join(', ')}`,
  );
};

/**
 * Returns whether an actor is in a state of its chart (SV24).
 *
 * @throws {TypeError} when the chart has no such state
 */
export const isIn = (actor: AnyActorRef, path: string): boolean => {
  const snapshot: AnyMachineSnapshot = actor.getSnapshot();
  check('state', path, namesOf(snapshot.machine.root).paths);
  return snapshot.matches(path);
};

/**
 * Returns whether a state that an actor is in has a tag (SV24).
 *
 * @throws {TypeError} when no state of the chart has that tag
 */
export const isTagged = (actor: AnyActorRef, tag: string): boolean => {
  const snapshot: AnyMachineSnapshot = actor.getSnapshot();
  check('tag', tag, namesOf(snapshot.machine.root).tags);
  return snapshot.hasTag(tag);
};
