/** A connection by its order of arrival, modulo their number; or the caller's own. */
export type ClientRef = 'self' | number;

export interface ModelMessage {
  readonly namespace: string;
  readonly room: string;
  readonly body: string;
  readonly isBinary: boolean;
  readonly to: string | undefined;
}

/** The exclusion of a broadcast. */
export type ModelExclusion =
  | { readonly skip: 'none' }
  | { readonly skip: 'conn'; readonly who: ClientRef }
  | { readonly skip: 'nsConn'; readonly who: ClientRef }
  | { readonly skip: 'room'; readonly who: ClientRef; readonly room: string }
  | { readonly skip: 'id'; readonly id: string };

/** One call of the program. */
export type Call =
  | { readonly call: 'emit'; readonly body: string; readonly isBinary: boolean }
  | { readonly call: 'emitTo'; readonly who: ClientRef; readonly body: string }
  | { readonly call: 'emitRoom'; readonly room: string; readonly body: string }
  | { readonly call: 'broadcast'; readonly except: ModelExclusion; readonly messages: readonly ModelMessage[] }
  | { readonly call: 'close'; readonly who: ClientRef; readonly code: number }
  | { readonly call: 'ask'; readonly body: string; readonly sequel: Script }
  | { readonly call: 'askAll'; readonly message: ModelMessage; readonly sequel: Script }
  | ({ readonly call: 'do' } & Visitor);

export type Script = readonly Call[];

/** What a visitor of `do` calls for each connection. */
export interface Visitor {
  readonly visit: Script;
  /** What it calls after its gate has opened. Without it, the visitor waits for no gate. */
  readonly later: Script | undefined;
  /** Whether it throws at the end. */
  readonly isFailing: boolean;
}

/** How a handler ends. */
export type HandlerEnd =
  | { readonly end: 'silent' }
  | { readonly end: 'reply'; readonly body: string }
  | { readonly end: 'throw'; readonly text: string }
  | { readonly end: 'closeError'; readonly code: number; readonly text: string };

/** What the body of a client's event makes its handler call. `later` runs after its gate has opened. */
export interface Instructions {
  readonly now: Script;
  readonly later: Script;
  readonly finale: HandlerEnd;
}

export const lifecycleEvents = [
  '_OnNamespaceConnect',
  '_OnNamespaceConnected',
  '_OnNamespaceDisconnect',
  '_OnRoomJoin',
  '_OnRoomJoined',
  '_OnRoomLeave',
  '_OnRoomLeft',
] as const;
export type LifecycleEvent = (typeof lifecycleEvents)[number];

/** What the program's handlers and `onDisconnect` call. */
export interface Program {
  readonly handlers: Readonly<Record<LifecycleEvent, Script>>;
  readonly onDisconnect: Script;
}

/** What `onConnect` does. */
export type ConnectOutcome = 'accept' | 'refuse' | 'connect';

export const declared = ['chat', 'game', '', 'closed'] as const;
/** `OnNamespaceConnect` refuses this namespace. */
export const closedNamespace = 'closed';
/** `OnRoomJoin` refuses the forbidden rooms, `OnRoomLeave` the sticky ones. */
export const isForbidden = (room: string): boolean => room.startsWith('no');
export const isSticky = (room: string): boolean => room.startsWith('sticky');
export const maxRooms = 128;
export const refusal = 'not you; sorry';
