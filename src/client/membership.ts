import { encode, errorFrom } from '../protocol/codec.js';
import { ErrBadNamespace, ErrBadRoom } from '../protocol/errors.js';
import {
  type Body,
  OnNamespaceConnect,
  OnNamespaceConnected,
  OnNamespaceDisconnect,
  OnRoomJoin,
  OnRoomJoined,
  OnRoomLeave,
  OnRoomLeft,
} from '../protocol/message.js';
import type { NSConn, Room } from './handles.js';
import { type Answer, type AskOptions, type Asks, assertTimeout } from './line/asks.js';
import type { Listener } from './options.js';
import type { Turns } from './turns.js';

/** Flags of a lifecycle event. */
export interface LifecycleFlags {
  /** Whether this client began the step. */
  readonly isLocal?: boolean;
  /** Whether no handler can refuse it. */
  readonly isForced?: boolean;
}

/** An error that a handler threw, or a refusal. */
export interface Thrown {
  /** The error. */
  readonly error: unknown;
}

/** What memberships need of their client. */
export interface MembershipHost {
  /** The pending asks. */
  readonly asks: Asks;
  /** The turns of the client. */
  readonly turns: Turns;
  /** The present line, once its greeting is over. Steps of an earlier line change nothing. */
  readonly line: object | undefined;
  /** Whether the client is closing or closed. */
  readonly isOver: boolean;
  /** Writes a frame to the present line. */
  write(payload: Body): void;
  /** Runs the handlers of a lifecycle event. Never rejects. */
  fire(membership: Membership, event: string, flags: LifecycleFlags): Promise<Thrown | undefined>;
  /** Tells the program an error of a lifecycle event that cannot refuse. */
  onFault(membership: Membership, event: string, error: unknown): void;
  /** A namespace or room is entered: frames that waited for it may go. */
  onEntered(): void;
  /** A namespace or room is gone: frames that waited for it will not go. `refusal` is set when nobody waits for it. */
  onGone(membership: Membership, refusal: Thrown | undefined): void;
}

/** Ends a wait: with an error, if there is one. */
type End = (failure?: Thrown) => void;

/** The default of how long the server has to answer, in ms. */
const entryTimeout = 10_000;

const local: LifecycleFlags = { isLocal: true };
const forced: LifecycleFlags = { isLocal: true, isForced: true };

/** The client in one namespace or room, over all lines (CL8, CL9). */
export class Membership<Handle extends NSConn | Room = NSConn | Room> {
  /** The rooms of a namespace, in the order in which they were joined. */
  readonly rooms = new Map<string, Membership<Room>>();
  /** The handlers added by `on`, by event. */
  readonly listeners = new Map<string, Set<Listener>>();
  #presence: 'out' | 'entering' | 'in' | 'leaving' = 'out';
  #isWished = false;
  /** How long the server has to answer the next entry, in ms. */
  #timeout = entryTimeout;
  /** The present attempt to enter. A later one, or the loss of the line, makes it void. */
  #attempt: object | undefined;
  /** Token of the pending entry, or `''`. */
  #token = '';
  /** The last line on which the client was there, or on its way. */
  #lostLine: object | undefined;
  readonly #entrants = new Set<End>();
  readonly #leavers = new Set<End>();

  constructor(
    private readonly host: MembershipHost,
    /** The namespace. */
    readonly namespace: string,
    /** The room, or `''`. */
    readonly room: string,
    /** The handle. */
    readonly handle: Handle,
    /** The namespace of a room. */
    private readonly parent?: Membership<NSConn>,
  ) {}

