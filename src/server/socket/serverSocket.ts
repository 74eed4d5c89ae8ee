import type { RawData } from 'ws';
import { type Clock, type TickCounter, TickQuota } from '../../actors/runtime/clock.js';
import type { Endings } from '../../actors/transport/endings.js';
import type { SocketListener, TextListener, Traffic, UpgradedSocket } from '../../actors/transport/socket.js';
import { type CloseReasonName, closeReasons } from '../../protocol/errors.js';
import type { FrameSink } from '../../protocol/frame.js';
import type { ClosingListener, ClosingWebSocket } from './closingWebSocket.js';
import { type Compression, DeflatingSink } from './compression.js';
import { FrameReader, type FrameReaderHost } from './frameReader.js';
import type { takeReads } from './handleReads.js';
import { Inflation } from './inflation.js';
import type { LowerStream, Outlet, OutletListener, Outlets } from './outlet.js';
import { type PongContext, Pongs } from './pongs.js';
import type { ReadContext } from './readBudget.js';
import { isMidMessage as isMidMessageOf } from './wsReceiver.js';

/** Maximum number of bytes read from one client in one tick, so that other clients have their turn (LM9). */
const bytesPerTick = 65_536;

/** What the sockets of one server share. */
export interface SocketContext extends PongContext {
  /** The source of time and timers. */
  readonly clock: Clock;
  /** The ticks in which bytes are counted. */
  readonly ticks: TickCounter;
  /** Maximum time to complete a message, in ms. */
  readonly messageTimeout: number;
  /** What the readers share. Without it `ws` reads all frames. */
  readonly reading: ReadContext | undefined;
  /** Tells of the sockets that have closed, in slices where many do at once (SV27). */
  readonly closings: Pick<Endings, 'add'>;
  /** Makes the outlets, through which all frames leave. */
  readonly outlets: Outlets;
  /** Passes what is read to the listener before the stream has it. Without it, the stream emits it. */
  readonly takeReads?: typeof takeReads | undefined;
}

/**
 * A WebSocket on the server. Its reader parses text messages, `ws` all other frames; `ws` writes the close frame. All
 * others go through its outlet, as they are, to the socket of the upgrade, so that one buffer can serve any number of
 * connections.
 */
export class ServerSocket implements UpgradedSocket, ClosingListener, FrameReaderHost, OutletListener {
  #listener: SocketListener | undefined;
  #texts: TextListener | undefined;
  #received = 0;
  /** Whether the close frame was sent. */
  #isFinished = false;
  /** Whether the connection wants the socket to be read. */
  #isWanted = true;
  /** Bytes that may still be read in this tick. Once they are used up, reading rests until the next tick (LM9). */
  readonly #quota: TickQuota;
  #isResting = false;
  #incomplete: unknown;
  /** Takes the frames: the outlet of the socket, or what compresses them first. */
  readonly outlet: FrameSink;
  readonly #out: Outlet;
  /** Watches what is decompressed, if the client agreed to compression. */
  readonly #inflation: Inflation | undefined;
  /** The pongs that the client is due, once it has sent a ping. */
  #pongs: Pongs | undefined;
  readonly #reader: FrameReader | undefined;
  /** Stops and starts the reads below the stream, where that is possible. */
  readonly #setReading: ((isRead: boolean) => void) | undefined;

