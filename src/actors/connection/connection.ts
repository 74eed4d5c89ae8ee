import type { AnyActorRef } from 'xstate';
import type { Broadcaster } from '../../broadcast/broadcaster.js';
import { type Subscriber, type SubscriberHost, sinkTo } from '../../broadcast/subscriber.js';
import type { ConnectionEvent } from '../../machines/connection.js';
import { acknowledge } from '../../protocol/codec.js';
import { type CloseReasonName, closeText } from '../../protocol/errors.js';
import { type FrameSink, frame as framed } from '../../protocol/frame.js';
import { bodyOf } from '../../protocol/incoming/undecoded.js';
import type { Body } from '../../protocol/message.js';
import { Conn } from '../api/conn.js';
import type { ServerContext } from '../context.js';
import type { Inbox } from '../inbox/inbox.js';
import { sendIfActive } from '../runtime/mailbox.js';
import { Credentials } from '../sessions/credentials.js';
import { SessionLine } from '../sessions/sessionLine.js';
import type { CloseCause } from '../telemetry/counters.js';
import type { Pingable } from '../transport/heartbeat.js';
import type { Arrival, Socket, SocketListener, UpgradeRequest } from '../transport/socket.js';
import { PeerAsks } from './asks.js';
import { Commands } from './commands.js';
import { Dispatcher } from './dispatcher.js';
import { endConnection, runEnd } from './ending.js';
import { Handshake } from './handshake.js';
import {
  type CloseRecord,
  type ConnectionListener,
  closedSocket,
  type EndKind,
  type EndReason,
  failedFlags,
  initialFlags,
  initialRecord,
  programCause,
  type StateFlags,
} from './lifecycle.js';
import { Memberships } from './memberships.js';
import { SlowConsumerMeter } from './slowConsumer.js';

/**
 * One connection: connects its chart, its socket and its parts. The chart decides its state. While the state is open,
 * frames and deliveries bypass the chart, unless it handles them itself.
 */
export class Connection implements SubscriberHost, SocketListener, Pingable {
  /** The id that the program knows. Several connections may share one (HS11). */
  readonly id: string;
  /** The request that was upgraded. */
  readonly request: UpgradeRequest;
  /** The socket, with its decorators. */
  readonly socket: Socket;
  /** The handle that the program gets. */
  readonly conn: Conn;
  /** Its namespaces and rooms. */
  readonly memberships: Memberships;
  /** Routes its frames. */
  readonly dispatcher: Dispatcher;
  /** Receives what is broadcast to it. */
  readonly subscriber: Subscriber;
  /** The asks that wait for an answer of its client. */
  readonly peerAsks: PeerAsks;
  /** The session layer of its line, if its client announced one. */
  readonly session: SessionLine | undefined;
  /** Who its client is, if the program authenticates. */
  readonly credentials: Credentials | undefined;
  /** Whether a visitor of `do` runs for it. */
  isVisited = false;
  /** Takes the frames that are sent: the stream below the socket, or the socket when it is decorated, or has closed. */
  #frameSink: FrameSink;
  /** The handshake, until the connection is open or closed. */
  #handshake: Handshake | undefined;
  #flags = initialFlags;
  #closeRecord = initialRecord;
  #slowConsumer: SlowConsumerMeter | undefined;

  constructor(
    { id, request, socket, outlet, opened, opening, identity }: Arrival,
    /** Runs its chart. */
    readonly actor: AnyActorRef,
    private readonly context: ServerContext,
    private readonly listener: ConnectionListener<Connection>,
    broadcaster: Broadcaster,
  ) {
    this.id = id;
    this.request = request;
    this.socket = socket;
    this.#frameSink = outlet;
    this.peerAsks = new PeerAsks(this, context);
    const commands = new Commands(this, context);
    this.conn = new Conn(commands);
    this.memberships = new Memberships(this, context, commands);
    this.dispatcher = new Dispatcher(this, context);
    this.#handshake = new Handshake(this, context, opened);
    this.subscriber = broadcaster.subscribe(this);
    this.session = opening && new SessionLine(this, context, opening);
    this.credentials = identity && new Credentials(identity, context, this);
  }

