import { errorFromText, errorText } from './errors.js';
import { type Body, OnNativeMessage, type OutgoingMessage, ReceivedMessage } from './message.js';

/** One decoded data frame. On the wire: `wait;namespace;room;event;isError;isNoOp;body` (FR1). */
export interface Frame {
  /** Wait token of an ask or answer, or `''`. */
  readonly wait: string;
  /** Namespace, unescaped. */
  readonly namespace: string;
  /** Room, unescaped, or `''`. */
  readonly room: string;
  /** Event, unescaped. */
  readonly event: string;
  /** Whether the body is an error text. */
  readonly isError: boolean;
  /** The no-op flag of neffos. Muster always sends `0`. */
  readonly isNoOp: boolean;
  /** Everything after the sixth `;`, unchanged. */
  readonly body: Body;
  /** Whether the frame arrived as a binary WebSocket message. */
  readonly isBinary: boolean;
  /** Whether the payload is a native message and not a frame. `body` is then the whole payload. */
  readonly isNative: boolean;
}

/** Which payloads are native messages: none, those that are not a frame, or all of them. */
export type NativeMode = 'none' | 'mixed' | 'only';

/** First frame of the client (HS2). */
export const acknowledge = 'M';
/** Returns the frame that accepts the connection and carries its id (HS2). */
export const accepted = (id: string): string => `A${id}`;
/** Returns the frame that refuses the connection with a reason (HS7). */
export const refused = (text: string): string => `H${text}`;

const separator = ';';
const separatorByte = 0x3b;
const separators = 6;
const escaped = '@%!semicolon@%!';
/** Size in bytes below which a body is copied. A small view would keep its whole read buffer in memory (FR7). */
export const copyBelow = 4096;

const utf8 = new TextEncoder();
const lenientUtf8 = new TextDecoder();
const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

const escapeField = (field: string): string =>
  field.includes(separator) ? field.replaceAll(separator, escaped) : field;
const unescapeField = (field: string): string =>
  field.includes(escaped) ? field.replaceAll(escaped, separator) : field;

const native = (body: Body, isBinary: boolean): Frame => ({
  wait: '',
  namespace: '',
  room: '',
  event: OnNativeMessage,
  isError: false,
  isNoOp: false,
  body,
  isBinary,
  isNative: true,
});

/** Returns the index of the body after the sixth separator, or -1. Works on text and on bytes. */
const bodyStart = <Unit>(payload: { indexOf(unit: Unit, from: number): number }, unit: Unit): number => {
  let at = -1;
  for (let found = 0; found < separators; found++) {
    at = payload.indexOf(unit, at + 1);
    if (at === -1) return -1;
  }
  return at + 1;
};

/** Reads the six fields of `text` before its body. The caller has checked that `text` has six separators. */
const readFrame = (text: string, body: Body, isBinary: boolean): Frame => {
  const namespaceAt = text.indexOf(separator) + 1;
  const roomAt = text.indexOf(separator, namespaceAt) + 1;
  const eventAt = text.indexOf(separator, roomAt) + 1;
  const isErrorAt = text.indexOf(separator, eventAt) + 1;
  const isNoOpAt = text.indexOf(separator, isErrorAt) + 1;
  const end = text.indexOf(separator, isNoOpAt);
  return {
    wait: text.slice(0, namespaceAt - 1),
    namespace: unescapeField(text.slice(namespaceAt, roomAt - 1)),
    room: unescapeField(text.slice(roomAt, eventAt - 1)),
    event: unescapeField(text.slice(eventAt, isErrorAt - 1)),
    isError: text.slice(isErrorAt, isNoOpAt - 1) === '1',
    isNoOp: text.slice(isNoOpAt, end) === '1',
    body,
    isBinary,
    isNative: false,
  };
};

const decodeText = (payload: string, mode: NativeMode): Frame | undefined => {
  const start = bodyStart(payload, separator);
  if (start === -1) return mode === 'mixed' ? native(payload, false) : undefined;
  return readFrame(payload, payload.slice(start), false);
};

const decodeBytes = (payload: Uint8Array, mode: NativeMode): Frame | undefined => {
  const start = bodyStart(payload, separatorByte);
  if (start === -1) return mode === 'mixed' ? native(ownCopy(payload), true) : undefined;
  let header: string;
  try {
    header = strictUtf8.decode(payload.subarray(0, start));
  } catch {
    return undefined;
  }
  return readFrame(header, ownCopy(payload.subarray(start)), true);
};

