import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type RawData, WebSocket, WebSocketServer } from 'ws';
import type { Socket, SocketListener } from '../actors/socket.js';
import { closeReasons } from '../protocol/errors.js';

/** What the websocket layer itself bounds. */
export interface HandshakeOptions {
  readonly payload: number;
  readonly fragments: number;
  /** A message that has begun is whole within so many milliseconds. */
  readonly messageTimeout: number;
  readonly protocols: readonly string[];
}

/** Shakes hands with a client that wants an upgrade. */
export type Handshake = (
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  done: (socket: ServerSocket) => void,
) => void;

/**
 * A websocket on the server. ws reads what comes in and writes control frames; data frames are written here, as they
 * are, to the very socket that the upgrade gave: so that one buffer can serve any number of connections.
 */
export class ServerSocket implements Socket {
  #listener: SocketListener | undefined;
  #received = 0;
  #incomplete: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly ws: WebSocket,
    private readonly raw: Duplex,
    private readonly messageTimeout: number,
  ) {
    ws.on('message', (data: RawData, isBinary: boolean) => this.#wsOnMessage(data, isBinary));
    ws.on('close', (code: number, reason: Buffer) => {
      this.#messageEnded();
      this.#listener?.socketOnClose(code, reason.toString());
    });
    // What went wrong shows in the close code; without a listener it would end the process.
    ws.on('error', () => {});
    raw.on('drain', () => this.#listener?.socketOnDrain());
    // ws has listened to it for longer, so it has taken in these bytes already.
    raw.on('data', (bytes: Buffer) => this.#rawOnData(bytes.length));
  }

  get isOpen(): boolean {
    return this.ws.readyState === WebSocket.OPEN;
  }
  get backlog(): number {
    return this.raw.writableLength;
  }
  get received(): number {
    return this.#received;
  }
  get isReading(): boolean {
    return !this.ws.isPaused;
  }
  set isReading(isReading: boolean) {
    if (isReading) this.ws.resume();
    else this.ws.pause();
  }

  /** From now on this hears what happens. */
  listen(listener: SocketListener): void {
    this.#listener = listener;
  }
  write(bytes: Uint8Array): void {
    if (this.isOpen) this.raw.write(bytes);
  }
  close(code: number, text: string): void {
    this.ws.close(code, text);
  }
  destroy(): void {
    this.ws.terminate();
  }

  #rawOnData(bytes: number): void {
    this.#received += bytes;
    if (!isMidMessage(this.ws)) this.#messageEnded();
    else if (this.#incomplete === undefined) this.#messageBegan();
  }

  #messageBegan(): void {
    this.#incomplete = setTimeout(() => {
      const { code, text } = closeReasons.incomplete;
      // What is not read cannot be completed.
      if (this.isReading) this.#listener?.socketOnOverdue(code, text);
      else this.#messageBegan();
    }, this.messageTimeout);
  }

  #messageEnded(): void {
    clearTimeout(this.#incomplete);
    this.#incomplete = undefined;
  }

  #wsOnMessage(data: RawData, isBinary: boolean): void {
    this.#messageEnded();
    const bytes = Buffer.isBuffer(data)
      ? data
      : Buffer.concat(data instanceof ArrayBuffer ? [Buffer.from(data)] : data);
    this.#listener?.socketOnMessage(isBinary ? bytes : bytes.toString());
  }
}

/** Has a message begun that is not whole? ws knows, and offers no public way to ask. */
const isMidMessage = (ws: WebSocket): boolean => {
  const receiver: unknown = Reflect.get(ws, '_receiver');
  if (typeof receiver !== 'object' || receiver === null) return false;
  return ['_fragmented', '_bufferedBytes', '_state'].some((field) => Reflect.get(receiver, field) !== 0);
};

/** Told of a request that is no proper websocket upgrade; it has to answer. */
export type OnBadHandshake = (error: Error, request: IncomingMessage, socket: Duplex) => void;

export const makeHandshake = (options: HandshakeOptions, onBad: OnBadHandshake): Handshake => {
  const { payload, fragments, messageTimeout, protocols } = options;
  const server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: payload,
    maxFragments: fragments,
    handleProtocols: (offered) => protocols.find((protocol) => offered.has(protocol)) ?? false,
  });
  server.on('wsClientError', (error: Error, socket: Duplex, request: IncomingMessage) => onBad(error, request, socket));
  return (request, socket, head, done) =>
    server.handleUpgrade(request, socket, head, (ws) => done(new ServerSocket(ws, socket, messageTimeout)));
};
