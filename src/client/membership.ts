import { errorFrom } from '../protocol/codec.js';
import { ErrBadNamespace, ErrBadRoom, ErrWrite } from '../protocol/errors.js';
import {
  OnNamespaceConnect,
  OnNamespaceConnected,
  OnNamespaceDisconnect,
  OnRoomJoin,
  OnRoomJoined,
  OnRoomLeave,
  OnRoomLeft,
} from '../protocol/message.js';
import { type MembershipPort, type NSConn, Room } from './handles.js';
import { type Answer, type AskOptions, assertTimeout } from './line/asks.js';
import { Waiters } from './line/waiters.js';
import type { LifecycleFlags, MembershipHost, Thrown } from './membershipHost.js';
import { entryTimeout, Place, type RunTurn } from './place.js';

const local: LifecycleFlags = { isLocal: true };
const forced: LifecycleFlags = { isLocal: true, isForced: true };
/** The client in one namespace or room, over all lines (CL8, CL9). */
export class Membership<Handle extends NSConn | Room = NSConn | Room> extends Place<Handle> {
  #presence: 'out' | 'entering' | 'in' | 'leaving' = 'out';
  #isWished = false;
  /** Whether the client has been there since the wish. */
  #wasEntered = false;
  /** How long the server has to answer the next entry, in ms. */
  #timeout = entryTimeout;
  /** The present attempt to enter. A later one, or the loss of the line, makes it void. */
  #attempt: object | undefined;
  #token = '';
  /** The last line on which the client was there, or on its way. */
  #lostLine: object | undefined;
  readonly #entrants: Waiters;
  readonly #leavers: Waiters;

  constructor(
    host: MembershipHost,
    namespace: string,
    room: string,
    makeHandle: (port: MembershipPort) => Handle,
    parent?: Membership<NSConn>,
  ) {
    super(host, namespace, room, makeHandle, parent);
    this.#entrants = new Waiters(host.asks);
    this.#leavers = new Waiters(host.asks);
  }

