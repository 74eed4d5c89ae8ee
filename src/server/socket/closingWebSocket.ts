import { Writable } from 'node:stream';
import { type RawData, WebSocket } from 'ws';
import { type CloseReasonName, closeReasons } from '../../protocol/errors.js';

/** The reasons for which `ws` itself closes a connection, by its close code. */
const faults = new Map<number | undefined, CloseReasonName>(
  (['tooBig', 'notUtf8', 'tooManyParts', 'malformed'] as const).map((cause) => [closeReasons[cause].code, cause]),
);

/** The code for a close frame without a code. No close frame carries it. */
const noCode = 1005;

/** Receives what `ws` does by itself: messages, its closing, its close frame, control frames, and its end. */
export interface ClosingListener {
  /** Called when `ws` begins to close. `cause` is set when `ws` has found an error. */
  wsOnClosing(code: number, text: string, cause?: CloseReasonName): void;
  /** Called before the close frame is sent. */
  wsOnFinish(): void;
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
  // The overload without arguments, which the type of the property does not name.
  return (Writable.prototype.end as (this: Writable) => Writable).call(this);
}

/**
 * A WebSocket of `ws` that reports control frames, and when `ws` begins to close it: the client has sent a close frame or
 * a malformed message.
 */
export class ClosingWebSocket extends WebSocket {
  #watcher: ClosingListener | undefined;

  /**
   * Makes `listener` the one listener, to which events go without a table of listeners. Node makes that table when a
   * listener is added. Checked against `ws` 8.23, which ends its receiver again when the socket ends and when it has
   * closed.
   */
  watch(listener: ClosingListener): void {
    this.#watcher = listener;
    Reflect.set(this, '_events', undefined);
    const receiver: unknown = Reflect.get(this, '_receiver');
    if (receiver instanceof Writable) Reflect.set(receiver, 'end', endOnce);
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
    this.#watcher?.wsOnFinish();
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
