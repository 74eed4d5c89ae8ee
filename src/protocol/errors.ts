import { InvalidPayload } from './invalidPayload.js';

/** Error for a namespace that is not declared, or that the connection is not connected to (NS1, NS8). */
export const ErrBadNamespace = new Error('bad namespace');
/** Error for a room that the connection is not in, or whose name is not allowed (RM5). */
export const ErrBadRoom = new Error('bad room');
/** Error for a connection that is closed, or that cannot write this message (AK4). */
export const ErrWrite = new Error('write closed');
/** Error for a body that is not JSON (FR9), or that a contract does not allow (CT7). It is an `InvalidPayload`. */
export const ErrInvalidPayload: Error = new InvalidPayload();
/** Error for a client that joins a room of a namespace whose rooms are closed (RM8). */
export const ErrClosedRooms = new Error('rooms are closed');
/** Error of `server.ask` for an empty audience (AK5). It is never sent to a client. */
export const ErrNoAudience = new Error('no audience');

/** Error of an ask that was not answered in time (AK4). */
export class AskTimeout extends Error {
  /** Always 'AskTimeout'. */
  override readonly name = 'AskTimeout';
  /** Creates the error for a timeout in ms. */
  constructor(
    /** Expired timeout, in ms. */
    readonly timeout: number,
  ) {
    super(`not answered within ${timeout} ms`);
  }
}

/** Error for a handler, hook or visitor that did not settle in time (SV4, HS8). */
export class HandlerTimeout extends Error {
  /** Always 'HandlerTimeout'. */
  override readonly name = 'HandlerTimeout';
  /** Creates the error for a timeout in ms. */
  constructor(
    /** Expired timeout, in ms. */
    readonly timeout: number,
  ) {
    super(`did not settle within ${timeout} ms`);
  }
}

/** Returns whether a close frame may carry this code: 1000 to 1003, 1007 to 1014 and 3000 to 4999. */
export const isCloseCode = (code: number): boolean => {
  const isRegistered = code >= 1000 && code <= 1014 && code !== 1004 && code !== 1005 && code !== 1006;
  return Number.isInteger(code) && (isRegistered || (code >= 3000 && code <= 4999));
};

/**
 * Checks that a close frame may carry this code.
 * @throws {RangeError} when it may not: allowed are 1000 to 1003, 1007 to 1014 and 3000 to 4999.
 */
export const assertCloseCode = (code: number): void => {
  if (isCloseCode(code)) return;
  throw new RangeError(`a close frame takes a code of 1000 to 1003, 1007 to 1014 or 3000 to 4999, got ${String(code)}`);
};

/** Maximum size of the reason in a close frame, in bytes. */
export const maxCloseText = 123;
const utf8 = new TextEncoder();

/** Returns as much of a text as fits in a close frame, in whole characters. */
export const closeText = (text: string): string => {
  // No character of a text takes more than three bytes for each of its code units.
  if (text.length * 3 <= maxCloseText) return text;
  const bytes = new Uint8Array(maxCloseText);
  const { read } = utf8.encodeInto(text, bytes);
  return text.slice(0, read);
};

/**
 * Error that a handler throws to close its connection. The server first answers with the text (AK10).
 * @example throw new CloseError(4001, 'session expired');
 */
export class CloseError extends Error {
  /** Always 'CloseError'. */
  override readonly name = 'CloseError';
  /**
   * Creates the error.
   * @throws {RangeError} when a close frame may not carry `code`.
   */
  constructor(
    /** Close code: 1000 to 1003, 1007 to 1014, or 3000 to 4999. */
    readonly code: number,
    /** Reason in the close frame. Cut to 123 bytes there. */
    readonly text: string,
  ) {
    super(text);
    assertCloseCode(code);
  }
}

/** How a `Refusal` is told, beside its text. */
export interface RefusalOptions extends ErrorOptions {
  /** HTTP status where it refuses an upgrade, 400 to 599. Default 403 (MW9). */
  readonly status?: number;
}

/**
 * Error with which a handler, middleware or hook says no. The client receives its text, it is counted, and `onError` does
 * not receive it (MW8).
 * @example throw new Refusal('slow down');
 */
export class Refusal extends Error {
  /** Always 'Refusal'. */
  override readonly name = 'Refusal';
  /** HTTP status where it refuses an upgrade. */
  readonly status: number;
  /**
   * Creates the error.
   * @throws {TypeError} when `text` is not a string.
   * @throws {RangeError} when `status` is not a whole number from 400 to 599.
   */
  constructor(text: string, { status = 403, ...options }: RefusalOptions = {}) {
    if (typeof text !== 'string')
      throw new TypeError(`Refusal takes a text, got ${text === null ? 'null' : typeof text}`);
    if (!Number.isInteger(status) || status < 400 || status > 599) {
      throw new RangeError(`the status of a Refusal is a whole number from 400 to 599, got ${String(status)}`);
    }
    super(text, options);
    this.status = status;
  }
}

/** Result of a handler that the server sends as a reply (AK8). Create it with `reply(body)`. */
export class Reply {
  /**
   * Creates a reply.
   * @throws {TypeError} when `body` is neither a string nor a Uint8Array.
   */
  constructor(
    /** Body of the reply. */
    readonly body: string | Uint8Array,
  ) {
    if (typeof body === 'string' || body instanceof Uint8Array) return;
    throw new TypeError(`reply takes a string or a Uint8Array, got ${body === null ? 'null' : typeof body}`);
  }
}

/**
 * Creates a reply for a handler to return. The server sends it, whether or not the message was an ask (AK8).
 * @throws {TypeError} when `body` is neither a string nor a Uint8Array.
 * @example const events = { ping: () => reply('pong') };
 */
