import type { AnyStateMachine } from 'xstate';
import {
  type ConnectionContext,
  type ConnectionEvent,
  type ConnectionInput,
  connectionMachine,
} from '../machines/connection.js';
import { type LinkContext, type LinkEvent, linkMachine } from '../machines/link.js';
import { type NamespaceEvent, namespaceMachine } from '../machines/namespace.js';
import { type RoomEvent, roomMachine } from '../machines/room.js';
import { type SupervisorContext, type SupervisorEvent, supervisorMachine } from '../machines/supervisor.js';

/** A machine that takes these events and this input, and whose context has at least these members. */
interface Keeps<Context, Event, Input = undefined> {
  /** Returns the snapshot after an event. */
  readonly transition: (snapshot: never, event: Event, scope: never) => { readonly context: Context };
  /** Returns the first snapshot. */
  readonly getInitialSnapshot: (scope: never, input: Input) => { readonly context: Context };
  /** Returns the machine with implementations added. */
  readonly provide: (implementations: never) => object;
  /** The root state, which has all others. */
  readonly root: object;
}

/** A chart that can run as the supervisor. */
export interface SupervisorChart extends Keeps<SupervisorContext, SupervisorEvent> {}
/** A chart that can run as a connection. */
export interface ConnectionChart extends Keeps<ConnectionContext, ConnectionEvent, ConnectionInput> {}
/** A chart that can be stepped as a connection's membership of a namespace. */
export interface NamespaceChart extends Keeps<object, NamespaceEvent> {}
/** A chart that can be stepped as a connection's membership of a room. */
export interface RoomChart extends Keeps<object, RoomEvent> {}
/** A chart that can run as the link to a broker. */
export interface LinkChart extends Keeps<LinkContext, LinkEvent> {}

/** Charts of the program that replace Muster's own. `new Server` throws if one misses a part (SV18). */
export interface OwnMachines<Chart = unknown> {
  /** Chart of the supervisor. */
  readonly supervisor: SupervisorChart;
  /** Chart of every connection. */
  readonly connection: Chart & ConnectionChart;
  /** Chart of every membership of a namespace. It is stepped: no `after`, no `invoke`. */
  readonly namespace: NamespaceChart;
  /** Chart of every membership of a room. It is stepped: no `after`, no `invoke`. */
  readonly room: RoomChart;
  /** Chart of the link to the broker. */
  readonly link: LinkChart;
}

type Kind = 'action' | 'guard' | 'delay' | 'actor';
type Names = Readonly<Record<Kind, Set<string>>>;

/** The parts of a state that the contract covers. List entries are names, objects with a name, or functions. */
interface State {
  readonly tags: readonly string[];
  readonly entry: readonly unknown[];
  readonly exit: readonly unknown[];
  readonly transitions: ReadonlyMap<string, readonly Transition[]>;
  readonly always?: readonly Transition[] | undefined;
  readonly type: string;
  readonly initial?: { readonly actions: readonly unknown[] } | undefined;
  readonly invoke: readonly { readonly src: unknown }[];
  readonly config: { readonly after?: object | undefined };
  readonly states: Readonly<Record<string, State>>;
}

interface Transition {
  readonly actions: readonly unknown[];
  readonly guard?: unknown;
}

interface Parts {
  readonly tags: ReadonlySet<string>;
  /** Events that the chart handles, wildcards included. */
  readonly events: readonly string[];
  readonly names: Names;
}

interface Contract {
  readonly usual: AnyStateMachine;
  /** Guards that the server implements. */
  readonly guards: readonly string[];
  /** Whether its states are plain values, without an actor that could have timers or children. */
  readonly isStepped: boolean;
}

const contracts: Readonly<Record<keyof OwnMachines, Contract>> = {
  supervisor: { usual: supervisorMachine, guards: [], isStepped: false },
  connection: { usual: connectionMachine, guards: ['fitsEarly'], isStepped: false },
  namespace: { usual: namespaceMachine, guards: [], isStepped: true },
  room: { usual: roomMachine, guards: [], isStepped: true },
  link: { usual: linkMachine, guards: [], isStepped: false },
};

// The object has exactly the keys of this type.
/** Names of all charts. */
export const machineNames = Object.keys(contracts) as readonly (keyof OwnMachines)[];

/** Returns whether a value is an XState machine. */
export const isMachine = (value: unknown): value is AnyStateMachine =>
  typeof value === 'object' && value !== null && 'provide' in value && 'transition' in value && 'root' in value;

