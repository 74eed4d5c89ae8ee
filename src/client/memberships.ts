import { encodeEmptyReply, encodeErrorReply, errorFrom, type Frame } from '../protocol/codec.js';
import { ErrBadNamespace, ErrBadRoom } from '../protocol/errors.js';
import {
  OnNamespaceConnect,
  OnNamespaceConnected,
  OnNamespaceDisconnect,
  OnRoomJoin,
  OnRoomJoined,
  OnRoomLeave,
  OnRoomLeft,
} from '../protocol/message.js';
import type { NSConn, Room } from './handles.js';
import { type Answer, type AskOptions, assertTimeout } from './line/asks.js';
import { entryTimeout, type Membership, NamespaceMembership, settle } from './membership.js';
import { type LifecycleFlags, type MembershipHost, MembershipTable } from './membershipTable.js';

/** Maximum number of rooms that a server can put a client into. */
const maxServerRooms = 1_024;

const isLocal: LifecycleFlags = { isLocal: true };

/** The namespaces and rooms of a client, over all lines (CL8, CL9). */
export class Memberships {
  readonly #table: MembershipTable;
  /** The present line, once its greeting is over. Steps of an earlier line change nothing. */
  #line: object | undefined;

  constructor(private readonly host: MembershipHost) {
    this.#table = new MembershipTable(host);
  }

  /** Returns a namespace that is known. */
  namespace(name: string): NamespaceMembership | undefined {
    return this.#table.namespace(name);
  }

  /** Asks for a namespace, now or on the next line. */
  async connect(namespace: string, options: AskOptions): Promise<NSConn> {
    return this.#wish(this.#table.ensure(namespace), undefined, options);
  }

  /** Waits until a namespace is entered. */
  waitConnect(namespace: string, options: AskOptions): Promise<NSConn> {
    const ns = this.#table.ensure(namespace);
    return ns.presence === 'in' ? Promise.resolve(ns.handle) : ns.awaitEntry(this.host.asks, options, () => {});
  }

  /** Asks for a room, now or when its namespace is entered. */
  async join(namespace: string, room: string, options: AskOptions, prepare: (room: Membership) => void): Promise<Room> {
    const ns = this.#table.namespace(namespace);
    if (!ns?.isKept) throw ErrBadNamespace;
    if (typeof room !== 'string' || room === '') throw ErrBadRoom;
    const membership = this.#table.ensureRoom(ns, room);
    prepare(membership);
    return this.#wish(membership, ns, options);
  }

