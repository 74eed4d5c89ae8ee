import type { AnyActorRef } from 'xstate';
import type { Broadcaster } from '../../broadcast/broadcaster.js';
import { type Subscriber, type SubscriberHost, sinkTo } from '../../broadcast/subscriber.js';
import type { ConnectionEvent } from '../../machines/connection.js';
import { acknowledge } from '../../protocol/codec.js';
import { type CloseReason, closeReasons, closeText, ErrWrite } from '../../protocol/errors.js';
import { type FrameSink, frame as framed } from '../../protocol/frame.js';
import type { Body } from '../../protocol/message.js';
import { Conn } from '../api/handles.js';
import type { ServerContext } from '../context.js';
import { sendIfActive } from '../runtime/mailbox.js';
import type { Pingable } from '../transport/heartbeat.js';
import type { Arrival, Socket, SocketListener, UpgradeRequest } from '../transport/socket.js';
import { PeerAsks } from './asks.js';
import { Commands, type CommandsHost } from './commands.js';
import { Dispatcher } from './dispatcher.js';
import { Handshake, type HandshakeHost } from './handshake.js';
import type { Inbox } from './inbox.js';
import type { ConnectionListener } from './lifecycle.js';
import {
  type Author,
  authorOf,
  type CloseRecord,
  failedFlags,
  initialFlags,
  reasonOf,
  type StateFlags,
  type Words,
} from './lifecycle.js';
import { Memberships } from './memberships.js';
import { SlowConsumerMeter } from './slowConsumer.js';

/** One connection: its chart, and beside it the hot path for frames and deliveries. */
export class Connection implements CommandsHost, HandshakeHost, SubscriberHost, SocketListener, Pingable {
  readonly id: string;
  readonly request: UpgradeRequest;
  readonly socket: Socket;
  outlet: FrameSink;
  readonly conn: Conn;
  readonly memberships: Memberships;
  readonly #dispatcher: Dispatcher;
  readonly subscriber: Subscriber;
  readonly peerAsks: PeerAsks;
  isVisited = false;
  /** Gone once the connection is open. */
  #handshake: Handshake | undefined;
  #flags = initialFlags;
  /** The last words that somebody wanted it to end with. */
  #words: Words | undefined;
  #closeRecord: CloseRecord = { reason: closeReasons.failed, wasAccepted: false };
  #slowConsumer: SlowConsumerMeter | undefined;

  constructor(
    { id, request, socket, outlet, opened }: Arrival,
    readonly actor: AnyActorRef,
    private readonly context: ServerContext,
    private readonly listener: ConnectionListener<Connection>,
    broadcaster: Broadcaster,
  ) {
    this.id = id;
    this.request = request;
    this.socket = socket;
    this.outlet = outlet;
    this.peerAsks = new PeerAsks(this, this, context);
    const calls = new Commands(this, context);
    this.conn = new Conn(calls);
    this.memberships = new Memberships(this, context, calls);
    this.#dispatcher = new Dispatcher(this, context);
    this.#handshake = new Handshake(this, context, opened);
    this.subscriber = broadcaster.subscribe(this);
  }

  // What its chart says

  get flags(): StateFlags {
    return this.#flags;
  }
  get isClosed(): boolean {
    return !this.#flags.isOpen && !this.#flags.isAcknowledging;
  }
  get isAgreed(): boolean {
    return this.#flags.isAgreed;
  }
  get isResponsive(): boolean {
    return this.#flags.isOpen && !this.#flags.isCongested && this.socket.isReading;
  }

  /** The chart has come to a new state. */
  onSnapshot(view: StateFlags, ending: CloseRecord): void {
    this.#closeRecord = ending;
    this.#applyFlags(view);
  }

  // From the socket

  socketOnMessage(data: Body): void {
    const { isOpen, isAcknowledging, ownsFrames } = this.#flags;
    if (isOpen && !ownsFrames) this.#takeFrame(data);
    else if (isAcknowledging && data === acknowledge) this.#sendEvent({ type: 'ACK' });
    else if (data.length > 0) this.#sendEvent({ type: 'FRAME', data });
  }

