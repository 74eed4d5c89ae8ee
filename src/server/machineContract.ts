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

/** A machine, whoever has drawn it, that takes these events and this input, and whose context has at least this. */
interface Keeps<Context, Event, Input = undefined> {
  readonly transition: (snapshot: never, event: Event, scope: never) => { readonly context: Context };
  readonly getInitialSnapshot: (scope: never, input: Input) => { readonly context: Context };
  readonly provide: (implementations: never) => object;
  readonly root: object;
}

export interface SupervisorChart extends Keeps<SupervisorContext, SupervisorEvent> {}
export interface ConnectionChart extends Keeps<ConnectionContext, ConnectionEvent, ConnectionInput> {}
export interface NamespaceChart extends Keeps<object, NamespaceEvent> {}
export interface RoomChart extends Keeps<object, RoomEvent> {}
export interface LinkChart extends Keeps<LinkContext, LinkEvent> {}

/** Charts that a program may give in place of the usual ones: what they lack is told when the server is made (SV18). */
export interface OwnMachines {
  readonly supervisor: SupervisorChart;
  readonly connection: ConnectionChart;
  readonly namespace: NamespaceChart;
  readonly room: RoomChart;
  readonly link: LinkChart;
}

type Kind = 'action' | 'guard' | 'delay' | 'actor';
type Names = Readonly<Record<Kind, Set<string>>>;

/** What of a state a contract is about. What stands in these lists is a name, an object with one, or a function. */
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
  /** What it handles, wildcards among them. */
  readonly events: readonly string[];
  readonly names: Names;
}

interface Contract {
  readonly usual: AnyStateMachine;
  /** Guards that the server has its own answer for. */
  readonly guards: readonly string[];
  /** Its states are values: there is no actor that could wait for something, or have children. */
  readonly isStepped: boolean;
}

const contracts: Readonly<Record<keyof OwnMachines, Contract>> = {
  supervisor: { usual: supervisorMachine, guards: [], isStepped: false },
  connection: { usual: connectionMachine, guards: ['fitsEarly'], isStepped: false },
  namespace: { usual: namespaceMachine, guards: [], isStepped: true },
  room: { usual: roomMachine, guards: [], isStepped: true },
  link: { usual: linkMachine, guards: [], isStepped: false },
};

// They are the keys of that very type.
export const machineNames = Object.keys(contracts) as readonly (keyof OwnMachines)[];

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
    // What xstate makes of `and`, `or` and `not` is a function that has the guards it is made of.
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
    // Those are numbers, or stand where they are used.
    for (const delay of Object.keys(config.after ?? {})) if (Number.isNaN(Number(delay))) names.delay.add(delay);
    // One that stands where it is used has a name that xstate has made.
    for (const { src } of invoke) if (typeof src === 'string' && !src.startsWith('xstate.')) names.actor.add(src);
  }
  return {
    tags: new Set(states.flatMap(({ tags }) => tags)),
    events: machine.events.filter((event) => !event.startsWith('xstate.')),
    names,
  };
};

/** A descriptor is an event, or stands for many: `*`, `SOCKET.*`. */
const takes =
  (event: string) =>
  (descriptor: string): boolean =>
    descriptor === event || (descriptor.endsWith('*') && event.startsWith(descriptor.slice(0, -1)));

/** What the server itself does under the names of the usual chart, so that a chart need not bring it along. */
const isOurs = ({ usual, guards }: Contract, kind: Kind, name: string): boolean => {
  if (kind === 'guard') return guards.includes(name);
  if (kind === 'delay') return name in usual.implementations.delays;
  const made: unknown = usual.implementations.actions[name];
  // What changes the context is the chart's own: xstate says of it how it is resolved.
  return kind === 'action' && typeof made === 'function' && !('resolve' in made);
};

const inTurn = (what: string, names: readonly string[]): string[] =>
  names.length === 0 ? [] : [`the ${what}${names.length > 1 ? 's' : ''} ${names.map((n) => `"${n}"`).join(', ')}`];

const given = (machine: AnyStateMachine, kind: Kind, name: string): boolean =>
  Object.hasOwn(machine.implementations[`${kind}s`], name);

/**
 * Says what is wrong with a chart, if anything is: it has every tag and event of the usual one, names each of its actions
 * somewhere, and names nothing that nobody does.
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
    ...(unknown.length > 0 ? [`names ${unknown.join(', ')}, which nobody has implemented`] : []),
    ...(contract.isStepped && isTimed ? ['is stepped, not run: it can have no "after" and no "invoke"'] : []),
  ];
  return faults.length > 0 ? `machines.${name} ${faults.join('; it ')}` : undefined;
};
