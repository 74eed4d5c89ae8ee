import type { AnyActorRef } from 'xstate';
import { offeringTo, type Place } from '../../broadcast/subscriber.js';
import type { ConnectionEvent } from '../../machines/connection.js';
import { acknowledge } from '../../protocol/codec.js';
import { type CloseReason, closeReasons, closeText, ErrWrite } from '../../protocol/errors.js';
import { type FrameSink, frame as framed } from '../../protocol/frame.js';
import type { Body } from '../../protocol/message.js';
import { Conn } from '../api/handles.js';
import type { House } from '../context.js';
import type { Beating } from '../transport/heartbeat.js';
import type { Arrival, Socket, SocketListener, UpgradeRequest } from '../transport/socket.js';
import { Questions } from './asks.js';
import { Calls, type CallsHost } from './commands.js';
import { Reception, type ReceptionHost } from './dispatcher.js';
import { Handshake, type HandshakeHost } from './handshake.js';
import type { Lane } from './inbox.js';
import type { Books } from './lifecycle.js';
import { type Author, authorOf, dead, type Ending, reasonOf, unborn, type View, type Words } from './lifecycle.js';
import { type MembershipHost, Memberships } from './memberships.js';
import { Lag } from './slowConsumer.js';

/** One connection: its chart, and beside it the hot path for frames and deliveries. */
export class Connection implements MembershipHost, ReceptionHost, CallsHost, HandshakeHost, SocketListener, Beating {
  readonly id: string;
  readonly request: UpgradeRequest;
  readonly socket: Socket;
  outlet: FrameSink;
  readonly conn: Conn;
  readonly memberships: Memberships;
  readonly #reception: Reception;
  readonly place: Place;
  readonly questions: Questions;
  isVisited = false;
  /** Gone once the connection is open. */
  #handshake: Handshake | undefined;
  #view = unborn;
  /** The last words that somebody wanted it to end with. */
  #words: Words | undefined;
  #ending: Ending = { reason: closeReasons.failed, wasAccepted: false };
  #lag: Lag | undefined;

  constructor(
    { id, request, socket, outlet, opened }: Arrival,
    readonly actor: AnyActorRef,
    private readonly house: House,
    private readonly books: Books<Connection>,
    seat: (connection: Connection) => Place,
  ) {
    this.id = id;
    this.request = request;
    this.socket = socket;
    this.outlet = outlet;
    this.questions = new Questions(this, this, house);
    const calls = new Calls(this, house);
    this.conn = new Conn(calls);
    this.memberships = new Memberships(this, house, calls);
    this.#reception = new Reception(this, house);
    this.#handshake = new Handshake(this, house, opened);
    this.place = seat(this);
  }

  // What its chart says

  get view(): View {
    return this.#view;
  }
  get isClosed(): boolean {
    return !this.#view.isOpen && !this.#view.isAcknowledging;
  }
  get isAgreed(): boolean {
    return this.#view.isAgreed;
  }
  get isAudible(): boolean {
    return this.#view.isOpen && !this.#view.isCongested && this.socket.isReading;
  }

  /** The chart has come to a new state. */
  entered(view: View, ending: Ending): void {
    this.#ending = ending;
    this.#see(view);
  }

  // From the socket

  socketOnMessage(data: Body): void {
    const { isOpen, isAcknowledging, ownsFrames } = this.#view;
    if (isOpen && !ownsFrames) this.#takeFrame(data);
    else if (isAcknowledging && data === acknowledge) this.#tell({ type: 'ACK' });
    else if (data.length > 0) this.#tell({ type: 'FRAME', data });
  }

