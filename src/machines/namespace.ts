import { setup } from 'xstate';

/** The connection and the namespace of a step, by which a guard decides (SV19). */
export interface NamespaceOwner {
  /** The name of the namespace. */
  readonly namespace: string;
  /** The connection: its id, and what the program has stored with it. */
  readonly conn: { readonly id: string; get(key: string): unknown };
}

/** The events of the namespace's chart. */
export type NamespaceEvent = NamespaceOwner &
  /** The peer asks. */
  (
    | { readonly type: 'ASKED.CONNECT' }
    | { readonly type: 'ASKED.DISCONNECT' }
    /** This side begins. */
    | { readonly type: 'CONNECT' }
    | { readonly type: 'DISCONNECT' }
    /** The outcome of this side's handler. */
    | { readonly type: 'ALLOWED' }
    | { readonly type: 'REFUSED' }
    /** The peer's answer. */
    | { readonly type: 'AGREED' }
    | { readonly type: 'DECLINED' }
    /** Every room has been left. */
    | { readonly type: 'EMPTIED' }
    /** The connection has ended. */
    | { readonly type: 'ENDED' }
  );

/** The types, actions and guards of the namespace's chart, for a chart of the program's own. */
export const namespaceSetup = setup({
  types: {
    context: {} as Record<string, never>,
    events: {} as NamespaceEvent,
    tags: {} as 'settled' | 'member' | 'arriving',
  },
  actions: {
    /** Runs the handler that may refuse; its outcome comes back as ALLOWED or REFUSED. */
    runVetoHandler: (_, _params: { readonly event: string; readonly isLocal: boolean }) => {},
    /** Sends the peer this lifecycle event as an ask; its answer comes back as AGREED or DECLINED. */
    askPeer: (_, _params: { readonly event: string }) => {},
    /** Makes the connection a member. */
    enter: () => {},
    /** Ends the membership. */
    exit: () => {},
    /** Leaves every room, which no handler can refuse; then comes EMPTIED. */
    leaveRooms: () => {},
    /** Ends every room with the connection. */
    endRooms: () => {},
    /** Runs a handler whose outcome changes nothing. */
    runNotifyHandler: (_, _params: { readonly event: string; readonly isLocal: boolean }) => {},
    /** Answers the peer's ask: done. */
    answer: () => {},
    /** Answers the peer's ask: refused. */
    answerRefusal: () => {},
    /** Resolves the call that began this. */
    settle: () => {},
    /** Rejects the call that began this. */
    fail: () => {},
  },
  guards: {
    /** Decides whether the connection may enter the namespace at all. If not, no handler runs. */
    mayConnect: () => true,
  },
});

