import { type AnyStateMachine, createMachine, type EventObject, type fromPromise } from 'xstate';
import { connection as awayConnection } from '../../../examples/machines/away/connection.js';
import { connectionMachine as loginConnection } from '../../../examples/machines/login/connection.js';
import { connection as mutedConnection } from '../../../examples/machines/muted/connection.js';
import {
  namespace as guardedNamespace,
  connection as hastyConnection,
} from '../../../examples/machines/role/charts.js';
import { mergeImplementations } from '../../../src/actors/charts/implementations.js';
import {
  connectionMachine,
  linkMachine,
  namespaceMachine,
  roomMachine,
  supervisorMachine,
} from '../../../src/index.js';
import { cutsOfChart } from './cuts.js';
import type { CallLog } from './twins.js';

/** A chart whose actions note their calls, with its events, and the inputs of its actors. */
export interface NotedChart {
  readonly machine: AnyStateMachine;
  readonly events: readonly EventObject[];
  readonly inputs: readonly unknown[];
}

const inputs = [
  { id: 'a', isNativeOnly: false, isReachable: true },
  { id: 'b', isNativeOnly: false, isReachable: false },
  { id: 'c', isNativeOnly: true, isReachable: true },
];

/** A login service that accepts all, and answers as it is asked. It stands for a promise, which could only answer later. */
const atOnce = createMachine({ initial: 'known', states: { known: { type: 'final' } }, output: 'joe' });
const loginAtOnce = loginConnection.provide({
  actors: { login: atOnce as unknown as ReturnType<typeof fromPromise<string, { id: string }>> },
});

const isPlain = (action: unknown): boolean => typeof action === 'function' && !('resolve' in action);

const eventsOf = (machine: AnyStateMachine): EventObject[] => {
  const types = machine.events.map(String).filter((type) => !type.startsWith('xstate.') && !type.includes('*'));
  return [...types, 'UNKNOWN'].map((type) => ({
    type,
    ...{ code: 4000, text: `by ${type}`, data: 'frame', bytes: 'bytes', namespace: 'staff' },
    conn: { id: 'a', get: () => (type === 'CONNECT' ? 'staff' : 'guest') },
  }));
};

const noted = (machine: AnyStateMachine, log: CallLog, own: readonly unknown[] = [undefined]): NotedChart => {
  const named = Object.entries(machine.implementations.actions).filter(([, action]) => isPlain(action));
  const note = (name: string) => (args: { readonly context: object; readonly event: EventObject }, params?: unknown) =>
    log.note(name, args.context, args.event, params);
  const actions = Object.fromEntries(named.map(([name]) => [name, note(name)]));
  return { machine: machine.provide({ actions }), events: eventsOf(machine), inputs: own };
};

/** A connection's chart with actions of a server, and actions and delays of a program that run after them. */
const merged = (log: CallLog): NotedChart => {
  const chart = connectionMachine.provide({
    actions: {
      sendAccept: ({ context }) => log.note('own sendAccept', context),
      runOnConnect: ({ event }) => log.note('own runOnConnect', event),
      countCongestion: () => log.note('own countCongestion'),
    },
    delays: { closeTimeout: 100 },
  });
  const { actions } = noted(connectionMachine, log).machine.implementations;
  const machine = chart.provide(mergeImplementations(chart, connectionMachine, { actions }, () => {}));
  return { machine, events: eventsOf(machine), inputs };
};

/** Returns the charts of the server and of the examples, each without one of its transitions. */
export const editedCharts = (log: CallLog): readonly (readonly [label: string, chart: NotedChart])[] =>
  Object.entries(notedCharts(log)).flatMap(([name, { machine, events, inputs }]) =>
    cutsOfChart(machine, name).map((cut) => [cut.label, { machine: cut.machine, events, inputs }] as const),
  );

/** Returns the charts of the server and of the examples, by name. */
export const notedCharts = (log: CallLog): Readonly<Record<string, NotedChart>> => ({
  connection: noted(connectionMachine, log, inputs),
  namespace: noted(namespaceMachine, log),
  room: noted(roomMachine, log),
  supervisor: noted(supervisorMachine, log),
  link: noted(linkMachine, log),
  merged: merged(log),
  away: noted(awayConnection, log, inputs),
  muted: noted(mutedConnection, log, inputs),
  login: noted(loginAtOnce, log, inputs),
  hasty: noted(hastyConnection, log, inputs),
  guarded: noted(guardedNamespace, log),
});
