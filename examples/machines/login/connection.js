// @ts-check
/**
 * A copy of Muster's connection chart (src/machines/connection.ts), edited: a login service has to identify the client
 * before the connection opens. The file imports xstate only, so it can be pasted into a statechart editor unchanged.
 * Additions are marked with "added".
 */
import { assign, fromPromise, setup } from 'xstate';

/** @typedef {{ readonly code: number, readonly text: string, readonly cause?: string | undefined }} EndReason */

/**
 * @typedef {object} ConnectionContext
 * @property {string} id
 * @property {boolean} isNativeOnly
 * @property {boolean} isReachable
 * @property {{ readonly frames: number, readonly bytes: number }} early
 * @property {boolean} wasAccepted
 * @property {EndReason | null} reason
 * @property {string | null} user Added: the user's name.
 */

/** @typedef {{ id: string, isNativeOnly: boolean, isReachable: boolean }} ConnectionInput */

/**
 * @typedef {{ type: 'ACK' | 'AGREED' | 'REACHED' | 'CONGESTED' | 'DRAINED' | 'OVERFLOWED' }
 *   | { type: 'FRAME', data: string | Uint8Array }
 *   | { type: 'DELIVER', bytes: Uint8Array }
 *   | { type: 'REFUSED' | 'CLOSE' | 'SOCKET.CLOSED' } & EndReason} ConnectionEvent
 */

/** @type {(event: ConnectionEvent) => EndReason | null} */
const reasonOf = (event) => ('code' in event ? { code: event.code, text: event.text, cause: event.cause } : null);

const connectionSetup = setup({
  types: {
    context: /** @type {ConnectionContext} */ ({}),
    input: /** @type {ConnectionInput} */ ({}),
    events: /** @type {ConnectionEvent} */ ({}),
    tags: /** @type {'acknowledging' | 'agreed' | 'open' | 'congested'} */ ('open'),
  },
  actors: {
    /** Added: resolves with the user's name, or rejects. By default every user is a guest. */
    login: fromPromise(async (/** @type {{ input: { id: string } }} */ _) => 'guest'),
  },
  actions: {
    /** Runs `onConnect`. */
    runOnConnect: () => {},
    /** Buffers a frame that arrives before the connection is open. */
    bufferEarly: () => {},
    countEarly: () => {},
    /** Sends `A<id>`, then the messages of `onConnect`, then handles the early frames. */
    sendAccept: () => {},
    /** Sends `H<text>`. */
    sendRefusal: () => {},
    /** Puts a frame into the inbox. */
    receive: () => {},
    /** Writes a delivery to the socket. */
    deliver: () => {},
    /** Counts a full socket. */
    countCongestion: () => {},
    /** Counts an evicted slow consumer. */
    countEviction: () => {},
    /** Writes pending deliveries, leaves every topic and the count, and then runs the handlers of the end. */
    teardown: () => {},
    /** Sends the close frame. */
    sendClose: () => {},
    /** Destroys the socket, if there still is one. */
    destroySocket: () => {},
    markAccepted: assign({ wasAccepted: true }),
    markReachable: assign({ isReachable: true }),
    recordReason: assign({
      reason: ({ context, event }, /** @type {EndReason | undefined} */ params) =>
        context.reason ?? params ?? reasonOf(event),
    }),
    /** Added. */
    noteUser: assign({ user: (_, /** @type {{ user: string }} */ params) => params.user }),
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
    /** Added. */
    loginTimeout: 3_000,
  },
});

/** One connection, from its upgrade to its end. */
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
    user: null,
  }),
  initial: 'acknowledging',
  on: {
    'SOCKET.CLOSED': { target: '.closed', actions: 'recordReason' },
  },
  states: {
    acknowledging: {
      description: 'The client sends M, the server runs onConnect, and the login service identifies the user.',
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
        // Added: the login has to succeed too.
        login: {
          description: 'The login.',
          initial: 'asking',
          states: {
            asking: {
              description: 'The login service has not answered yet.',
              invoke: {
                id: 'login',
                src: 'login',
                input: ({ context }) => ({ id: context.id }),
                onDone: {
                  target: 'known',
                  actions: { type: 'noteUser', params: ({ event }) => ({ user: event.output }) },
                },
                onError: {
                  target: '#connection.closing',
                  actions: [
                    { type: 'recordReason', params: { code: 1008, text: 'unknown user', cause: 'refused' } },
                    'sendRefusal',
                  ],
                },
              },
              after: {
                loginTimeout: {
                  target: '#connection.closing',
                  actions: [
                    { type: 'recordReason', params: { code: 1008, text: 'not logged in in time', cause: 'refused' } },
                    'sendRefusal',
                  ],
                },
              },
            },
            known: { description: 'The user is known.', type: 'final' },
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