/** Returns a body of its own: a small one is copied out of the read buffer, a large one stays a view (FR7). */
export const ownCopy = (bytes: Uint8Array): Uint8Array =>
  bytes.length < copyBelow ? new Uint8Array(bytes) : new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** Returns the frame of one WebSocket message, or `undefined` if it is not a frame (FR1). Never throws (FR2). */
export const decode = (payload: Body, mode: NativeMode = 'none'): Frame | undefined => {
  const isText = typeof payload === 'string';
  if (mode === 'only') return native(isText ? payload : ownCopy(payload), !isText);
  return isText ? decodeText(payload, mode) : decodeBytes(payload, mode);
};

const header = (wait: string, namespace: string, room: string, event: string, isError: boolean): string =>
  `${wait};${escapeField(namespace)};${escapeField(room)};${escapeField(event)};${isError ? '1' : '0'};0;`;

const withBody = (head: string, body: Body, isBinary: boolean): Body => {
  if (typeof body === 'string') return isBinary ? utf8.encode(head + body) : head + body;
  const start = utf8.encode(head);
  const payload = new Uint8Array(start.length + body.length);
  payload.set(start);
  payload.set(body, start.length);
  return payload;
};

/** Returns the payload of an outgoing message: text for a string body, binary for bytes (FR3). Never throws (FR2). */
export const encode = (message: OutgoingMessage, wait = ''): Body => {
  const { namespace = '', room = '', event = '', body = '', setBinary = false, isNative = false, err } = message;
  if (err) return header(wait, namespace, room, event, true) + errorText(err);
  if (isNative && wait === '') return setBinary && typeof body === 'string' ? utf8.encode(body) : body;
  return withBody(header(wait, namespace, room, event, false), body, setBinary || typeof body !== 'string');
};

/** Answer to every ask in native-only mode, where the client cannot be asked (HS10). */
export const emptyAnswer: Frame = { ...native('', false), event: '', isNative: false };

/** Returns the payload that answers a lifecycle ask with success. */
export const encodeEmptyReply = (wait: string): Body => `${wait};;;;;;`;

/** Returns the payload of an error reply: the header of the asked frame and an error text, always as text (FR5). */
export const encodeErrorReply = (asked: Frame, thrown: unknown): Body =>
  header(asked.wait, asked.namespace, asked.room, asked.event, true) + errorText(thrown);

/** Returns the payload of a reply: the header of the asked frame and a body. Binary if the asked frame was (FR5). */
export const encodeReply = (asked: Frame, body: Body): Body => {
  const isBinary = asked.isBinary || typeof body !== 'string';
  if (asked.isNative) return isBinary && typeof body === 'string' ? utf8.encode(body) : body;
  return withBody(header(asked.wait, asked.namespace, asked.room, asked.event, false), body, isBinary);
};

/** Returns the payload that passes a client's answer to the server that asked, under its wait token (EX8). */
export const encodeAnswer = ({ namespace, room, event, isError, body, isBinary }: Frame, wait: string): Body =>
  withBody(header(wait, namespace, room, event, isError), body, isBinary);

/** Returns the frame with its body as text if that is UTF-8. A broker does not distinguish text from binary (EX6). */
export const withTextBody = (frame: Frame): Frame => {
  const { body } = frame;
  if (typeof body === 'string') return frame;
  try {
    return { ...frame, body: strictUtf8.decode(body), isBinary: false };
  } catch {
    return frame;
  }
};

/** Returns the message for a handler, without the wait token or sender tag (BC9). */
export const messageFrom = (frame: Frame): ReceivedMessage => {
  const { namespace, room, event, body, isBinary, isNative } = frame;
  const message = new ReceivedMessage(namespace, room, event, body, isBinary, isNative);
  const failure = errorFrom(frame);
  if (failure) message.err = failure;
  return message;
};

/** Returns the error of an error frame. A frame without an error text is not an error (FR4). */
export const errorFrom = ({ isError, body }: Frame): Error | undefined => {
  if (!isError || body.length === 0) return undefined;
  return errorFromText(typeof body === 'string' ? body : lenientUtf8.decode(body));
};