  socketOnDrain(): void {
    this.listener.onDrained(this);
    if (!this.#flags.isCongested) return;
    this.subscriber.resume();
    if (this.subscriber.pendingBytes === 0 && this.hasRoom) this.#sendEvent({ type: 'DRAINED' });
  }

  socketOnClose(code: number, text: string): void {
    this.#words = { code, text, author: 'client' };
    this.#sendEvent({ type: 'SOCKET.CLOSED', code, text });
  }
  socketOnClosing(code: number, text: string, isVerdict = false): void {
    this.#bypassDecorators();
    this.close(code, text, isVerdict ? 'server' : 'client');
  }

  /** Is this event taken at the door? */
  handleHot(event: { readonly type: string; readonly data?: Body; readonly bytes?: Uint8Array }): boolean {
    const { isOpen, ownsFrames, ownsDeliveries } = this.#flags;
    if (!isOpen) return false;
    if (event.type === 'FRAME' && !ownsFrames && event.data !== undefined) this.#takeFrame(event.data);
    else if (event.type === 'DELIVER' && !ownsDeliveries && event.bytes) this.#deliver(event.bytes);
    else return false;
    return true;
  }

  // To the socket

  get hasRoom(): boolean {
    return this.socket.backlog <= this.context.limits.highWaterMark;
  }
  get pressure(): number {
    return this.socket.backlog + this.subscriber.pendingBytes;
  }

  /** A direct frame: behind everything that was issued before it (BC3), and behind `A` (HS3). */
  send(payload: Body): void {
    if (this.#handshake) this.#handshake.bufferWrite(payload);
    else if (!this.isClosed) this.#deliver(framed(payload));
  }
  #deliver(bytes: Uint8Array): void {
    this.subscriber.deliver();
    if (this.#flags.isCongested) this.subscriber.enqueueDirect(bytes);
    else this.subscriber.write(bytes);
  }

  /** Writes bytes to the socket as they are. */
  writeRaw(bytes: Uint8Array): void {
    if (!this.socket.write(bytes)) this.filled();
  }
  filled(): void {
    if (!this.socket.writable) this.context.counters.lateWrites++;
    else if (!this.hasRoom && !this.#flags.isCongested) this.#sendEvent({ type: 'CONGESTED' });
  }

  outboxGrew(bytes: number, messages: number): void {
    this.#slowConsumer ??= new SlowConsumerMeter(this.context.limits, this.context.clock, () => {
      if (this.#flags.isCongested) this.#sendEvent({ type: 'OVERFLOWED' });
    });
    this.#slowConsumer.grow(bytes, messages);
  }

  // What the actions of its chart do

  runOnConnect(): void {
    this.context.mailboxes.defer(() => this.#handshake?.runOnConnect());
  }
  bufferEarly(data: Body): void {
    this.#handshake?.bufferFrame(data);
  }
  sendAccept(): void {
    const handshake = this.#handshake;
    this.#handshake = undefined;
    if (this.context.nativeMode === 'only') this.memberships.enterNatively();
    handshake?.sendAccept();
    this.context.mailboxes.defer(() => handshake?.complete());
  }
  sendRefusal(text: string): void {
    this.#handshake?.sendRefusal(text);
  }
  receive(data: Body): void {
    this.context.mailboxes.defer(() => this.#dispatcher.receive(data));
  }
  countCongestion(): void {
    this.#slowConsumer?.reset();
    this.context.counters.congestions++;
  }
  countEviction(): void {
    this.context.counters.evictions++;
  }

  /** The one teardown: whatever led here, and however often (SV3). */
  teardown(): void {
    // A chart on its way out delivers nothing more: what is owed goes straight to the socket.
    this.#applyFlags({ ...this.#flags, ownsDeliveries: false });
    this.subscriber.close();
    this.listener.onClosing(this, this.#flags);
    const handshake = this.#handshake;
    this.#handshake = undefined;
    this.context.mailboxes.defer(() => {
      handshake?.abort();
      this.peerAsks.failAll();
      this.inbox.finish(() => this.#finish());
    });
  }

  sendClose(code: number, text: string): void {
    this.#bypassDecorators();
    this.socket.close(code, closeText(text));
  }
  destroySocket(): void {
    this.socket.destroy();
  }

  // When something goes wrong

  /** Its actor has failed: nothing of the chart is left to close it (SV1). */
  crash(error: unknown): void {
    this.#applyFlags({ ...failedFlags, isCongested: this.#flags.isCongested });
    this.teardown();
    this.sendClose(closeReasons.failed.code, closeReasons.failed.text);
    this.listener.onDetached(this.socket);
    this.#noteFailure(error);
  }

  /** Part of a turn has failed: this connection ends, and no other. */
  turnFailed(error: unknown): void {
    this.#noteFailure(error);
    this.close(closeReasons.failed.code, closeReasons.failed.text, 'server');
  }

  /** No new work: it closes as soon as its present turn is over (DR1). */
  drain(code: number, text: string): void {
    this.inbox.stop();
    this.inbox.runNext(() => this.close(code, text, 'server'));
  }

  /** There is no reaching it. */
  onTimeout({ code, text }: CloseReason = closeReasons.pingTimeout): void {
    this.destroySocket();
    this.#sendEvent({ type: 'SOCKET.CLOSED', code, text });
  }

  /** Its time is up: the socket goes at once, and what still runs is not waited for. */
  kill(): void {
    this.onTimeout(closeReasons.lost);
    this.inbox.abandon();
  }

  // What its calls, memberships and reception need

  get inbox(): Inbox {
    return this.#dispatcher.inbox;
  }
  agree(): void {
    if (this.#handshake) this.#sendEvent({ type: 'AGREED' });
  }
  /** A call of the program's that is as good as `onConnect` agreeing; a visitor's is not (HS9). */
  acceptImplicitly(): void {
    if (!this.isVisited) this.agree();
  }
  refuse(code: number, text: string): void {
    this.#words = { code, text, author: 'program' };
    this.#sendEvent({ type: 'REFUSED', code, text });
  }
  whenOpen(open: () => void, never: (error: unknown) => void): void {
    if (this.#handshake) this.#handshake.whenOpen(open, never);
    else if (this.isClosed) never(ErrWrite);
    else open();
  }
  close(code: number, text: string, author: Author = 'program'): void {
    if (this.isClosed) return;
    this.#words = { code, text, author };
    this.#sendEvent({ type: 'CLOSE', code, text });
  }

  #takeFrame(data: Body): void {
    this.context.inspection.received(this.actor, data);
    this.#dispatcher.receive(data);
  }

  /** Nothing may follow a close frame, of which the line itself knows nothing. */
  #bypassDecorators(): void {
    this.outlet = this.socket;
    this.subscriber.outlet = this.socket;
  }

  #applyFlags(view: StateFlags): void {
    this.listener.onState(this, this.#flags, view, this.#closeRecord, authorOf(this.#closeRecord, this.#words));
    this.#flags = view;
    this.subscriber.isCongested = view.isCongested;
    this.subscriber.outlet = view.ownsDeliveries
      ? sinkTo((bytes) => this.#sendEvent({ type: 'DELIVER', bytes }))
      : this.outlet;
  }

  #noteFailure(error: unknown): void {
    this.context.counters.failures++;
    this.context.callbacks.report(error, { during: 'chart', connection: this.id });
  }

  /** A chart that has come to its end hears nothing more. */
  #sendEvent(event: ConnectionEvent): void {
    sendIfActive(this.actor, event);
  }

  async #finish(): Promise<void> {
    const reason = { ...reasonOf(this.#closeRecord, this.actor), rooms: this.memberships.places() };
    await this.memberships.end();
    await this.context.callbacks.disconnect(this.conn, reason);
    this.listener.onFinished(this);
  }
}
