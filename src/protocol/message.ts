import { ErrInvalidPayload } from './errors.js';
import { parseJson } from './json.js';

/** Event before a namespace is connected. A handler that throws refuses it (NS2). */
export const OnNamespaceConnect = '_OnNamespaceConnect';
/** Event after a namespace is connected. Its handler cannot refuse (NS1). */
export const OnNamespaceConnected = '_OnNamespaceConnected';
/** Event before a namespace is disconnected. A handler that throws refuses it, unless the event is forced (NS3). */
export const OnNamespaceDisconnect = '_OnNamespaceDisconnect';
/** Event before a room is joined. A handler that throws refuses it (RM1). */
export const OnRoomJoin = '_OnRoomJoin';
/** Event after a room is joined. Its handler cannot refuse (RM1). */
export const OnRoomJoined = '_OnRoomJoined';
/** Event before a room is left. A handler that throws refuses it, unless the event is forced (RM2). */
export const OnRoomLeave = '_OnRoomLeave';
/** Event after a room is left. Its handler cannot refuse (RM2). */
export const OnRoomLeft = '_OnRoomLeft';
/** Name of the handler for every event of its namespace that has no handler of its own. */
export const OnAnyEvent = '_OnAnyEvent';
/** Event of a payload that is not a neffos frame. Only the empty namespace can handle it (FR10). */
export const OnNativeMessage = '_OnNativeMessage';

/** Begins the names of all lifecycle events. */
const systemPrefix = 0x5f;

/** The seven lifecycle events. */
export const systemEvents: ReadonlySet<string> = new Set([
  OnNamespaceConnect,
  OnNamespaceConnected,
  OnNamespaceDisconnect,
  OnRoomJoin,
  OnRoomJoined,
  OnRoomLeave,
  OnRoomLeft,
]);

/**
 * Returns whether this is one of the seven lifecycle events.
 * @example [OnAnyEvent]: (ns, message) => isSystemEvent(message.event) || log(message)
 */
export const isSystemEvent = (event: string): boolean =>
  event.charCodeAt(0) === systemPrefix && systemEvents.has(event);

/** Body of a message: a string for text, bytes for binary. */
export type Body = string | Uint8Array;

/** A received message, as its handler gets it. */
export interface Message {
  /** Namespace of the message. */
  namespace: string;
  /** Room of the message, or `''`. */
  room: string;
  /** Name of the event. */
  event: string;
  /** Body: a string for text, bytes for binary. */
  body: Body;
  /** Error that the peer sent. A known text is the shared error value (FR8). */
  err?: Error;
  /** Whether this lifecycle event cannot be refused: the connection or its namespace ends. */
  isForced: boolean;
  /** Whether the server began the step of this lifecycle event. */
  isLocal: boolean;
  /** Whether the message is native: its payload was not a frame. */
  isNative: boolean;
  /** Whether the message arrived as a binary frame. It is binary again if the program sends it again. */
  setBinary: boolean;
  /** Id of the only connections that receive the message if the program broadcasts it. */
  to?: string;
  /**
   * Returns the body parsed as JSON, without keys that reach a prototype (FR9). Its type is `unknown`, unless the caller
   * says one; that is not checked.
   * @throws {Error} `ErrInvalidPayload` when the body is not JSON.
   */
  json<T>(): NoInfer<T>;
}

/** Members of every message to send. */
interface Addressed {
  /** Namespace of the audience. Default: the empty namespace. */
  namespace?: string;
  /** Room of the audience. Default: the whole namespace. */
  room?: string;
  /** Body. Default `''`. */
  body?: Body;
  /** Id of the only connections that receive the message (BC1). */
  to?: string;
  /** Whether a string body is sent as binary (FR3). Default false. */
  setBinary?: boolean;
}

/** A message to send: an event of a namespace or room, or a native payload. A received `Message` is one too. */
export type OutgoingMessage =
  | (Addressed & {
      /** Name of the event. */
      event: string;
      /** Error to send instead of the body (FR4). */
      err?: Error;
      /** Whether the body is sent without a frame. Default false. */
      isNative?: boolean;
    })
  | (Addressed & {
      /** Marks a native message: the body is sent without a frame. */
      isNative: true;
      /** Name of the event. Sent only with `err` or in an ask. */
      event?: string;
      /** Error to send instead of the body, as a frame (FR4). */
      err?: Error;
    });

const utf8 = new TextDecoder();

/** The implementation of `Message`. It is a class so that all messages share one hidden class. */
export class ReceivedMessage implements Message {
  /** Error that the peer sent. */
  declare err?: Error;
  /** Id of the only connections that receive the message if it is broadcast. */
  declare to?: string;
  /** Whether this lifecycle event cannot be refused. */
  isForced = false;
  /** Whether the server began the step of this lifecycle event. */
  isLocal = false;

  /** Creates a message from the fields of a frame. */
  constructor(
    /** Namespace of the message. */
    public namespace: string,
    /** Room of the message, or `''`. */
    public room: string,
    /** Name of the event. */
    public event: string,
    /** Body: a string for text, bytes for binary. */
    public body: Body = '',
    /** Whether the message arrived as a binary frame. */
    public setBinary = false,
    /** Whether the message is native. */
    public isNative = false,
  ) {}

  /**
   * Returns the body parsed as JSON (FR9).
   * @throws {Error} `ErrInvalidPayload` when the body is not JSON.
   */
  json(): never {
    const text = typeof this.body === 'string' ? this.body : utf8.decode(this.body);
    try {
      // The caller says the type of `Message.json`, and no one type fits all that a caller may say.
      return parseJson(text) as never;
    } catch {
      throw ErrInvalidPayload;
    }
  }
}
