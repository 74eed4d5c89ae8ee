import type { RawData } from 'ws';
import { type Clock, type TickCounter, TickQuota } from '../../actors/runtime/clock.js';
import type { SocketListener, Traffic, UpgradedSocket } from '../../actors/transport/socket.js';
import { type CloseReasonName, closeReasons } from '../../protocol/errors.js';
import { type ClosingListener, type ClosingWebSocket, isMidMessage } from './closingWebSocket.js';
import type { LowerStream, Outlet, OutletListener, Outlets } from './outlet.js';
import { type PongContext, Pongs } from './pongs.js';

/** Maximum number of bytes read from one client in one tick, so that other clients have their turn (LM9). */
const bytesPerTick = 65_536;

/** Ignores an error, as the close code shows it. Without a listener an error would end the process. */
const ignoreError = (): void => {};

/**
 * A WebSocket on the server. `ws` reads frames and writes the close frame. All others go through its outlet, as they are,
 * to the socket of the upgrade, so that one buffer can serve any number of connections.
 */
export class ServerSocket implements UpgradedSocket, ClosingListener, OutletListener {
  readonly outlet: Outlet;
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
    stream: LowerStream,
    private readonly messageTimeout: number,
    private readonly clock: Clock,
    private readonly pongContext: PongContext,
    ticks: TickCounter,
    outlets: Outlets,
  ) {
    this.#quota = new TickQuota(ticks, bytesPerTick);
    this.outlet = outlets.make(stream, this);
    ws.on('message', (data: RawData, isBinary: boolean) => this.#wsOnMessage(data, isBinary));
    ws.on('close', (code: number, reason: Buffer) => {
      this.#messageEnded();
      this.#listener?.socketOnClose(code, reason.toString());
    });
    ws.watcher = this;
    ws.on('error', ignoreError);
    if (stream.listenerCount('data') > 0) {
      // The listener of `ws` stands between these two: it parses the bytes.
      stream.prependListener('data', outlets.beginRead);
      stream.on('data', (bytes: Buffer) => {
        this.#streamOnData(bytes.length);
        outlets.endRead();
      });
    } else {
      this.#takeFrames();
    }
  }

  get writable(): boolean {
    return !this.#isFinished && this.outlet.isOpen;
  }
  get backlog(): number {
    return this.outlet.backlog;
  }
  get traffic(): Traffic {
    return { received: this.#received, sent: this.outlet.sent };
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
    // The close frame comes last (BC3).
    this.outlet.flush();
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

  outletOnFull(): void {
    this.#listener?.filled?.();
  }
  outletOnDrain(): void {
    this.#listener?.socketOnDrain();
    if (this.writable) this.#pongs?.drained();
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
    // The kernel sends it before the end, as if it had not waited.
    this.outlet.flush();
    this.ws.terminate();
  }

  /** Takes each frame for a byte. Bun has a `ws` of its own, which reads nothing by the socket (LM3). */
  #takeFrames(): void {
    for (const event of ['message', 'ping', 'pong'] as const) this.ws.on(event, () => this.#streamOnData(1));
  }

  #streamOnData(bytes: number): void {
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