/** The chart of one connection in one namespace. It is stepped, not run: the connection stores its state as a value. */
export const namespaceMachine = namespaceSetup.createMachine({
  id: 'namespace',
  description: 'One connection in one namespace.',
  context: {},
  initial: 'outside',
  on: { ENDED: { target: '.disconnected', actions: 'fail' } },
  states: {
    outside: {
      description: 'Neither side has asked yet.',
      tags: 'settled',
      on: {
        'ASKED.CONNECT': [{ guard: 'mayConnect', target: 'connecting.deciding' }, { actions: 'answerRefusal' }],
        'ASKED.DISCONNECT': { actions: 'answer' },
        CONNECT: [{ guard: 'mayConnect', target: 'connecting.proposing' }, { actions: 'fail' }],
        DISCONNECT: { actions: 'fail' },
      },
    },
    connecting: {
      description: 'On the way in; either side may refuse.',
      initial: 'deciding',
      states: {
        deciding: {
          description: 'The peer asked; our handler decides.',
          entry: { type: 'runVetoHandler', params: { event: '_OnNamespaceConnect', isLocal: false } },
          on: {
            ALLOWED: {
              target: '#namespace.connected',
              actions: [
                'enter',
                'answer',
                { type: 'runNotifyHandler', params: { event: '_OnNamespaceConnected', isLocal: false } },
              ],
            },
            REFUSED: { target: '#namespace.disconnected', actions: 'answerRefusal' },
          },
        },
        proposing: {
          description: 'This side asks; our own handler decides first.',
          entry: { type: 'runVetoHandler', params: { event: '_OnNamespaceConnect', isLocal: true } },
          on: {
            ALLOWED: { target: 'asking' },
            REFUSED: { target: '#namespace.disconnected', actions: 'fail' },
          },
        },
        asking: {
          description: 'The peer is asked; what it sends to this namespace meanwhile is held.',
          tags: 'arriving',
          entry: { type: 'askPeer', params: { event: '_OnNamespaceConnect' } },
          on: {
            AGREED: {
              target: '#namespace.connected',
              actions: [
                'enter',
                { type: 'runNotifyHandler', params: { event: '_OnNamespaceConnected', isLocal: true } },
                'settle',
              ],
            },
            DECLINED: { target: '#namespace.disconnected', actions: 'fail' },
          },
        },
      },
    },
    connected: {
      description: 'A member: it gets what is broadcast here, and may join rooms.',
      tags: ['settled', 'member'],
      on: {
        'ASKED.CONNECT': { actions: 'answer' },
        'ASKED.DISCONNECT': { target: 'disconnecting.deciding' },
        CONNECT: { actions: 'settle' },
        DISCONNECT: { target: 'disconnecting.asking' },
        ENDED: {
          target: 'disconnected',
          actions: [
            'exit',
            'endRooms',
            { type: 'runNotifyHandler', params: { event: '_OnNamespaceDisconnect', isLocal: true } },
          ],
        },
      },
    },
    disconnecting: {
      description: 'On the way out; still a member until both sides agree.',
      tags: 'member',
      initial: 'deciding',
      on: {
        ENDED: {
          target: '#namespace.disconnected',
          actions: [
            'exit',
            'endRooms',
            { type: 'runNotifyHandler', params: { event: '_OnNamespaceDisconnect', isLocal: true } },
            'fail',
          ],
        },
      },
      states: {
        deciding: {
          description: 'The peer asked; our handler decides.',
          entry: { type: 'runVetoHandler', params: { event: '_OnNamespaceDisconnect', isLocal: false } },
          on: {
            ALLOWED: { target: 'granting' },
            REFUSED: { target: '#namespace.connected', actions: 'answerRefusal' },
          },
        },
        granting: {
          description: 'The peer may go; first it leaves its rooms.',
          entry: 'leaveRooms',
          on: { EMPTIED: { target: '#namespace.disconnected', actions: ['exit', 'answer'] } },
        },
        asking: {
          description: 'The peer is asked.',
          entry: { type: 'askPeer', params: { event: '_OnNamespaceDisconnect' } },
          on: {
            AGREED: { target: 'agreed' },
            DECLINED: { target: '#namespace.connected', actions: 'fail' },
          },
        },
        agreed: {
          description: 'The peer goes; first it leaves its rooms.',
          entry: 'leaveRooms',
          on: {
            EMPTIED: {
              target: '#namespace.disconnected',
              actions: [
                'exit',
                { type: 'runNotifyHandler', params: { event: '_OnNamespaceDisconnect', isLocal: true } },
                'settle',
              ],
            },
          },
        },
      },
    },
    disconnected: {
      description: 'Over; a new connect starts again.',
      tags: 'settled',
      type: 'final',
    },
  },
});

type NamespaceConfig = Parameters<typeof namespaceSetup.createMachine>[0];
type NamespaceState = NonNullable<NamespaceConfig['states']>[string];

// The literal of above, under the wide type that a setup takes.
/** The parts of the chart, for a chart of the program's own that adds to them. */
export const namespaceConfig = namespaceMachine.config as unknown as NamespaceConfig & {
  readonly states: Readonly<
    Record<'outside' | 'connecting' | 'connected' | 'disconnecting' | 'disconnected', NamespaceState>
  >;
};
