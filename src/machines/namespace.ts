import { setup } from 'xstate';

/** Owner of a step, for guards to decide by. */
export interface NamespaceOwner {
  /** Name of the namespace. */
  readonly namespace: string;
  /** Connection: its id, and the values that `conn.set` stored. */
  readonly conn: { readonly id: string; get(key: string): unknown };
}

/** Event of the namespace chart, with the owner of the step. */
export type NamespaceEvent = NamespaceOwner &
  /** The client asks. */
  (
    | { readonly type: 'ASKED.CONNECT' }
    | { readonly type: 'ASKED.DISCONNECT' }
    /** The program calls `connect` or `disconnect`. */
    | { readonly type: 'CONNECT' }
    | { readonly type: 'DISCONNECT' }
    /** Result of the server's own handler. */
    | { readonly type: 'ALLOWED' }
    | { readonly type: 'REFUSED' }
    /** Answer of the client. */
    | { readonly type: 'AGREED' }
    | { readonly type: 'DECLINED' }
    /** The connection has left every room. */
    | { readonly type: 'EMPTIED' }
    /** The connection has ended. */
    | { readonly type: 'ENDED' }
  );

/** Setup of the namespace chart: types, actions and guards. */
export const namespaceSetup = setup({
  types: {
    context: {} as Record<string, never>,
    events: {} as NamespaceEvent,
    tags: {} as 'settled' | 'member' | 'arriving',
  },
  actions: {
    /** Run a handler that can refuse. ALLOWED or REFUSED follows. */
    runVetoHandler: (_, _params: { readonly event: string; readonly isLocal: boolean }) => {},
    /** Ask the client with this lifecycle event. AGREED or DECLINED follows. */
    askPeer: (_, _params: { readonly event: string }) => {},
    /** Add the membership. */
    enter: () => {},
    /** Remove the membership. */
    exit: () => {},
    /** Leave every room. No handler can refuse. EMPTIED follows. */
    leaveRooms: () => {},
    /** End every room, as the connection has ended. */
    endRooms: () => {},
    /** Run a handler that cannot refuse. */
    runNotifyHandler: (_, _params: { readonly event: string; readonly isLocal: boolean }) => {},
    /** Answer the client's ask with success. */
    answer: () => {},
    /** Answer the client's ask with the refusal. */
    answerRefusal: () => {},
    /** Resolve the call that began this step. */
    settle: () => {},
    /** Reject the call that began this step. */
    fail: () => {},
  },
  guards: {
    /** Allow the connection in this namespace. Otherwise no handler runs (SV19). */
    mayConnect: () => true,
  },
});

/** Chart of one connection's membership of a namespace. It is stepped, not run: the connection keeps its state. */
export const namespaceMachine = namespaceSetup.createMachine({
  id: 'namespace',
  description: 'One connection in one namespace.',
  context: {},
  initial: 'outside',
  on: { ENDED: { target: '.disconnected', actions: 'fail' } },
  states: {
    outside: {
      description: 'Not connected; no step has begun.',
      tags: 'settled',
      on: {
        'ASKED.CONNECT': [{ guard: 'mayConnect', target: 'connecting.deciding' }, { actions: 'answerRefusal' }],
        'ASKED.DISCONNECT': { actions: 'answer' },
        CONNECT: [{ guard: 'mayConnect', target: 'connecting.proposing' }, { actions: 'fail' }],
        DISCONNECT: { actions: 'fail' },
      },
    },
    connecting: {
      description: 'Connecting. Either side can refuse.',
      initial: 'deciding',
      states: {
        deciding: {
          description: 'The client asked. The handler decides.',
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
          description: 'The server connects. Its own handler decides first.',
          entry: { type: 'runVetoHandler', params: { event: '_OnNamespaceConnect', isLocal: true } },
          on: {
            ALLOWED: { target: 'asking' },
            REFUSED: { target: '#namespace.disconnected', actions: 'fail' },
          },
        },
        asking: {
          description: 'Waits for the client. Its frames for this namespace wait too.',
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
      description: 'A member. It receives broadcasts and can join rooms.',
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
      description: 'Disconnecting. Still a member until both sides agree.',
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
          description: 'The client asked. The handler decides.',
          entry: { type: 'runVetoHandler', params: { event: '_OnNamespaceDisconnect', isLocal: false } },
          on: {
            ALLOWED: { target: 'granting' },
            REFUSED: { target: '#namespace.connected', actions: 'answerRefusal' },
          },
        },
        granting: {
          description: 'The handler allowed it. The connection leaves its rooms first.',
          entry: 'leaveRooms',
          on: { EMPTIED: { target: '#namespace.disconnected', actions: ['exit', 'answer'] } },
        },
        asking: {
          description: 'Waits for the client to agree.',
          entry: { type: 'askPeer', params: { event: '_OnNamespaceDisconnect' } },
          on: {
            AGREED: { target: 'agreed' },
            DECLINED: { target: '#namespace.connected', actions: 'fail' },
          },
        },
        agreed: {
          description: 'The client agreed. The connection leaves its rooms first.',
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
      description: 'Disconnected. A new connect starts again from outside.',
      tags: 'settled',
      type: 'final',
    },
  },
});
