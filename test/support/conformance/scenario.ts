import type { Machines } from '../../../src/actors/context.js';
import { type FakeClient, type HarnessOptions, SupervisorHarness, settled } from '../server/supervisorHarness.js';

/** One rule of SPEC.md, run on fake sockets against the given charts. */
export interface Scenario {
  readonly rule: string;
  readonly name: string;
  run(machines: Partial<Machines>): Promise<void>;
}

/** Returns what a promise has settled with after `settle`, or 'pending'. */
export const outcomeOf = async (harness: SupervisorHarness, promise: Promise<unknown>): Promise<unknown> => {
  let state: unknown = 'pending';
  promise.then(
    (value) => {
      state = value === undefined ? 'done' : value;
    },
    (error: unknown) => {
      state = error;
    },
  );
  await harness.settle();
  await settled();
  return state;
};

export const never = (): Promise<void> => new Promise(() => {});
export const refuse = (): never => {
  throw new Error('no');
};

/** Returns a harness with these handlers in the namespace `n`, and the record of their calls: F is forced, L is local. */
export const open = (
  machines: Partial<Machines>,
  handlers: Readonly<Record<string, () => unknown>>,
  more: HarnessOptions = {},
) => {
  const calls: string[] = [];
  const events = Object.fromEntries(
    Object.entries(handlers).map(([event, run]) => [
      event,
      (_: unknown, message: { isForced: boolean; isLocal: boolean }) => {
        calls.push(`${event}${message.isForced ? ' F' : ''}${message.isLocal ? ' L' : ''}`);
        return run() as undefined;
      },
    ]),
  );
  const harness = new SupervisorHarness({ namespaces: { n: events, other: {} }, machines, ...more });
  return { harness, calls };
};

export const framesOf = (client: FakeClient): string[] => client.socket.lines.map((line) => line.replace(/^[tb] /, ''));
const lastToken = (client: FakeClient): string => client.socket.tokens.at(-1) ?? 'no token';
export const agree = (client: FakeClient): void => client.socket.receive(`${lastToken(client)};;;;;;`);
export const decline = (client: FakeClient): void => client.socket.receive(`${lastToken(client)};n;;x;1;0;nope`);
export const ask = (event: string, room = ''): string => `$1;n;${room};${event};0;0;`;
export const connOf = (client: FakeClient) => {
  if (!client.conn) throw new Error('onConnect was not called');
  return client.conn;
};
export const nsOf = (client: FakeClient) => {
  const ns = connOf(client).namespace('n');
  if (!ns) throw new Error('not connected');
  return ns;
};

export const scenario = (rule: string, name: string, run: Scenario['run']): Scenario => ({ rule, name, run });

export const namespaceHandlers = {
  _OnNamespaceConnect: () => {},
  _OnNamespaceConnected: () => {},
  _OnNamespaceDisconnect: () => {},
};
export const roomHandlers = {
  _OnRoomJoin: () => {},
  _OnRoomJoined: () => {},
  _OnRoomLeave: () => {},
  _OnRoomLeft: () => {},
};
