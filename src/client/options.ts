import type { Reply } from '../protocol/errors.js';
import type { Message } from '../protocol/message.js';
import type { NSConn } from './handles.js';
import type { AskOptions } from './line/asks.js';
import type { WebSocketClass } from './line/parts.js';
import type { AnyEvents, HandlerName, MessageOf, NoContract, ResultOf, VocabularyOf } from './vocabulary.js';

/**
 * A function that handles an event of a namespace without a contract. It returns nothing, answers with `reply(body)`,
 * or throws, at once or by a promise (CL16).
 *
 * @example
 * const said: Handler = (ns, { body }) => console.log(ns.namespace, body);
 */
export type Handler = (ns: NSConn, message: Message) => void | Reply | Promise<void | Reply>;

/**
 * The handlers of a namespace without a contract, by the name of the event. `OnAnyEvent` handles events that have none
 * of their own.
 */
export type Events = Readonly<Record<string, Handler>>;

/** A function that handles an event of one namespace or room. It answers like a `Handler`. */
export type Listener<V = AnyEvents, Event = string> = (message: MessageOf<V, Event>) => ResultOf<V, Event>;

/** The declared namespaces, each with its handlers. Those of a contract receive `data` (CL17). */
export type Namespaces<App = NoContract, Names extends string = [keyof App] extends [never] ? string : never> = {
  readonly [Name in (keyof App & string) | Names]?: {
    readonly [Event in HandlerName<VocabularyOf<App, Name>>]?: (
      ns: NSConn<VocabularyOf<App, Name>>,
      message: MessageOf<VocabularyOf<App, Name>, Event>,
    ) => ResultOf<VocabularyOf<App, Name>, Event>;
  };
};

/** How a room is joined. */
export interface JoinOptions<V = AnyEvents> extends AskOptions {
  /** Handlers of the room's events, set before the server can send one. */
  readonly on?: { readonly [Event in HandlerName<V>]?: Listener<V, Event> };
}

/** How a line ended: the code and text of its close frame, or of the refusal. */
export interface EndReason {
  /** Close code. 1006: no close frame came. 4002: the client gave the line up. */
  readonly code: number;
  /** Reason, or `''`. */
  readonly text: string;
}

/** A namespace or room that the server refused after a reconnect. */
export interface RefusedEntry {
  /** The namespace. */
  readonly namespace: string;
  /** The room, or `''` for the namespace itself. */
  readonly room: string;
  /** The refusal of the server, or `AskTimeout`. */
  readonly error: unknown;
}

/** What a reconnect cost. `onReconnect` receives it (CL12). */
export interface Recovery {
  /** Whether nothing was lost. Always false without sessions. */
  readonly recovered: false;
  /** Why the loss could not be made good. */
  readonly because: 'no-session';
  /** How the line before ended. */
  readonly reason: EndReason;
  /** Number of emitted frames of which nothing proves that they arrived. They are not sent again. */
  readonly inDoubt: number;
  /** Number of frames that waited for a namespace or room that was refused. They were never sent. */
  readonly unsent: number;
  /** Namespaces and rooms that were not entered again. Their handles are out. */
  readonly refused: readonly RefusedEntry[];
}

/** Where in the program an error was thrown. `onError` receives it. */
export interface Where {
  /** The name of the option or of the event. */
  readonly during: string;
  /** The namespace, if a handler threw. */
  readonly namespace?: string;
  /** The room, if the message had one. */
  readonly room?: string;
}

/** Options of `dial`. */
export interface DialOptions<App = NoContract, Names extends string = [keyof App] extends [never] ? string : never> {
  /** Namespaces with the handlers of their events. The server may connect the client to these. Default: none. */
  readonly namespaces?: Namespaces<NoInfer<App>, Names>;
  /** Handlers of the empty namespace. Default: none. */
  readonly events?: Events;
  /** The contract of both ends. Its namespaces are declared by it. Default: none. */
  readonly contract?: App;
  /** Returns the token for `authenticate` of the server. Asked before every dial, and before the token expires (CL7). */
  readonly auth?: () => string | Promise<string>;
  /** Headers of the upgrade. In a browser they become URL parameters `X-Websocket-Header-<name>`. Default: none. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Subprotocols to offer. Default: none. */
  readonly protocols?: readonly string[];
  /** Hook for each reconnect, after namespaces and rooms are entered again (CL12). */
  readonly onReconnect?: (recovery: Recovery) => unknown;
  /** Hook for errors of handlers, hooks and `auth`. Default: `console.error`. */
  readonly onError?: (error: unknown, where: Where) => unknown;
  /** The `WebSocket` class to use. It gets headers as its third argument. Default: the global one. */
  readonly WebSocket?: WebSocketClass;
}
