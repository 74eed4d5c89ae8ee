import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type RawData, WebSocket, WebSocketServer } from 'ws';
import { type Clock, TickCounter, TickQuota } from '../actors/runtime/clock.js';
import type { Socket, SocketListener, Traffic } from '../actors/transport/socket.js';
import { type CloseReasonName, closeReasons } from '../protocol/errors.js';
import type { FrameSink } from '../protocol/frame.js';

/** What the websocket layer itself bounds. */
interface HandshakeOptions {
  readonly payload: number;
  readonly fragments: number;
  /** A message that has begun is whole within so many milliseconds. */
  readonly messageTimeout: number;
  readonly protocols: readonly string[];
}

/** A socket that has become a websocket. */
interface UpgradedSocket extends Socket {
  /** Where the bytes of frames go. */
  readonly outlet: FrameSink;
  /** Gives the socket its one listener. */
  listen(listener: SocketListener): void;
}

/** Shakes hands with a client that wants an upgrade. */
export type Handshake = (
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  done: (socket: UpgradedSocket) => void,
) => void;

/** What ws itself closes a connection for, by the code that it chooses. */
const faults = new Map<number | undefined, CloseReasonName>(
  (['tooBig', 'notUtf8', 'tooManyParts', 'malformed'] as const).map((cause) => [closeReasons[cause].code, cause]),
);

/** Bytes of one client that are read in one tick of the event loop, before others have their turn (LM9). */
const bytesPerTick = 65_536;

/** No close frame may carry this code: it says that the peer's had none. */
const noCode = 1005;

/** What went wrong shows in the close code; without a listener it would end the process. */
const ignoreError = (): void => {};

/** One of ws's that says so when ws begins to close it: the client has said goodbye, or has sent what is no message. */
class ClosingWebSocket extends WebSocket {
  watcher: Pick<ServerSocket, 'wsOnClosing' | 'wsOnFinish'> | undefined;

  override close(code?: number, given?: string | Buffer): void {
    // What ws itself finds wrong has no text; what the client says goodbye with has one, if an empty one.
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
}

/**
 * A websocket on the server. ws reads what comes in and writes control frames; data frames are written here, as they
 * are, to the very socket that the upgrade gave: so that one buffer can serve any number of connections.
 */
class ServerSocket implements UpgradedSocket {
  #listener: SocketListener | undefined;
  #received = 0;
  /** Its close frame is out. */
  #isFinished = false;
  /** Is it to be read, as far as our side is concerned? */
  #isWanted = true;
  /** Bytes that may still be read in this tick; when they are used up, it rests until the next (LM9). */
  readonly #quota: TickQuota;
  #isResting = false;
  #incomplete: unknown;

  constructor(
    private readonly ws: ClosingWebSocket,
    readonly outlet: Duplex & { readonly bytesWritten?: number },
    private readonly messageTimeout: number,
    private readonly clock: Clock,
    ticks: TickCounter,
  ) {
    this.#quota = new TickQuota(ticks, bytesPerTick);
    ws.on('message', (data: RawData, isBinary: boolean) => this.#wsOnMessage(data, isBinary));
    ws.on('close', (code: number, reason: Buffer) => {
      this.#messageEnded();
      this.#listener?.socketOnClose(code, reason.toString());
    });
    ws.watcher = this;
    ws.on('error', ignoreError);
    outlet.on('drain', () => this.#listener?.socketOnDrain());
    // ws has listened to it for longer, so it has taken in these bytes already.
    outlet.on('data', (bytes: Buffer) => this.#outletOnData(bytes.length));
  }

  get writable(): boolean {
    return !this.#isFinished && this.outlet.writable;
  }
  get backlog(): number {
    return this.outlet.writableLength;
  }
  get traffic(): Traffic {
    // What a socket of node's counts as written is also what waits.
    const { bytesWritten = 0 } = this.outlet;
    return { received: this.#received, sent: bytesWritten - this.backlog };
  }
  get isReading(): boolean {
    return this.#isWanted;
  }
  set isReading(isReading: boolean) {
    this.#isWanted = isReading;
    this.#review();
  }

  wsOnClosing(code: number, text: string, cause?: CloseReasonName): void {
    this.#listener?.socketOnClosing(code, text, cause);
  }
  wsOnFinish(): void {
    this.#isFinished = true;
  }

  /** From now on this hears what happens. */
  listen(listener: SocketListener): void {
    this.#listener = listener;
  }
  write(bytes: Uint8Array): boolean {
    return this.writable && this.outlet.write(bytes);
  }
  close(code: number, text: string): void {
    this.ws.finish(code, text);
  }
  destroy(): void {
    this.ws.terminate();
  }

  #outletOnData(bytes: number): void {
    this.#received += bytes;
    this.#countRead(bytes);
    if (!this.writable || !isMidMessage(this.ws)) this.#messageEnded();
    else if (this.#incomplete === undefined) this.#messageBegan();
  }

  #countRead(bytes: number): void {
    if (this.#quota.spend(bytes) > 0 || this.#isResting) return;
    this.#isResting = true;
    this.#review();
    this.clock.setImmediate(() => {
      this.#isResting = false;
      this.#review();
    });
  }

  #review(): void {
    if (this.#isWanted && !this.#isResting) this.ws.resume();
    else this.ws.pause();
  }

  #messageBegan(): void {
    this.#incomplete = this.clock.setTimeout(() => {
      const { code, text } = closeReasons.incomplete;
      // What is not read cannot be completed.
      if (this.isReading) this.#listener?.socketOnClosing(code, text, 'incomplete');
      else this.#messageBegan();
    }, this.messageTimeout);
  }

  #messageEnded(): void {
    if (this.#incomplete === undefined) return;
    this.clock.clearTimeout(this.#incomplete);
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
type OnBadHandshake = (error: Error, request: IncomingMessage, socket: Duplex) => void;

/** Makes the sockets of a server's clients out of upgrade requests. */
export type Transport = (options: HandshakeOptions, clock: Clock, onBad: OnBadHandshake) => Handshake;

/** The transport over ws. */
export const makeHandshake: Transport = (options, clock, onBad) => {
  const { payload, fragments, messageTimeout, protocols } = options;
  const server = new WebSocketServer({
    noServer: true,
    WebSocket: ClosingWebSocket,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: payload,
    maxFragments: fragments,
    // A message may come in small pieces of any sender's making, each of which has its price here.
    maxBufferedChunks: fragments * 16,
    handleProtocols: (offered) => protocols.find((protocol) => offered.has(protocol)) ?? false,
  });
  server.on('wsClientError', (error: Error, socket: Duplex, request: IncomingMessage) => onBad(error, request, socket));
  const ticks = new TickCounter(clock);
  return (request, socket, head, done) =>
    server.handleUpgrade(request, socket, head, (ws) =>
      done(new ServerSocket(ws, socket, messageTimeout, clock, ticks)),
    );
};