const nameOf = (reference: unknown): string | undefined => {
  if (typeof reference === 'string') return reference;
  const isNamed = typeof reference === 'object' && reference !== null && 'type' in reference;
  return isNamed && typeof reference.type === 'string' ? reference.type : undefined;
};

const note = (names: Set<string>, references: readonly unknown[]): void => {
  for (const reference of references) {
    const name = nameOf(reference);
    if (name !== undefined) names.add(name);
    // XState's `and`, `or` and `not` return a function with a list of their guards.
    else if (typeof reference === 'function' && 'guards' in reference && Array.isArray(reference.guards)) {
      note(names, reference.guards);
    }
  }
};

const statesOf = (state: State): readonly State[] => [state, ...Object.values(state.states).flatMap(statesOf)];

const partsOf = (machine: AnyStateMachine): Parts => {
  const names: Names = { action: new Set(), guard: new Set(), delay: new Set(), actor: new Set() };
  const states = statesOf(machine.root);
  for (const { type, initial, entry, exit, transitions, always = [], invoke, config } of states) {
    note(names.action, [...entry, ...exit, ...((type === 'compound' && initial?.actions) || [])]);
    for (const { actions, guard } of [...[...transitions.values()].flat(), ...always]) {
      note(names.action, actions);
      note(names.guard, [guard]);
    }
    // Numbers are inline delays and need no implementation.
    for (const delay of Object.keys(config.after ?? {})) if (Number.isNaN(Number(delay))) names.delay.add(delay);
    // XState generates the name of an inline actor.
    for (const { src } of invoke) if (typeof src === 'string' && !src.startsWith('xstate.')) names.actor.add(src);
  }
  return {
    tags: new Set(states.flatMap(({ tags }) => tags)),
    events: machine.events.filter((event) => !event.startsWith('xstate.')),
    names,
  };
};

/** Returns a test of whether a descriptor, an event or a wildcard such as `SOCKET.*`, covers the event. */
const takes =
  (event: string) =>
  (descriptor: string): boolean =>
    descriptor === event || (descriptor.endsWith('*') && event.startsWith(descriptor.slice(0, -1)));

/** Returns whether the server implements a name of Muster's own chart, so that a chart need not implement it. */
const isOurs = ({ usual, guards }: Contract, kind: Kind, name: string): boolean => {
  if (kind === 'guard') return guards.includes(name);
  if (kind === 'delay') return name in usual.implementations.delays;
  const made: unknown = usual.implementations.actions[name];
  // An `assign` is part of the chart; XState gives it a `resolve` function.
  return kind === 'action' && typeof made === 'function' && !('resolve' in made);
};

const inTurn = (what: string, names: readonly string[]): string[] =>
  names.length === 0 ? [] : [`the ${what}${names.length > 1 ? 's' : ''} ${names.map((n) => `"${n}"`).join(', ')}`];

const given = (machine: AnyStateMachine, kind: Kind, name: string): boolean =>
  Object.hasOwn(machine.implementations[`${kind}s`], name);

/**
 * Returns what is wrong with a chart, or `undefined`. It must have every tag, event and named action of Muster's own
 * chart, and must not name what neither it nor the server implements (SV18).
 */
export const faultOf = (name: keyof OwnMachines, machine: AnyStateMachine): string | undefined => {
  const contract = contracts[name];
  const [usual, own] = [partsOf(contract.usual), partsOf(machine)];
  const lacks = [
    ...inTurn(
      'tag',
      [...usual.tags].filter((tag) => !own.tags.has(tag)),
    ),
    ...inTurn(
      'event',
      usual.events.filter((event) => !own.events.some(takes(event))),
    ),
    ...inTurn(
      'action',
      [...usual.names.action].filter((action) => !own.names.action.has(action)),
    ),
  ];
  const kinds: readonly Kind[] = ['action', 'guard', 'delay', 'actor'];
  const unknown = kinds.flatMap((kind) => {
    const named = [...own.names[kind]];
    return inTurn(
      kind,
      named.filter((one) => !given(machine, kind, one) && !isOurs(contract, kind, one)),
    );
  });
  const isTimed = statesOf(machine.root).some(({ config, invoke }) => config.after !== undefined || invoke.length > 0);
  const faults = [
    ...(lacks.length > 0 ? [`lacks ${lacks.join(', ')}`] : []),
    ...(unknown.length > 0 ? [`names ${unknown.join(', ')} without an implementation`] : []),
    ...(contract.isStepped && isTimed ? ['is stepped, not run: it can have no "after" and no "invoke"'] : []),
  ];
  return faults.length > 0 ? `machines.${name} ${faults.join('; it ')}` : undefined;
};