  /** Whether the client is there now. */
  get isIn(): boolean {
    return this.#presence === 'in' && this.parent?.isIn !== false;
  }
  /** Whether the client is neither there nor on its way. */
  get isOut(): boolean {
    return this.#presence === 'out';
  }
  /** Returns whether a frame that came on a line can be for it. It may have come before the line was lost. */
  hears(line: object): boolean {
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

  /** Asks for it, now or on the next line. */
  async wish({ timeout = entryTimeout, signal }: AskOptions): Promise<Handle> {
    assertTimeout(timeout);
    signal?.throwIfAborted();
    const isNew = !this.#isWished;
    this.#isWished = true;
    if (this.#presence === 'in') return this.handle;
    this.#timeout = timeout;
    const entered = this.#wait(this.#entrants, signal ? { signal } : {}, () => {
      if (isNew && this.#entrants.size === 0 && this.#presence !== 'in') this.#withdraw();
    });
    if (this.host.line && this.isOut && this.parent?.isIn !== false) void this.enter(this.host.turns.isInHandler);
    await entered;
    return this.handle;
  }

  /** Waits until it is entered, whichever side begins. */
  async wait(options: AskOptions): Promise<Handle> {
    if (!this.isIn) await this.#wait(this.#entrants, options);
    return this.handle;
  }

  /** Leaves it, or ends the wish to enter it. */
  async leave(isAll: boolean, options: AskOptions): Promise<void> {
    const wasWished = this.#isWished;
    this.#isWished = false;
    if (this.isOut || this.#presence === 'entering') return this.#withdraw();
    const left = this.#wait(this.#leavers, options);
    if (this.#presence === 'in') {
      this.#presence = 'leaving';
      const turn = this.#turn(this.host.turns.isInHandler);
      this.#ask(this.#leave, {}, (answer) => turn(() => this.#left(answer, wasWished, isAll)));
    }
    return left;
  }

  /** Enters it, and then its rooms, if the program has asked for it. Resolves when they are entered or refused. */
  async enter(isNested = false): Promise<void> {
    if (!this.#isWished || !this.isOut) return;
    const attempt = {};
    this.#attempt = attempt;
    this.#presence = 'entering';
    const isPending = (): boolean => this.#attempt === attempt;
    const turn = this.#turn(isNested);
    const veto = this.parent ? undefined : await turn(() => this.host.fire(this, OnNamespaceConnect, local));
    if (!isPending()) return;
    if (veto) return this.remove(veto);
    await new Promise<void>((resolve) => {
      this.#token = this.#ask(this.#enter, { timeout: this.#timeout }, (answer) =>
        turn(async () => {
          if (isPending()) await this.#answered(answer, isPending);
          resolve();
        }),
      );
    });
    if (this.isIn) await this.enterRooms();
  }

  /** Enters the rooms that the program has asked for. */
  async enterRooms(): Promise<void> {
    await Promise.all([...this.rooms.values()].map((room) => room.enter()));
  }

  /** The server puts the client in. */
  async admit(answer: (error?: unknown) => void, isPresent: () => boolean): Promise<void> {
    if (this.#presence === 'in' || this.#presence === 'leaving') return answer();
    const veto = await this.host.fire(this, this.#enter, {});
    if ((veto || !isPresent()) && !this.isKept) this.remove();
    if (veto) return answer(veto.error);
    if (!isPresent()) return;
    // A room's handlers run before the answer, and a namespace's after it.
    if (!this.parent) answer();
    await this.entered({});
    if (this.parent) answer();
    void this.enterRooms();
  }

  /** The server puts the client out. The program's wish ends with it. */
  async expel(answer: () => void): Promise<void> {
    if (this.isOut || this.#presence === 'entering') return answer();
    this.#isWished = false;
    if (this.parent) await this.#tell(OnRoomLeave, {});
    else for (const room of this.#emptied()) await room.tellLeft({ isForced: true });
    // Lost meanwhile: the forced events are told, and another would be the second.
    if (this.isOut) return;
    this.remove();
    answer();
    await this.#tell(this.parent ? OnRoomLeft : OnNamespaceDisconnect, {});
  }

  /** The client is in. */
  async entered(flags: LifecycleFlags): Promise<void> {
    this.#presence = 'in';
    this.#attempt = undefined;
    await this.#tell(this.parent ? OnRoomJoined : OnNamespaceConnected, flags);
    this.#settleEntry();
  }

  /** The line is lost: the client is out, and the handlers are told (CL9). */
  lost(line: object): void {
    const rooms = [...this.rooms.values()].filter((room) => room.#putOut(line));
    if (!this.#putOut(line)) return;
    void this.host.turns.push(async () => {
      for (const room of rooms) await room.tellLeft(forced);
      await this.#tell(OnNamespaceDisconnect, forced);
    });
  }

  /** Ends the membership, its rooms, and the wish for it. */
  remove(refusal?: Thrown): void {
    const isAwaited = this.#entrants.size > 0;
    this.#presence = 'out';
    this.#isWished = false;
    this.#attempt = undefined;
    this.#token = '';
    this.#timeout = entryTimeout;
    for (const room of [...this.rooms.values()]) room.remove(refusal);
    // What has come before a close still finds its handlers.
    if (!this.host.isOver) this.parent?.rooms.delete(this.room);
    settle(this.#entrants, refusal ?? { error: this.parent ? ErrBadRoom : ErrBadNamespace });
    settle(this.#leavers);
    this.host.onGone(this, isAwaited ? undefined : refusal);
  }

  /** Tells that the room is left. */
  async tellLeft(flags: LifecycleFlags): Promise<void> {
    await this.#tell(OnRoomLeave, flags);
    await this.#tell(OnRoomLeft, flags);
  }

  get #enter(): string {
    return this.parent ? OnRoomJoin : OnNamespaceConnect;
  }
  get #leave(): string {
    return this.parent ? OnRoomLeave : OnNamespaceDisconnect;
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
    if (isUnanswered || veto) this.#retract();
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
      settle(this.#leavers, { error });
      return this.#settleEntry();
    }
    const rooms = this.#emptied();
    for (const room of rooms) await room.tellLeft(forced);
    if (this.parent) await this.#tell(OnRoomLeave, { isLocal });
    if (this.#presence !== 'leaving') return;
    const leavers = new Set(this.#leavers);
    this.#leavers.clear();
    // The program may have asked for it again meanwhile.
    const isWished = this.#isWished;
    this.#presence = 'out';
    if (!isWished) this.remove();
    await this.#tell(this.parent ? OnRoomLeft : OnNamespaceDisconnect, { isLocal: isLocal || !this.parent });
    settle(leavers);
    if (isWished) void this.enter();
  }

  /** Settles the calls that wait for the entry. */
  #settleEntry(): void {
    if (this.#presence !== 'in') return;
    if (this.#entrants.size > 0) this.host.turns.pause();
    settle(this.#entrants);
    this.host.onEntered();
  }

  /** Ends the wish for a membership that is not there yet. */
  #withdraw(): void {
    const token = this.#token;
    this.remove();
    if (token === '') return;
    this.#retract();
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
    settle(this.#leavers);
    return presence === 'in' || presence === 'leaving';
  }

  /** Removes all rooms, and returns those in which the client was. */
  #emptied(): Membership<Room>[] {
    const rooms = [...this.rooms.values()];
    const inside = rooms.filter((room) => room.#presence === 'in' || room.#presence === 'leaving');
    for (const room of rooms) room.remove();
    return inside;
  }

  /** Tells the server that the client is not in, whatever it answers or has answered. */
  #retract(): void {
    this.#ask(this.#leave, { timeout: entryTimeout }, () => {});
  }

  #ask(event: string, options: AskOptions, settled: (answer: Answer) => void): string {
    const token = this.host.asks.open(settled, options);
    this.host.write(encode({ namespace: this.namespace, room: this.room, event }, token));
    return token;
  }

  /** Returns what runs a job in a turn of its own, or within the turn that runs. */
  #turn(isNested: boolean): <T>(job: () => T | Promise<T>) => T | Promise<T> {
    return isNested ? (job) => job() : (job) => this.host.turns.push(job);
  }

  /** Runs the handlers of an event that cannot refuse. */
  async #tell(event: string, flags: LifecycleFlags): Promise<void> {
    const thrown = await this.host.fire(this, event, flags);
    if (thrown) this.host.onFault(this, event, thrown.error);
  }

  #wait(waiters: Set<End>, options: AskOptions, onGone?: () => void): Promise<void> {
    return new Promise((resolve, reject) => {
      options.signal?.throwIfAborted();
      const cancel = this.host.asks.limit(options, (error) => {
        end({ error });
        onGone?.();
      });
      const end: End = (failure) => {
        cancel();
        waiters.delete(end);
        if (failure) reject(failure.error);
        else resolve();
      };
      waiters.add(end);
    });
  }
}

const settle = (waiters: Set<End>, failure?: Thrown): void => {
  for (const end of waiters) end(failure);
};
