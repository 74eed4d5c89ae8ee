import { assign, setup } from 'xstate';

export interface ConnectionContext {
  readonly id: string;
  /** Only native messages are handled, so there is no handshake. */
  readonly isNativeOnly: boolean;
  /** Other servers reach it, or there is no broker at present that they could do so by. */
  readonly isReachable: boolean;
  /** What the client sent before it was let in. */
  readonly early: { readonly frames: number; readonly bytes: number };
  /** Has the server let it in? */
  readonly wasAccepted: boolean;
  /** Why it ends: the first reason given stays. */
  readonly reason: { readonly code: number; readonly text: string } | null;
}

export interface ConnectionInput {
  readonly id: string;
  readonly isNativeOnly: boolean;
  readonly isReachable: boolean;
}

export type ConnectionEvent =
  | { readonly type: 'ACK' }
  | { readonly type: 'FRAME'; readonly data: string | Uint8Array }
  | { readonly type: 'DELIVER'; readonly bytes: Uint8Array }
  | { readonly type: 'AGREED' }
  | { readonly type: 'REACHED' }
  | { readonly type: 'REFUSED'; readonly code: number; readonly text: string }
  | { readonly type: 'CONGESTED' }
  | { readonly type: 'DRAINED' }
  | { readonly type: 'OVERFLOWED' }
  | { readonly type: 'CLOSE'; readonly code: number; readonly text: string }
  | { readonly type: 'SOCKET.CLOSED'; readonly code: number; readonly text: string };

export const connectionSetup = setup({
  types: {
    context: {} as ConnectionContext,
    input: {} as ConnectionInput,
    events: {} as ConnectionEvent,
    tags: {} as 'acknowledging' | 'agreed' | 'open' | 'congested',
  },
  actions: {
    /** Ask `onConnect`. */
    runOnConnect: () => {},
    /** Keep a frame that came before the connection was open. */
    bufferEarly: () => {},
    countEarly: () => {},
    /** Send `A<id>`, then what `onConnect` has emitted, then run the early frames. */
    sendAccept: () => {},
    /** Send `H<text>`. */
    sendRefusal: () => {},
    /** Give a frame its turn in the lane. */
    receive: () => {},
    /** Write a delivery to the socket. */
    deliver: () => {},
    /** Count that the socket takes no more for now. */
    countCongestion: () => {},
    /** Count that it could not keep up. */
    countEviction: () => {},
    /** Write what is owed, leave every audience and the count, and tell handlers once the present turn is over. */
    teardown: () => {},
    /** Send the close frame. */
    sendClose: () => {},
    /** Destroy the socket if it is still there. */
    destroySocket: () => {},
    markAccepted: assign({ wasAccepted: true }),
    markReachable: assign({ isReachable: true }),
    recordReason: assign({
      reason: ({ context }, params: { readonly code: number; readonly text: string }) => context.reason ?? params,
    }),
  },
  guards: {
    isNativeOnly: ({ context }) => context.isNativeOnly,
    isReachable: ({ context }) => context.isReachable,
    fitsEarly: ({ context }) => context.early.frames < 16 && context.early.bytes < 65_536,
  },
  delays: {
    ackTimeout: 5_000,
    connectTimeout: 5_000,
    slowConsumerTimeout: 10_000,
    closeTimeout: 5_000,
  },
});

