import type { FrameSink } from '../../protocol/frame.js';

/** What is always known of the request that was upgraded. */
interface RequestHead {
  readonly url?: string | undefined;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
}

/** Whoever makes connections says here what their requests are, as `upgraded`. */
// biome-ignore lint/suspicious/noEmptyInterface: it is there to be added to
export interface Requests {}

/** The request that was upgraded. */
export type UpgradeRequest = Requests extends { readonly upgraded: infer Request extends RequestHead }
  ? Request
  : RequestHead;

/** Bytes that have come in so far, of whatever kind of frame, and that have left. */
export interface Traffic {
  readonly received: number;
  readonly sent: number;
}

/** What the running system needs of a websocket. One implementation wraps ws, tests bring their own. */
export interface Socket {
  /** May data still be written? */
  readonly writable: boolean;
  /** Bytes that were written and that the kernel has not taken. */
  readonly backlog: number;
  readonly traffic: Traffic;
  /** Is it read? May be switched off and on. */
  isReading: boolean;
  /** Write these bytes as they are: complete frames. False when there may be no more room, or it is not open. Never throws. */
  write(bytes: Uint8Array): boolean;
  /** Send the close frame. */
  close(code: number, text: string): void;
  /** End it at once, without a word. */
  destroy(): void;
}

/** What a socket tells the connection that listens to it. */
export interface SocketListener {
  socketOnMessage(data: string | Uint8Array): void;
  socketOnDrain(): void;
  socketOnClose(code: number, text: string): void;
  /** It is to be closed: the client says goodbye, has sent what is no message, or is slower than the program allows. */
  socketOnClosing(code: number, text: string, isVerdict?: boolean): void;
}

/** A websocket that wants to become a connection. */
export interface Arrival {
  readonly id: string;
  readonly request: UpgradeRequest;
  readonly socket: Socket;
  /** Where the bytes of its frames go: the socket, or the line that is behind it. */
  readonly outlet: FrameSink;
  /** From now on this listens to the socket. */
  attach(listener: SocketListener): void;
  /** It is let in, both sides agree. */
  opened?(): void;
}

/** A socket around another, that hears what that one is told, and what it tells. */
export class SocketWrapper implements Socket, SocketListener {
  protected listener: SocketListener | undefined;

  constructor(protected readonly inner: Socket) {}

  get writable(): boolean {
    return this.inner.writable;
  }
  get backlog(): number {
    return this.inner.backlog;
  }
  get traffic(): Traffic {
    return this.inner.traffic;
  }
  get isReading(): boolean {
    return this.inner.isReading;
  }
  set isReading(isReading: boolean) {
    this.inner.isReading = isReading;
  }
  write(bytes: Uint8Array): boolean {
    return this.inner.write(bytes);
  }
  close(code: number, text: string): void {
    this.inner.close(code, text);
  }
  destroy(): void {
    this.inner.destroy();
  }

  /** From now on this listens to what comes through here. */
  listen(listener: SocketListener): void {
    this.listener = listener;
  }
  socketOnMessage(data: string | Uint8Array): void {
    this.listener?.socketOnMessage(data);
  }
  socketOnDrain(): void {
    this.listener?.socketOnDrain();
  }
  socketOnClose(code: number, text: string): void {
    this.listener?.socketOnClose(code, text);
  }
  socketOnClosing(code: number, text: string, isVerdict = false): void {
    this.listener?.socketOnClosing(code, text, isVerdict);
  }
}

/** The same arrival, with this socket around its own. */
export const wrapArrival = (arrival: Arrival, around: SocketWrapper): Arrival => ({
  ...arrival,
  socket: around,
  outlet: around,
  attach: (listener) => {
    around.listen(listener);
    arrival.attach(around);
  },
});
