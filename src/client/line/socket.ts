import { acknowledge } from '../../protocol/codec.js';
import type { Body } from '../../protocol/message.js';
import { fromClient, readFromServer, sessionVersion } from '../../protocol/session.js';
import type { ClientCounters } from './counters.js';

/** The members of a WebSocket that a line uses. */
export interface SocketPort {
  /** How binary messages arrive. */
  binaryType: string;
  /** 1 while it is open. */
  readonly readyState: number;
  /** Called when it is open. */
  onopen: (() => void) | null;
  /** Called for each message. */
  onmessage: ((event: { readonly data: unknown }) => void) | null;
  /** Called for an error, before `onclose`. */
  onerror: ((event: { readonly message?: unknown }) => void) | null;
  /** Called when it is closed. */
  onclose: ((event: { readonly code: number; readonly reason: string }) => void) | null;
  /** Sends a message. */
  send(data: Body): void;
  /** Closes it. */
  close(code?: number, reason?: string): void;
}

/** What a line tells its client. */
export interface LineListener {
  /** The socket is open, and the first frames are sent. */
  onOpen(): void;
  /** The server has accepted the line. */
  onAccepted(id: string): void;
  /** The server has refused the line. */
  onRefused(text: string): void;
  /** A frame of the session layer has come. */
  onVerb(verb: string, body: string, line: Line): void;
  /** A data message has come. */
  onData(payload: Body, line: Line): void;
  /** The line has ended. It is the last call. */
  onEnd(code: number, text: string): void;
}

const isOpen = 1;

/** Closes a socket. A browser refuses some codes, and a socket that is connecting has no close frame. */
const closeSocket = (socket: SocketPort, code: number, text: string): void => {
  try {
    socket.close(code, text);
  } catch {
    // It is closed, or never opened.
  }
};

/** One WebSocket, from its dial to its end, and the greeting on it (CL4, CL5). */
export class Line {
  /** Whether the server speaks the session layer. */
  isAware = false;
  /** Data frames received on this line. */
  received = 0;
  /** Events emitted on this line. */
  emitted = 0;
  /** How many of them the server has received for sure. */
  proven = 0;
  #listener: LineListener | undefined;
  #isAccepted: boolean;
  #awaitsWelcome = true;
  #isEnding = false;
  #error = '';

  /** `token` goes with `hello`. Without a greeting (native messages only) the line is accepted when it is open. */
  constructor(
    private readonly socket: SocketPort,
    private readonly counters: ClientCounters,
    listener: LineListener,
    greets: boolean,
    token: string | undefined,
  ) {
    this.#listener = listener;
    this.#isAccepted = !greets;
    socket.binaryType = 'arraybuffer';
    socket.onopen = () => {
      counters.lines++;
      if (greets) {
        socket.send(fromClient('hello', JSON.stringify({ v: sessionVersion, auth: token, caps: [] })));
        socket.send(acknowledge);
      }
      this.#listener?.onOpen();
      if (!greets) this.#listener?.onAccepted('');
    };
    socket.onmessage = ({ data }) => {
      if (this.#isEnding) counters.dropped++;
      else if (this.#listener) this.#receive(data, this.#listener);
    };
    socket.onerror = ({ message }) => {
      if (typeof message === 'string') this.#error = message;
    };
    socket.onclose = ({ code, reason }) => {
      const ended = this.#listener;
      this.#listener = undefined;
      ended?.onEnd(code, reason || this.#error);
    };
  }

  /** Sends a message. Returns whether the socket took it. */
  send(payload: Body): boolean {
    if (this.socket.readyState !== isOpen) return false;
    try {
      this.socket.send(payload);
      return true;
    } catch {
      return false;
    }
  }

  /** Closes the line and tells nothing more of it. */
  drop(code: number, text = ''): void {
    this.#listener = undefined;
    closeSocket(this.socket, code, text);
  }

  /** Closes the line. From now on only its end is told. */
  hangUp(): void {
    this.#isEnding = true;
    closeSocket(this.socket, 1000, '');
  }

  #receive(data: unknown, listener: LineListener): void {
    const isText = typeof data === 'string';
    if (!isText && !(data instanceof ArrayBuffer)) return;
    if (!this.#isAccepted) return this.#greet(isText ? data : '', listener);
    const frame = isText ? readFromServer(data) : undefined;
    if (this.#awaitsWelcome) this.isAware = frame?.verb === 'welcome';
    this.#awaitsWelcome = false;
    if (frame && this.isAware) return listener.onVerb(frame.verb, frame.body, this);
    this.received++;
    this.counters.received++;
    listener.onData(isText ? data : new Uint8Array(data), this);
  }

  #greet(text: string, listener: LineListener): void {
    if (text.startsWith('A')) {
      this.#isAccepted = true;
      listener.onAccepted(text.slice(1));
    } else if (text.startsWith('H')) {
      listener.onRefused(text.slice(1));
    } else {
      this.counters.invalid++;
    }
  }
}
