import { assign, setup } from 'xstate';

export interface LinkContext {
  /** How often it was tried to get the broker back since it was lost. */
  readonly tries: number;
}

export type LinkEvent =
  | { readonly type: 'UP' }
  | { readonly type: 'FAILED' }
  | { readonly type: 'LOST' }
  | { readonly type: 'CLOSE' };

export const linkSetup = setup({
  types: {
    context: {} as LinkContext,
    events: {} as LinkEvent,
    tags: {} as 'connecting' | 'online' | 'degraded' | 'closed',
  },
  actions: {
    /** Connect to the broker, and subscribe to all that is to be heard. */
    connect: () => {},
    /** The attempt takes too long: whatever still comes of it is unwanted. */
    abandon: () => {},
    /** Send what waits, and from now on at once. */
    resume: () => {},
    /** Nothing goes out or comes in for now: let what is sent wait, and nobody wait for the broker. */
    suspend: () => {},
    /** Let go of the broker, and of what waits. */
    shutDown: () => {},
    countTry: assign({ tries: ({ context }) => context.tries + 1 }),
    forgetTries: assign({ tries: 0 }),
  },
  delays: {
    connectTimeout: 4_000,
    retryDelay: ({ context }) => Math.min(1_000, 100 * 2 ** context.tries),
    settleDelay: 2_000,
  },
});

/** The link of a server to the broker that carries messages between servers. */
export const linkMachine = linkSetup.createMachine({
  id: 'link',
  description: 'The way to the broker that carries messages between servers.',
  context: { tries: 0 },
  initial: 'connecting',
  on: { CLOSE: { target: '.closed' } },
  states: {
    connecting: {
      description: 'The first attempt; when it fails there is no link.',
      tags: 'connecting',
      entry: 'connect',
      on: {
        UP: { target: 'online' },
        FAILED: { target: 'closed' },
      },
      after: { connectTimeout: { target: 'closed', actions: 'abandon' } },
    },
    online: {
      description: 'Everything that is to be heard is heard, and what is sent goes out at once.',
      tags: 'online',
      entry: ['forgetTries', 'resume'],
      exit: 'suspend',
      on: { LOST: { target: 'degraded' } },
    },
    degraded: {
      description: 'The broker is away. This server goes on by itself, and what it sends to the others waits.',
      tags: 'degraded',
      initial: 'waiting',
      states: {
        waiting: {
          description: 'A moment of patience, longer each time.',
          after: { retryDelay: { target: 'trying' } },
        },
        trying: {
          description: 'Connects and subscribes once more.',
          entry: ['countTry', 'connect'],
          on: {
            UP: { target: 'settling' },
            FAILED: { target: 'waiting' },
          },
          after: { connectTimeout: { target: 'waiting', actions: 'abandon' } },
        },
        settling: {
          description:
            'This server is back; the others, who have lost the broker as well, get a moment to be back too.',
          on: { FAILED: { target: 'waiting' } },
          after: { settleDelay: { target: '#link.online' } },
        },
      },
    },
    closed: {
      description: 'It is over.',
      tags: 'closed',
      type: 'final',
      entry: 'shutDown',
    },
  },
});

type LinkConfig = Parameters<typeof linkSetup.createMachine>[0];
type LinkState = NonNullable<LinkConfig['states']>[string];

/** The chart's own parts, for a chart that has some more. They are that literal, under the wide type that a setup takes. */
export const linkConfig = linkMachine.config as unknown as LinkConfig & {
  readonly states: Readonly<Record<'connecting' | 'online' | 'degraded' | 'closed', LinkState>>;
};
