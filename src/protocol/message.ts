import { ErrInvalidPayload } from './errors.js';

/** Asked when a namespace is about to be connected; an error thrown here refuses it. */
export const OnNamespaceConnect = '_OnNamespaceConnect';
/** Told after a namespace has been connected. */
export const OnNamespaceConnected = '_OnNamespaceConnected';
/** Asked (or, when forced, told) when a namespace is being disconnected. */
export const OnNamespaceDisconnect = '_OnNamespaceDisconnect';
/** Asked when a room is about to be joined; an error thrown here refuses it. */
export const OnRoomJoin = '_OnRoomJoin';
/** Told after a room has been joined. */
export const OnRoomJoined = '_OnRoomJoined';
/** Asked (or, when forced, told) when a room is about to be left. */
export const OnRoomLeave = '_OnRoomLeave';
/** Told after a room has been left. */
export const OnRoomLeft = '_OnRoomLeft';
/** Catches every event of its namespace that has no handler of its own. */
export const OnAnyEvent = '_OnAnyEvent';
/** Gets payloads that are not neffos frames, in the empty namespace only. */
export const OnNativeMessage = '_OnNativeMessage';

const systemEvents: ReadonlySet<string> = new Set([
  OnNamespaceConnect,
  OnNamespaceConnected,
  OnNamespaceDisconnect,
  OnRoomJoin,
  OnRoomJoined,
  OnRoomLeave,
  OnRoomLeft,
]);

/** Is this one of the seven lifecycle events? Useful inside an `OnAnyEvent` handler. */
export const isSystemEvent = (event: string): boolean => systemEvents.has(event);

/** What a message carries: text stays a string, a binary message is bytes. */
export type Body = string | Uint8Array;

/** What it takes in a frame, in bytes. */
export const bytesIn = (body: Body): number => (typeof body === 'string' ? Buffer.byteLength(body) : body.length);

/** A message as a handler gets it. */
export interface Message {
  namespace: string;
  /** The room it is for, or `''`. */
  room: string;
  event: string;
  body: Body;
  /** Set when the peer sent an error; a known text is the shared error value. */
  err?: Error;
  /** A lifecycle event that nobody asked for: the connection or its namespace ended. */
  isForced: boolean;
  /** A lifecycle event that this side began. */
  isLocal: boolean;
  isNative: boolean;
  /** It came as a binary frame, and goes out as one when it is sent on. */
  setBinary: boolean;
  /** When sent on: only connections with this id get it. */
  to?: string;
  /**
   * The body parsed as JSON, without keys that could reach a prototype (FR9). Throws `ErrInvalidPayload` when it is not
   * JSON.
   */
  json<T>(): T;
}

interface Addressed {
  namespace?: string;
  room?: string;
  body?: Body;
  /** Only the connections with this id. */
  to?: string;
  /** Send a string body as a binary frame. */
  setBinary?: boolean;
}

/** A message to send: an event in a namespace (and a room of it), or a native payload. A received `Message` is one too. */
export type OutgoingMessage =
  | (Addressed & { event: string; err?: Error; isNative?: boolean })
  | (Addressed & { isNative: true; event?: string; err?: Error });

const utf8 = new TextDecoder();

/** The one implementation of `Message`; a class, so that thousands of them share one shape. */
export class ReceivedMessage implements Message {
  declare err?: Error;
  declare to?: string;
  isForced = false;
  isLocal = false;

  constructor(
    public namespace: string,
    public room: string,
    public event: string,
    public body: Body = '',
    public setBinary = false,
    public isNative = false,
  ) {}

  json<T>(): T {
    const text = typeof this.body === 'string' ? this.body : utf8.decode(this.body);
    try {
      return parseSafely(text);
    } catch {
      throw ErrInvalidPayload;
    }
  }
}

/** May this text hold a key that reaches a prototype? Escapes are looked at as well. */
const suspicious = /__proto__|constructor|\\u/;

/** Drops what a merge of the result into another object would carry to its prototype. */
const withoutPrototypes = (key: string, value: unknown): unknown => {
  if (key === '__proto__') return undefined;
  const reachesPrototype = typeof value === 'object' && value !== null && Object.hasOwn(value, 'prototype');
  return key === 'constructor' && reachesPrototype ? undefined : value;
};

/** JSON.parse, which trusts its caller to know what comes out. */
const parseSafely = (text: string) => (suspicious.test(text) ? JSON.parse(text, withoutPrototypes) : JSON.parse(text));

const isBody = (value: unknown): boolean =>
  value === undefined || typeof value === 'string' || value instanceof Uint8Array;
const isName = (value: unknown): boolean => value === undefined || typeof value === 'string';
const shape = '{ namespace, room?, event, body?: string | Uint8Array, to?, setBinary? }';

/** Throws when this is no message: the mistake is the program's own. */
export const assertOutgoing = (message: OutgoingMessage): void => {
  if (typeof message !== 'object' || message === null) {
    throw new TypeError(`a message is an object ${shape}, got ${String(message)}`);
  }
  const { namespace, room, event, body, to, isNative } = message;
  const isNamed = isName(namespace) && isName(room) && isName(event) && isName(to);
  if (!isNamed || (!event && !isNative)) {
    throw new TypeError(`a message names its event, and everything in it by strings: ${shape}`);
  }
  if (!isBody(body)) {
    throw new TypeError(`a body is a string or a Uint8Array, got ${typeof body}; JSON.stringify makes a string of it`);
  }
};
