import { assign, setup } from 'xstate';

/** Context of the supervisor chart. */
export interface SupervisorContext {
  /** Number of `do` calls that wait for the present one to end. */
  readonly waitingVisits: number;
}

/** Event of the supervisor chart. */
export type SupervisorEvent =
  /** A client has arrived. */
  | { readonly type: 'CONNECT'; readonly arrival: unknown }
  /** Every connection is to be visited. */
  | { readonly type: 'DO'; readonly visit: (conn: never) => unknown; readonly done?: (failure?: unknown) => void }
  /** Messages are to be broadcast. */
  | { readonly type: 'BROADCAST'; readonly except: unknown; readonly messages: readonly unknown[] }
  /** The connections are to be counted. */
  | { readonly type: 'COUNT'; readonly reply: (count: number) => void }
  /** The present `do` has visited every connection. */
  | { readonly type: 'VISITED' }
  /** The actor of a connection has stopped. */
  | { readonly type: 'CONNECTION.CLOSED'; readonly actorId: string }
  /** The actor of a connection has failed. */
  | { readonly type: 'CONNECTION.FAILED'; readonly actorId: string; readonly error: unknown }
  /** The server is to be drained. */
  | { readonly type: 'DRAIN' }
  /** The last connection has closed. */
  | { readonly type: 'DRAINED' };

/** Setup of the supervisor chart: types, actions and guards. */
export const supervisorSetup = setup({
  types: {
    context: {} as SupervisorContext,
    events: {} as SupervisorEvent,
    tags: {} as 'accepting',
  },
  actions: {
    /** Starts the actor of the connection that has arrived. */
    admit: () => {},
    /** Holds the arrival, paused, until `do` has ended. */
    hold: () => {},
    /** Admits the held arrivals, in the order of their arrival. */
    admitHeld: () => {},
    /** Refuses the arrival. */
    refuse: () => {},
    /** Refuses the held arrivals. */
    refuseHeld: () => {},
    /** Broadcasts the messages: only a chart that handles BROADCAST itself needs it. */
    publish: () => {},
    /** Replies with the number of connections: only a chart that handles COUNT itself needs it. */
    count: () => {},
    /** Puts a `do` into the queue. */
    queueVisit: () => {},
    /** Begins the first `do` of the queue. */
    beginVisit: () => {},
    /** Rejects a `do`. */
    refuseVisit: () => {},
    /** Removes a connection whose actor has stopped. */
    removeStopped: () => {},
    /** Ends a connection whose actor has failed. */
    removeCrashed: () => {},
    /** Closes every connection, and waits for the last one. */
    beginDrain: () => {},
    /** Counts a `do` that waits. */
    countVisit: assign({ waitingVisits: ({ context }) => context.waitingVisits + 1 }),
    /** Counts a `do` that waits no longer. */
    uncountVisit: assign({ waitingVisits: ({ context }) => context.waitingVisits - 1 }),
  },
  guards: {
    hasMoreVisits: ({ context }) => context.waitingVisits > 0,
  },
});

/**
 * The chart of the root actor. The server handles `BROADCAST` and `COUNT` before they reach the chart, so no state
 * names them. A chart that handles one of them itself receives it, and passes it on by `publish` or `count`.
 */
export const supervisorMachine = supervisorSetup.createMachine({
  id: 'supervisor',
  description: 'Owns every connection. BROADCAST and COUNT are handled before they reach the chart.',
  context: { waitingVisits: 0 },
  initial: 'accepting',
  on: {
    'CONNECTION.CLOSED': { actions: 'removeStopped' },
    'CONNECTION.FAILED': { actions: 'removeCrashed' },
  },
  states: {
    accepting: {
      description: 'Clients connect and disconnect.',
      tags: 'accepting',
      on: {
        CONNECT: { actions: 'admit' },
        DO: { target: 'doing', actions: ['queueVisit', 'countVisit'] },
        DRAIN: { target: 'draining' },
      },
    },
    doing: {
      description: 'A do visits the connections. Arrivals wait until it ends.',
      tags: 'accepting',
      entry: ['uncountVisit', 'beginVisit'],
      on: {
        CONNECT: { actions: 'hold' },
        DO: { actions: ['queueVisit', 'countVisit'] },
        VISITED: [
          { guard: 'hasMoreVisits', target: 'doing', reenter: true, actions: 'admitHeld' },
          { target: 'accepting', actions: 'admitHeld' },
        ],
        DRAIN: { target: 'draining', actions: 'refuseHeld' },
      },
    },
    draining: {
      description: 'Refuses arrivals. Delivers pending messages, then closes all connections.',
      entry: 'beginDrain',
      on: {
        CONNECT: { actions: 'refuse' },
        DO: { actions: 'refuseVisit' },
        DRAINED: { target: 'closed' },
      },
    },
    closed: {
      description: 'The last connection has closed.',
      type: 'final',
    },
  },
});
