import { setup } from 'xstate';

/** The events of the room's chart. */
export type RoomEvent =
  /** The peer asks. */
  | { readonly type: 'ASKED.JOIN' }
  | { readonly type: 'ASKED.LEAVE' }
  /** This side begins. */
  | { readonly type: 'JOIN' }
  | { readonly type: 'LEAVE' }
  /** The outcome of this side's handler. */
  | { readonly type: 'ALLOWED' }
  | { readonly type: 'REFUSED' }
  /** The peer's answer. */
  | { readonly type: 'AGREED' }
  | { readonly type: 'DECLINED' }
  /** The namespace is being left. */
  | { readonly type: 'EXPELLED' }
  /** The connection has ended. */
  | { readonly type: 'ENDED' };

/** The types and actions of the room's chart, for a chart of the program's own. */
export const roomSetup = setup({
  types: {
    context: {} as Record<string, never>,
    events: {} as RoomEvent,
    tags: {} as 'settled' | 'member',
  },
  actions: {
    /** Runs the handler that may refuse; its outcome comes back as ALLOWED or REFUSED. */
    runVetoHandler: (_, _params: { readonly event: string; readonly isLocal: boolean }) => {},
    /** Sends the peer this lifecycle event as an ask; its answer comes back as AGREED or DECLINED. */
    askPeer: (_, _params: { readonly event: string }) => {},
    /** Asks the peer to leave: our own handler refused what the peer had agreed to. */
    retract: () => {},
    /** Makes the connection a member. */
    enter: () => {},
    /** Ends the membership. */
    exit: () => {},
    /** Runs a handler whose outcome changes nothing. */
    runNotifyHandler: (_, _params: { readonly event: string; readonly isLocal: boolean }) => {},
    /** Reports the error of a handler that refused what cannot be refused. */
    report: () => {},
    /** Answers the peer's ask: done. */
    answer: () => {},
    /** Answers the peer's ask: refused. */
    answerRefusal: () => {},
    /** Resolves the call that began this. */
    settle: () => {},
    /** Rejects the call that began this. */
    fail: () => {},
  },
});

/** The chart of one connection in one room. It is stepped, not run: the connection stores its state as a value. */
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
      description: 'Neither side has asked yet.',
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
          description: 'The peer is in; our own handler decides last.',
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
      description: 'A member: it gets what is broadcast to the room, and may send to it.',
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
      description: 'Over; a new join starts again.',
      tags: 'settled',
      type: 'final',
    },
  },
});

type RoomConfig = Parameters<typeof roomSetup.createMachine>[0];
type RoomState = NonNullable<RoomConfig['states']>[string];

// The literal of above, under the wide type that a setup takes.
/** The parts of the chart, for a chart of the program's own that adds to them. */
export const roomConfig = roomMachine.config as unknown as RoomConfig & {
  readonly states: Readonly<Record<'outside' | 'joining' | 'joined' | 'leaving' | 'left', RoomState>>;
};
