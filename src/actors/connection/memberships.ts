import { encodeErrorReply, type Frame } from '../../protocol/codec.js';
import { ErrBadNamespace, ErrBadRoom, ErrWrite } from '../../protocol/errors.js';
import type { AskOptions } from '../api/asks.js';
import { type Conn, type ConnPort, NSConn, Room } from '../api/handles.js';
import type { ServerContext } from '../context.js';
import type { MachineState } from '../runtime/steppedMachine.js';
import { noTurn } from './inbox.js';
import { Membership, makePendingCall, type PendingCall, withResolvers } from './membership.js';
import { inOrder, type MembershipListener, type StepHost, Transitions } from './transitions.js';

/** What memberships need of their connection. */
export interface MembershipHost extends StepHost {
  readonly conn: Conn;
}

interface Waiter {
  readonly namespace: string;
  readonly resolve: (nsConn: NSConn) => void;
  readonly reject: (error: unknown) => void;
}

const tooManyNamespaces = new Error('too many namespaces');
const tooManyRooms = new Error('too many rooms');
const utf8 = new TextEncoder();
/** No character takes more bytes than this. */
const mostBytes = 3;

/** A membership of a connection, and how it stands; that of a namespace itself has no room. */
export interface MembershipState {
  readonly namespace: string;
  readonly room: string;
  readonly value: MachineState;
}

/** Namespaces and rooms of one connection: what the peer asks and what the program calls becomes steps of their charts. */
export class Memberships implements MembershipListener {
  readonly #all = new Map<string, Membership>();
  readonly #steps: Transitions;
  #waiters: Set<Waiter> | undefined;
  /** Calls that wait until something under way has settled. */
  #postponed: (() => void)[] | undefined;

  constructor(
    private readonly host: MembershipHost,
    private readonly context: ServerContext,
    private readonly calls: ConnPort,
  ) {
    this.#steps = new Transitions(host, context.callbacks, this);
  }

  /** Is this connection in the namespace, and in the room if one is named? */
  isMember(namespace: string, room: string): boolean {
    const membership = this.#all.get(namespace);
    if (!membership?.isMember('')) return false;
    return room === '' || membership.isMember(room);
  }

  /** Has this side begun to connect the namespace? What comes for it waits until that is settled (NS6). */
  isArriving(namespace: string): boolean {
    return this.#all.get(namespace)?.value.hasTag('arriving') ?? false;
  }

  /** Is a call of this side under way for this very namespace or room (NS10)? */
  isBusy(namespace: string, room: string): boolean {
    return this.#all.get(namespace)?.isBusy(room) ?? false;
  }

  nsConn(namespace: string): NSConn | undefined {
    const membership = this.#all.get(namespace);
    return membership?.isMember('') ? membership.nsConn : undefined;
  }

