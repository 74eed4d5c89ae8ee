import { Writable } from 'node:stream';
import { type RawData, WebSocket } from 'ws';
import { type CloseReasonName, closeReasons, isCloseCode, maxCloseText } from '../../protocol/errors.js';
import { closeFrame } from '../../protocol/frame.js';

/** The reasons for which `ws` itself closes a connection, by its close code. */
const faults = new Map<number | undefined, CloseReasonName>(
  (['tooBig', 'notUtf8', 'tooManyParts', 'malformed'] as const).map((cause) => [closeReasons[cause].code, cause]),
);

/*
 * This file leans on `ws` 8.23: on `_receiver`, `_socket` and `_sender` of a WebSocket. Where the sender is another one,
 * `ws` writes the close frame.
 */

/** The code for a close frame without a code. No close frame carries it. */
const noCode = 1005;

/** Receives what `ws` does by itself: messages, its closing, its close frame, control frames, and its end. */
export interface ClosingListener {
  /** Called when `ws` begins to close. `cause` is set when `ws` has found an error. */
  wsOnClosing(code: number, text: string, cause?: CloseReasonName): void;
  /**
   * Called before the close frame is sent, with that frame if the listener may write it itself. Returns whether it has.
   */
  wsOnFinish(closeFrame?: Uint8Array): boolean;
  /** Called for each message that `ws` reads. */
  wsOnMessage(data: RawData, isBinary: boolean): void;
  /** Called once, when the socket is closed. */
  wsOnClose(code: number, text: string): void;
  /** Called for each ping. */
  wsOnPing(data: Buffer): void;
  /** Called for each pong. */
  wsOnPong(): void;
}

/** Ends a stream once. Node makes an error, with its stack, for each further end, whether it is told or not. */
function endOnce(this: Writable): Writable {
  if (this.writableEnded) return this;
  // The method of its class, without arguments: the type of the property does not name that overload.
  return (Object.getPrototypeOf(this) as { end(this: Writable): Writable }).end.call(this);
}

/** Makes a stream of `ws` end once. It calls `end` without arguments. */
const willEndOnce = (stream: unknown): void => {
  if (!(stream instanceof Writable) || Object.hasOwn(stream, 'end')) return;
  const ended: { end: unknown } = stream;
  ended.end = endOnce;
};

/** Takes the place of the sender of `ws` for a close frame that has left already: tells `ws` that it is sent. */
function sentBefore(_code: unknown, _reason: unknown, _isMasked: unknown, onSent: () => void): void {
  onSent();
}

/** The sender of a WebSocket of `ws`, which writes nothing but the close frame. */
interface WsSender {
  close: typeof sentBefore;
}

/** Returns the sender, or `undefined` if it is not the known one, or has something to send. */
const idleSender = (sender: unknown): WsSender | undefined => {
  const isIdle =
    typeof sender === 'object' &&
    sender !== null &&
    '_state' in sender &&
    sender._state === 0 &&
    '_bufferedBytes' in sender &&
    sender._bufferedBytes === 0 &&
    'close' in sender &&
    typeof sender.close === 'function' &&
    sender.close.length === sentBefore.length;
  // It was checked just now.
  return isIdle ? (sender as WsSender) : undefined;
};

/** The close frame that was sent last: many connections end for one reason. */
let latest = { code: noCode, reason: '', frame: closeFrame() };

/** Returns the close frame for this code and reason, or `undefined` if `ws` does not send it. */
const closeFrameOf = (code: number, data: string | Buffer): Uint8Array | undefined => {
  const reason = data.toString();
  if (code === latest.code && reason === latest.reason) return latest.frame;
  if ((code !== noCode && !isCloseCode(code)) || Buffer.byteLength(data) > maxCloseText) return undefined;
  latest = { code, reason, frame: code === noCode ? closeFrame() : closeFrame(code, data) };
  return latest.frame;
};

/**
 * A WebSocket of `ws` that reports control frames, and when `ws` begins to close it: the client has sent a close frame or
 * a malformed message.
 */
export class ClosingWebSocket extends WebSocket {
  #watcher: ClosingListener | undefined;
  // Not documented.
  declare _events: unknown;
  declare readonly _receiver?: unknown;
  declare readonly _sender?: unknown;
  declare readonly _socket?: unknown;

  /**
   * Makes `listener` the one listener, to which events go without a table of listeners. Node makes that table when a
   * listener is added. `ws` ends its receiver again when the socket ends and when it has closed.
   */
  watch(listener: ClosingListener): void {
    this.#watcher = listener;
    this._events = undefined;
    willEndOnce(this._receiver);
  }

  /** Sends the close frame that `ws` asks for. */
  override close(code?: number, given?: string | Buffer): void {
    // `ws` gives no text for an error that it finds. For a close frame of the client it gives one, maybe empty.
    const cause = given === undefined ? faults.get(code) : undefined;
    const data = given ?? (cause ? closeReasons[cause].text : '');
    if (this.readyState === WebSocket.OPEN) this.#watcher?.wsOnClosing(code ?? noCode, data.toString(), cause);
    this.finish(code ?? noCode, data);
  }

  /** Sends the close frame. */
  finish(code: number, data: string | Buffer): void {
    const sender = this.readyState === WebSocket.OPEN ? idleSender(this._sender) : undefined;
    // `ws` ends the socket once both close frames are there, and again when the client has ended it.
    if (this.readyState === WebSocket.OPEN) willEndOnce(this._socket);
    if (this.#watcher?.wsOnFinish(sender && closeFrameOf(code, data)) && sender) sender.close = sentBefore;
    if (code === noCode) super.close();
    else super.close(code, data);
  }

  /** Tells the listener. A listener of `ws` for each event would be a table and closures for every socket. */
  override emit(event: string | symbol, first?: unknown, second?: unknown): boolean {
    const watcher = this.#watcher;
    // `ws` emits a message with its data, and whether it is binary.
    if (event === 'message') watcher?.wsOnMessage(first as RawData, second === true);
    else if (event === 'ping' && Buffer.isBuffer(first)) watcher?.wsOnPing(first);
    else if (event === 'pong') watcher?.wsOnPong();
    else if (event === 'close') watcher?.wsOnClose(Number(first), String(second));
    // The close code shows an error. Without a listener it would end the process.
    return event === 'error' || super.emit(event, first, second);
  }
}
