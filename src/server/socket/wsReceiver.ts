import { type Duplex, Writable } from 'node:stream';
import type { WebSocket } from 'ws';

/**
 * The private parser of a WebSocket of `ws`. This file alone looks at it. It was checked with `ws` 8.23; where a field
 * is missing, `ws` reads the socket itself.
 */
export interface WsReceiver extends Writable {
  /** What it reads next: the index in `partSizes`, or more while it decompresses. */
  readonly _state: number;
  /** The opcode of a message whose parts are not all there, or 0. */
  readonly _fragmented: number;
  /** Number of bytes that it keeps. */
  readonly _bufferedBytes: number;
  /** The size of the payload that it reads. */
  readonly _payloadLength: number;
}

/** The size of what it reads in each state: the first two bytes, a length, a longer length, the mask. */
const partSizes = [2, 2, 8, 4] as const;
/** The state in which it reads a payload. */
const readsPayload = 4;

/** What a receiver of another version may lack. */
type Unchecked = { readonly [Field in '_state' | '_fragmented' | '_bufferedBytes' | '_payloadLength']?: unknown };

/** A WebSocket with what is not documented of it. */
type WithReceiver = WebSocket & { readonly _receiver?: unknown };

/** Returns whether this is a receiver that has read nothing. */
const isReceiver = (value: unknown): value is WsReceiver => {
  if (!(value instanceof Writable)) return false;
  const { _state, _fragmented, _bufferedBytes, _payloadLength }: Writable & Unchecked = value;
  return _state === 0 && _fragmented === 0 && _bufferedBytes === 0 && _payloadLength === 0;
};

/** Returns whether a message has begun and is not complete. `ws` has no public way to ask. */
export const isMidMessage = ({ _receiver: receiver }: WithReceiver): boolean => {
  if (typeof receiver !== 'object' || receiver === null) return false;
  return ['_fragmented', '_bufferedBytes', '_state'].some((field) => Reflect.get(receiver, field) !== 0);
};

/** Returns whether it has nothing of a message. */
export const isBetweenMessages = (receiver: WsReceiver): boolean =>
  receiver._fragmented === 0 && isBetweenFrames(receiver);

/** Returns whether it has nothing of a frame. */
export const isBetweenFrames = (receiver: WsReceiver): boolean =>
  receiver._state === 0 && receiver._bufferedBytes === 0 && receiver.writableLength === 0;

/** Returns whether it has found a close frame or an error, or the end of the socket. */
export const hasEnded = (receiver: WsReceiver): boolean => receiver.writableEnded || receiver.errored !== null;

/** Returns how many bytes it needs for the next part of its frame. `Infinity` while it decompresses. */
export const bytesAwaited = (receiver: WsReceiver): number => {
  const { _state, _payloadLength, _bufferedBytes } = receiver;
  if (_state > readsPayload || receiver.writableLength > 0) return Number.POSITIVE_INFINITY;
  return Math.max((partSizes[_state] ?? _payloadLength) - _bufferedBytes, 1);
};

/** Takes the listener of this name, which `ws` has added last, off the socket. */
const take = (
  socket: Duplex,
  event: 'data' | 'end' | 'close',
  name: string,
): ((bytes?: Buffer) => void) | undefined => {
  const found = socket.listeners(event).findLast((listener) => listener.name === name);
  if (!found) return undefined;
  // Every listener that an emitter returns is one that it was given.
  const listener = found as (bytes?: Buffer) => void;
  socket.off(event, listener);
  return (bytes) => listener.call(socket, bytes);
};

/**
 * Takes the bytes of the socket away from `ws`: from now on it parses only what is written to the receiver. Returns
 * `undefined` where that is not possible, and leaves all as it is.
 */
export const takeData = ({ _receiver: receiver }: WithReceiver, socket: Duplex): WsReceiver | undefined => {
  return isReceiver(receiver) && take(socket, 'data', 'socketOnData') ? receiver : undefined;
};

/** Takes the events of the end of the socket away from `ws`. Returns functions that tell `ws` of them. */
export const takeEnds = (socket: Duplex): { readonly end: () => void; readonly close: () => void } => {
  const end = take(socket, 'end', 'socketOnEnd');
  const close = take(socket, 'close', 'socketOnClose');
  return { end: () => end?.(), close: () => close?.() };
};