  /** Leaves a room or namespace, or ends the wish to enter it. */
  async leave(membership: Membership | undefined, isAll: boolean, options: AskOptions): Promise<void> {
    if (!membership?.isKept) throw membership?.room === '' ? ErrBadNamespace : ErrBadRoom;
    const wasWished = membership.isWished;
    membership.isWished = false;
    if (membership.presence === 'out' || membership.presence === 'entering') return this.#withdraw(membership);
    const ended = membership.awaitLeave(this.host.asks, options);
    if (membership.presence === 'in') {
      membership.presence = 'leaving';
      const event = membership.room === '' ? OnNamespaceDisconnect : OnRoomLeave;
      const { isInHandler } = this.host.turns;
      this.#table.ask(membership, event, {}, (answer) => {
        const finish = (): Promise<void> => this.#left(membership, answer, wasWished, isAll);
        return isInHandler ? finish() : this.host.turns.push(finish);
      });
    }
    return ended;
  }

  /** Enters all namespaces that the program asked for, and then their rooms. Resolves when all are entered or refused. */
  async enterAll(line: object): Promise<void> {
    this.#line = line;
    await Promise.all(
      this.#table
        .namespaces()
        .filter(({ isWished, presence }) => isWished && presence === 'out')
        .map((ns) => this.#enter(ns)),
    );
  }

  /** Takes a namespace as entered without asking, where only native messages are spoken. */
  admit(namespace: string, line: object): void {
    this.#line = line;
    const ns = this.#table.ensure(namespace);
    ns.isWished = true;
    ns.presence = 'in';
    this.#entered(ns);
  }

  /** The line is lost: the client is out of everything, and its handlers are told (CL9). */
  lost(): void {
    this.#line = undefined;
    for (const ns of this.#table.namespaces()) {
      const rooms = [...ns.rooms.values()].filter((room) => this.#table.putOut(room));
      if (!this.#table.putOut(ns)) continue;
      void this.host.turns.push(async () => {
        for (const room of rooms) await this.#table.tellLeft(room, { isForced: true, isLocal: true });
        await this.#table.tell(ns, OnNamespaceDisconnect, { isForced: true, isLocal: true });
      });
    }
  }

  /** The client is closed: no wish is left. */
  end(error: unknown): void {
    for (const ns of this.#table.namespaces()) {
      for (const membership of [...ns.rooms.values(), ns]) this.#table.remove(membership, { error });
    }
  }

  /** Takes a step that the server began. */
  async serve(frame: Frame, line: object): Promise<void> {
    const { namespace, room, event, wait } = frame;
    const isPresent = (): boolean => this.#line === line;
    if (!isPresent()) return;
    const answer = (error?: unknown): void => {
      if (isPresent()) this.host.write(error === undefined ? encodeEmptyReply(wait) : encodeErrorReply(frame, error));
    };
    const isEntry = event === OnNamespaceConnect || event === OnRoomJoin;
    const isRoom = event === OnRoomJoin || event === OnRoomLeave;
    const ns =
      this.#table.namespace(namespace) ?? (this.host.declares(namespace) ? this.#table.ensure(namespace) : undefined);
    const membership = isRoom ? ns?.rooms.get(room) : ns;
    const isInside = membership?.presence === 'in' || membership?.presence === 'leaving';
    if (isEntry === isInside) return answer();
    if (!isEntry) return membership && this.#putAway(membership, answer);
    if (!ns || (isRoom && ns.presence !== 'in')) return answer(ErrBadNamespace);
    if (isRoom && (room === '' || ns.rooms.size >= maxServerRooms)) return answer(ErrBadRoom);
    const entered = isRoom ? this.#table.ensureRoom(ns, room) : ns;
    const refusal = await this.host.fire(entered, event, {});
    if ((refusal || !isPresent()) && !entered.isKept) this.#table.remove(entered);
    if (refusal) return answer(refusal.error);
    if (!isPresent()) return;
    // A room's handlers run before the answer, and a namespace's after it.
    if (!isRoom) answer();
    await this.#conclude(entered, {}, () => isRoom && answer());
  }

  /** The server puts the client out. The program's wish ends with it. */
  async #putAway(membership: Membership, answer: () => void): Promise<void> {
    membership.isWished = false;
    if (membership instanceof NamespaceMembership) {
      const rooms = this.#table.emptied(membership);
      for (const room of rooms) await this.#table.tellLeft(room, { isForced: true });
      this.#table.remove(membership);
      answer();
      await this.#table.tell(membership, OnNamespaceDisconnect, {});
    } else {
      await this.#table.tell(membership, OnRoomLeave, {});
      // Lost meanwhile: the forced events are told, and this one would be the second.
      if (membership.presence === 'out') return;
      this.#table.remove(membership);
      answer();
      await this.#table.tell(membership, OnRoomLeft, {});
    }
    settle(membership.leavers);
  }

  #wish<Handle extends NSConn | Room>(
    membership: Membership<Handle>,
    ns: NamespaceMembership | undefined,
    options: AskOptions,
  ): Promise<Handle> {
    const { timeout = entryTimeout, signal } = options;
    assertTimeout(timeout);
    const isNew = !membership.isWished;
    const entered =
      membership.presence === 'in'
        ? Promise.resolve(membership.handle)
        : membership.awaitEntry(this.host.asks, signal ? { signal } : {}, () => {
            if (isNew && membership.entrants.size === 0 && membership.presence !== 'in') this.#withdraw(membership);
          });
    membership.isWished = true;
    membership.timeout = timeout;
    if (this.#line && membership.presence === 'out' && (!ns || ns.presence === 'in')) {
      void this.#enter(membership, this.host.turns.isInHandler);
    }
    return entered;
  }

  /** Asks the server to let the client in. Resolves when it is in or refused, or the line is lost. */
  async #enter(membership: Membership, isNested = false): Promise<void> {
    const line = this.#line;
    const isRoom = membership.room !== '';
    membership.presence = 'entering';
    const attempt = {};
    membership.attempt = attempt;
    const isPending = (): boolean => membership.attempt === attempt;
    await new Promise<void>((resolve) => {
      const finish = async (answer: Answer): Promise<void> => {
        if (isPending()) await this.#answered(membership, answer, isPending);
        resolve();
      };
      const begin = async (): Promise<void> => {
        const refusal = isRoom ? undefined : await this.host.fire(membership, OnNamespaceConnect, isLocal);
        if (!isPending()) return resolve();
        if (refusal) {
          this.#table.remove(membership, refusal);
          return resolve();
        }
        const event = isRoom ? OnRoomJoin : OnNamespaceConnect;
        membership.token = this.#table.ask(membership, event, { timeout: membership.timeout }, (answer) =>
          isNested ? finish(answer) : this.host.turns.push(() => finish(answer)),
        );
        membership.timeout = entryTimeout;
      };
      void (isNested || isRoom ? begin() : this.host.turns.push(begin));
    });
    if (membership instanceof NamespaceMembership && this.#line === line) await this.#enterRooms(membership);
  }

  async #enterRooms(ns: NamespaceMembership): Promise<void> {
    if (ns.presence !== 'in') return;
    const rooms = [...ns.rooms.values()].filter(({ isWished, presence }) => isWished && presence === 'out');
    await Promise.all(rooms.map((room) => this.#enter(room)));
  }

  /** Takes the answer to an entry. */
  async #answered(membership: Membership, answer: Answer, isPending: () => boolean): Promise<void> {
    const isRoom = membership.room !== '';
    membership.token = '';
    const isUnanswered = 'failure' in answer;
    const error = isUnanswered ? answer.failure : errorFrom(answer.frame);
    const veto = isRoom && !error ? await this.host.fire(membership, OnRoomJoin, isLocal) : undefined;
    if (!isPending()) return;
    // The server has let the client in, or still may: both sides must agree.
    if (isUnanswered || veto) this.#table.retract(membership);
    if (error || veto) this.#table.remove(membership, veto ?? { error });
    else await this.#conclude(membership, isLocal);
  }

  async #conclude(membership: Membership, flags: LifecycleFlags, answer = (): unknown => undefined): Promise<void> {
    membership.presence = 'in';
    membership.attempt = undefined;
    membership.awaitsServer = false;
    await this.#table.tell(membership, membership.room === '' ? OnNamespaceConnected : OnRoomJoined, flags);
    answer();
    this.#entered(membership);
    if (membership instanceof NamespaceMembership && !flags.isLocal) void this.#enterRooms(membership);
  }

  /** Settles the calls that wait for an entry. */
  #entered(membership: Membership): void {
    if (membership.presence !== 'in') return;
    if (membership.entrants.size > 0) this.host.turns.pause();
    settle(membership.entrants);
    this.host.onEntered();
  }

  /** Takes the answer to the end of a membership. A refusal keeps it. */
  async #left(membership: Membership, answer: Answer, wasWished: boolean, isAll: boolean): Promise<void> {
    if (membership.presence !== 'leaving') return;
    const error = 'failure' in answer ? answer.failure : errorFrom(answer.frame);
    if (error) {
      membership.isWished ||= wasWished;
      membership.presence = 'in';
      settle(membership.leavers, { error });
      return this.#entered(membership);
    }
    if (membership instanceof NamespaceMembership) {
      for (const room of this.#table.emptied(membership))
        await this.#table.tellLeft(room, { isForced: true, isLocal: true });
      this.#depart(membership);
      await this.#table.tell(membership, OnNamespaceDisconnect, isLocal);
    } else {
      await this.#table.tell(membership, OnRoomLeave, { isLocal: isAll });
      if (membership.presence !== 'leaving') return;
      this.#depart(membership);
      await this.#table.tell(membership, OnRoomLeft, { isLocal: isAll });
    }
    settle(membership.leavers);
  }

  /** Ends a membership, or begins it anew if the program has asked for that meanwhile. */
  #depart(membership: Membership): void {
    if (!membership.isWished) return this.#table.remove(membership);
    membership.presence = 'out';
    void this.#enter(membership);
  }

  /** Ends the wish for a membership that is not there yet. */
  #withdraw(membership: Membership): void {
    const { token } = membership;
    this.#table.remove(membership);
    if (token === '') return;
    this.#table.retract(membership);
    this.host.asks.end(token, { failure: ErrBadRoom });
  }
}
