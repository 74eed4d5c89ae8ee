import type { Duplex } from 'node:stream';
import type { RawData } from 'ws';
import { type Clock, type TickCounter, TickQuota } from '../../actors/runtime/clock.js';
import type { SocketListener, Traffic, UpgradedSocket } from '../../actors/transport/socket.js';
import { type CloseReasonName, closeReasons } from '../../protocol/errors.js';
import { type ClosingListener, type ClosingWebSocket, isMidMessage } from './closingWebSocket.js';
import { type PongContext, Pongs } from './pongs.js';

/** Maximum number of bytes read from one client in one tick, so that other clients have their turn (LM9). */
const bytesPerTick = 65_536;

/**
 * A WebSocket on the server. `ws` reads frames and writes the close frame. All others are written here, as they are, to
 * the socket of the upgrade, so that one buffer can serve any number of connections.
 */
export class ServerSocket implements UpgradedSocket, ClosingListener {
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
    ws.watch(this);
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
  wsOnClose(code: number, text: string): void {
    this.#messageEnded();
    this.#listener?.socketOnClose(code, text);
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

  wsOnMessage(data: RawData, isBinary: boolean): void {
    this.#messageEnded();
    this.#answerPings();
    const bytes = Buffer.isBuffer(data)
      ? data
      : Buffer.concat(data instanceof ArrayBuffer ? [Buffer.from(data)] : data);
    this.#listener?.socketOnMessage(isBinary ? bytes : bytes.toString());
  }
}
