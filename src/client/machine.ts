import { assign, setup } from 'xstate';
import {
  type ClientContext,
  type ClientDelay,
  type ClientEffect,
  type ClientEvent,
  type ClientState,
  delays,
  everywhere,
  guards,
  initialContext,
  states,
  updates,
} from './chart.js';
import { systemParts } from './line/parts.js';

export {
  type ClientContext,
  type ClientDelay,
  type ClientEffect,
  type ClientEvent,
  type ClientState,
  initialContext,
} from './chart.js';

/** What each state is about. */
const descriptions: Readonly<Record<ClientState, string>> = {
  idle: 'Nothing has begun.',
  dialing: 'Asks for a token and opens a line.',
  greeting: 'Has said hello, and waits for the server to accept the line.',
  refused: 'The server has refused. Its close frame may still say that a later dial, or a new token, helps.',
  entering: 'Enters its namespaces, and then their rooms.',
  online: 'Everything is entered. Frames are sent at once.',
  waiting: 'Waits before it dials again, longer each time.',
  offline: 'The machine is offline. Waits until it is online, and dials now and then all the same.',
  closing: 'Has hung up, and waits for the close frame of the server.',
  closed: 'Closed for good.',
};

/** Returns one entry for each key of an object. */
const mapped = <Key extends string, Value, Result>(
  values: Readonly<Record<Key, Value>>,
  change: (value: Value, key: Key) => Result,
): Record<Key, Result> =>
  // The keys are those of the object.
  Object.fromEntries(Object.entries<Value>(values).map(([key, value]) => [key, change(value, key as Key)])) as Record<
    Key,
    Result
  >;

/** What the chart asks of the client. On a chart of its own it does nothing. */
const effects: Readonly<Record<ClientEffect, () => void>> = {
  /** Ask for a token and open a line. */
  dial: () => {},
  /** Enter the namespaces, and then their rooms. */
  enter: () => {},
  /** Send what waits, and tell the program. */
  resume: () => {},
  /** Close the line with 4002 and forget it. */
  giveUp: () => {},
  /** Close the line with 1000. */
  hangUp: () => {},
  /** End everything. */
  end: () => {},
};

/** Setup of the client chart: types, actions, guards and delays, for a chart of your own. */
export const clientSetup = setup({
  types: {
    // Only their types are used.
    context: {} as ClientContext,
    events: {} as ClientEvent,
  },
  actions: {
    ...effects,
    ...mapped(updates, (update) =>
      assign<ClientContext, ClientEvent, undefined, ClientEvent, never>(({ context, event }) => update(context, event)),
    ),
  },
  guards: mapped(
    guards,
    (guard) =>
      ({ context, event }: { context: ClientContext; event: ClientEvent }) =>
        guard(context, event),
  ),
  delays: mapped<ClientDelay, (typeof delays)[ClientDelay], (args: { context: ClientContext }) => number>(
    delays,
    (delay) =>
      ({ context }) =>
        delay(context, systemParts.random),
  ),
});

/** Config that `createMachine` takes for this chart. */
type ClientConfig = Parameters<typeof clientSetup.createMachine>[0];

/**
 * Chart of a client, as an XState machine (CL1). It is made of the table that the client itself reads.
 * @example
 * const actor = createActor(clientMachine.provide({ actions: { dial: () => console.log('dials') } }));
 */
export const clientMachine = clientSetup.createMachine(
  // The table has only names that the setup knows, so the literal has the type that `createMachine` takes.
  {
    id: 'client',
    description: 'A client that keeps itself on a line.',
    context: initialContext(),
    initial: 'idle',
    on: everywhere,
    states: mapped(states, (node, name) => ({
      ...node,
      description: descriptions[name],
      ...(name === 'closed' && { type: 'final' }),
    })),
  } as unknown as ClientConfig,
);
