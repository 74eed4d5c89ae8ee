import { assign, setup } from 'xstate';

/** Why a connection ends. */
interface EndReason {
  /** The close code; 1006 when no close frame is exchanged. */
  readonly code: number;
  /** The close text. */
  readonly text: string;
  /**
   * The key of `metrics().closes` under which the end counts, such as `client` or `slowConsumer`. Without a cause, or
   * with an unknown one, the end counts as `program`.
   */
  readonly cause?: string | undefined;
}

/** Context of the connection chart. */
export interface ConnectionContext {
  /** The id of the connection. */
  readonly id: string;
  /** Whether only native messages are handled, so that there is no handshake. */
  readonly isNativeOnly: boolean;
  /** Whether other servers can reach the connection. Also true while no broker is connected. */
  readonly isReachable: boolean;
  /** The frames that arrived before the connection was open, and their bytes. */
  readonly early: { readonly frames: number; readonly bytes: number };
  /** Whether the server has accepted the connection. */
  readonly wasAccepted: boolean;
  /** Why the connection ends; null until then. The first recorded reason stays. */
  readonly reason: EndReason | null;
}

/** Input of the connection chart. */
export interface ConnectionInput {
  /** The id of the connection. */
  readonly id: string;
  /** Whether only native messages are handled. */
  readonly isNativeOnly: boolean;
  /** Whether other servers can reach the connection from the start. */
  readonly isReachable: boolean;
}

/** Event of the connection chart. */
export type ConnectionEvent =
  /** The client has sent `M`. */
  | { readonly type: 'ACK' }
  /** The client has sent a frame. */
  | { readonly type: 'FRAME'; readonly data: string | Uint8Array }
  /** Bytes are to be delivered to the client. */
  | { readonly type: 'DELIVER'; readonly bytes: Uint8Array }
  /** `onConnect` has accepted the connection. */
  | { readonly type: 'AGREED' }
  /** Other servers can reach the connection now. */
  | { readonly type: 'REACHED' }
  /** `onConnect` has refused the connection. */
  | ({ readonly type: 'REFUSED' } & EndReason)
  /** The socket is full. */
  | { readonly type: 'CONGESTED' }
  /** The socket and the outbox are empty again. */
  | { readonly type: 'DRAINED' }
  /** The outbox of a slow consumer has reached its bound. */
  | { readonly type: 'OVERFLOWED' }
  /** The connection is to be closed with a close frame. */
  | ({ readonly type: 'CLOSE' } & EndReason)
  /** The socket is closed. */
  | ({ readonly type: 'SOCKET.CLOSED' } & EndReason);

/** Returns the reason that an event carries. */
const reasonOf = (event: ConnectionEvent): EndReason | null =>
  'code' in event ? { code: event.code, text: event.text, cause: event.cause } : null;

