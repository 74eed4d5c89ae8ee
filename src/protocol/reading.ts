import { decode, type NativeMode } from './codec.js';
import type { Body } from './message.js';
import { isAnswer } from './token.js';

/** The parts of a frame of a client, as a guard of a chart reads them (SV22). */
export interface DecodedFrame {
  /** What the client sends: an event, an ask that waits for an answer, or the answer to an ask of the server. */
  readonly kind: 'event' | 'ask' | 'answer';
  /** Wait token of an ask or answer, or `''`. */
  readonly wait: string;
  /** Namespace, or `''` for the empty one. */
  readonly namespace: string;
  /** Room, or `''`. */
  readonly room: string;
  /** Event: one of the application, or a system event such as `OnRoomJoin`. */
  readonly event: string;
  /** Body: text, or bytes for a binary frame. */
  readonly body: Body;
  /** Whether the body is the text of an error. */
  readonly isError: boolean;
  /** Whether the frame is binary. */
  readonly isBinary: boolean;
}

/** A received payload as an error text shows it. */
const shown = (value: unknown): string => (value === null ? 'null' : typeof value);

/**
 * Returns the parts of a frame, the `data` of a FRAME event. Returns `undefined` for what is no frame, such as a native
 * message (SV22).
 * @throws {TypeError} when `data` is neither text nor bytes.
 * @example
 * const isSay = ({ event }) => event.type === 'FRAME' && decodeFrame(event.data)?.event === 'say';
 */
export const decodeFrame = (data: Body): DecodedFrame | undefined => {
  // A program in JavaScript may pass anything.
  if (typeof data !== 'string' && !((data as unknown) instanceof Uint8Array)) {
    throw new TypeError(`decodeFrame takes the data of a FRAME event, a string or a Uint8Array; got ${shown(data)}`);
  }
  const frame = decode(data);
  if (!frame) return undefined;
  const { wait, namespace, room, event, body, isError, isBinary } = frame;
  const kind = wait === '' ? 'event' : isAnswer(wait) ? 'answer' : 'ask';
  return { kind, wait, namespace, room, event, body, isError, isBinary };
};

/** What a message is, by its header. It holds names alone: no body, error text or wait token. */
export type Header =
  | {
      readonly kind: 'frame';
      /** Namespace, or `''`. */
      readonly namespace: string;
      /** Room, or `''`. */
      readonly room: string;
      /** Event. An answer without a body has none. */
      readonly event: string;
      /** Which side asks, if the frame is an ask or an answer. */
      readonly asker: 'none' | 'client' | 'server';
      /** Whether the body is an error text. */
      readonly isError: boolean;
    }
  | { readonly kind: 'native' }
  | { readonly kind: 'invalid' };

/** Matches the header of a frame: four fields and two flags. */
const flags = /^(?:[^;]*;){4}[01];[01];/;

const askerOf = (wait: string): 'none' | 'client' | 'server' => {
  if (wait === '') return 'none';
  return wait.startsWith('$') ? 'client' : 'server';
};

/** Returns the header of a message, for those who show messages. A native message has no names. Never throws. */
export const readHeader = (payload: Body, nativeMode: NativeMode): Header => {
  const frame = nativeMode === 'only' ? undefined : decode(payload);
  const isFlagged = nativeMode === 'none' || typeof payload !== 'string' || flags.test(payload);
  if (!frame || !isFlagged) return { kind: nativeMode === 'none' ? 'invalid' : 'native' };
  const { namespace, room, event, wait, isError } = frame;
  return { kind: 'frame', namespace, room, event, asker: askerOf(wait), isError };
};