  // Its state

  /** The state of its chart. */
  get flags(): StateFlags {
    return this.#flags;
  }
  /** Whether it is closed: nothing more is sent, and no call begins. */
  get isClosed(): boolean {
    return !this.#flags.isOpen && !this.#flags.isAcknowledging;
  }
  /** Whether the server has accepted it, and it is not closed. */
  get isAgreed(): boolean {
    return this.#flags.isAgreed;
  }
  /** Whether its client can be expected to answer a ping (LM3). */
  get isResponsive(): boolean {
    return this.#flags.isOpen && !this.#flags.isCongested && this.socket.isReading;
  }
  /** The handshake, until the connection is open or closed. */
  get handshake(): Handshake | undefined {
    return this.#handshake;
  }
  /** The frames that wait for their turn. */
  get inbox(): Inbox {
    return this.dispatcher.inbox;
  }

  /** Applies a new state of its chart. */
  onSnapshot(flags: StateFlags, record: CloseRecord): void {
    this.#closeRecord = record;
    this.#applyFlags(flags);
  }

  /** Ends the handshake and returns it. Returns `undefined` the second time. */
  takeHandshake(): Handshake | undefined {
    const handshake = this.#handshake;
    this.#handshake = undefined;
    return handshake;
  }

  /** Sends an event to its chart, unless its actor has stopped. */
  sendEvent(event: ConnectionEvent): void {
    sendIfActive(this.actor, event);
  }

  /** Handles a FRAME or DELIVER that was sent to its actor, unless its chart does. Returns whether it has. */
  handleHot(event: { readonly type: string; readonly data?: Body; readonly bytes?: Uint8Array }): boolean {
    const { isOpen, ownsFrames, ownsDeliveries } = this.#flags;
    if (!isOpen) return false;
    if (event.type === 'FRAME' && !ownsFrames && event.data !== undefined) this.dispatcher.take(event.data);
    else if (event.type === 'DELIVER' && !ownsDeliveries && event.bytes) this.#deliver(event.bytes);
    else return false;
    return true;
  }

  // From the socket