/** Setup of the connection chart: types, actions, guards and delays. */
export const connectionSetup = setup({
  types: {
    context: {} as ConnectionContext,
    input: {} as ConnectionInput,
    events: {} as ConnectionEvent,
    tags: {} as 'acknowledging' | 'agreed' | 'open' | 'congested',
  },
  actions: {
    /** Runs `onConnect`. */
    runOnConnect: () => {},
    /** Buffers a frame that arrives before the connection is open. */
    bufferEarly: () => {},
    /** Counts an early frame. */
    countEarly: () => {},
    /** Sends `A<id>`, then the messages of `onConnect`, then handles the early frames. */
    sendAccept: () => {},
    /** Sends `H<text>`. */
    sendRefusal: () => {},
    /** Puts a frame into the inbox. */
    receive: () => {},
    /** Refuses a frame: its ask gets an error with this text. */
    refuse: (_, _params?: { readonly text: string }) => {},
    /** Writes a delivery to the socket. */
    deliver: () => {},
    /** Counts a full socket. */
    countCongestion: () => {},
    /** Counts an evicted slow consumer. */
    countEviction: () => {},
    /** Writes pending deliveries, removes the connection from topics and the count, then runs its last handlers. */
    teardown: () => {},
    /** Sends the close frame. */
    sendClose: () => {},
    /** Destroys the socket, unless it is closed. */
    destroySocket: () => {},
    /** Records that the server has accepted the connection. */
    markAccepted: assign({ wasAccepted: true }),
    /** Records that other servers can reach the connection. */
    markReachable: assign({ isReachable: true }),
    /** Records why the connection ends: the parameters, or else the event. The first reason stays (SV6). */
    recordReason: assign({
      reason: ({ context, event }, params?: EndReason) => context.reason ?? params ?? reasonOf(event),
    }),
  },
  // Numbers of a chart on its own. A server replaces these guards and delays by its limits.
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

/** The chart of one connection, from its upgrade to its end. */
export const connectionMachine = connectionSetup.createMachine({
  id: 'connection',
  description: 'One WebSocket, from its upgrade to its end.',
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
    'SOCKET.CLOSED': { target: '.closed', actions: 'recordReason' },
  },
  states: {
    acknowledging: {
      description: 'The client sends M, and the server runs onConnect.',
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
              params: { code: 1008, text: 'too many frames before the acknowledgement', cause: 'earlyFrames' },
            },
          },
        ],
        ACK: [
          { guard: 'fitsEarly', actions: ['countEarly', 'bufferEarly'] },
          {
            target: 'closing',
            actions: {
              type: 'recordReason',
              params: { code: 1008, text: 'too many frames before the acknowledgement', cause: 'earlyFrames' },
            },
          },
        ],
        REFUSED: { target: 'closing', actions: 'recordReason' },
        CLOSE: { target: 'closing', actions: 'recordReason' },
      },
      states: {
        client: {
          description: 'The handshake, as the client sees it.',
          initial: 'unacknowledged',
          states: {
            unacknowledged: {
              description: 'The client has not sent M yet.',
              always: { guard: 'isNativeOnly', target: 'acknowledged' },
              on: { ACK: { target: 'acknowledged' } },
              after: {
                ackTimeout: {
                  target: '#connection.closing',
                  actions: {
                    type: 'recordReason',
                    params: { code: 1008, text: 'not acknowledged in time', cause: 'ackTimeout' },
                  },
                },
              },
            },
            acknowledged: { description: 'The client has sent M.', type: 'final' },
          },
        },
        server: {
          description: 'The handshake, as the server sees it.',
          initial: 'undecided',
          states: {
            undecided: {
              description: 'onConnect has not settled yet.',
              on: {
                AGREED: [{ guard: 'isReachable', target: 'agreed' }, { target: 'unreached' }],
                REACHED: { actions: 'markReachable' },
                REFUSED: { target: '#connection.closing', actions: ['recordReason', 'sendRefusal'] },
              },
              after: {
                connectTimeout: {
                  target: '#connection.closing',
                  actions: [
                    {
                      type: 'recordReason',
                      params: { code: 1008, text: 'not accepted in time', cause: 'connectTimeout' },
                    },
                    'sendRefusal',
                  ],
                },
              },
            },
            unreached: {
              description: 'onConnect has accepted; other servers cannot reach the connection yet.',
              tags: 'agreed',
              entry: 'markAccepted',
              on: { REACHED: { target: 'agreed' } },
            },
            agreed: { description: 'onConnect has accepted.', tags: 'agreed', type: 'final', entry: 'markAccepted' },
          },
        },
      },
      onDone: { target: 'open', actions: 'sendAccept' },
    },
    open: {
      description: 'Frames go to the inbox; deliveries go to the socket.',
      tags: 'open',
      type: 'parallel',
      on: {
        REFUSED: { target: 'closing', actions: 'recordReason' },
        CLOSE: { target: 'closing', actions: 'recordReason' },
      },
      states: {
        flow: {
          description: 'Whether the socket takes more.',
          initial: 'flowing',
          states: {
            flowing: {
              description: 'The socket takes more.',
              on: { CONGESTED: { target: 'congested' } },
            },
            congested: {
              description: 'The socket is full; deliveries wait in the outbox.',
              tags: 'congested',
              entry: 'countCongestion',
              on: {
                DRAINED: { target: 'flowing' },
                OVERFLOWED: {
                  target: '#connection.closed',
                  actions: [
                    { type: 'recordReason', params: { code: 1013, text: 'slow consumer', cause: 'slowConsumer' } },
                    'countEviction',
                  ],
                },
              },
              after: {
                slowConsumerTimeout: {
                  target: '#connection.closed',
                  actions: [
                    { type: 'recordReason', params: { code: 1013, text: 'slow consumer', cause: 'slowConsumer' } },
                    'countEviction',
                  ],
                },
              },
            },
          },
        },
      },
    },
    closing: {
      description: 'The close frame is sent; the client has closeTimeout to answer it.',
      entry: ['teardown', 'sendClose'],
      after: { closeTimeout: { target: 'closed' } },
    },
    closed: {
      description: 'The socket is closed.',
      type: 'final',
      entry: ['teardown', 'destroySocket'],
    },
  },
});
