import { setup } from 'xstate';

export type RoomEvent =
  /** The peer asks. */
  | { readonly type: 'ASKED.JOIN' }
  | { readonly type: 'ASKED.LEAVE' }
  /** This side wants it. */
  | { readonly type: 'JOIN' }
  | { readonly type: 'LEAVE' }
  /** What this side's handler said. */
  | { readonly type: 'ALLOWED' }
  | { readonly type: 'REFUSED' }
  /** What the peer answered. */
  | { readonly type: 'AGREED' }
  | { readonly type: 'DECLINED' }
  /** The namespace is being left. */
  | { readonly type: 'EXPELLED' }
  /** The connection has ended. */
  | { readonly type: 'ENDED' };

export const roomSetup = setup({
  types: {
    context: {} as Record<string, never>,
    events: {} as RoomEvent,
    tags: {} as 'settled' | 'member',
  },
  actions: {
    /** Run the handler that may refuse; its outcome comes back as ALLOWED or REFUSED. */
    runVetoHandler: (_, _params: { readonly event: string; readonly isLocal: boolean }) => {},
    /** Send the peer this lifecycle event as an ask; its answer comes back as AGREED or DECLINED. */
    askPeer: (_, _params: { readonly event: string }) => {},
    /** Tell the peer to leave, as our own handler refused what the peer has agreed to. */
    retract: () => {},
    /** Become a member. */
    enter: () => {},
    /** Be a member no more. */
    exit: () => {},
    /** Run a handler whose outcome changes nothing. */
    runNotifyHandler: (_, _params: { readonly event: string; readonly isLocal: boolean }) => {},
    /** A handler has refused what cannot be refused. */
    report: () => {},
    /** Answer the peer's ask: done. */
    answer: () => {},
    /** Answer the peer's ask: refused. */
    answerRefusal: () => {},
    /** The call that began this has succeeded. */
    settle: () => {},
    /** The call that began this has failed. */
    fail: () => {},
  },
});

/** A room of one connection's namespace. Its present state is a value that the connection keeps; it is stepped, not run. */
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
      description: 'Nobody has asked yet.',
      tags: 'settled',
      on: {
        'ASKED.JOIN': { target: 'joining.deciding' },
        'ASKED.LEAVE': { actions: 'answer' },
        JOIN: { target: 'joining.asking' },
        LEAVE: { actions: 'fail' },
      },
    },
    joining: {
      description: 'On the way in; either side may refuse.',
      initial: 'deciding',
      states: {
        deciding: {
          description: 'The peer asked; our handler decides.',
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
          description: 'The peer is asked.',
          entry: { type: 'askPeer', params: { event: '_OnRoomJoin' } },
          on: {
            AGREED: { target: 'confirming' },
            DECLINED: { target: '#room.left', actions: 'fail' },
          },
        },
        confirming: {
          description: 'The peer is in; our own handler has the last word.',
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
      description: 'A member: it gets what is broadcast to the room, and may speak in it.',
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
      description: 'On the way out; still a member until both sides agree.',
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
          description: 'The peer asked; our handler decides.',
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
          description: 'The peer is asked.',
          entry: { type: 'askPeer', params: { event: '_OnRoomLeave' } },
          on: {
            AGREED: { target: 'confirming' },
            DECLINED: { target: '#room.joined', actions: 'fail' },
          },
        },
        expelled: {
          description: 'The namespace is being left, so the room is too, whatever our handler says.',
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
          description: 'The peer is out; our own handler may still keep it here.',
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
      description: 'Over; a new join begins a new life.',
      tags: 'settled',
      type: 'final',
    },
  },
});

type RoomConfig = Parameters<typeof roomSetup.createMachine>[0];
type RoomState = NonNullable<RoomConfig['states']>[string];

/** The chart's own parts, for a chart that has some more. They are that literal, under the wide type that a setup takes. */
export const roomConfig = roomMachine.config as unknown as RoomConfig & {
  readonly states: Readonly<Record<'outside' | 'joining' | 'joined' | 'leaving' | 'left', RoomState>>;
};
