/**
 * The table that decides what a client does next (CL1). It is data: `next` reads it, and `machine.ts` makes an XState
 * machine of it. A delay is an event too: it has the name of the delay.
 */

import { givenUp } from '../protocol/session.js';
import { isFinalClose, slotOf } from './line/closes.js';

/** What a client is doing. */
export type ClientState =
  | 'idle'
  | 'dialing'
  | 'greeting'
  | 'refused'
  | 'entering'
  | 'online'
  | 'waiting'
  | 'offline'
  | 'closing'
  | 'closed';

/** Event of the chart. */
export type ClientEvent =
  /** The client starts, or the program wants it to dial at once. */
  | { readonly type: 'DIAL' }
  /** The line is open. */
  | { readonly type: 'OPENED' }
  /** The server has accepted the line with `A<id>`. */
  | { readonly type: 'GREETED' }
  /** The server has refused the line with `H<text>`. */
  | { readonly type: 'REFUSED'; readonly text: string }
  /** Every namespace and room is entered, or refused. */
  | { readonly type: 'ENTERED' }
  /** The line has ended, or did not open. */
  | { readonly type: 'LOST'; readonly code: number; readonly text: string }
  /** The server does not answer a ping. */
  | { readonly type: 'SILENT' }
  /** The server sends more than the handlers take. */
  | { readonly type: 'FLOODED' }
  /** The server names the width over which clients spread their first dial. */
  | { readonly type: 'STORM'; readonly storm: number }
  /** The page is visible again. */
  | { readonly type: 'VISIBLE' }
  /** The machine is online again. */
  | { readonly type: 'ONLINE' }
  /** The machine is offline. */
  | { readonly type: 'OFFLINE' }
  /** The program closes the client. */
  | { readonly type: 'CLOSE' }
  /** A delay of the state has passed. */
  | { readonly type: ClientDelay };

/** Name of a delay. */
export type ClientDelay =
  | 'dialTimeout'
  | 'greetingTimeout'
  | 'verdictTimeout'
  | 'settleDelay'
  | 'retryDelay'
  | 'probeDelay'
  | 'closeTimeout';

/** Context of the chart: plain JSON. */
export interface ClientContext {
  /** Dials since the client was last online for 5 s. */
  readonly tries: number;
  /** Delay that the server named for the next dial, in ms, or -1. */
  readonly slot: number;
  /** Width over which clients spread their first dial after a loss, in ms (`storm` of the server). */
  readonly storm: number;
  /** Whether the machine says that it is offline. */
  readonly isOffline: boolean;
  /** Whether a visible page may dial at once. It may do so once in each outage. */
  readonly mayWake: boolean;
  /** Close code of the last end of a line, or 0. */
  readonly code: number;
  /** Reason of the last end of a line. */
  readonly text: string;
}

/** Returns the context of a new client. */
export const initialContext = (isOffline = false): ClientContext => ({
  tries: 0,
  slot: -1,
  storm: 0,
  isOffline,
  mayWake: true,
  code: 0,
  text: '',
});

/** Guards: pure functions of context and event. */
export const guards = {
  /** Whether the close says that no dial helps. */
  isFinal: (_: ClientContext, event: ClientEvent): boolean =>
    event.type === 'LOST' && isFinalClose(event.code, event.text),
  /** Whether, after a refusal, the close frame says that a later dial, or a new token, may help. */
  mayReturn: (_: ClientContext, event: ClientEvent): boolean =>
    event.type === 'LOST' && !isFinalClose(event.code, event.text) && event.code !== 1005 && event.code !== 1006,
  /** Whether the machine says that it is offline. */
  isOffline: (context: ClientContext): boolean => context.isOffline,
  /** Whether the page has not yet dialed at once in this outage. */
  mayWake: (context: ClientContext): boolean => context.mayWake,
} as const;

/** Returns how a line ended by an event. */
const endOf = (event: ClientEvent): Pick<ClientContext, 'code' | 'text' | 'slot'> => {
  if (event.type === 'LOST') return { code: event.code, text: event.text, slot: slotOf(event.code, event.text) };
  if (event.type === 'REFUSED') return { code: 1008, text: event.text, slot: -1 };
  if (event.type === 'CLOSE') return { code: 1000, text: '', slot: -1 };
  return { code: givenUp, text: event.type === 'FLOODED' ? 'too many frames wait' : 'no answer in time', slot: -1 };
};