  socketOnDrain(): void {
    this.books.tookAll(this);
    if (!this.#view.isCongested) return;
    this.place.catchUp();
    if (this.place.owed === 0 && this.hasRoom) this.#tell({ type: 'DRAINED' });
  }

  socketOnClose(code: number, text: string): void {
    this.#words = { code, text, author: 'client' };
    this.#tell({ type: 'SOCKET.CLOSED', code, text });
  }
  socketOnClosing(code: number, text: string, isVerdict = false): void {
    this.#narrow();
    this.close(code, text, isVerdict ? 'server' : 'client');
  }

  /** Is this event taken at the door? */
  takeHot(event: { readonly type: string; readonly data?: Body; readonly bytes?: Uint8Array }): boolean {
    const { isOpen, ownsFrames, ownsDeliveries } = this.#view;
    if (!isOpen) return false;
    if (event.type === 'FRAME' && !ownsFrames && event.data !== undefined) this.#takeFrame(event.data);
    else if (event.type === 'DELIVER' && !ownsDeliveries && event.bytes) this.#give(event.bytes);
    else return false;
    return true;
  }

  // To the socket

  get hasRoom(): boolean {
    return this.socket.backlog <= this.house.limits.highWaterMark;
  }
  get pressure(): number {
    return this.socket.backlog + this.place.owed;
  }

  /** A direct frame: behind everything that was issued before it (BC3), and behind `A` (HS3). */
  send(payload: Body): void {
    if (this.#handshake) this.#handshake.holdWrite(payload);
    else if (!this.isClosed) this.#give(framed(payload));
  }
  #give(bytes: Uint8Array): void {
    this.place.serve();
    if (this.#view.isCongested) this.place.hold(bytes);
    else this.place.write(bytes);
  }

  /** Writes bytes to the socket as they are. */
  put(bytes: Uint8Array): void {
    if (!this.socket.write(bytes)) this.filled();
  }
  filled(): void {
    if (!this.socket.writable) this.house.counters.lateWrites++;
    else if (!this.hasRoom && !this.#view.isCongested) this.#tell({ type: 'CONGESTED' });
  }

  outboxGrew(bytes: number, messages: number): void {
    this.#lag ??= new Lag(this.house.limits, this.house.clock, () => {
      if (this.#view.isCongested) this.#tell({ type: 'LAGGED' });
    });
    this.#lag.grow(bytes, messages);
  }

  // What the actions of its chart do

  consult(): void {
    this.house.doors.afterwards(() => this.#handshake?.consult());
  }
  holdEarly(data: Body): void {
    this.#handshake?.holdFrame(data);
  }
  welcome(): void {
    const handshake = this.#handshake;
    this.#handshake = undefined;
    if (this.house.nativeMode === 'only') this.memberships.enterNatively();
    handshake?.welcome();
    this.house.doors.afterwards(() => handshake?.complete());
  }
  sendRefusal(text: string): void {
    this.#handshake?.sendRefusal(text);
  }
  receive(data: Body): void {
    this.house.doors.afterwards(() => this.#reception.take(data));
  }
  noteCongestion(): void {
    this.#lag?.reset();
    this.house.counters.congestions++;
  }
  noteEviction(): void {
    this.house.counters.evictions++;
  }

  /** The one teardown: whatever led here, and however often (SV3). */
  retire(): void {
    // A chart on its way out delivers nothing more: what is owed goes straight to the socket.
    this.#see({ ...this.#view, ownsDeliveries: false });
    this.place.retire();
    this.books.retired(this, this.#view);
    const handshake = this.#handshake;
    this.#handshake = undefined;
    this.house.doors.afterwards(() => {
      handshake?.abort();
      this.questions.failAll();
      this.lane.finish(() => this.#depart());
    });
  }

  sendClose(code: number, text: string): void {
    this.#narrow();
    this.socket.close(code, closeText(text));
  }
  release(): void {
    this.socket.destroy();
  }

  // When something goes wrong

  /** Its actor has failed: nothing of the chart is left to close it (SV1). */
  fail(error: unknown): void {
    this.#see({ ...dead, isCongested: this.#view.isCongested });
    this.retire();
    this.sendClose(closeReasons.failed.code, closeReasons.failed.text);
    this.books.seeOff(this.socket);
    this.#noteFailure(error);
  }

  /** Part of a turn has failed: this connection ends, and no other. */
  laneFailed(error: unknown): void {
    this.#noteFailure(error);
    this.close(closeReasons.failed.code, closeReasons.failed.text, 'server');
  }

  /** No new work: it closes as soon as its present turn is over (DR1). */
  dismiss(code: number, text: string): void {
    this.lane.stop();
    this.lane.next(() => this.close(code, text, 'server'));
  }

  /** There is no reaching it. */
  lose({ code, text }: CloseReason = closeReasons.vanished): void {
    this.release();
    this.#tell({ type: 'SOCKET.CLOSED', code, text });
  }

  /** Its time is up: the socket goes at once, and what still runs is not waited for. */
  cut(): void {
    this.lose(closeReasons.lost);
    this.lane.abandon();
  }

  // What its calls, memberships and reception need

  get lane(): Lane {
    return this.#reception.lane;
  }
  agree(): void {
    if (this.#handshake) this.#tell({ type: 'AGREED' });
  }
  /** A call of the program's that is as good as `onConnect` agreeing; a visitor's is not (HS9). */
  consent(): void {
    if (!this.isVisited) this.agree();
  }
  refuse(code: number, text: string): void {
    this.#words = { code, text, author: 'program' };
    this.#tell({ type: 'REFUSED', code, text });
  }
  whenOpen(open: () => void, never: (error: unknown) => void): void {
    if (this.#handshake) this.#handshake.whenOpen(open, never);
    else if (this.isClosed) never(ErrWrite);
    else open();
  }
  close(code: number, text: string, author: Author = 'program'): void {
    if (this.isClosed) return;
    this.#words = { code, text, author };
    this.#tell({ type: 'CLOSE', code, text });
  }

  #takeFrame(data: Body): void {
    this.house.inspection.received(this.actor, data);
    this.#reception.take(data);
  }

  /** Nothing may follow a close frame, of which the line itself knows nothing. */
  #narrow(): void {
    this.outlet = this.socket;
    this.place.outlet = this.socket;
  }

  #see(view: View): void {
    this.books.moved(this, this.#view, view, this.#ending, authorOf(this.#ending, this.#words));
    this.#view = view;
    this.place.isCongested = view.isCongested;
    this.place.outlet = view.ownsDeliveries
      ? offeringTo((bytes) => this.#tell({ type: 'DELIVER', bytes }))
      : this.outlet;
  }

  #noteFailure(error: unknown): void {
    this.house.counters.failures++;
    this.house.hooks.report(error, { during: 'chart', connection: this.id });
  }

  /** A chart that has come to its end hears nothing more. */
  #tell(event: ConnectionEvent): void {
    if (this.actor.getSnapshot().status === 'active') this.actor.send(event);
  }

  async #depart(): Promise<void> {
    const reason = { ...reasonOf(this.#ending, this.actor), rooms: this.memberships.places() };
    await this.memberships.end();
    await this.house.hooks.disconnect(this.conn, reason);
    this.books.departed(this);
  }
}