  all(): NSConn[] {
    return [...this.#all.values()].filter((membership) => membership.isMember('')).map(({ nsConn }) => nsConn);
  }

  room(namespace: string, name: string): Room | undefined {
    const membership = this.#all.get(namespace);
    if (!membership || name === '' || !this.isMember(namespace, name)) return undefined;
    return membership.handle(name, (nsConn, room) => new Room(this.calls, nsConn, room));
  }

  rooms(namespace: string): Room[] {
    const names = [...(this.#all.get(namespace)?.rooms.keys() ?? [])];
    return names.flatMap((name) => this.room(namespace, name) ?? []);
  }

  /** Every room, in the order in which they were joined. */
  places(): { readonly namespace: string; readonly room: string }[] {
    return this.all().flatMap(({ namespace }) => this.rooms(namespace).map(({ name }) => ({ namespace, room: name })));
  }

  /** How each of them stands, those included that are being entered or left. */
  states(): MembershipState[] {
    return Array.from(this.#all.values()).flatMap(({ nsConn: { namespace }, value, rooms }) => [
      { namespace, room: '', value },
      ...Array.from(rooms, ([room, its]) => ({ namespace, room, value: its })),
    ]);
  }

  // What the peer asks

  /** The peer asks to connect or disconnect a namespace (NS1–NS3). */
  askedNamespace(type: 'ASKED.CONNECT' | 'ASKED.DISCONNECT', asked: Frame): void | Promise<void> {
    const { namespace } = asked;
    if (type === 'ASKED.CONNECT' && !this.#all.has(namespace)) {
      if (!this.context.handlers.declares(namespace)) return this.#refuse(asked, ErrBadNamespace);
      if (this.#all.size >= this.context.limits.namespaces) return this.#refuse(asked, tooManyNamespaces);
    }
    return this.#steps.step(this.#membership(namespace), '', type, { asked, isLocal: false, isForced: false });
  }

  /** The peer asks to join or leave a room (RM1, RM2, RM5, RM6). */
  askedRoom(type: 'ASKED.JOIN' | 'ASKED.LEAVE', asked: Frame): void | Promise<void> {
    const { namespace, room } = asked;
    const membership = this.#all.get(namespace);
    if (!membership?.isMember('')) return this.#refuse(asked, ErrBadNamespace);
    if (!this.#isRoomName(room)) return this.#refuse(asked, ErrBadRoom);
    if (type === 'ASKED.JOIN' && this.#isFull(namespace, room)) return this.#refuse(asked, tooManyRooms);
    return this.#steps.step(membership, room, type, { asked, isLocal: false, isForced: false });
  }

  /** Native-only mode: a member of the empty namespace from the start, without events (HS10). */
  enterNatively(): void {
    const membership = this.#membership('');
    const { namespace } = this.context.stepped;
    const deciding = namespace.step(membership.value, membership.event('', 'ASKED.CONNECT')).value;
    membership.keep('', namespace.step(deciding, membership.event('', 'ALLOWED')).value);
    if (!membership.isMember('')) return this.vacated(membership);
    this.host.subscriber.join('', '');
    this.connected(membership);
  }

  // What the program calls

  /** The namespace is declared. */
  async connect(namespace: string, options: AskOptions): Promise<NSConn> {
    await this.#begin(namespace, '', 'CONNECT', false, options);
    const nsConn = this.nsConn(namespace);
    if (!nsConn) throw ErrWrite;
    return nsConn;
  }

  async disconnect(namespace: string, options: AskOptions): Promise<void> {
    await this.#begin(namespace, '', 'DISCONNECT', true, options);
  }

  async join(namespace: string, name: string, options: AskOptions): Promise<Room> {
    if (!this.isMember(namespace, '')) throw ErrBadNamespace;
    if (!this.#isRoomName(name)) throw ErrBadRoom;
    if (this.#isFull(namespace, name)) throw tooManyRooms;
    await this.#begin(namespace, name, 'JOIN', false, options);
    const room = this.room(namespace, name);
    if (!room) throw ErrWrite;
    return room;
  }

  async leave(namespace: string, name: string, isLocal: boolean, options: AskOptions): Promise<void> {
    if (!this.isMember(namespace, '')) throw ErrBadRoom;
    await this.#begin(namespace, name, 'LEAVE', isLocal, options);
  }

  /** Resolves when the namespace is connected, whoever began. */
  awaitConnect(namespace: string, options: AskOptions): Promise<NSConn> {
    const connected = this.nsConn(namespace);
    if (connected) return Promise.resolve(connected);
    if (this.host.isClosed) return Promise.reject(ErrWrite);
    this.#waitFor(this.#all.get(namespace)?.pendingCall(''));
    const { promise, resolve, reject } = withResolvers<NSConn>();
    const waiter: Waiter = { namespace, resolve, reject };
    this.#waiters ??= new Set();
    this.#waiters.add(waiter);
    const callOff = this.host.peerAsks.limit(options, reject);
    return promise.finally(() => {
      callOff();
      this.#waiters?.delete(waiter);
    });
  }

  /** The connection has ended: forced events, once each, in the order in which things were joined (NS7). */
  end(): void | Promise<void> {
    for (const { reject } of this.#waiters ?? []) reject(ErrWrite);
    const about = { isLocal: true, isForced: true, error: ErrWrite };
    return inOrder([...this.#all.values()], (membership) => this.#steps.attempt(membership, '', 'ENDED', about));
  }

  // What the steps have led to

  settled(): void {
    const postponed = this.#postponed ?? [];
    this.#postponed = undefined;
    for (const go of postponed) go();
  }

  connected(membership: Membership): void {
    const { nsConn } = membership;
    // From now on it stands in the order of joining, whenever it was begun.
    this.#all.delete(nsConn.namespace);
    this.#all.set(nsConn.namespace, membership);
    for (const { namespace, resolve } of this.#waiters ?? []) if (namespace === nsConn.namespace) resolve(nsConn);
  }

  vacated(membership: Membership): void {
    const { namespace } = membership.nsConn;
    if (this.#all.get(namespace) === membership) this.#all.delete(namespace);
  }

  #membership(namespace: string): Membership {
    const known = this.#all.get(namespace);
    if (known) return known;
    const membership = new Membership(new NSConn(this.calls, this.host.conn, namespace), this.context.stepped);
    this.#all.set(namespace, membership);
    return membership;
  }

  #isRoomName(room: string): boolean {
    const { roomNameBytes } = this.context.limits;
    return room !== '' && (room.length * mostBytes <= roomNameBytes || utf8.encode(room).length <= roomNameBytes);
  }

  /** Would this be one room too many? */
  #isFull(namespace: string, room: string): boolean {
    if (this.#all.get(namespace)?.rooms.has(room)) return false;
    let count = 0;
    for (const { rooms } of this.#all.values()) count += rooms.size;
    return count >= this.context.limits.rooms;
  }

  #refuse(asked: Frame, error: Error): void {
    this.host.send(encodeErrorReply(asked, error));
  }

  /** A turn that waits for a call must not be what the call waits for: so its rest is part of that turn (RM7). */
  #waitFor(underway: PendingCall | undefined): void {
    const { inbox } = this.host;
    if (!underway || inbox.turn === noTurn || underway.turn === inbox.turn) return;
    underway.turn = inbox.turn;
    if (underway.next) inbox.absorb(underway.next);
  }

  #postpone(go: () => void): void {
    this.#postponed ??= [];
    this.#postponed.push(go);
  }

  /** Begins a call of this side, or joins the one that is under way, or waits for whatever else is. */
  async #begin(namespace: string, room: string, event: string, isLocal: boolean, options: AskOptions): Promise<void> {
    if (this.host.isClosed) throw ErrWrite;
    if (room !== '' && !this.isMember(namespace, '')) throw ErrBadNamespace;
    const membership = this.#membership(namespace);
    const underway = membership.pendingCall(room);
    if (membership.isOver || !membership.valueOf(room).hasTag('settled')) {
      this.#waitFor(underway);
      const { peerAsks } = this.host;
      if (underway?.event === event) return peerAsks.waitFor(options, underway.promise);
      await peerAsks.waitFor(options, new Promise<void>((settled) => this.#postpone(settled)));
      return this.#begin(namespace, room, event, isLocal, options);
    }
    const { inbox } = this.host;
    const call = makePendingCall(event, inbox.turn, options);
    membership.begin(room, call);
    const step = (): void | Promise<void> =>
      this.#steps.step(membership, room, event, { call, isLocal, isForced: false });
    if (inbox.turn === noTurn) inbox.runNext(step);
    else inbox.runInTurn(step);
    return call.promise;
  }
}
