import { setup } from 'xstate';

/** Whose step it is: what a guard decides by. */
export interface NamespaceOwner {
  readonly namespace: string;
  /** The connection, as far as a chart has to know it. */
  readonly conn: { readonly id: string; get(key: string): unknown };
}

export type NamespaceEvent = NamespaceOwner &
  /** The peer asks. */
  (
    | { readonly type: 'ASKED.CONNECT' }
    | { readonly type: 'ASKED.DISCONNECT' }
    /** This side wants it. */
    | { readonly type: 'CONNECT' }
    | { readonly type: 'DISCONNECT' }
    /** What this side's handler said. */
    | { readonly type: 'ALLOWED' }
    | { readonly type: 'REFUSED' }
    /** What the peer answered. */
    | { readonly type: 'AGREED' }
    | { readonly type: 'DECLINED' }
    /** Every room has been left. */
    | { readonly type: 'EMPTIED' }
    /** The connection has ended. */
    | { readonly type: 'ENDED' }
  );

export const namespaceSetup = setup({
  types: {
    context: {} as Record<string, never>,
    events: {} as NamespaceEvent,
    tags: {} as 'settled' | 'member' | 'arriving',
  },
  actions: {
    /** Run the handler that may refuse; its outcome comes back as ALLOWED or REFUSED. */
    runVetoHandler: (_, _params: { readonly event: string; readonly isLocal: boolean }) => {},
    /** Send the peer this lifecycle event as an ask; its answer comes back as AGREED or DECLINED. */
    askPeer: (_, _params: { readonly event: string }) => {},
    /** Become a member. */
    enter: () => {},
    /** Be a member no more. */
    exit: () => {},
    /** Leave every room, which no handler can refuse; then comes EMPTIED. */
    leaveRooms: () => {},
    /** Every room has ended with the connection. */
    endRooms: () => {},
    /** Run a handler whose outcome changes nothing. */
    runNotifyHandler: (_, _params: { readonly event: string; readonly isLocal: boolean }) => {},
    /** Answer the peer's ask: done. */
    answer: () => {},
    /** Answer the peer's ask: refused. */
    answerRefusal: () => {},
    /** The call that began this has succeeded. */
    settle: () => {},
    /** The call that began this has failed. */
    fail: () => {},
  },
  guards: {
    /** May it be connected to this namespace at all? Where not, no handler is asked. */
    mayConnect: () => true,
  },
});

/** A namespace of one connection. Its present state is a value that the connection keeps; it is stepped, not run. */
export const namespaceMachine = namespaceSetup.createMachine({
  id: 'namespace',
  description: 'One connection in one namespace.',
  context: {},
  initial: 'outside',
  on: { ENDED: { target: '.disconnected', actions: 'fail' } },
  states: {
    outside: {
      description: 'Nobody has asked yet.',
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
          description: 'We want in; our own handler is heard first.',
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
      description: 'Over; a new connect begins a new life.',
      tags: 'settled',
      type: 'final',
    },
  },
});

type NamespaceConfig = Parameters<typeof namespaceSetup.createMachine>[0];
type NamespaceState = NonNullable<NamespaceConfig['states']>[string];

/** The chart's own parts, for a chart that has some more. They are that literal, under the wide type that a setup takes. */
export const namespaceConfig = namespaceMachine.config as unknown as NamespaceConfig & {
  readonly states: Readonly<
    Record<'outside' | 'connecting' | 'connected' | 'disconnecting' | 'disconnected', NamespaceState>
  >;
};
