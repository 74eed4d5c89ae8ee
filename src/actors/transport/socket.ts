import type { CloseReasonName } from '../../protocol/errors.js';
import type { FrameSink } from '../../protocol/frame.js';

/** The part of an upgraded request that every server knows. */
interface RequestHead {
  /** The path and query of the request. */
  readonly url?: string | undefined;
  /** The headers, by lower-case name. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
}

/**
 * Names the type of upgraded requests: the server folder adds it to this interface, as `upgraded`.
 *
 * @public
 */
// biome-ignore lint/suspicious/noEmptyInterface: another folder adds a member
export interface Requests {}

/** The request that was upgraded. */
export type UpgradeRequest = Requests extends { readonly upgraded: infer Request extends RequestHead }
  ? Request
  : RequestHead;

/** The bytes of one socket, of every kind of frame. */
export interface Traffic {
  /** Bytes received so far. */
  readonly received: number;
  /** Bytes that have left so far. Bytes that wait in the queue of the socket do not count. */
  readonly sent: number;
}

/** Port to a WebSocket. One implementation wraps `ws`, and tests have their own. */
export interface Socket {
  /** Whether data can still be written. */
  readonly writable: boolean;
  /** Bytes that were written and that the kernel has not taken yet, with those that are held back (BC15). */
  readonly backlog: number;
  /** The bytes received and sent so far. */
  readonly traffic: Traffic;
  /** Whether the socket is read. Set it to pause and resume reading. */
  isReading: boolean;
  /** Writes complete frames as they are. Returns false when the socket may be full, or is not open. Never throws. */
  write(bytes: Uint8Array): boolean;
  /** Sends a close frame. */
  close(code: number, text: string): void;
  /** Ends the socket at once, without a close frame. */
  destroy(): void;
}

/** Takes text messages where they lie in a read buffer, and says how many come at once. */
export interface TextListener {
  /**
   * Takes the text message that lies from `start` to `end`: valid UTF-8. Returns whether the next may come. If not, the
   * socket keeps what it has read, and goes on in a slice (LM9).
   */
  takeText(bytes: Uint8Array, start: number, end: number): boolean;
  /** Begins a slice, in which so many messages may be handled beside those of the tick. */
  beginSlice(frames: number): void;
  /** Ends a slice. */
  endSlice(): void;
}

/** Receives the events of a socket. */
export interface SocketListener {
  /** Takes text messages in place of `socketOnMessage`, from sockets that can pass them on so. */
  readonly texts?: TextListener;
  /**
   * Called for each data message of the client. Bytes belong to a read buffer. With `isText` they are the valid UTF-8 of
   * a text message that is not decoded yet.
   */
  socketOnMessage(data: string | Uint8Array, isText?: boolean): void;
  /** Called when bytes that were held back (BC15) have been written, and the queue of the socket is full now. */
  filled(): void;
  /** Called when the queue of the socket is empty again. */
  socketOnDrain(): void;
  /**
   * Called once, when the socket is closed; code 1006 when no close frame came. `cause` is set when the server decided
   * it.
   */
  socketOnClose(code: number, text: string, cause?: CloseReasonName): void;
  /**
   * Called when the socket must be closed: the client has sent a close frame or a malformed message, or is slower than
   * the limits allow. `cause` is set when the server decided it.
   */
  socketOnClosing(code: number, text: string, cause?: CloseReasonName): void;
}

/** A socket that was upgraded to a WebSocket. */
export interface UpgradedSocket extends Socket {
  /** Takes the bytes of frames. */
  readonly outlet: FrameSink;
  /** Makes `listener` the one listener of the socket. */
  listen(listener: SocketListener): void;
}

/**
 * How a client that announced the session layer has begun: by a frame of that layer, without one, or on a server that
 * handles native messages only and has no such layer (SS11).
 */
export type OpeningKind = 'hello' | 'resume' | 'plain' | 'native';

/** Who a client is. */
export interface Identity {
  /** What `authenticate` returned. */
  readonly user: unknown;
  /** When its token expires, by the server's clock. `Infinity` if it does not. */
  readonly due: number;
}

/** An upgraded socket that the supervisor has not registered yet. */
export interface Arrival {
  /** The id of the connection to be. */
  readonly id: string;
  /** The request that was upgraded. */
  readonly request: UpgradeRequest;
  /** The socket, with its decorators. */
  readonly socket: Socket;
  /** Takes the bytes of its frames: the stream below the socket, or the socket when it is decorated. */
  readonly outlet: FrameSink;
  /** How its client has begun, if it announced the session layer. Otherwise the server looks for no such frame. */
  readonly opening?: OpeningKind | undefined;
  /** Who its client is, if the program authenticates. */
  readonly identity?: Identity | undefined;
  /** Makes `listener` the one listener of the socket. It receives the messages that have come already. */
  attach(listener: SocketListener): void;
  /** Called once the connection is open. */
  opened?(): void;
}

/** A socket around another one: every call and every event passes through it. Decorators override what they change. */
export class SocketWrapper implements Socket, SocketListener {
  /** Receives the events that pass through. */
  protected listener: SocketListener | undefined;

  constructor(protected readonly inner: Socket) {}

  /** Whether data can still be written. */
  get writable(): boolean {
    return this.inner.writable;
  }
  /** Bytes that were written and that the kernel has not taken yet. */
  get backlog(): number {
    return this.inner.backlog;
  }
  /** The bytes received and sent so far. */
  get traffic(): Traffic {
    return this.inner.traffic;
  }
  /** Whether the socket is read. */
  get isReading(): boolean {
    return this.inner.isReading;
  }
  set isReading(isReading: boolean) {
    this.inner.isReading = isReading;
  }
  /** Writes complete frames to the inner socket. */
  write(bytes: Uint8Array): boolean {
    return this.inner.write(bytes);
  }
  /** Sends a close frame by the inner socket. */
  close(code: number, text: string): void {
    this.inner.close(code, text);
  }
  /** Ends the inner socket at once. */
  destroy(): void {
    this.inner.destroy();
  }

  /** Makes `listener` the one listener to the events that pass through. */
  listen(listener: SocketListener): void {
    this.listener = listener;
  }
  /** Passes on a message. */
  socketOnMessage(data: string | Uint8Array, isText?: boolean): void {
    this.listener?.socketOnMessage(data, isText);
  }
  /** Passes on that the queue is full. */
  filled(): void {
    this.listener?.filled();
  }
  /** Passes on that the queue is empty. */
  socketOnDrain(): void {
    this.listener?.socketOnDrain();
  }
  /** Passes on the end of the socket. */
  socketOnClose(code: number, text: string, cause?: CloseReasonName): void {
    this.listener?.socketOnClose(code, text, cause);
  }
  /** Passes on that the socket must be closed. */
  socketOnClosing(code: number, text: string, cause?: CloseReasonName): void {
    this.listener?.socketOnClosing(code, text, cause);
  }
}

/** Returns the same arrival with `around` as its socket and outlet. */
export const wrapArrival = (arrival: Arrival, around: SocketWrapper): Arrival => ({
  ...arrival,
  socket: around,
  outlet: around,
  attach: (listener) => {
    around.listen(listener);
    arrival.attach(around);
  },
});