  /** Takes text messages where they lie in the read buffer. */
  get texts(): Dispatcher {
    return this.dispatcher;
  }
  /** Takes a message of the client. The chart gets its text decoded. */
  socketOnMessage(received: Body, isText?: boolean): void {
    const { isOpen, isAcknowledging, ownsFrames } = this.#flags;
    if (isOpen && !ownsFrames) return this.dispatcher.take(received, isText);
    if (received.length === 0) return this.dispatcher.receive(received, isText);
    const data = bodyOf(received, isText);
    return this.sendEvent(isAcknowledging && data === acknowledge ? { type: 'ACK' } : { type: 'FRAME', data });
  }
  /** Writes what waits in the outbox: the socket takes more now. */
  socketOnDrain(): void {
    this.listener.onDrained(this);
    if (!this.#flags.isCongested) return;
    this.subscriber.resume();
    if (this.subscriber.pendingBytes === 0 && this.hasRoom) this.sendEvent({ type: 'DRAINED' });
    this.session?.flush();
  }
  /** Tells the chart that the socket is closed. */
  socketOnClose(code: number, text: string, cause?: CloseReasonName): void {
    this.sendEvent({ type: 'SOCKET.CLOSED', ...closedSocket(code, text, cause) });
  }
  /** Closes the connection: its client has closed, or breaks a rule of the socket. */
  socketOnClosing(code: number, text: string, cause?: CloseReasonName): void {
    this.#bypassDecorators();
    this.close(code, text, cause ?? 'client');
  }
  /** Ends the connection: its client did not answer a ping (LM3). */
  onTimeout(): void {
    this.end('timeout');
  }

  // To the socket

  /** Takes the bytes that are sent: the chart while it handles deliveries itself, otherwise the socket. */
  get outlet(): FrameSink {
    if (!this.#flags.ownsDeliveries) return this.#frameSink;
    return sinkTo((bytes) => this.sendEvent({ type: 'DELIVER', bytes }));
  }
  /** Whether the socket takes more. The outbox does not count. */
  get hasRoom(): boolean {
    return this.socket.backlog <= this.context.limits.highWaterMark;
  }

  /** Sends a frame after everything broadcast before it (BC3), and after `A` (HS3). */
  send(payload: Body): void {
    if (this.#handshake) this.#handshake.bufferWrite(payload);
    else if (!this.isClosed) this.#deliver(framed(payload));
  }
  /** Writes a frame of the session layer after everything broadcast before it. It counts as no data. */
  writeSession(payload: string): void {
    this.subscriber.deliver();
    this.writeRaw(framed(payload));
  }
  /** Writes bytes to the socket, before anything that waits. */
  writeRaw(bytes: Uint8Array): void {
    if (!this.socket.write(bytes)) this.filled();
  }
  /** Tells the chart that the socket is full, or counts a write to one that is closed. */
  filled(): void {
    if (!this.socket.writable) this.context.counters.lateWrites++;
    else if (!this.hasRoom && !this.#flags.isCongested) this.sendEvent({ type: 'CONGESTED' });
  }
  /** Meters a slow consumer (BP2). What the outbox of a closed socket gets is never written (SV27). */
  outboxGrew(bytes: number, messages: number): void {
    const { limits, clock, counters } = this.context;
    this.#slowConsumer ??= new SlowConsumerMeter(limits, clock, () => {
      if (this.#flags.isCongested) this.sendEvent({ type: 'OVERFLOWED' });
    });
    if (this.socket.writable) this.#slowConsumer.grow(bytes, messages);
    else counters.lateWrites += messages;
  }

  // Its end

  /** Closes the connection with a close frame, unless it is closed. By default the cause is the program (SV5). */
  close(code: number, text: string, cause: CloseCause = programCause(code, text)): void {
    this.end('close', { code, text, cause });
  }

  /** Ends the connection. Without a reason: that of the kind. */
  end(kind: EndKind, reason?: EndReason): void {
    endConnection(this, this.listener, kind, reason);
  }

  /** Removes the connection from topics and from the count, and runs its last handlers after the present turn (SV3). */
  teardown(): void {
    // From now on the chart handles no deliveries: pending ones go straight to the socket.
    this.#applyFlags({ ...this.#flags, ownsDeliveries: false });
    this.subscriber.close();
    this.listener.onClosing(this, this.#flags);
    this.credentials?.cancel();
    this.session?.end();
    const handshake = this.takeHandshake();
    this.context.mailboxes.defer(() => {
      handshake?.abort();
      this.peerAsks.failAll();
      this.inbox.stop();
      this.listener.onEnded(this);
    });
  }

  /** Runs its last handlers after the present turn. */
  finish(): void {
    this.inbox.finish(() => runEnd(this, this.context, this.listener, this.#closeRecord));
  }

  /** Sends the close frame. Nothing is sent after it. */
  sendClose(code: number, text: string): void {
    this.#bypassDecorators();
    this.socket.close(code, closeText(text));
  }

  /** Ends what is left after its actor has stopped. */
  tearDownFailed(): void {
    this.#applyFlags({ ...failedFlags, isCongested: this.#flags.isCongested });
    this.teardown();
  }

  /** Counts and reports the failure of one of its charts (SV1). */
  reportFailure(error: unknown): void {
    this.context.counters.failures++;
    this.context.callbacks.report(error, { during: 'chart', connection: this.id });
  }

  #deliver(bytes: Uint8Array): void {
    this.subscriber.deliver();
    if (this.#flags.isCongested) this.subscriber.enqueueDirect(bytes);
    else this.subscriber.write(bytes);
  }

  /** Nothing may follow a close frame, and the stream below the socket does not know of it. */
  #bypassDecorators(): void {
    this.#frameSink = this.socket;
    this.subscriber.outlet = this.outlet;
  }

  #applyFlags(flags: StateFlags): void {
    this.listener.onState(this, this.#flags, flags, this.#closeRecord);
    if (flags.isCongested && !this.#flags.isCongested) this.#slowConsumer?.reset();
    this.#flags = flags;
    this.subscriber.isCongested = flags.isCongested;
    this.subscriber.outlet = this.outlet;
  }
}