  constructor(
    private readonly ws: ClosingWebSocket,
    private readonly stream: LowerStream,
    private readonly context: SocketContext,
    /** Compresses what is written, if the client agreed to compression. */
    compression?: Compression,
  ) {
    this.#quota = new TickQuota(context.ticks, bytesPerTick);
    this.#out = context.outlets.make(stream, this);
    this.outlet = compression ? new DeflatingSink(this.#out, compression) : this.#out;
    this.#inflation = compression && this.#watchInflation();
    ws.watch(this);
    this.#reader = context.reading && FrameReader.of(ws, stream, this, context.reading);
    if (this.#reader) {
      const take = (bytes: Buffer): void => {
        context.outlets.beginRead();
        this.#streamOnData(bytes);
      };
      stream.on('data', take);
      this.#setReading = context.takeReads?.(stream, take);
    } else if (stream.listenerCount('data') > 0) {
      // The listener of `ws` stands between these two: it parses the bytes.
      stream.prependListener('data', context.outlets.beginRead);
      stream.on('data', (bytes: Buffer) => this.#streamOnData(bytes));
    } else {
      this.#takeFrames();
    }
  }

  get writable(): boolean {
    return !this.#isFinished && this.#out.isOpen;
  }
  get backlog(): number {
    return this.#out.backlog;
  }
  get traffic(): Traffic {
    return { received: this.#received, sent: this.#out.sent };
  }
  get isReading(): boolean {
    return this.#isWanted && !this.#reader?.isHolding;
  }
  set isReading(isReading: boolean) {
    this.#isWanted = isReading;
    this.#reader?.wake();
    this.#review();
  }
  /** Whether the connection wants the socket to be read. */
  get isWanted(): boolean {
    return this.#isWanted;
  }

  /** Passes on a text message. Returns whether the next may come at once. */
  readerOnText(bytes: Buffer, start: number, end: number): boolean {
    if (this.#incomplete !== undefined) this.#messageEnded();
    if (this.#pongs) this.#answerPings();
    if (this.#texts) return this.#texts.takeText(bytes, start, end);
    this.#listener?.socketOnMessage(bytes.subarray(start, end), true);
    return true;
  }
  /** Says that a slice begins. */
  readerOnSlice(frames: number): void {
    this.#texts?.beginSlice(frames);
  }
  /** Says that a slice ends. */
  readerOnSliceEnd(): void {
    this.#texts?.endSlice();
  }
  /** Answers what was read, and reads on if nothing waits. */
  readerOnProgress(): void {
    if (!this.#answerPings()) return;
    this.#timeMessage();
    this.#review();
  }

  wsOnClosing(code: number, text: string, cause?: CloseReasonName): void {
    this.#answerPings();
    this.#listener?.socketOnClosing(code, text, cause);
  }
  wsOnFinish(closeFrame?: Uint8Array): boolean {
    // The close frame comes last (BC3).
    const isSent = this.#out.finish(closeFrame);
    this.#isFinished = true;
    this.#holdInflation();
    return isSent;
  }
  wsOnClose(code: number, text: string): void {
    this.#messageEnded();
    this.context.closings.add({ finish: () => this.#listener?.socketOnClose(code, text) });
  }
  wsOnPing(data: Buffer): void {
    this.context.counters.pings++;
    if (!this.writable) return;
    this.#pongs ??= new Pongs(this.#out, this.context);
    this.#pongs.take(data);
  }
  wsOnPong(): void {
    this.context.counters.pongs++;
  }

  outletOnFull(): void {
    this.#listener?.filled();
  }
  outletOnDrain(): void {
    this.#listener?.socketOnDrain();
    if (this.writable) this.#pongs?.drained();
  }

  /** Makes `listener` the one listener of the socket. */
  listen(listener: SocketListener): void {
    this.#listener = listener;
    this.#texts = listener.texts;
  }
  write(bytes: Uint8Array): boolean {
    return this.writable && this.outlet.write(bytes);
  }
  close(code: number, text: string): void {
    this.ws.finish(code, text);
  }
  destroy(): void {
    this.#reader?.stop();
    // The kernel sends it before the end, as if it had not waited.
    this.#out.flush();
    this.ws.terminate();
  }

  /** Takes each frame for a byte. Bun has a `ws` of its own, which reads nothing by the socket (LM3). */
  #takeFrames(): void {
    for (const event of ['message', 'ping', 'pong'] as const) this.ws.on(event, () => this.#countRead(1));
  }

  /** Ends a read that has begun. */
  #streamOnData(bytes: Buffer): void {
    try {
      this.#reader?.read(bytes);
      if (this.#reader?.isBehind) this.#review();
      this.#countRead(bytes.length);
    } finally {
      this.context.outlets.endRead();
    }
  }

  #countRead(bytes: number): void {
    this.#received += bytes;
    if (!this.#answerPings()) return;
    this.#spend(bytes);
    this.#timeMessage();
  }

  /** Starts the time of a message that has begun, and ends that of one that is complete. */
  #timeMessage(): void {
    const isMidMessage = this.#reader ? this.#reader.isMidMessage : isMidMessageOf(this.ws);
    if (!this.writable || !isMidMessage) this.#messageEnded();
    else if (this.#incomplete === undefined) this.#messageBegan();
  }

  /** Answers the pings read so far. Ends a client that goes on to ping and reads no pong, and returns false then. */
  #answerPings(): boolean {
    if (!this.#pongs || !this.writable || this.#pongs.answer()) return true;
    const { code, text } = closeReasons.unreadPongs;
    const listener = this.#listener;
    // The event of the destroyed socket would name no reason.
    this.#listener = undefined;
    this.#texts = undefined;
    this.destroy();
    listener?.socketOnClose(code, text, 'unreadPongs');
    return false;
  }

  #spend(bytes: number): void {
    if (this.#quota.spend(bytes) > 0 || this.#isResting) return;
    this.#isResting = true;
    this.#review();
    this.context.clock.setImmediate(() => {
      this.#isResting = false;
      this.#review();
    });
  }

  #watchInflation(): Inflation | undefined {
    const { ws, stream } = this;
    const inflation = Inflation.of(ws, {
      onInflated: () => {
        if (this.#answerPings()) this.#timeMessage();
      },
      onCorrupt: () => {
        const { code, text } = closeReasons.notDeflated;
        if (this.#answerPings()) this.#listener?.socketOnClosing(code, text, 'notDeflated');
      },
    });
    stream.once('close', () => inflation?.lose());
    return inflation;
  }

  /** Decompresses nothing for a paused connection. After our close frame, the client's own stands behind the rest. */
  #holdInflation(): void {
    this.#inflation?.hold(!this.#isWanted && !this.#isFinished);
  }

  #review(): void {
    this.#holdInflation();
    const isInTurn = !this.#isResting && !this.#reader?.isBehind;
    // A stream reads on for a while when it is paused, and so learns of a reset.
    this.#setReading?.(isInTurn || !this.#isWanted);
    const isRead = this.#isWanted && (isInTurn || this.#setReading !== undefined);
    if (isRead !== this.ws.isPaused) return;
    if (isRead) this.ws.resume();
    else this.ws.pause();
  }

  #messageBegan(): void {
    this.#incomplete = this.context.clock.setTimeout(() => {
      const { code, text } = closeReasons.incomplete;
      // No message can be completed while the socket is paused.
      if (this.isReading) this.#listener?.socketOnClosing(code, text, 'incomplete');
      else this.#messageBegan();
    }, this.context.messageTimeout);
  }

  #messageEnded(): void {
    if (this.#incomplete === undefined) return;
    this.context.clock.clearTimeout(this.#incomplete);
    this.#incomplete = undefined;
  }

  wsOnMessage(data: RawData, isBinary: boolean): void {
    this.#messageEnded();
    this.#answerPings();
    const bytes = Buffer.isBuffer(data)
      ? data
      : Buffer.concat(data instanceof ArrayBuffer ? [Buffer.from(data)] : data);
    this.#listener?.socketOnMessage(bytes, !isBinary);
  }
}
