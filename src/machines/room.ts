import { setup } from 'xstate';

/** Event of the room chart. */
export type RoomEvent =
  /** The client asks. */
  | { readonly type: 'ASKED.JOIN' }
  | { readonly type: 'ASKED.LEAVE' }
  /** The program calls `joinRoom` or `leave`. */
  | { readonly type: 'JOIN' }
  | { readonly type: 'LEAVE' }
  /** Result of the server's own handler. */
  | { readonly type: 'ALLOWED' }
  | { readonly type: 'REFUSED' }
  /** Answer of the client. */
  | { readonly type: 'AGREED' }
  | { readonly type: 'DECLINED' }
  /** The connection leaves the namespace. */
  | { readonly type: 'EXPELLED' }
  /** The connection has ended. */
  | { readonly type: 'ENDED' };

/** Setup of the room chart: types and actions. */
export const roomSetup = setup({
  types: {
    context: {} as Record<string, never>,
    events: {} as RoomEvent,
    tags: {} as 'settled' | 'member',
  },
  actions: {
    /** Run a handler that can refuse. ALLOWED or REFUSED follows. */
    runVetoHandler: (_, _params: { readonly event: string; readonly isLocal: boolean }) => {},
    /** Ask the client with this lifecycle event. AGREED or DECLINED follows. */
    askPeer: (_, _params: { readonly event: string }) => {},
    /** Tell the client to leave again, as the server's own handler refused. */
    retract: () => {},
    /** Add the membership. */
    enter: () => {},
    /** Remove the membership. */
    exit: () => {},
    /** Run a handler that cannot refuse. */
    runNotifyHandler: (_, _params: { readonly event: string; readonly isLocal: boolean }) => {},
    /** Report a handler that refused a forced step. */
    report: () => {},
    /** Answer the client's ask with success. */
    answer: () => {},
    /** Answer the client's ask with the refusal. */
    answerRefusal: () => {},
    /** Resolve the call that began this step. */
    settle: () => {},
    /** Reject the call that began this step. */
    fail: () => {},
  },
});

/** Chart of one connection's membership of a room. It is stepped, not run: the connection keeps its state. */
export const roomMachine = roomSetup.createMachine({
  id: 'room',
  description: 'One connection in one room of a namespace.',
  context: {},
  initial: 'outside',
  on: {
    EXPELLED: { target: '.left', actions: 'fail' },
    ENDED: { target: '.left', actions: 'fail' },
  },
  states: {
    outside: {
      description: 'Not joined; no step has begun.',
      tags: 'settled',
      on: {
        'ASKED.JOIN': { target: 'joining.deciding' },
        'ASKED.LEAVE': { actions: 'answer' },
        JOIN: { target: 'joining.asking' },
        LEAVE: { actions: 'fail' },
      },
    },
    joining: {
      description: 'Joining. Either side can refuse.',
      initial: 'deciding',
      states: {
        deciding: {
          description: 'The client asked. The handler decides.',
          entry: { type: 'runVetoHandler', params: { event: '_OnRoomJoin', isLocal: false } },
          on: {
            ALLOWED: {
              target: '#room.joined',
              actions: [
                'enter',
                { type: 'runNotifyHandler', params: { event: '_OnRoomJoined', isLocal: false } },
                'answer',
              ],
            },
            REFUSED: { target: '#room.left', actions: 'answerRefusal' },
          },
        },
        asking: {
          description: 'Waits for the client to agree.',
          entry: { type: 'askPeer', params: { event: '_OnRoomJoin' } },
          on: {
            AGREED: { target: 'confirming' },
            DECLINED: { target: '#room.left', actions: 'fail' },
          },
        },
        confirming: {
          description: "The client agreed. The server's own handler decides.",
          entry: { type: 'runVetoHandler', params: { event: '_OnRoomJoin', isLocal: true } },
          on: {
            ALLOWED: {
              target: '#room.joined',
              actions: [
                'enter',
                { type: 'runNotifyHandler', params: { event: '_OnRoomJoined', isLocal: true } },
                'settle',
              ],
            },
            REFUSED: { target: '#room.left', actions: ['retract', 'fail'] },
          },
        },
      },
    },
    joined: {
      description: 'A member. It receives broadcasts to the room and can send in it.',
      tags: ['settled', 'member'],
      on: {
        'ASKED.JOIN': { actions: 'answer' },
        'ASKED.LEAVE': { target: 'leaving.deciding' },
        JOIN: { actions: 'settle' },
        LEAVE: { target: 'leaving.asking' },
        EXPELLED: { target: 'leaving.expelled' },
        ENDED: {
          target: 'left',
          actions: [
            { type: 'runNotifyHandler', params: { event: '_OnRoomLeave', isLocal: false } },
            'exit',
            { type: 'runNotifyHandler', params: { event: '_OnRoomLeft', isLocal: false } },
          ],
        },
      },
    },
    leaving: {
      description: 'Leaving. Still a member until both sides agree.',
      tags: 'member',
      initial: 'deciding',
      on: {
        EXPELLED: { target: '.expelled', actions: 'fail' },
        ENDED: {
          target: '#room.left',
          actions: [
            { type: 'runNotifyHandler', params: { event: '_OnRoomLeave', isLocal: false } },
            'exit',
            { type: 'runNotifyHandler', params: { event: '_OnRoomLeft', isLocal: false } },
            'fail',
          ],
        },
      },
      states: {
        deciding: {
          description: 'The client asked. The handler decides.',
          entry: { type: 'runVetoHandler', params: { event: '_OnRoomLeave', isLocal: false } },
          on: {
            ALLOWED: {
              target: '#room.left',
              actions: [
                'exit',
                { type: 'runNotifyHandler', params: { event: '_OnRoomLeft', isLocal: false } },
                'answer',
              ],
            },
            REFUSED: { target: '#room.joined', actions: 'answerRefusal' },
          },
        },
        asking: {
          description: 'Waits for the client to agree.',
          entry: { type: 'askPeer', params: { event: '_OnRoomLeave' } },
          on: {
            AGREED: { target: 'confirming' },
            DECLINED: { target: '#room.joined', actions: 'fail' },
          },
        },
        expelled: {
          description: 'The namespace is left, so the room is too. The handler cannot refuse.',
          entry: { type: 'runVetoHandler', params: { event: '_OnRoomLeave', isLocal: false } },
          on: {
            ENDED: {
              target: '#room.left',
              actions: ['exit', { type: 'runNotifyHandler', params: { event: '_OnRoomLeft', isLocal: false } }],
            },
            ALLOWED: {
              target: '#room.left',
              actions: ['exit', { type: 'runNotifyHandler', params: { event: '_OnRoomLeft', isLocal: false } }],
            },
            REFUSED: {
              target: '#room.left',
              actions: [
                'report',
                'exit',
                { type: 'runNotifyHandler', params: { event: '_OnRoomLeft', isLocal: false } },
              ],
            },
          },
        },
        confirming: {
          description: "The client agreed. The server's own handler can still refuse.",
          entry: { type: 'runVetoHandler', params: { event: '_OnRoomLeave', isLocal: false } },
          on: {
            ALLOWED: {
              target: '#room.left',
              actions: [
                'exit',
                { type: 'runNotifyHandler', params: { event: '_OnRoomLeft', isLocal: false } },
                'settle',
              ],
            },
            REFUSED: { target: '#room.joined', actions: 'fail' },
          },
        },
      },
    },
    left: {
      description: 'Left. A new join starts again from outside.',
      tags: 'settled',
      type: 'final',
    },
  },
});
