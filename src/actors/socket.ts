/** What the running system needs of a websocket. One implementation wraps ws, tests bring their own. */
export interface Socket {
  /** May data still be written? */
  readonly isOpen: boolean;
  /** Bytes that were written and that the kernel has not taken. */
  readonly backlog: number;
  /** Write these bytes as they are: one or more complete frames. Never throws. */
  write(bytes: Uint8Array): void;
  /** Send the close frame. */
  close(code: number, text: string): void;
  /** End it at once, without a word. */
  destroy(): void;
  /** Stop and go on reading. */
  pause(): void;
  resume(): void;
}

/** What a socket tells the connection that listens to it. */
export interface SocketListener {
  socketOnMessage(data: string | Uint8Array): void;
  socketOnDrain(): void;
  socketOnClose(code: number, text: string): void;
}
