import { WebSocket } from 'ws';
import { type CloseReasonName, closeReasons } from '../../protocol/errors.js';

/** The reasons for which `ws` itself closes a connection, by its close code. */
const faults = new Map<number | undefined, CloseReasonName>(
  (['tooBig', 'notUtf8', 'tooManyParts', 'malformed'] as const).map((cause) => [closeReasons[cause].code, cause]),
);

/** The code for a close frame without a code. No close frame carries it. */
const noCode = 1005;

/** Receives what `ws` does by itself: its closing, its close frame, and control frames. */
export interface ClosingListener {
  /** Called when `ws` begins to close. `cause` is set when `ws` has found an error. */
  wsOnClosing(code: number, text: string, cause?: CloseReasonName): void;
  /** Called before the close frame is sent. */
  wsOnFinish(): void;
  /** Called for each ping. */
  wsOnPing(data: Buffer): void;
  /** Called for each pong. */
  wsOnPong(): void;
}

/**
 * A WebSocket of `ws` that reports control frames, and when `ws` begins to close it: the client has sent a close frame or
 * a malformed message.
 */
export class ClosingWebSocket extends WebSocket {
  /** The one listener. */
  watcher: ClosingListener | undefined;

  /** Sends the close frame that `ws` asks for. */
  override close(code?: number, given?: string | Buffer): void {
    // `ws` gives no text for an error that it finds. For a close frame of the client it gives one, maybe empty.
    const cause = given === undefined ? faults.get(code) : undefined;
    const data = given ?? (cause ? closeReasons[cause].text : '');
    if (this.readyState === WebSocket.OPEN) this.watcher?.wsOnClosing(code ?? noCode, data.toString(), cause);
    this.finish(code ?? noCode, data);
  }

  /** Sends the close frame. */
  finish(code: number, data: string | Buffer): void {
    this.watcher?.wsOnFinish();
    if (code === noCode) super.close();
    else super.close(code, data);
  }

  /** Tells of control frames. A listener for each would enlarge the table of every socket. */
  override emit(event: string | symbol, first?: unknown, second?: unknown): boolean {
    if (event === 'ping' && Buffer.isBuffer(first)) this.watcher?.wsOnPing(first);
    else if (event === 'pong') this.watcher?.wsOnPong();
    return super.emit(event, first, second);
  }
}
