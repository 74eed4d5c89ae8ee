import { errorFromText, errorText } from './errors.js';
import { type Body, OnNativeMessage, type OutgoingMessage, ReceivedMessage } from './message.js';

/** One data frame as it stands on the wire: `wait;namespace;room;event;isError;isNoOp;body`. */
export interface Frame {
  readonly wait: string;
  readonly namespace: string;
  readonly room: string;
  readonly event: string;
  readonly isError: boolean;
  readonly isNoOp: boolean;
  readonly body: Body;
  /** It came as a binary websocket message. */
  readonly isBinary: boolean;
  /** It is no neffos frame at all: `body` is the whole payload. */
  readonly isNative: boolean;
}

/** Which payloads are native messages: none, those that are no frame, or every one. */
export type NativeMode = 'none' | 'mixed' | 'only';

/** The client's first frame. */
export const acknowledge = 'M';
/** The server's answer to it: accepted, and this is the connection's id. */
export const accepted = (id: string): string => `A${id}`;
/** The server's refusal, with the reason. */
export const refused = (text: string): string => `H${text}`;

const separator = ';';
const separatorByte = 0x3b;
const separators = 6;
const escaped = '@%!semicolon@%!';
/** Bodies below this are copied out of the read buffer, which would otherwise be kept alive by them. */
const copyBelow = 4096;

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

/** The start of the body behind the sixth separator, or -1; in text and in bytes alike. */
const bodyStart = <Unit>(payload: { indexOf(unit: Unit, from: number): number }, unit: Unit): number => {
  let at = -1;
  for (let found = 0; found < separators; found++) {
    at = payload.indexOf(unit, at + 1);
    if (at === -1) return -1;
  }
  return at + 1;
};

/** Reads the six fields that stand before `body` in `text`. The caller has counted the separators. */
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

const ownCopy = (bytes: Uint8Array): Uint8Array =>
  bytes.length < copyBelow ? new Uint8Array(bytes) : new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** Reads one websocket message; `undefined` when it is no frame (FR1, FR2). Never throws. */
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

/** The payload of an outgoing message: a string goes out as text, bytes as binary (FR3). Never throws. */
export const encode = (message: OutgoingMessage, wait = ''): Body => {
  const { namespace = '', room = '', event = '', body = '', setBinary = false, isNative = false, err } = message;
  if (err) return header(wait, namespace, room, event, true) + errorText(err);
  if (isNative && wait === '') return setBinary && typeof body === 'string' ? utf8.encode(body) : body;
  return withBody(header(wait, namespace, room, event, false), body, setBinary || typeof body !== 'string');
};

/** What is answered where nobody can be asked: there are native messages only. */
export const emptyAnswer: Frame = { ...native('', false), event: '', isNative: false };

/** The answer to a lifecycle ask that succeeded. */
export const encodeEmptyReply = (wait: string): Body => `${wait};;;;;;`;

/** The asked frame's own header with an error text, always as text (FR5). */
export const encodeErrorReply = (asked: Frame, thrown: unknown): Body =>
  header(asked.wait, asked.namespace, asked.room, asked.event, true) + errorText(thrown);

/** The asked frame's own header with a body; binary when the asked frame was (FR5). */
export const encodeReply = (asked: Frame, body: Body): Body => {
  const isBinary = asked.isBinary || typeof body !== 'string';
  if (asked.isNative) return isBinary && typeof body === 'string' ? utf8.encode(body) : body;
  return withBody(header(asked.wait, asked.namespace, asked.room, asked.event, false), body, isBinary);
};

/** An answer as it is handed on to the server that has asked. */
export const encodeAnswer = ({ namespace, room, event, isError, body, isBinary }: Frame, wait: string): Body =>
  withBody(header(wait, namespace, room, event, isError), body, isBinary);

/** A broker says nothing of text and binary: a body that is text is taken for some (EX6). */
export const withTextBody = (frame: Frame): Frame => {
  const { body } = frame;
  if (typeof body === 'string') return frame;
  try {
    return { ...frame, body: strictUtf8.decode(body), isBinary: false };
  } catch {
    return frame;
  }
};

/** The message that a handler sees; it has neither the wait token nor a sender tag (BC9). */
export const messageFrom = (frame: Frame): ReceivedMessage => {
  const { namespace, room, event, body, isBinary, isNative } = frame;
  const message = new ReceivedMessage(namespace, room, event, body, isBinary, isNative);
  const failure = errorFrom(frame);
  if (failure) message.err = failure;
  return message;
};

/** The error that an error frame stands for. One without a text is no error (FR4). */
export const errorFrom = ({ isError, body }: Frame): Error | undefined => {
  if (!isError || body.length === 0) return undefined;
  return errorFromText(typeof body === 'string' ? body : lenientUtf8.decode(body));
};
