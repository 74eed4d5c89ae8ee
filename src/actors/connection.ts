import type { AnyActorRef } from 'xstate';
import { accepted, acknowledge, encode, type Frame, type NativeMode, refused } from '../protocol/codec.js';
import { CloseError, closeReasons, ErrWrite, errorText } from '../protocol/errors.js';
import { frame as framed } from '../protocol/frame.js';
import type { Body, ReceivedMessage } from '../protocol/message.js';
import type { Answer, AskOptions, Asks, Respondents } from './asks.js';
import { Calls, type CallsHost } from './calls.js';
import type { Chart } from './chart.js';
import type { Counters } from './counters.js';
import type { Doors } from './door.js';
import { type Handler, type Handlers, type Outcome, runGuarded, type Where } from './handlers.js';
import { Conn, NSConn, Room, type ServerFace, type UpgradeRequest } from './handles.js';
import type { Lane } from './lane.js';
import { type MembershipHost, Memberships } from './memberships.js';
import { handlerCall, Reception, type ReceptionHost } from './reception.js';
import type { Socket, SocketListener } from './socket.js';
import type { Sweeper } from './sweeper.js';

/** The connection's place in the audience: what it calls before it writes, joins, leaves or ends. */
export interface Place {
  /** Bytes that wait in the outbox. */
  readonly owed: number;
  serve(): void;
  hold(bytes: Uint8Array): void;
  catchUp(): void;
  enter(namespace: string, room: string): void;
  exit(namespace: string, room: string): void;
  retire(): void;
}

/** Why a connection has ended, as `onDisconnect` is told. */
export interface DisconnectReason {
  readonly code: number;
  readonly text: string;
  /** Was it ever let in? */
  readonly wasAccepted: boolean;
  /** The rooms it was in. */
  readonly rooms: readonly { readonly namespace: string; readonly room: string }[];
}

export interface ConnectionLimits {
  readonly namespaces: number;
  readonly rooms: number;
  readonly nameBytes: number;
  readonly laneMessages: number;
  readonly laneBytes: number;
  readonly handlerTimeout: number;
  readonly closeTimeout: number;
  readonly highWaterMark: number;
  readonly maxLagMessages: number;
  readonly maxLagBytes: number;
}

/** What all connections of a server share. */
export interface House {
  readonly server: ServerFace;
  readonly handlers: Handlers;
  readonly nativeMode: NativeMode;
  readonly charts: { readonly namespace: Chart; readonly room: Chart };
  readonly asks: Asks;
  readonly sweeper: Sweeper;
  readonly doors: Doors;
  readonly counters: Counters;
  readonly limits: ConnectionLimits;
  readonly fireDisconnectAlways: boolean;
  readonly onConnect: ((conn: Conn) => unknown) | undefined;
  readonly onDisconnect: ((conn: Conn, reason: DisconnectReason) => unknown) | undefined;
  report(error: unknown, where: Where): void;
  /** It is in no audience and in no count any more. */
  retired(connection: Connection): void;
  /** Its last handler has run. */
  departed(connection: Connection): void;
}

/** What the present state of the chart means to the hot path; read off once per state. */
export interface View {
  readonly isAcknowledging: boolean;
  readonly isOpen: boolean;
  readonly isCongested: boolean;
  /** The chart itself handles frames, or deliveries. */
  readonly ownsFrames: boolean;
  readonly ownsDeliveries: boolean;
}

/** What has ended a connection, as its chart has recorded it. */
export interface Ending {
  readonly code: number;
  readonly text: string;
  readonly wasAccepted: boolean;
}

const unborn: View = {
  isAcknowledging: true,
  isOpen: false,
  isCongested: false,
  ownsFrames: false,
  ownsDeliveries: false,
};

