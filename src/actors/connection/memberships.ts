import { encodeErrorReply, type Frame } from '../../protocol/codec.js';
import { ErrBadNamespace, ErrBadRoom, ErrClosedRooms, ErrWrite } from '../../protocol/errors.js';
import { compact, fits } from '../../protocol/size.js';
import type { AskOptions } from '../api/asks.js';
import type { ConnPort } from '../api/connPort.js';
import { NSConn } from '../api/nsConn.js';
import { Room } from '../api/room.js';
import type { MachineState } from '../charts/steppedMachine.js';
import type { ServerContext } from '../context.js';
import { noTurn } from '../inbox/inbox.js';
import type { Connection } from './connection.js';
import {
  type Membership,
  makePendingCall,
  NamespaceMembership,
  type PendingCall,
  RoomMembership,
  type Waiter,
  withResolvers,
} from './membership.js';
import { SmallMap } from './smallMap.js';
import { inOrder, type MembershipListener, Transitions } from './transitions.js';

const tooManyNamespaces = new Error('too many namespaces');
const tooManyRooms = new Error('too many rooms');

/** A membership of a connection, with the state of its chart. */
export interface MembershipState {
  /** The name of the namespace. */
  readonly namespace: string;
  /** The name of the room; empty for the namespace itself. */
  readonly room: string;
  /** The state of its chart. */
  readonly value: MachineState;
}

/** The namespaces and rooms of one connection. Turns asks of the peer and calls of the program into steps of charts. */
export class Memberships implements MembershipListener {
  readonly #all = new SmallMap<NamespaceMembership>();
  readonly #transitions: Transitions;
  #waiters: Set<Waiter> | undefined;
  /** Calls that wait until another call or step has settled. */
  #postponed: (() => void)[] | undefined;

  constructor(
    private readonly connection: Connection,
    private readonly context: ServerContext,
    private readonly port: ConnPort,
  ) {
    this.#transitions = new Transitions(connection, context, this);
  }

  /** Returns whether the connection is in the namespace and, unless `room` is empty, in that room of it. */
  isMember(namespace: string, room: string): boolean {
    const membership = this.#all.get(namespace);
    if (!membership?.isMember) return false;
    return room === '' || membership.hasJoined(room);
  }

  /** Returns whether this side waits for the client to connect the namespace. Frames for it wait until then (NS6). */
  isArriving(namespace: string): boolean {
    return this.#all.get(namespace)?.isArriving ?? false;
  }

  /** Returns whether a call of this side is under way for the namespace or this room of it (NS10). */
  isBusy(namespace: string, room: string): boolean {
    return this.#all.get(namespace)?.isBusy(room) ?? false;
  }

