import { assign, setup } from 'xstate';

export interface SupervisorContext {
  /** Walks of `do` that wait for the present one to end. */
  readonly waitingVisits: number;
}

export type SupervisorEvent =
  | { readonly type: 'CONNECT'; readonly arrival: unknown }
  | { readonly type: 'DO'; readonly visit: (conn: never) => unknown; readonly done?: (failure?: unknown) => void }
  | { readonly type: 'VISITED' }
  | { readonly type: 'CONNECTION.CLOSED'; readonly actorId: string }
  | { readonly type: 'CONNECTION.FAILED'; readonly actorId: string; readonly error: unknown }
  | { readonly type: 'DRAIN' }
  | { readonly type: 'DRAINED' };

const supervisorSetup = setup({
  types: {
    context: {} as SupervisorContext,
    events: {} as SupervisorEvent,
    tags: {} as 'accepting' | 'doing' | 'draining',
  },
  actions: {
    /** Spawn the connection that has arrived. */
    admit: () => {},
    /** Keep the arrival, paused, until the walk has ended. */
    hold: () => {},
    /** Spawn what was held, first come first. */
    admitHeld: () => {},
    /** Turn the arrival away. */
    refuse: () => {},
    /** Turn away what was held. */
    refuseHeld: () => {},
    /** Note a walk. */
    queueVisit: () => {},
    /** Begin the walk that was noted first. */
    beginVisit: () => {},
    /** Tell whoever asked for a walk that there will be none. */
    refuseVisit: () => {},
    /** Drop a connection that has ended from the books. */
    forget: () => {},
    /** Tear down a connection whose actor has failed. */
    bury: () => {},
    /** Close every connection and wait for the last. */
    beginDrain: () => {},
    countVisit: assign({ waitingVisits: ({ context }) => context.waitingVisits + 1 }),
    uncountVisit: assign({ waitingVisits: ({ context }) => context.waitingVisits - 1 }),
  },
  guards: {
    hasMoreVisits: ({ context }) => context.waitingVisits > 0,
  },
});

/**
 * The root actor. `BROADCAST` and `COUNT` are taken at its door, whatever it is busy with, and so stand in no state.
 */
export const supervisorMachine = supervisorSetup.createMachine({
  id: 'supervisor',
  description: 'Owns every connection; handles BROADCAST and COUNT at its door.',
  context: { waitingVisits: 0 },
  initial: 'accepting',
  on: {
    'CONNECTION.CLOSED': { actions: 'forget' },
    'CONNECTION.FAILED': { actions: 'bury' },
  },
  states: {
    accepting: {
      description: 'Connections come and go.',
      tags: 'accepting',
      on: {
        CONNECT: { actions: 'admit' },
        DO: { target: 'doing', actions: ['queueVisit', 'countVisit'] },
        DRAIN: { target: 'draining' },
      },
    },
    doing: {
      description: 'A walk over all connections is under way; new ones wait until it has ended.',
      tags: ['accepting', 'doing'],
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
      description: 'Nobody is let in any more; who is still there gets what is owed and a goodbye.',
      tags: 'draining',
      entry: 'beginDrain',
      on: {
        CONNECT: { actions: 'refuse' },
        DO: { actions: 'refuseVisit' },
        DRAINED: { target: 'closed' },
      },
    },
    closed: {
      description: 'The last connection has gone.',
      type: 'final',
    },
  },
});
