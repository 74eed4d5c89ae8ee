/** The namespace is not declared, or this connection is not connected to it. */
export const ErrBadNamespace = new Error('bad namespace');
/** The connection is not in this room. */
export const ErrBadRoom = new Error('bad room');
/** The connection is closed, or may not write this message. */
export const ErrWrite = new Error('write closed');
/** A body that does not parse. */
export const ErrInvalidPayload = new Error('invalid payload');
/** Nobody was there to be asked. Local only: it is never sent. */
export const ErrNoAudience = new Error('no audience');

/** An `ask` that was not answered in time. */
export class AskTimeout extends Error {
  override readonly name = 'AskTimeout';
  constructor(readonly timeout: number) {
    super(`not answered within ${timeout} ms`);
  }
}

/** A handler, hook or visitor that did not settle in time. */
export class HandlerTimeout extends Error {
  override readonly name = 'HandlerTimeout';
  constructor(readonly timeout: number) {
    super(`did not settle within ${timeout} ms`);
  }
}

const isCloseCode = (code: number): boolean => {
  const isRegistered = code >= 1000 && code <= 1014 && code !== 1004 && code !== 1005 && code !== 1006;
  return Number.isInteger(code) && (isRegistered || (code >= 3000 && code <= 4999));
};

/** Throws unless a close frame may carry this code. */
export const assertCloseCode = (code: number): void => {
  if (isCloseCode(code)) return;
  throw new RangeError(`a close code that may be sent is 1000 to 1014 or 3000 to 4999, got ${String(code)}`);
};

/** The most bytes that a close frame's reason may have. */
const mostCloseText = 123;
const utf8 = new TextEncoder();

/** As much of a text as a close frame can carry, in whole characters. */
export const closeText = (text: string): string => {
  const bytes = new Uint8Array(mostCloseText);
  const { read } = utf8.encodeInto(text, bytes);
  return text.slice(0, read);
};

/** Thrown by a handler: answer with this text, then close the connection with this code. */
export class CloseError extends Error {
  override readonly name = 'CloseError';
  constructor(
    readonly code: number,
    readonly text: string,
  ) {
    super(text);
    assertCloseCode(code);
  }
}

/** What a handler returns to answer. Made by `reply(body)`. */
export class Reply {
  constructor(readonly body: string | Uint8Array) {
    if (typeof body === 'string' || body instanceof Uint8Array) return;
    throw new TypeError(`reply takes a string or a Uint8Array, got ${body === null ? 'null' : typeof body}`);
  }
}

/** Answer the message that is being handled: `return reply('pong')`. */
export const reply = (body: string | Uint8Array = ''): Reply => new Reply(body);

type Recognise = (text: string) => boolean;
const known: { readonly error: Error; readonly recognise: Recognise }[] = [];

/**
 * Make an error one that both sides know: a peer's error frame with this text (or one that `recognise` accepts)
 * arrives as this very value, so `err === MyError` holds.
 */
export const registerKnownError = (error: Error, recognise: Recognise = (text) => text === error.message): void => {
  if (!(error instanceof Error)) throw new TypeError(`registerKnownError takes an Error, got ${String(error)}`);
  known.push({ error, recognise });
};
for (const error of [ErrBadNamespace, ErrBadRoom, ErrWrite, ErrInvalidPayload]) registerKnownError(error);

/** A program's own test that fails on a peer's text, or says so later, has not recognised it. */
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

/** The most characters of a peer's error text that are kept. */
const mostErrorText = 1_024;

/** The error for a text that came from a peer: a known one, or a new `Error` with it (FR8). */
export const errorFromText = (whole: string): Error => {
  const text = whole.slice(0, mostErrorText);
  return known.find((one) => isRecognised(one.recognise, text))?.error ?? new Error(text);
};

/** The text that stands for whatever was thrown; never empty, as an empty error text reads as success. */
export const errorText = (thrown: unknown): string => {
  try {
    const text = thrown instanceof Error ? thrown.message || thrown.name : String(thrown);
    return String(text) || 'Error';
  } catch {
    return 'Error';
  }
};

/** Why a connection ends, as the peer sees it. `retry`: the peer is welcome to come back later. */
export interface CloseReason {
  readonly code: number;
  readonly text: string;
  readonly retry: boolean;
}

/** Every reason for which Muster itself ends a connection; `retry=` says after how many milliseconds to come back. */
export const closeReasons = {
  normal: { code: 1000, text: '', retry: true },
  draining: { code: 1001, text: 'retry=1000', retry: true },
  refused: { code: 1008, text: 'refused', retry: false },
  ackTimeout: { code: 1008, text: 'not acknowledged in time', retry: false },
  connectTimeout: { code: 1008, text: 'not accepted in time', retry: false },
  earlyFrames: { code: 1008, text: 'too many frames before the acknowledgement', retry: false },
  floodedInbox: { code: 1008, text: 'too many frames while a handler waits', retry: false },
  failed: { code: 1011, text: 'internal error', retry: true },
  busy: { code: 1013, text: 'retry=1000', retry: true },
  malformed: { code: 1002, text: 'not a websocket frame', retry: true },
  notUtf8: { code: 1007, text: 'not UTF-8', retry: true },
  tooManyParts: { code: 1008, text: 'too many parts', retry: false },
  tooBig: { code: 1009, text: 'message too big', retry: true },
  incomplete: { code: 1008, text: 'message not completed in time', retry: false },
  silent: { code: 1001, text: 'read timeout', retry: true },
  slowConsumer: { code: 1013, text: 'slow consumer', retry: true },
  stuck: { code: 1006, text: 'write timeout', retry: true },
  pingTimeout: { code: 1006, text: 'no answer to a ping', retry: true },
  lost: { code: 1006, text: 'connection lost', retry: true },
} as const satisfies Record<string, CloseReason>;

/** The name of a reason for which Muster itself ends a connection. */
export type CloseReasonName = keyof typeof closeReasons;