/** One connection: its chart, and beside it the hot path for frames and deliveries. */
export class Connection implements MembershipHost, ReceptionHost, CallsHost, SocketListener, Respondents {
  readonly conn: Conn;
  readonly memberships: Memberships;
  readonly #calls: Calls;
  readonly #reception: Reception;
  readonly #place: Place;
  readonly #earlyFrames: Body[] = [];
  readonly #earlyWrites: Uint8Array[] = [];
  readonly #waiting: { readonly open: () => void; readonly never: (error: unknown) => void }[] = [];
  #view = unborn;
  #lagBytes = 0;
  #lagMessages = 0;
  #ending: () => Ending = () => ({ ...closeReasons.failed, wasAccepted: false });

  constructor(
    readonly id: string,
    readonly request: UpgradeRequest,
    readonly actor: AnyActorRef,
    private readonly socket: Socket,
    private readonly house: House,
    seat: (connection: Connection) => Place,
  ) {
    const { limits, handlers, nativeMode, counters } = house;
    this.#calls = new Calls(this);
    this.conn = new Conn(this.#calls);
    this.memberships = new Memberships(this, house.charts);
    this.#reception = new Reception(this, handlers, nativeMode, counters, {
      messages: limits.laneMessages,
      bytes: limits.laneBytes,
    });
    this.#place = seat(this);
  }

  // What the chart says

  get isOpen(): boolean {
    return this.#view.isOpen;
  }
  get isClosed(): boolean {
    return !this.#view.isOpen && !this.#view.isAcknowledging;
  }
  get isCongested(): boolean {
    return this.#view.isCongested;
  }

  /** The chart has come to a new state. */
  entered(view: View, ending: () => Ending): void {
    this.#view = view;
    this.#ending = ending;
  }

  // From the socket

  socketOnMessage(data: Body): void {
    const { isOpen, isAcknowledging, ownsFrames } = this.#view;
    if (isOpen && !ownsFrames) this.#reception.take(data);
    else if (isAcknowledging && data === acknowledge) this.actor.send({ type: 'ACK' });
    else if (!this.isClosed && data.length > 0) this.actor.send({ type: 'FRAME', data });
  }

  socketOnDrain(): void {
    if (!this.#view.isCongested) return;
    this.#place.catchUp();
    if (this.#place.owed === 0 && this.hasRoom) this.actor.send({ type: 'DRAINED' });
  }

  socketOnClose(code: number, text: string): void {
    this.actor.send({ type: 'SOCKET.CLOSED', code, text });
  }

  // To the socket

  get hasRoom(): boolean {
    return this.socket.backlog <= this.house.limits.highWaterMark;
  }
  get pressure(): number {
    return this.socket.backlog + this.#place.owed;
  }

  /** A direct frame: behind everything that was issued before it (BC3), and behind `A` (HS3). */
  send(payload: Body): void {
    const bytes = framed(payload);
    if (this.#view.isAcknowledging) {
      this.#earlyWrites.push(bytes);
      return;
    }
    this.#place.serve();
    if (this.#view.isCongested) this.#place.hold(bytes);
    else this.deliver(bytes);
  }

  answer(payload: Body): void {
    if (!this.isClosed) this.send(payload);
  }

  deliver(bytes: Uint8Array): void {
    if (this.#view.ownsDeliveries) this.actor.send({ type: 'DELIVER', bytes });
    else this.put(bytes);
  }

  /** Writes bytes to the socket as they are. */
  put(bytes: Uint8Array): void {
    if (!this.socket.isOpen) return;
    this.socket.write(bytes);
    this.house.counters.deliveries++;
    if (!this.hasRoom && !this.#view.isCongested) this.actor.send({ type: 'CONGESTED' });
  }

  outboxGrew(bytes: number, messages: number): void {
    const { maxLagBytes, maxLagMessages } = this.house.limits;
    this.#lagBytes += bytes;
    this.#lagMessages += messages;
    if (this.#lagBytes > maxLagBytes || this.#lagMessages > maxLagMessages) this.actor.send({ type: 'LAGGED' });
  }

  // What the chart's actions do

  /** Is this event taken at the door? */
  takeHot(event: { readonly type: string }): boolean {
    const { isOpen, ownsFrames, ownsDeliveries } = this.#view;
    if (!isOpen) return false;
    if (event.type === 'FRAME' && !ownsFrames && 'data' in event) {
      this.#reception.take(event.data as Body);
      return true;
    }
    if (event.type === 'DELIVER' && !ownsDeliveries && 'bytes' in event) {
      this.put(event.bytes as Uint8Array);
      return true;
    }
    return false;
  }

  consult(): void {
    this.house.doors.afterwards(() => {
      const { onConnect, sweeper, limits } = this.house;
      if (this.isClosed) return;
      const outcome = runGuarded(() => onConnect?.(this.conn), sweeper, limits.handlerTimeout);
      const decide = (made: Outcome): void => this.#decide(made);
      if (outcome instanceof Promise) void outcome.then(decide);
      else decide(outcome);
    });
  }

  holdEarly(data: Body): void {
    this.#earlyFrames.push(data);
  }

  welcome(): void {
    const { nativeMode, doors } = this.house;
    if (nativeMode !== 'only') this.put(framed(accepted(this.id)));
    for (const bytes of this.#earlyWrites.splice(0)) this.put(bytes);
    doors.afterwards(() => {
      if (nativeMode === 'only') this.memberships.enterNatively();
      for (const { open } of this.#waiting.splice(0)) open();
      for (const data of this.#earlyFrames.splice(0)) this.socketOnMessage(data);
    });
  }

  sendRefusal(text: string): void {
    if (this.house.nativeMode !== 'only') this.put(framed(refused(text)));
  }

  receive(data: Body): void {
    this.house.doors.afterwards(() => this.#reception.take(data));
  }

  noteCongestion(): void {
    this.#lagBytes = 0;
    this.#lagMessages = 0;
    this.house.counters.congestions++;
  }

  noteEviction(): void {
    this.house.counters.evictions++;
  }

  /** The one teardown: whatever led here, and however often (SV3). */
  retire(): void {
    this.#place.retire();
    this.house.retired(this);
    this.#earlyFrames.length = 0;
    this.#earlyWrites.length = 0;
    this.house.doors.afterwards(() => {
      for (const { never } of this.#waiting.splice(0)) never(ErrWrite);
      this.house.asks.failAll(this);
      this.lane.finish(() => this.#depart());
    });
  }

  sendClose(code: number, text: string): void {
    this.socket.close(code, text);
  }

  release(): void {
    this.socket.destroy();
  }

  /** Its actor has failed: nothing of the chart is left to close it. */
  fail(error: unknown): void {
    const { counters, sweeper, limits } = this.house;
    counters.failures++;
    this.#view = { ...unborn, isAcknowledging: false };
    this.retire();
    this.socket.close(closeReasons.failed.code, closeReasons.failed.text);
    sweeper.after(limits.closeTimeout, () => this.socket.destroy());
    this.house.report(error, { during: 'chart', connection: this.id });
  }

  /** What still runs is not waited for any longer. */
  abandon(): void {
    this.lane.abandon();
  }

  // For its calls, its memberships and its reception

  get server(): ServerFace {
    return this.house.server;
  }
  get lane(): Lane {
    return this.#reception.lane;
  }
  get limits(): ConnectionLimits {
    return this.house.limits;
  }
  get awaitsPeer(): boolean {
    return this.house.asks.pendingOf(this) > 0;
  }

  agree(): void {
    if (this.#view.isAcknowledging) this.actor.send({ type: 'AGREED' });
  }

  whenOpen(open: () => void, never: (error: unknown) => void): void {
    if (this.#view.isAcknowledging) this.#waiting.push({ open, never });
    else if (this.#view.isOpen) open();
    else never(ErrWrite);
  }

  passesGate(namespace: string, room: string): boolean {
    const passes = this.#view.isOpen
      ? this.memberships.isMember(namespace, room)
      : this.#view.isAcknowledging && this.house.nativeMode === 'only';
    if (!passes) this.house.counters.gatedWrites++;
    return passes;
  }

  openAsk(options: AskOptions, answered: (answer: Answer) => void): string {
    const token = this.house.asks.open(this, options, (answer) => {
      answered(answer);
      this.lane.review();
    });
    this.lane.review();
    return token;
  }

  askPeer(ns: string, room: string, event: string, options: AskOptions, answered: (answer: Answer) => void): void {
    if (this.isClosed) return answered({ failure: ErrWrite });
    try {
      const token = this.openAsk(options, answered);
      return this.send(encode({ namespace: ns, room, event }, token));
    } catch (failure) {
      return answered({ failure });
    }
  }

  mayAnswer(connection: object): boolean {
    return connection === this;
  }
  settleAsk(answer: Frame): boolean {
    return this.house.asks.settle(this, answer);
  }

  expire(ms: number | undefined, expire: (error: unknown) => void): () => void {
    const deadline = this.house.sweeper.after(ms ?? this.house.limits.handlerTimeout, () => expire(ErrWrite));
    return () => deadline.cancel();
  }

  close(code: number, text: string): void {
    if (!this.isClosed) this.actor.send({ type: 'CLOSE', code, text });
  }

  declares(namespace: string): boolean {
    return this.house.handlers.declares(namespace);
  }
  makeNSConn(namespace: string): NSConn {
    return new NSConn(this.#calls, this.conn, namespace);
  }
  makeRoom(nsConn: NSConn, room: string): Room {
    return new Room(this.#calls, nsConn, room);
  }
  enter(namespace: string, room: string): void {
    if (!this.isClosed) this.#place.enter(namespace, room);
  }
  exit(namespace: string, room: string): void {
    this.#place.exit(namespace, room);
  }

  run(handler: Handler, ns: NSConn, frame: Frame): Outcome | Promise<Outcome> {
    return runGuarded(handlerCall(handler, ns, frame), this.house.sweeper, this.house.limits.handlerTimeout);
  }
  runHook(ns: NSConn, message: ReceivedMessage): Outcome | Promise<Outcome> {
    const handler = this.house.handlers.find(message.namespace, message.event);
    if (!handler) return { kind: 'nothing' };
    return runGuarded(() => handler(ns, message), this.house.sweeper, this.house.limits.handlerTimeout);
  }
  hookFailed(ns: NSConn, message: ReceivedMessage, error: unknown): void {
    this.house.report(error, { during: message.event, connection: this.id, namespace: ns.namespace });
  }
  report(error: unknown, { event, namespace }: Frame): void {
    this.house.counters.handlerErrors++;
    this.house.report(error, { during: event, connection: this.id, namespace });
  }

  laneFilled(isFull: boolean): void {
    if (isFull) this.socket.pause();
    else this.socket.resume();
  }
  laneFlooded(): void {
    const { code, text } = closeReasons.floodedLane;
    this.close(code, text);
  }

  #decide(outcome: Outcome): void {
    if (outcome.kind !== 'error') {
      this.agree();
      return;
    }
    const { error } = outcome;
    const code = error instanceof CloseError ? error.code : closeReasons.refused.code;
    this.actor.send({ type: 'REFUSED', code, text: errorText(error) });
  }

  async #depart(): Promise<void> {
    const { onDisconnect, fireDisconnectAlways, sweeper, limits } = this.house;
    const ending = this.#ending();
    const rooms = this.memberships.places();
    await this.memberships.end();
    if (onDisconnect && (ending.wasAccepted || fireDisconnectAlways)) {
      const reason: DisconnectReason = { ...ending, rooms };
      const outcome = await runGuarded(() => onDisconnect(this.conn, reason), sweeper, limits.handlerTimeout);
      if (outcome.kind === 'error') this.house.report(outcome.error, { during: 'onDisconnect', connection: this.id });
    }
    this.house.departed(this);
  }
}