/** Actions that change the context: pure functions of context and event. */
export const updates = {
  /** Counts one more dial. */
  countTry: ({ tries }: ClientContext) => ({ tries: tries + 1 }),
  /** Starts to count dials anew. */
  forgetTries: () => ({ tries: 0 }),
  /** Lets a visible page dial at once again. */
  allowWake: () => ({ mayWake: true }),
  /** A page dials at once only once in each outage. */
  useWake: () => ({ mayWake: false }),
  /** Notes how the line ended, or the refusal. */
  noteEnd: (_: ClientContext, event: ClientEvent) => endOf(event),
  /** Notes how a refused line ended. The text of the refusal stays. */
  noteReturn: ({ text }: ClientContext, event: ClientEvent) => ({ ...endOf(event), text }),
  /** Notes the width of a storm. */
  noteStorm: (_: ClientContext, event: ClientEvent) => (event.type === 'STORM' ? { storm: event.storm } : {}),
  /** Notes that the machine is online. */
  noteOnline: () => ({ isOffline: false }),
  /** Notes that the machine is offline. */
  noteOffline: () => ({ isOffline: true }),
} as const satisfies Record<string, (context: ClientContext, event: ClientEvent) => Partial<ClientContext>>;

/** What the chart asks of the client, beside changes of its context. */
export type ClientEffect = 'dial' | 'enter' | 'resume' | 'giveUp' | 'hangUp' | 'end';

/** Name of an action. */
type ClientAction = keyof typeof updates | ClientEffect;

/** Delays in ms, by name. `draw` returns a number of at least 0 and below 1. */
export const delays: Readonly<Record<ClientDelay, (context: ClientContext, draw: () => number) => number>> = {
  /** Maximum time of a dial, `auth` included. A short one turns overload into a storm. */
  dialTimeout: () => 20_000,
  /** Maximum time until the server answers `M`. */
  greetingTimeout: () => 5_000,
  /** Maximum time until a close frame follows a refusal. */
  verdictTimeout: () => 1_000,
  /** Time online after which dials are counted anew. */
  settleDelay: () => 5_000,
  /** Time before the next dial: the server's slot, or the storm's width, or full jitter. */
  retryDelay: ({ tries, slot, storm }, draw) => {
    if (slot >= 0) return slot;
    return draw() * (tries === 0 && storm > 0 ? storm : Math.min(20_000, 500 * 2 ** tries));
  },
  /** Time between the dials of a machine that says it is offline. */
  probeDelay: () => 30_000,
  /** Maximum time until the server answers the close frame. */
  closeTimeout: () => 2_000,
};

/** One row of the table: what an event does. Without a target the state stays. */
interface Transition {
  /** The next state. */
  readonly target?: ClientState;
  /** The guard that must hold. */
  readonly guard?: keyof typeof guards;
  /** The actions, in order. */
  readonly actions?: readonly ClientAction[];
}

/** One state of the table. */
export interface StateNode {
  /** Actions of entering the state. */
  readonly entry?: readonly ClientAction[];
  /** What events do. The first row whose guard holds is taken. */
  readonly on?: { readonly [Type in ClientEvent['type']]?: readonly Transition[] };
  /** What delays do, once they have passed. */
  readonly after?: { readonly [Name in ClientDelay]?: readonly Transition[] };
}

/** The rows for a line that has ended. */
const lost: readonly Transition[] = [
  { target: 'closed', guard: 'isFinal', actions: ['noteEnd'] },
  { target: 'offline', guard: 'isOffline', actions: ['noteEnd'] },
  { target: 'waiting', actions: ['noteEnd'] },
];
/** The rows for a line that the client gives up. */
const silent: readonly Transition[] = [
  { target: 'offline', guard: 'isOffline', actions: ['noteEnd', 'giveUp'] },
  { target: 'waiting', actions: ['noteEnd', 'giveUp'] },
];
/** The row for a close of a client that has no line worth a close frame. */
const closed: readonly Transition[] = [{ target: 'closed', actions: ['noteEnd', 'hangUp'] }];
/** The row for a close of a client that has a line. */
const closing: readonly Transition[] = [{ target: 'closing', actions: ['noteEnd', 'hangUp'] }];

