// @ts-check
/**
 * A copy of Muster's connection chart (src/machines/connection.ts), edited: a login service has to identify the client
 * before the connection opens. The file imports xstate only, so it can be pasted into a statechart editor unchanged.
 * Additions are marked with "added".
 */
import { assign, fromPromise, setup } from 'xstate';

/**
 * @typedef {object} ConnectionContext
 * @property {string} id
 * @property {boolean} isNativeOnly
 * @property {boolean} isReachable
 * @property {{ readonly frames: number, readonly bytes: number }} early
 * @property {boolean} wasAccepted
 * @property {{ readonly code: number, readonly text: string } | null} reason
 * @property {string | null} user Added: the user's name.
 */

/** @typedef {{ id: string, isNativeOnly: boolean, isReachable: boolean }} ConnectionInput */

/**
 * @typedef {{ type: 'ACK' | 'AGREED' | 'REACHED' | 'CONGESTED' | 'DRAINED' | 'OVERFLOWED' }
 *   | { type: 'FRAME', data: string | Uint8Array }
 *   | { type: 'DELIVER', bytes: Uint8Array }
 *   | { type: 'REFUSED' | 'CLOSE' | 'SOCKET.CLOSED', code: number, text: string }} ConnectionEvent
 */

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
      reason: ({ context }, /** @type {{ code: number, text: string }} */ params) => context.reason ?? params,
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
  description: 'One websocket, from its upgrade to its end.',
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
    'SOCKET.CLOSED': {
      target: '.closed',
      actions: { type: 'recordReason', params: ({ event }) => ({ code: event.code, text: event.text }) },
    },
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
                  actions: [{ type: 'recordReason', params: { code: 1008, text: 'unknown user' } }, 'sendRefusal'],
                },
              },
              after: {
                loginTimeout: {
                  target: '#connection.closing',
                  actions: [
                    { type: 'recordReason', params: { code: 1008, text: 'not logged in in time' } },
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
