import { assign, setup } from 'xstate';

/** Context of the link chart. */
export interface LinkContext {
  /** Number of attempts to reconnect since the broker was lost. */
  readonly tries: number;
}

/** Event of the link chart. */
export type LinkEvent =
  /** The uplink is up and every channel is confirmed. */
  | { readonly type: 'UP' }
  /** The attempt failed, or the new uplink was lost. */
  | { readonly type: 'FAILED' }
  /** The uplink was lost. */
  | { readonly type: 'LOST' }
  /** The server closes. */
  | { readonly type: 'CLOSE' };

/** Setup of the link chart: types, actions and delays. */
export const linkSetup = setup({
  types: {
    context: {} as LinkContext,
    events: {} as LinkEvent,
    tags: {} as 'connecting' | 'online' | 'degraded' | 'closed',
  },
  actions: {
    /** Connect to the broker and subscribe to all channels. */
    connect: () => {},
    /** Give up the attempt and ignore its result. */
    abandon: () => {},
    /** Send the queued messages. Send new ones at once. */
    resume: () => {},
    /** Queue new messages. Stop waiting for the broker. */
    suspend: () => {},
    /** Disconnect from the broker and drop the queue. */
    shutDown: () => {},
    /** Count one more attempt. */
    countTry: assign({ tries: ({ context }) => context.tries + 1 }),
    /** Reset the number of attempts. */
    forgetTries: assign({ tries: 0 }),
  },
  // Numbers of a chart on its own. A server replaces them by its limits.
  delays: {
    /** Maximum time of one attempt, in ms. */
    connectTimeout: 4_000,
    /** Time before the next attempt, in ms. It doubles up to 1 s. */
    retryDelay: ({ context }) => Math.min(1_000, 100 * 2 ** context.tries),
    /** Time for the other servers to reconnect, in ms. */
    settleDelay: 2_000,
  },
});

/** Chart of the link that keeps a server connected to its broker (EX10). */
export const linkMachine = linkSetup.createMachine({
  id: 'link',
  description: 'The link to the broker that carries messages between servers.',
  context: { tries: 0 },
  initial: 'connecting',
  on: { CLOSE: { target: '.closed' } },
  states: {
    connecting: {
      description: 'First attempt to connect. If it fails, the link closes.',
      tags: 'connecting',
      entry: 'connect',
      on: {
        UP: { target: 'online' },
        FAILED: { target: 'closed' },
      },
      after: { connectTimeout: { target: 'closed', actions: 'abandon' } },
    },
    online: {
      description: 'All channels are subscribed. Messages are sent at once.',
      tags: 'online',
      entry: ['forgetTries', 'resume'],
      exit: 'suspend',
      on: { LOST: { target: 'degraded' } },
    },
    degraded: {
      description: 'The broker is lost. Own clients are served; messages to other servers wait.',
      tags: 'degraded',
      initial: 'waiting',
      states: {
        waiting: {
          description: 'Waits before the next attempt, longer each time.',
          after: { retryDelay: { target: 'trying' } },
        },
        trying: {
          description: 'Reconnects and resubscribes.',
          entry: ['countTry', 'connect'],
          on: {
            UP: { target: 'settling' },
            FAILED: { target: 'waiting' },
          },
          after: { connectTimeout: { target: 'waiting', actions: 'abandon' } },
        },
        settling: {
          description: 'Reconnected. Gives the other servers time to reconnect too.',
          on: { FAILED: { target: 'waiting' } },
          after: { settleDelay: { target: '#link.online' } },
        },
      },
    },
    closed: {
      description: 'The link is closed for good.',
      tags: 'closed',
      type: 'final',
      entry: 'shutDown',
    },
  },
});