export const reply = (body: string | Uint8Array = ''): Reply => new Reply(body);

/** Returns whether an error text stands for a registered error. */
type Recognise = (text: string) => boolean;
const known: { readonly error: Error; readonly recognise: Recognise }[] = [];

/**
 * Registers an error that both sides know. An error frame with its text, or with a text that `recognise` accepts, then
 * arrives as this same value: `err === ErrFull` is true (FR8).
 * @throws {TypeError} when `error` is not an Error.
 * @example
 * const ErrFull = new Error('room is full');
 * registerKnownError(ErrFull);
 */
export const registerKnownError = (error: Error, recognise: Recognise = (text) => text === error.message): void => {
  if (!(error instanceof Error)) throw new TypeError(`registerKnownError takes an Error, got ${String(error)}`);
  known.push({ error, recognise });
};
for (const error of [ErrBadNamespace, ErrBadRoom, ErrClosedRooms, ErrWrite, ErrInvalidPayload])
  registerKnownError(error);

/** Returns whether a thrown value is a registered error. Such an error refuses and is no fault, as a `Refusal` (MW8). */
export const isKnownError = (thrown: unknown): boolean => known.some(({ error }) => error === thrown);

/** Returns whether the program's test accepts a text. A test that throws or returns a promise does not accept it. */
const isRecognised = (recognise: Recognise, text: string): boolean => {
  try {
    const verdict: unknown = recognise(text);
    if (!(verdict instanceof Promise)) return Boolean(verdict);
    verdict.catch(() => {});
    return false;
  } catch {
    return false;
  }
};

/** Maximum length of a peer's error text, in characters. The rest is cut (FR8). */
const maxErrorText = 1_024;

/** Returns the error for a text from a peer: the known error, or a new `Error` with that text (FR8). */
export const errorFromText = (whole: string): Error => {
  const text = whole.slice(0, maxErrorText);
  return known.find((one) => isRecognised(one.recognise, text))?.error ?? new Error(text);
};

/** Returns the text of a thrown value. Never empty: the peer would read an empty error text as success (FR4). */
export const errorText = (thrown: unknown): string => {
  try {
    const text = thrown instanceof Error ? thrown.message || thrown.name : String(thrown);
    return String(text) || 'Error';
  } catch {
    return 'Error';
  }
};

/** What a client is told in place of an error that is not meant for it. */
const internalError = new Error('internal error');

/** Returns whether an error was made to be told to clients, or is one that both ends know. Never throws. */
const isForClients = (thrown: unknown): boolean => {
  try {
    const isMade = thrown instanceof Refusal || thrown instanceof CloseError || thrown instanceof InvalidPayload;
    return isMade || isKnownError(thrown);
  } catch {
    return false;
  }
};

/**
 * Returns what a client is told of an error of the program: the error itself if `exposes`, or if it is a `Refusal`, a
 * `CloseError` or a known error. Otherwise an error with the text `internal error` (SV26).
 */
export const toldOf = (thrown: unknown, exposes: boolean): unknown =>
  exposes || isForClients(thrown) ? thrown : internalError;

/** Code and text with which a connection ends. */
export interface CloseReason {
  /** Close code. 1006 means that no close frame is sent. */
  readonly code: number;
  /** Reason in the close frame. */
  readonly text: string;
  /** Whether the client may reconnect later. */
  readonly retry: boolean;
}

/** Reasons for which Muster ends a connection. `retry=` in a text is the delay before a reconnect, in ms. */
export const closeReasons = {
  normal: { code: 1000, text: '', retry: true },
  draining: { code: 1001, text: 'retry=1000', retry: true },
  refused: { code: 1008, text: 'refused', retry: false },
  ackTimeout: { code: 1008, text: 'not acknowledged in time', retry: true },
  connectTimeout: { code: 1008, text: 'not accepted in time', retry: true },
  earlyFrames: { code: 1008, text: 'too many frames before the acknowledgement', retry: false },
  badHello: { code: 1008, text: 'bad hello', retry: false },
  tokenExpired: { code: 4401, text: 'token expired', retry: true },
  refusedTokens: { code: 1008, text: 'too many refused tokens', retry: false },
  floodedInbox: { code: 1008, text: 'too many frames while a handler waits', retry: false },
  garbage: { code: 1008, text: 'too many invalid frames', retry: false },
  rateLimited: { code: 1008, text: 'too many messages', retry: false },
  failed: { code: 1011, text: 'internal error', retry: true },
  busy: { code: 1013, text: 'retry=1000', retry: true },
  malformed: { code: 1002, text: 'not a websocket frame', retry: true },
  notUtf8: { code: 1007, text: 'not UTF-8', retry: true },
  notDeflated: { code: 1007, text: 'not compressed as agreed', retry: true },
  tooManyParts: { code: 1008, text: 'too many parts', retry: false },
  tooBig: { code: 1009, text: 'message too big', retry: true },
  incomplete: { code: 1008, text: 'message not completed in time', retry: true },
  silent: { code: 1001, text: 'read timeout', retry: true },
  slowConsumer: { code: 1013, text: 'slow consumer', retry: true },
  unreadPongs: { code: 1013, text: 'pongs not read', retry: true },
  stuck: { code: 1006, text: 'write timeout', retry: true },
  pingTimeout: { code: 1006, text: 'no answer to a ping', retry: true },
  lost: { code: 1006, text: 'connection lost', retry: true },
} as const satisfies Record<string, CloseReason>;

/** The name of a reason for which Muster itself ends a connection. */
export type CloseReasonName = keyof typeof closeReasons;