/** One connection, from the upgraded socket to its end. */
export const connectionMachine = connectionSetup.createMachine({
  id: 'connection',
  description: 'One websocket, from its upgrade to its end.',
  context: ({ input }) => ({
    id: input.id,
    isNativeOnly: input.isNativeOnly,
    isReachable: input.isReachable,
    early: { frames: 0, bytes: 0 },
    wasAccepted: false,
    reason: null,
  }),
  initial: 'acknowledging',
  on: {
    'SOCKET.CLOSED': {
      target: '.closed',
      actions: { type: 'recordReason', params: ({ event }) => ({ code: event.code, text: event.text }) },
    },
  },
  states: {
    acknowledging: {
      description: 'Both sides have to agree: the client by M, the server by onConnect.',
      tags: 'acknowledging',
      type: 'parallel',
      entry: 'runOnConnect',
      on: {
        FRAME: [
          { guard: 'fitsEarly', actions: ['countEarly', 'bufferEarly'] },
          {
            target: 'closing',
            actions: {
              type: 'recordReason',
              params: { code: 1008, text: 'too many frames before the acknowledgement' },
            },
          },
        ],
        ACK: [
          { guard: 'fitsEarly', actions: ['countEarly', 'bufferEarly'] },
          {
            target: 'closing',
            actions: {
              type: 'recordReason',
              params: { code: 1008, text: 'too many frames before the acknowledgement' },
            },
          },
        ],
        REFUSED: {
          target: 'closing',
          actions: { type: 'recordReason', params: ({ event }) => ({ code: event.code, text: event.text }) },
        },
        CLOSE: {
          target: 'closing',
          actions: { type: 'recordReason', params: ({ event }) => ({ code: event.code, text: event.text }) },
        },
      },
      states: {
        client: {
          description: 'What the client has said.',
          initial: 'unheard',
          states: {
            unheard: {
              description: 'Its M has not come yet.',
              always: { guard: 'isNativeOnly', target: 'heard' },
              on: { ACK: { target: 'heard' } },
              after: {
                ackTimeout: {
                  target: '#connection.closing',
                  actions: { type: 'recordReason', params: { code: 1008, text: 'not acknowledged in time' } },
                },
              },
            },
            heard: { description: 'It wants in.', type: 'final' },
          },
        },
        server: {
          description: 'What onConnect has said.',
          initial: 'undecided',
          states: {
            undecided: {
              description: 'onConnect has not settled yet.',
              on: {
                AGREED: [{ guard: 'isReachable', target: 'agreed' }, { target: 'unreached' }],
                REACHED: { actions: 'markReachable' },
                REFUSED: {
                  target: '#connection.closing',
                  actions: [
                    { type: 'recordReason', params: ({ event }) => ({ code: event.code, text: event.text }) },
                    'sendRefusal',
                  ],
                },
              },
              after: {
                connectTimeout: {
                  target: '#connection.closing',
                  actions: [
                    { type: 'recordReason', params: { code: 1008, text: 'not accepted in time' } },
                    'sendRefusal',
                  ],
                },
              },
            },
            unreached: {
              description: 'It may come in as soon as other servers reach it: the broker has yet to confirm that.',
              tags: 'agreed',
              entry: 'markAccepted',
              on: { REACHED: { target: 'agreed' } },
            },
            agreed: { description: 'It may come in.', tags: 'agreed', type: 'final', entry: 'markAccepted' },
          },
        },
      },
      onDone: { target: 'open', actions: 'sendAccept' },
    },
    open: {
      description: 'Frames take their turn in the lane; deliveries go to the socket.',
      tags: 'open',
      type: 'parallel',
      on: {
        REFUSED: {
          target: 'closing',
          actions: { type: 'recordReason', params: ({ event }) => ({ code: event.code, text: event.text }) },
        },
        CLOSE: {
          target: 'closing',
          actions: { type: 'recordReason', params: ({ event }) => ({ code: event.code, text: event.text }) },
        },
      },
      states: {
        flow: {
          description: 'Does the client take what it is sent?',
          initial: 'flowing',
          states: {
            flowing: {
              description: 'What is written leaves.',
              on: { CONGESTED: { target: 'congested' } },
            },
            congested: {
              description: 'The socket is full; what is owed waits in the outbox.',
              tags: 'congested',
              entry: 'countCongestion',
              on: {
                DRAINED: { target: 'flowing' },
                OVERFLOWED: {
                  target: '#connection.closed',
                  actions: [{ type: 'recordReason', params: { code: 1013, text: 'slow consumer' } }, 'countEviction'],
                },
              },
              after: {
                slowConsumerTimeout: {
                  target: '#connection.closed',
                  actions: [{ type: 'recordReason', params: { code: 1013, text: 'slow consumer' } }, 'countEviction'],
                },
              },
            },
          },
        },
      },
    },
    closing: {
      description: 'The close frame is out; the peer has a moment to answer it.',
      entry: ['teardown', 'sendClose'],
      after: { closeTimeout: { target: 'closed' } },
    },
    closed: {
      description: 'It is over.',
      type: 'final',
      entry: ['teardown', 'destroySocket'],
    },
  },
});

type ConnectionConfig = Parameters<typeof connectionSetup.createMachine>[0];
type ConnectionState = NonNullable<ConnectionConfig['states']>[string];

/** The chart's own parts, for a chart that has some more. They are that literal, under the wide type that a setup takes. */
export const connectionConfig = connectionMachine.config as unknown as ConnectionConfig & {
  readonly states: Readonly<Record<'acknowledging' | 'open' | 'closing' | 'closed', ConnectionState>>;
};
