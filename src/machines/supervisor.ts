import { assign, setup } from 'xstate';

export interface SupervisorContext {
  /** Walks of `do` that wait for the present one to end. */
  readonly waitingVisits: number;
}

export type SupervisorEvent =
  | { readonly type: 'CONNECT'; readonly arrival: unknown }
  | { readonly type: 'DO'; readonly visit: (conn: never) => unknown; readonly done?: (failure?: unknown) => void }
  | { readonly type: 'BROADCAST'; readonly except: unknown; readonly messages: readonly unknown[] }
  | { readonly type: 'COUNT'; readonly reply: (count: number) => void }
  | { readonly type: 'VISITED' }
  | { readonly type: 'CONNECTION.CLOSED'; readonly actorId: string }
  | { readonly type: 'CONNECTION.FAILED'; readonly actorId: string; readonly error: unknown }
  | { readonly type: 'DRAIN' }
  | { readonly type: 'DRAINED' };

export const supervisorSetup = setup({
  types: {
    context: {} as SupervisorContext,
    events: {} as SupervisorEvent,
    tags: {} as 'accepting',
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
    /** Give the messages to whom they are for: only a chart that handles BROADCAST itself needs it. */
    publish: () => {},
    /** Say how many connections there are: only a chart that handles COUNT itself needs it. */
    count: () => {},
    /** Note a walk. */
    queueVisit: () => {},
    /** Begin the walk that was noted first. */
    beginVisit: () => {},
    /** Tell whoever asked for a walk that there will be none. */
    refuseVisit: () => {},
    /** Drop a connection that has ended from the books. */
    removeStopped: () => {},
    /** Tear down a connection whose actor has failed. */
    removeCrashed: () => {},
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
 * The root actor. `BROADCAST` and `COUNT` are taken at its door, whatever it is busy with, and so stand in no state; a
 * chart that handles one of them gets it, and hands it on by `issue` or `count`.
 */
export const supervisorMachine = supervisorSetup.createMachine({
  id: 'supervisor',
  description: 'Owns every connection; handles BROADCAST and COUNT at its door.',
  context: { waitingVisits: 0 },
  initial: 'accepting',
  on: {
    'CONNECTION.CLOSED': { actions: 'removeStopped' },
    'CONNECTION.FAILED': { actions: 'removeCrashed' },
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
      description: 'Nobody is let in any more; who is still there gets what is owed and a goodbye.',
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

type SupervisorConfig = Parameters<typeof supervisorSetup.createMachine>[0];
type SupervisorState = NonNullable<SupervisorConfig['states']>[string];

/** The chart's own parts, for a chart that has some more. They are that literal, under the wide type that a setup takes. */
export const supervisorConfig = supervisorMachine.config as unknown as SupervisorConfig & {
  readonly states: Readonly<Record<'accepting' | 'doing' | 'draining' | 'closed', SupervisorState>>;
};