  /** Returns the handle of a namespace, if it is connected. */
  nsConn(namespace: string): NSConn | undefined {
    return this.#connected(namespace)?.nsConn;
  }
  /** Returns the handles of the connected namespaces, in the order in which they were connected. */
  all(): NSConn[] {
    return [...this.#all.values()].filter(({ isMember }) => isMember).map(({ nsConn }) => nsConn);
  }

  /** Returns the handle of a room, if it is joined. */
  room(namespace: string, name: string): Room | undefined {
    const membership = this.#connected(namespace);
    if (!membership?.hasJoined(name)) return undefined;
    return membership.handle(name, (nsConn, room) => new Room(this.port, nsConn, room));
  }
  /** Returns the handles of the joined rooms of a namespace, in the order in which they were joined. */
  rooms(namespace: string): Room[] {
    const names = [...(this.#all.get(namespace)?.rooms.keys() ?? [])];
    return names.flatMap((name) => this.room(namespace, name) ?? []);
  }

  /** Returns every joined room, in the order in which they were joined. */
  places(): { readonly namespace: string; readonly room: string }[] {
    return this.all().flatMap(({ namespace }) => this.rooms(namespace).map(({ name }) => ({ namespace, room: name })));
  }

  /** Returns the state of each membership, including those that are being entered or left. */
  states(): MembershipState[] {
    return Array.from(this.#all.values()).flatMap(({ nsConn: { namespace }, value, rooms }) => [
      { namespace, room: '', value },
      ...Array.from(rooms.entries(), ([room, its]) => ({ namespace, room, value: its })),
    ]);
  }

  // What the peer asks

  /** Handles the peer's ask to connect or disconnect a namespace (NS1–NS3, NS11). */
  askedNamespace(type: 'ASKED.CONNECT' | 'ASKED.DISCONNECT', asked: Frame): void | Promise<void> {
    const { namespace } = asked;
    if (type === 'ASKED.CONNECT' && !this.#all.has(namespace)) {
      if (!this.context.handlers.declares(namespace)) return this.#refuse(asked, ErrBadNamespace);
      if (this.#all.size >= this.context.limits.namespaces) return this.#refuse(asked, tooManyNamespaces);
    }
    const membership = this.#membership(namespace);
    return this.#transitions.take({ membership, asked, isLocal: false, isForced: false }, type);
  }

  /** Handles the peer's ask to join or leave a room (RM1, RM2, RM5, RM6, RM8). */
  askedRoom(type: 'ASKED.JOIN' | 'ASKED.LEAVE', asked: Frame): void | Promise<void> {
    const { namespace, room } = asked;
    const connected = this.#connected(namespace);
    if (!connected) return this.#refuse(asked, ErrBadNamespace);
    if (!this.#isRoomName(room)) return this.#refuse(asked, ErrBadRoom);
    if (type === 'ASKED.JOIN' && !connected.hasJoined(room)) {
      const { handlers, counters } = this.context;
      if (handlers.hasClosedRooms(namespace)) {
        counters.closedJoins++;
        return this.#refuse(asked, ErrClosedRooms);
      }
      if (this.#isFull(namespace, room)) return this.#refuse(asked, tooManyRooms);
    }
    const membership = new RoomMembership(connected, this.connection.subscriber.nameOf(namespace, room));
    return this.#transitions.take({ membership, asked, isLocal: false, isForced: false }, type);
  }

  /** Enters the empty namespace without events, for native-only mode (HS10). */
  enterNatively(): void {
    const membership = this.#membership('');
    membership.advance('ASKED.CONNECT');
    membership.advance('ALLOWED');
    if (!membership.isMember) return this.vacated(membership);
    this.connection.subscriber.join('', '');
    this.connected(membership);
  }

  // What the program calls

  /** Asks the client into a namespace, which is declared (NS4). @throws what refuses it, or `ErrWrite` */
  async connect(namespace: string, options: AskOptions): Promise<NSConn> {
    await this.#begin(namespace, '', 'CONNECT', false, options);
    const nsConn = this.nsConn(namespace);
    if (!nsConn) throw ErrWrite;
    return nsConn;
  }

  /** Asks the client out of a namespace (NS5). @throws what refuses it, or `ErrWrite` */
  async disconnect(namespace: string, options: AskOptions): Promise<void> {
    await this.#begin(namespace, '', 'DISCONNECT', true, options);
  }

  /** Asks the client into a room (RM3, RM6). @throws `ErrBadNamespace`, `ErrBadRoom`, what refuses it, or `ErrWrite` */
  async join(namespace: string, name: string, options: AskOptions): Promise<Room> {
    if (!this.isMember(namespace, '')) throw ErrBadNamespace;
    if (!this.#isRoomName(name)) throw ErrBadRoom;
    if (this.#isFull(namespace, name)) throw tooManyRooms;
    await this.#begin(namespace, name, 'JOIN', false, options);
    const room = this.room(namespace, name);
    if (!room) throw ErrWrite;
    return room;
  }

  /** Asks the client out of a room (RM4). @throws `ErrBadRoom`, what refuses it, or `ErrWrite` */
  async leave(namespace: string, name: string, isLocal: boolean, options: AskOptions): Promise<void> {
    if (!this.isMember(namespace, '')) throw ErrBadRoom;
    await this.#begin(namespace, name, 'LEAVE', isLocal, options);
  }

  /** Resolves when the namespace is connected, no matter which side began (NS12). */
  awaitConnect(namespace: string, options: AskOptions): Promise<NSConn> {
    const connected = this.nsConn(namespace);
    if (connected) return Promise.resolve(connected);
    if (this.connection.isClosed) return Promise.reject(ErrWrite);
    this.#waitFor(this.#all.get(namespace)?.pendingCall);
    const { promise, resolve, reject } = withResolvers<NSConn>();
    const waiter: Waiter = { namespace, resolve, reject };
    this.#waiters ??= new Set();
    this.#waiters.add(waiter);
    const cancel = this.connection.peerAsks.limit(options, reject);
    return promise.finally(() => {
      cancel();
      this.#waiters?.delete(waiter);
    });
  }

  /** Ends every membership with forced events, once each, in the order in which they were joined (NS7). */
  end(): void | Promise<void> {
    for (const { reject } of this.#waiters ?? []) reject(ErrWrite);
    const context = { isLocal: true, isForced: true, error: ErrWrite };
    return inOrder([...this.#all.values()], (membership) =>
      this.#transitions.attempt({ ...context, membership }, 'ENDED'),
    );
  }

  // What the steps have led to

  /** Resumes the postponed calls. */
  settled(): void {
    const postponed = this.#postponed ?? [];
    this.#postponed = undefined;
    for (const go of postponed) go();
  }

  /** Resolves the callers that wait for the namespace. */
  connected(membership: NamespaceMembership): void {
    const { nsConn } = membership;
    // Namespaces are in the order in which they were connected, not in which connecting began (NS7).
    this.#all.delete(nsConn.namespace);
    this.#all.set(nsConn.namespace, membership);
    for (const { namespace, resolve } of this.#waiters ?? []) if (namespace === nsConn.namespace) resolve(nsConn);
  }

  /** Removes a namespace. */
  vacated(membership: NamespaceMembership): void {
    const { namespace } = membership.nsConn;
    if (this.#all.get(namespace) === membership) this.#all.delete(namespace);
  }

  #connected(namespace: string): NamespaceMembership | undefined {
    const membership = this.#all.get(namespace);
    return membership?.isMember ? membership : undefined;
  }

  #membership(namespace: string): NamespaceMembership {
    const known = this.#all.get(namespace);
    if (known) return known;
    const nsConn = new NSConn(this.port, this.connection.conn, compact(namespace));
    const membership = new NamespaceMembership(nsConn, this.context.stepped);
    this.#all.set(nsConn.namespace, membership);
    return membership;
  }

  #isRoomName(room: string): boolean {
    return room !== '' && fits(room, this.context.limits.roomNameBytes);
  }

  /** Returns whether this room would be one too many (RM6). */
  #isFull(namespace: string, room: string): boolean {
    if (this.#all.get(namespace)?.rooms.has(room)) return false;
    let count = 0;
    for (const { rooms } of this.#all.values()) count += rooms.size;
    return count >= this.context.limits.rooms;
  }

  #refuse(asked: Frame, error: Error): void {
    this.connection.send(encodeErrorReply(asked, error));
  }

  /** Makes the rest of a call part of the turn that waits for it. Else each would wait for the other (RM7). */
  #waitFor(underway: PendingCall | undefined): void {
    const { inbox } = this.connection;
    if (!underway || inbox.turn === noTurn || underway.turn === inbox.turn) return;
    underway.turn = inbox.turn;
    if (underway.next) inbox.absorb(underway.next);
  }

  #postpone(go: () => void): void {
    this.#postponed ??= [];
    this.#postponed.push(go);
  }

  /** @throws {Error} `ErrBadNamespace` for a room of a namespace that is not connected */
  #find(namespace: string, room: string): Membership {
    if (room === '') return this.#membership(namespace);
    const connected = this.#connected(namespace);
    if (!connected) throw ErrBadNamespace;
    return new RoomMembership(connected, room);
  }

  /** Begins a call of this side. Joins an equal call that is under way, and waits for any other. */
  async #begin(namespace: string, room: string, event: string, isLocal: boolean, options: AskOptions): Promise<void> {
    if (this.connection.isClosed) throw ErrWrite;
    const membership = this.#find(namespace, room);
    const { inbox, peerAsks } = this.connection;
    if (!membership.isSettled) {
      const underway = membership.pendingCall;
      this.#waitFor(underway);
      if (underway?.event === event) return peerAsks.waitFor(options, underway.promise);
      await peerAsks.waitFor(options, new Promise<void>((settled) => this.#postpone(settled)));
      return this.#begin(namespace, room, event, isLocal, options);
    }
    const call = makePendingCall(event, inbox.turn, options);
    membership.beginCall(call);
    const job = (): void | Promise<void> =>
      this.#transitions.take({ membership, call, isLocal, isForced: false }, event);
    if (inbox.turn === noTurn) inbox.runNext(job);
    else inbox.runInTurn(job);
    return call.promise;
  }
}
