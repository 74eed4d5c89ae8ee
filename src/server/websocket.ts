import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type RawData, WebSocket, WebSocketServer } from 'ws';
import { type Clock, TickCounter, TickQuota } from '../actors/runtime/clock.js';
import type { SocketListener, Traffic, UpgradedSocket } from '../actors/transport/socket.js';
import { type CloseReasonName, closeReasons } from '../protocol/errors.js';
import { type PongContext, Pongs } from './pongs.js';

/** The limits, subprotocols and counters of the WebSocket layer. */
interface HandshakeOptions extends Omit<PongContext, 'clock'> {
  /** Maximum size of a message, in bytes. */
  readonly payload: number;
  /** Maximum number of parts of a message. */
  readonly fragments: number;
  /** Maximum time to complete a message, in ms. */
  readonly messageTimeout: number;
  /** Subprotocols, in order of preference. */
  readonly protocols: readonly string[];
}

/** Completes the WebSocket handshake of an upgrade request. Calls `done` with the socket. */
export type Handshake = (
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  done: (socket: UpgradedSocket) => void,
) => void;

/** The reasons for which `ws` itself closes a connection, by its close code. */
const faults = new Map<number | undefined, CloseReasonName>(
  (['tooBig', 'notUtf8', 'tooManyParts', 'malformed'] as const).map((cause) => [closeReasons[cause].code, cause]),
);

/** Maximum number of bytes read from one client in one tick, so that other clients have their turn (LM9). */
const bytesPerTick = 65_536;

/** The code for a close frame without a code. No close frame carries it. */
const noCode = 1005;

/** Ignores an error, as the close code shows it. Without a listener an error would end the process. */
const ignoreError = (): void => {};

/**
 * A WebSocket of `ws` that reports control frames, and when `ws` begins to close it: the client has sent a close frame or
 * a malformed message.
 */
class ClosingWebSocket extends WebSocket {
  watcher: Pick<ServerSocket, 'wsOnClosing' | 'wsOnFinish' | 'wsOnPing' | 'wsOnPong'> | undefined;

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

/**
 * A WebSocket on the server. `ws` reads frames and writes the close frame. All others are written here, as they are, to
 * the socket of the upgrade, so that one buffer can serve any number of connections.
 */
class ServerSocket implements UpgradedSocket {
  #listener: SocketListener | undefined;
  #received = 0;
  /** Whether the close frame was sent. */
  #isFinished = false;
  /** Whether the connection wants the socket to be read. */
  #isWanted = true;
  /** Bytes that may still be read in this tick. Once they are used up, reading rests until the next tick (LM9). */
  readonly #quota: TickQuota;
  #isResting = false;
  #incomplete: unknown;
  /** The pongs that the client is due, once it has sent a ping. */
  #pongs: Pongs | undefined;

  constructor(
    private readonly ws: ClosingWebSocket,
    readonly outlet: Duplex & { readonly bytesWritten?: number },
    private readonly messageTimeout: number,
    private readonly clock: Clock,
    private readonly pongContext: PongContext,
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
    outlet.on('drain', () => {
      this.#listener?.socketOnDrain();
      if (this.writable) this.#pongs?.drained();
    });
    // The listener of `ws` was added before, so `ws` has parsed these bytes already.
    if (outlet.listenerCount('data') > 0) outlet.on('data', (bytes: Buffer) => this.#outletOnData(bytes.length));
    else this.#takeFrames();
  }

  get writable(): boolean {
    return !this.#isFinished && this.outlet.writable;
  }
  get backlog(): number {
    return this.outlet.writableLength;
  }
  get traffic(): Traffic {
    // Node's count of written bytes includes those that wait in the queue.
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
    this.#answerPings();
    this.#listener?.socketOnClosing(code, text, cause);
  }
  wsOnFinish(): void {
    this.#isFinished = true;
  }
  wsOnPing(data: Buffer): void {
    this.pongContext.counters.pings++;
    if (!this.writable) return;
    this.#pongs ??= new Pongs(this.outlet, this.pongContext);
    this.#pongs.take(data);
  }
  wsOnPong(): void {
    this.pongContext.counters.pongs++;
  }

  /** Makes `listener` the one listener of the socket. */
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

  /** Takes each frame for a byte. Bun has a `ws` of its own, which reads nothing by the socket (LM3). */
  #takeFrames(): void {
    for (const event of ['message', 'ping', 'pong'] as const) this.ws.on(event, () => this.#outletOnData(1));
  }

  #outletOnData(bytes: number): void {
    this.#received += bytes;
    if (!this.#answerPings()) return;
    this.#countRead(bytes);
    if (!this.writable || !isMidMessage(this.ws)) this.#messageEnded();
    else if (this.#incomplete === undefined) this.#messageBegan();
  }

  /** Answers the pings read so far. Ends a client that goes on to ping and reads no pong, and returns false then. */
  #answerPings(): boolean {
    if (!this.#pongs || !this.writable || this.#pongs.answer()) return true;
    const { code, text } = closeReasons.unreadPongs;
    const listener = this.#listener;
    // The event of the destroyed socket would name no reason.
    this.#listener = undefined;
    this.destroy();
    listener?.socketOnClose(code, text, 'unreadPongs');
    return false;
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
      // No message can be completed while the socket is paused.
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
    this.#answerPings();
    const bytes = Buffer.isBuffer(data)
      ? data
      : Buffer.concat(data instanceof ArrayBuffer ? [Buffer.from(data)] : data);
    this.#listener?.socketOnMessage(isBinary ? bytes : bytes.toString());
  }
}

/** Returns whether a message has begun and is not complete. `ws` has no public way to ask. */
const isMidMessage = (ws: WebSocket): boolean => {
  const receiver: unknown = Reflect.get(ws, '_receiver');
  if (typeof receiver !== 'object' || receiver === null) return false;
  return ['_fragmented', '_bufferedBytes', '_state'].some((field) => Reflect.get(receiver, field) !== 0);
};

/** Answers a request that is not a valid WebSocket upgrade. */
type OnBadHandshake = (error: Error, request: IncomingMessage, socket: Duplex) => void;

/** Creates the handshake of a server, which turns upgrade requests into sockets. */
export type Transport = (options: HandshakeOptions, clock: Clock, onBad: OnBadHandshake) => Handshake;

/** The transport over `ws`. */
export const makeHandshake: Transport = (options, clock, onBad) => {
  const { payload, fragments, messageTimeout, protocols, slowConsumerTimeout, counters } = options;
  const server = new WebSocketServer({
    noServer: true,
    WebSocket: ClosingWebSocket,
    clientTracking: false,
    perMessageDeflate: false,
    autoPong: false,
    maxPayload: payload,
    maxFragments: fragments,
    // The client chooses how small the pieces of a message are, and each piece costs memory here.
    maxBufferedChunks: fragments * 16,
    handleProtocols: (offered) => protocols.find((protocol) => offered.has(protocol)) ?? false,
  });
  server.on('wsClientError', (error: Error, socket: Duplex, request: IncomingMessage) => onBad(error, request, socket));
  const ticks = new TickCounter(clock);
  const pongContext = { clock, slowConsumerTimeout, counters };
  return (request, socket, head, done) =>
    server.handleUpgrade(request, socket, head, (ws) =>
      done(new ServerSocket(ws, socket, messageTimeout, clock, pongContext, ticks)),
    );
};