/** The states, and what each does with an event. */
export const states: Readonly<Record<ClientState, StateNode>> = {
  idle: { on: { DIAL: [{ target: 'dialing' }], CLOSE: closed } },
  dialing: {
    entry: ['countTry', 'dial'],
    on: { OPENED: [{ target: 'greeting' }], LOST: lost, CLOSE: closed },
    after: { dialTimeout: silent },
  },
  greeting: {
    on: {
      GREETED: [{ target: 'entering' }],
      REFUSED: [{ target: 'refused', actions: ['noteEnd'] }],
      LOST: lost,
      CLOSE: closing,
    },
    after: { greetingTimeout: silent },
  },
  refused: {
    on: {
      LOST: [{ target: 'waiting', guard: 'mayReturn', actions: ['noteReturn'] }, { target: 'closed' }],
      CLOSE: closed,
    },
    after: { verdictTimeout: [{ target: 'closed', actions: ['hangUp'] }] },
  },
  entering: {
    entry: ['enter'],
    on: { ENTERED: [{ target: 'online' }], LOST: lost, SILENT: silent, FLOODED: silent, CLOSE: closing },
  },
  online: {
    entry: ['allowWake', 'resume'],
    on: { LOST: lost, SILENT: silent, FLOODED: silent, CLOSE: closing },
    after: { settleDelay: [{ actions: ['forgetTries'] }] },
  },
  waiting: {
    on: {
      DIAL: [{ target: 'dialing' }],
      VISIBLE: [{ target: 'dialing', guard: 'mayWake', actions: ['useWake'] }],
      ONLINE: [{ target: 'dialing', guard: 'mayWake', actions: ['noteOnline', 'useWake'] }],
      OFFLINE: [{ target: 'offline', actions: ['noteOffline'] }],
      CLOSE: closed,
    },
    after: { retryDelay: [{ target: 'dialing' }] },
  },
  offline: {
    on: {
      DIAL: [{ target: 'dialing' }],
      VISIBLE: [{ target: 'dialing', guard: 'mayWake', actions: ['useWake'] }],
      ONLINE: [{ target: 'dialing', actions: ['noteOnline'] }],
      CLOSE: closed,
    },
    after: { probeDelay: [{ target: 'dialing' }] },
  },
  closing: {
    on: { LOST: [{ target: 'closed' }] },
    after: { closeTimeout: [{ target: 'closed' }] },
  },
  closed: { entry: ['end'] },
};

/** What an event does in every state that has no row of its own for it. `closed` is final. */
export const everywhere: NonNullable<StateNode['on']> = {
  STORM: [{ actions: ['noteStorm'] }],
  ONLINE: [{ actions: ['noteOnline'] }],
  OFFLINE: [{ actions: ['noteOffline'] }],
};

/** What an event leads to. */
export interface ClientStep {
  /** The next state. */
  readonly state: ClientState;
  /** The next context. */
  readonly context: ClientContext;
  /** Whether a state was entered. */
  readonly isEntry: boolean;
  /** What is asked of the client, in order. */
  readonly effects: readonly ClientEffect[];
}

const isUpdate = (action: ClientAction): action is keyof typeof updates => Object.hasOwn(updates, action);

/** Returns what an event leads to (CL1). It changes nothing itself. An event without a row changes nothing. */
export const next = (state: ClientState, before: ClientContext, event: ClientEvent): ClientStep => {
  const { on, after }: StateNode = states[state];
  const rows: Readonly<Record<string, readonly Transition[] | undefined>> = { ...after, ...on };
  const shared = state === 'closed' ? [] : (everywhere[event.type] ?? []);
  const row = [...(rows[event.type] ?? []), ...shared].find(({ guard }) => !guard || guards[guard](before, event));
  const target = row?.target;
  let context = before;
  const effects: ClientEffect[] = [];
  for (const action of [...(row?.actions ?? []), ...((target && states[target].entry) ?? [])]) {
    if (isUpdate(action)) context = { ...context, ...updates[action](context, event) };
    else effects.push(action);
  }
  return { state: target ?? state, context, isEntry: target !== undefined, effects };
};