  get self(): Membership {
    return this;
  }
  /** Its namespace. */
  get root(): Membership {
    return this.parent ?? this;
  }
  /** Whether the client is there now. */
  get isIn(): boolean {
    return this.#presence === 'in' && this.parent?.isIn !== false;
  }
  /** Whether the client is neither there nor on its way. */
  get isOut(): boolean {
    return this.#presence === 'out';
  }
  /** Returns whether a frame that came on a line can be for it. It may have come before the line was lost. */
  takesFrom(line: object): boolean {
    return line === this.host.line ? !this.isOut : line === this.#lostLine;
  }
  /** Whether the client is there, or goes there on the next line. */
  get isKept(): boolean {
    return this.#isWished || !this.isOut;
  }
  /** Whether what is sent to it will go, now or later. */
  get isExpected(): boolean {
    return (this.#isWished || this.#presence === 'in') && this.parent?.isExpected !== false;
  }

  /** Returns a room of this namespace. */
  ensureRoom(name: string): Membership<Room> {
    const known = this.rooms.get(name);
    if (known) return known;
    // Only a namespace has rooms.
    const parent = this as unknown as Membership<NSConn>;
    const room = new Membership(this.host, this.namespace, name, (port) => new Room(port, parent.handle, name), parent);
    this.rooms.set(name, room);
    return room;
  }

  /** Asks for it, now or on the next line. */
  async wish({ timeout = entryTimeout, signal }: AskOptions): Promise<Handle> {
    if (this.host.isOver) throw ErrWrite;
    assertTimeout(timeout);
    signal?.throwIfAborted();
    const isNew = !this.#isWished;
    this.#isWished = true;
    if (this.#presence === 'in') return this.handle;
    this.#timeout = timeout;
    const entered = this.#entrants.add(signal ? { signal } : {}, () => {
      if (isNew && this.#entrants.size === 0 && this.#presence !== 'in') this.#withdraw();
    });
    if (this.host.line && this.isOut && this.parent?.isIn !== false) void this.enter(this.host.turns.isInHandler);
    await entered;
    return this.handle;
  }

  /** Waits until it is entered, whichever side begins. */
  async wait(options: AskOptions): Promise<Handle> {
    if (this.host.isOver) throw ErrWrite;
    if (!this.isIn) await this.#entrants.add(options);
    return this.handle;
  }

  /** Leaves it, or ends the wish to enter it. */
  async leave(isAll: boolean, options: AskOptions): Promise<void> {
    if (!this.isKept) throw this.parent ? ErrBadRoom : ErrBadNamespace;
    const wasWished = this.#isWished;
    this.#isWished = false;
    if (this.isOut || this.#presence === 'entering') return this.#withdraw();
    const left = this.#leavers.add(options);
    if (this.#presence === 'in') {
      this.#presence = 'leaving';
      const { line, turns } = this.host;
      const turn = this.turn(turns.isInHandler);
      this.request(this.endEvent, {}, (answer) =>
        turn(() => (line === this.host.line ? this.#left(answer, wasWished, isAll) : undefined)),
      );
    }
    return left;
  }

  /** Enters it, and then its rooms, if the program has asked for it. Resolves when they are entered or refused. */
  async enter(isNested = false): Promise<void> {
    await (await this.#begin(this.turn(isNested), isNested))?.answered;
  }

  /** Asks the server to let the client in. `vetoTurn` runs the handlers that may prevent it. Resolves once it has asked. */
  async #begin(vetoTurn: RunTurn, isNested: boolean): Promise<{ readonly answered: Promise<void> } | undefined> {
    if (!this.#isWished || !this.isOut) return undefined;
    const attempt = {};
    this.#attempt = attempt;
    this.#presence = 'entering';
    const isPending = (): boolean => this.#attempt === attempt;
    const veto = this.parent
      ? undefined
      : await vetoTurn(() => (isPending() ? this.host.fire(this, OnNamespaceConnect, local) : undefined));
    if (isPending() && veto) this.remove(veto);
    if (!isPending()) return undefined;
    const turn = this.turn(isNested);
    const answered = new Promise<void>((resolve) => {
      this.#token = this.request(this.entryEvent, { timeout: this.#timeout }, (answer) =>
        turn(async () => {
          if (isPending()) await this.#answered(answer, isPending);
          resolve();
        }),
      );
    });
    return { answered: answered.then(() => (this.isIn ? this.enterRooms() : undefined)) };
  }

  /** Enters the rooms that the program has asked for. */
  async enterRooms(): Promise<void> {
    await Promise.all([...this.rooms.values()].map((room) => room.enter()));
  }

  /** The server puts the client in. */
  async admit(answer: (error?: unknown) => void, isPresent: () => boolean): Promise<void> {
    if (this.#presence === 'in' || this.#presence === 'leaving') return answer();
    const veto = await this.host.fire(this, this.entryEvent, {});
    if ((veto || !isPresent()) && !this.isKept) this.remove();
    if (veto) return answer(veto.error);
    if (!isPresent()) return;
    // A room's handlers run before the answer, and a namespace's after it.
    if (!this.parent) answer();
    await this.entered({}, () => this.parent && answer());
    void this.enterRooms();
  }

  /** The server puts the client out. The program's wish ends with it. */
  async expel(answer: () => void): Promise<void> {
    if (this.isOut || this.#presence === 'entering') return answer();
    this.#isWished = false;
    if (this.parent) await this.tell(OnRoomLeave, {});
    else for (const room of this.#emptied()) await room.tellLeft({ isForced: true });
    if (this.isOut) return; // Lost meanwhile, and told so.
    this.remove();
    answer();
    await this.tell(this.parent ? OnRoomLeft : OnNamespaceDisconnect, {});
    this.#leavers.settle();
  }

  /** The client is in. `answer` is called before anything that waited is sent. */
  async entered(flags: LifecycleFlags, answer = (): unknown => undefined): Promise<void> {
    this.#presence = 'in';
    this.#wasEntered = true;
    this.#attempt = undefined;
    await this.tell(this.parent ? OnRoomJoined : OnNamespaceConnected, flags);
    answer();
    this.#settleEntry();
  }

  /** The line is lost: the client is out, and the handlers are told (CL9). */
  lost(line: object): void {
    const rooms = [...this.rooms.values()].filter((room) => room.#putOut(line));
    if (!this.#putOut(line)) return;
    void this.host.turns.push(async () => {
      for (const room of rooms) await room.tellLeft(forced);
      await this.tell(OnNamespaceDisconnect, forced);
    });
  }

  /** Ends the membership, its rooms, and the wish for it. */
  remove(refusal?: Thrown): void {
    if (this.#presence === 'leaving') this.#leavers.settle();
    const wasEntered = this.#wasEntered;
    this.#wasEntered = false;
    this.#presence = 'out';
    this.#isWished = false;
    this.#attempt = undefined;
    this.#token = '';
    this.#timeout = entryTimeout;
    for (const room of [...this.rooms.values()]) room.remove(refusal);
    // What has come before a close still finds its handlers.
    if (!this.host.isOver) this.parent?.rooms.delete(this.room);
    this.#entrants.settle(refusal ?? { error: this.parent ? ErrBadRoom : ErrBadNamespace });
    this.host.onGone(this, wasEntered ? refusal : undefined);
  }

  /** Takes the answer to an entry. */
  async #answered(answer: Answer, isPending: () => boolean): Promise<void> {
    this.#token = '';
    this.#timeout = entryTimeout;
    const isUnanswered = 'failure' in answer;
    const error = isUnanswered ? answer.failure : errorFrom(answer.frame);
    const veto = this.parent && !error ? await this.host.fire(this, OnRoomJoin, local) : undefined;
    if (!isPending()) return;
    // The server has let the client in, or still may: both sides must agree.
    if (isUnanswered || veto) this.retract();
    if (error || veto) this.remove(veto ?? { error });
    else await this.entered(local);
  }

  /** Takes the answer to a leave. A refusal keeps the client in. */
  async #left(answer: Answer, wasWished: boolean, isLocal: boolean): Promise<void> {
    if (this.#presence !== 'leaving') return;
    const error = 'failure' in answer ? answer.failure : errorFrom(answer.frame);
    if (error) {
      this.#isWished ||= wasWished;
      this.#presence = 'in';
      this.#leavers.settle({ error });
      return this.#settleEntry();
    }
    for (const room of this.#emptied()) await room.tellLeft(forced);
    if (this.parent) await this.tell(OnRoomLeave, { isLocal });
    if (this.#presence !== 'leaving') return;
    const isWished = this.#isWished; // It may be asked for again.
    this.#presence = 'out';
    if (!isWished) this.remove();
    await this.tell(this.parent ? OnRoomLeft : OnNamespaceDisconnect, { isLocal: isLocal || !this.parent });
    this.#leavers.settle();
    // In this turn, so that its event comes before what the server has sent since.
    if (isWished) await this.#begin((job) => job(), false);
  }

  #settleEntry(): void {
    if (this.#presence !== 'in') return;
    if (this.#entrants.size > 0) this.host.turns.pause();
    this.#entrants.settle();
    this.host.onEntered();
  }

  /** Ends the wish for a membership that is not there yet. */
  #withdraw(): void {
    const token = this.#token;
    this.remove();
    if (token === '') return;
    this.retract();
    this.host.asks.end(token, { failure: ErrBadRoom });
  }

  /** Is out as the line is lost. Returns whether the client was in. */
  #putOut(line: object): boolean {
    const presence = this.#presence;
    if (presence !== 'out') this.#lostLine = line;
    this.#presence = 'out';
    this.#attempt = undefined;
    this.#token = '';
    if (presence === 'leaving' && !this.#isWished) this.remove();
    this.#leavers.settle();
    return presence === 'in' || presence === 'leaving';
  }

  /** Removes all rooms, and returns those in which the client was. */
  #emptied(): Membership<Room>[] {
    const inside = [...this.rooms.values()].filter((room) => room.#presence === 'in' || room.#presence === 'leaving');
    for (const room of [...this.rooms.values()]) room.remove();
    return inside;
  }
}
