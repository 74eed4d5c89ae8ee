import { encodeEmptyReply, encodeErrorReply, type Frame } from '../protocol/codec.js';
import { ErrBadNamespace, ErrBadRoom, ErrWrite, errorFromText } from '../protocol/errors.js';
import { type Body, OnRoomLeave, ReceivedMessage } from '../protocol/message.js';
import type { Answer, AskOptions } from './asks.js';
import type { Asked, Chart, Value } from './chart.js';
import type { Outcome } from './handlers.js';
import type { NSConn, Room } from './handles.js';
import type { Lane, LaneTurn } from './lane.js';

/** What memberships need of their connection. */
export interface MembershipHost {
  readonly lane: Lane;
  readonly isClosed: boolean;
  declares(namespace: string): boolean;
  makeNSConn(namespace: string): NSConn;
  makeRoom(nsConn: NSConn, room: string): Room;
  /** Run the user's handler of a lifecycle event. */
  runHook(nsConn: NSConn, message: ReceivedMessage): Outcome | Promise<Outcome>;
  hookFailed(nsConn: NSConn, message: ReceivedMessage, error: unknown): void;
  /** Send this lifecycle event as an ask. */
  askPeer(
    namespace: string,
    room: string,
    event: string,
    options: AskOptions,
    answered: (answer: Answer) => void,
  ): void;
  /** Write an answer, past the gate. */
  answer(payload: Body): void;
  /** Take a place in the audience of this namespace (`room` empty) or room, or give it up. */
  enter(namespace: string, room: string): void;
  exit(namespace: string, room: string): void;
  readonly limits: { readonly namespaces: number; readonly rooms: number; readonly nameBytes: number };
}

/** A call of this side that is under way. */
interface Procedure {
  readonly event: string;
  readonly promise: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
  /** The turn it began in; its later steps run inside that turn while it lasts. */
  readonly turn: LaneTurn;
  readonly options: AskOptions;
}

/** A namespace of this connection, its rooms, and what is under way in it. */
interface Membership {
  readonly nsConn: NSConn;
  value: Value;
  readonly rooms: Map<string, Value>;
  handles: Map<string, Room> | undefined;
  /** By room; `''` is the namespace itself. */
  procedures: Map<string, Procedure> | undefined;
}

/** The circumstances of one step. */
interface Circumstances {
  /** The peer's ask that the step answers. */
  readonly asked?: Frame;
  readonly procedure?: Procedure;
  readonly isLocal: boolean;
  readonly isForced: boolean;
  readonly error?: unknown;
}

interface Waiter {
  readonly resolve: (nsConn: NSConn) => void;
  readonly reject: (error: unknown) => void;
}

const utf8 = new TextEncoder();
const makeProcedure = (event: string, turn: LaneTurn, options: AskOptions): Procedure => {
  const { promise, resolve, reject } = withResolvers<void>();
  return { event, promise, resolve, reject, turn, options };
};

const withResolvers = <T>() => {
  let resolve: (value: T) => void = () => {};
  let reject: (error: unknown) => void = () => {};
  const promise = new Promise<T>((onValue, onError) => {
    resolve = onValue;
    reject = onError;
  });
  return { promise, resolve, reject };
};

/** Runs `each` for one item after another; a promise only where one of them needs it. */
const inOrder = <T>(items: Iterable<T>, each: (item: T) => void | Promise<void>): void | Promise<void> => {
  const rest = items[Symbol.iterator]();
  const go = (): void | Promise<void> => {
    for (let next = rest.next(); !next.done; next = rest.next()) {
      const pending = each(next.value);
      if (pending) return pending.then(go);
    }
    return undefined;
  };
  return go();
};

const paramsOf = (action: Asked): { readonly event: string; readonly isLocal: boolean } => {
  const { event = '', isLocal = false } = (action.params ?? {}) as { event?: string; isLocal?: boolean };
  return { event, isLocal };
};

/** Namespaces and rooms of one connection: steps their charts and runs the actions that the charts ask for. */
export class Memberships {
  readonly #memberships = new Map<string, Membership>();
  readonly #waiters = new Map<string, Set<Waiter>>();
  /** Calls that wait until something under way has settled. */
  readonly #postponed: (() => void)[] = [];

  constructor(
    private readonly host: MembershipHost,
    private readonly charts: { readonly namespace: Chart; readonly room: Chart },
  ) {}

  /** Is this connection in the namespace, and in the room if one is named? */
  isMember(namespace: string, room: string): boolean {
    const membership = this.#memberships.get(namespace);
    if (!membership?.value.hasTag('member')) return false;
    return room === '' || (membership.rooms.get(room)?.hasTag('member') ?? false);
  }

  /** Has this side begun to connect the namespace? What comes for it has to wait until that is settled (NS6). */
  isArriving(namespace: string): boolean {
    return this.#memberships.get(namespace)?.value.hasTag('arriving') ?? false;
  }

  /** Is a call of this side under way for this very namespace or room? */
  isBusy(namespace: string, room: string): boolean {
    const procedures = this.#memberships.get(namespace)?.procedures;
    return procedures !== undefined && (procedures.has(room) || procedures.has(''));
  }

  nsConn(namespace: string): NSConn | undefined {
    const membership = this.#memberships.get(namespace);
    return membership?.value.hasTag('member') ? membership.nsConn : undefined;
  }

  all(): NSConn[] {
    const members = [...this.#memberships.values()].filter(({ value }) => value.hasTag('member'));
    return members.map(({ nsConn }) => nsConn);
  }

  room(namespace: string, name: string): Room | undefined {
    const membership = this.#memberships.get(namespace);
    if (!membership || !this.isMember(namespace, name) || name === '') return undefined;
    membership.handles ??= new Map();
    const room = membership.handles.get(name) ?? this.host.makeRoom(membership.nsConn, name);
    membership.handles.set(name, room);
    return room;
  }

  rooms(namespace: string): Room[] {
    const names = [...(this.#memberships.get(namespace)?.rooms.keys() ?? [])];
    return names.flatMap((name) => this.room(namespace, name) ?? []);
  }

  /** Native-only mode: a member of the empty namespace from the start, without events. */
  enterNatively(): void {
    const membership = this.#membershipOf('');
    const { namespace } = this.charts;
    const deciding = namespace.step(membership.value, { type: 'ASKED.CONNECT' }).value;
    membership.value = namespace.step(deciding, { type: 'ALLOWED' }).value;
    this.host.enter('', '');
  }

  /** The peer asks to connect or disconnect a namespace (NS1–NS5). */
  askedNamespace(type: 'ASKED.CONNECT' | 'ASKED.DISCONNECT', asked: Frame): void | Promise<void> {
    const { namespace } = asked;
    if (type === 'ASKED.CONNECT') {
      if (!this.host.declares(namespace)) return this.#refuse(asked, ErrBadNamespace);
      if (!this.#memberships.has(namespace) && this.#memberships.size >= this.host.limits.namespaces) {
        return this.#refuse(asked, errorFromText('too many namespaces'));
      }
    }
    const isKnown = this.#memberships.has(namespace);
    if (!isKnown && type === 'ASKED.DISCONNECT') return this.host.answer(encodeEmptyReply(asked.wait));
    return this.#step(this.#membershipOf(namespace), '', type, { asked, isLocal: false, isForced: false });
  }

  /** The peer asks to join or leave a room (RM1–RM5). */
  askedRoom(type: 'ASKED.JOIN' | 'ASKED.LEAVE', asked: Frame): void | Promise<void> {
    const { namespace, room } = asked;
    const membership = this.#memberships.get(namespace);
    if (!membership?.value.hasTag('member')) return this.#refuse(asked, ErrBadNamespace);
    if (!this.#isRoomName(room)) return this.#refuse(asked, ErrBadRoom);
    if (type === 'ASKED.JOIN' && !membership.rooms.has(room) && this.#roomCount() >= this.host.limits.rooms) {
      return this.#refuse(asked, errorFromText('too many rooms'));
    }
    return this.#step(membership, room, type, { asked, isLocal: false, isForced: false });
  }

  async connect(namespace: string, options: AskOptions): Promise<NSConn> {
    if (!this.host.declares(namespace)) throw ErrBadNamespace;
    await this.#begin(namespace, '', 'CONNECT', true, options);
    const nsConn = this.nsConn(namespace);
    if (!nsConn) throw ErrWrite;
    return nsConn;
  }

  disconnect(namespace: string, options: AskOptions): Promise<void> {
    return this.#begin(namespace, '', 'DISCONNECT', true, options);
  }

  async join(namespace: string, name: string, options: AskOptions): Promise<Room> {
    if (!this.isMember(namespace, '')) throw ErrBadNamespace;
    if (!this.#isRoomName(name)) throw ErrBadRoom;
    await this.#begin(namespace, name, 'JOIN', true, options);
    const room = this.room(namespace, name);
    if (!room) throw ErrWrite;
    return room;
  }

  leave(namespace: string, name: string, isLocal: boolean, options: AskOptions): Promise<void> {
    if (!this.isMember(namespace, name)) return Promise.reject(ErrBadRoom);
    return this.#begin(namespace, name, 'LEAVE', isLocal, options);
  }

  /** Resolves when the namespace is connected, whoever began. */
  awaitConnect(
    namespace: string,
    signal: AbortSignal | undefined,
    expire: (give: (error: unknown) => void) => () => void,
  ): Promise<NSConn> {
    const connected = this.nsConn(namespace);
    if (connected) return Promise.resolve(connected);
    if (this.host.isClosed) return Promise.reject(ErrWrite);
    const { promise, resolve, reject } = withResolvers<NSConn>();
    const waiters = this.#waiters.get(namespace) ?? new Set<Waiter>();
    const waiter = { resolve, reject };
    this.#waiters.set(namespace, waiters.add(waiter));
    const onAbort = (): void => reject(signal?.reason);
    signal?.addEventListener('abort', onAbort, { once: true });
    const cancel = expire(reject);
    return promise.finally(() => {
      cancel();
      waiters.delete(waiter);
      if (waiters.size === 0 && this.#waiters.get(namespace) === waiters) this.#waiters.delete(namespace);
      signal?.removeEventListener('abort', onAbort);
    });
  }

  /** Every room and namespace that is still there, with its place, in the order in which they were joined. */
  places(): { readonly namespace: string; readonly room: string }[] {
    return this.all().flatMap(({ namespace }) => this.rooms(namespace).map(({ name }) => ({ namespace, room: name })));
  }

  /** The connection has ended: forced events, once each, in the order in which things were joined (NS7). */
  end(): void | Promise<void> {
    for (const waiters of this.#waiters.values()) for (const { reject } of waiters) reject(ErrWrite);
    this.#waiters.clear();
    const circumstances: Circumstances = { isLocal: true, isForced: true, error: ErrWrite };
    return inOrder([...this.#memberships.values()], (membership) => this.#step(membership, '', 'ENDED', circumstances));
  }

  #membershipOf(namespace: string): Membership {
    const known = this.#memberships.get(namespace);
    if (known) return known;
    const nsConn = this.host.makeNSConn(namespace);
    const value = this.charts.namespace.initial;
    const membership = { nsConn, value, rooms: new Map(), handles: undefined, procedures: undefined };
    this.#memberships.set(namespace, membership);
    return membership;
  }

  #isRoomName(room: string): boolean {
    return room !== '' && (room.length <= 80 || utf8.encode(room).length <= this.host.limits.nameBytes);
  }

  #roomCount(): number {
    let count = 0;
    for (const { rooms } of this.#memberships.values()) count += rooms.size;
    return count;
  }

  #refuse(asked: Frame, error: Error): void {
    this.host.answer(encodeErrorReply(asked, error));
  }

  /** Begins a call of this side, or joins the one that is under way, or waits for whatever else is. */
  async #begin(namespace: string, room: string, event: string, isLocal: boolean, options: AskOptions): Promise<void> {
    if (this.host.isClosed) throw ErrWrite;
    const membership = this.#membershipOf(namespace);
    const underway = membership.procedures?.get(room);
    if (underway?.event === event) return underway.promise;
    if (!this.#valueOf(membership, room).hasTag('settled')) {
      await new Promise<void>((settled) => this.#postponed.push(settled));
      return this.#begin(namespace, room, event, isLocal, options);
    }
    const { lane } = this.host;
    const procedure = makeProcedure(event, lane.turn, options);
    membership.procedures ??= new Map();
    membership.procedures.set(room, procedure);
    const step = () => this.#step(membership, room, event, { procedure, isLocal, isForced: false });
    if (lane.turn > 0) void step();
    else lane.next(step);
    return procedure.promise;
  }

  #valueOf(membership: Membership, room: string): Value {
    return room === '' ? membership.value : (membership.rooms.get(room) ?? this.charts.room.initial);
  }

  #step(membership: Membership, room: string, type: string, circumstances: Circumstances): void | Promise<void> {
    const chart = room === '' ? this.charts.namespace : this.charts.room;
    const { value, actions } = chart.step(this.#valueOf(membership, room), { type });
    this.#keep(membership, room, value);
    const done = inOrder(actions, (action) => this.#run(action, membership, room, circumstances));
    if (!done) return this.#settled(value);
    return done.then(() => this.#settled(value));
  }

  #keep(membership: Membership, room: string, value: Value): void {
    const isGone = value.status === 'done' || value === this.charts.room.initial;
    if (room !== '') {
      if (isGone) membership.rooms.delete(room);
      else membership.rooms.set(room, value);
      if (isGone) membership.handles?.delete(room);
      return;
    }
    membership.value = value;
    const { namespace } = membership.nsConn;
    if ((isGone || value === this.charts.namespace.initial) && this.#memberships.get(namespace) === membership) {
      this.#memberships.delete(namespace);
    }
  }

  #settled(value: Value): void {
    if (!value.hasTag('settled')) return;
    for (const go of this.#postponed.splice(0)) go();
  }

  #run(action: Asked, membership: Membership, room: string, about: Circumstances): void | Promise<void> {
    const { namespace } = membership.nsConn;
    const { procedure } = about;
    switch (action.type) {
      case 'consult':
        return this.#consult(action, membership, room, about);
      case 'tell':
        return this.#tell(action, membership, room, about);
      case 'askPeer':
        return this.#askPeer(paramsOf(action).event, membership, room, about);
      case 'retract':
        return this.host.askPeer(namespace, room, OnRoomLeave, {}, () => {});
      case 'enter':
        this.host.enter(namespace, room);
        if (room === '') this.#welcome(membership.nsConn);
        return undefined;
      case 'exit':
        return this.host.exit(namespace, room);
      case 'leaveRooms':
        return inOrder([...membership.rooms.keys()], (name) =>
          this.#step(membership, name, 'ENDED', { isLocal: about.isLocal, isForced: true, error: ErrWrite }),
        );
      case 'answer':
        return about.asked && this.host.answer(encodeEmptyReply(about.asked.wait));
      case 'answerRefusal':
        return about.asked && this.host.answer(encodeErrorReply(about.asked, about.error));
      case 'settle':
        return this.#endProcedure(membership, room, procedure, procedure?.resolve);
      case 'fail': {
        const error = about.error ?? (room === '' ? ErrBadNamespace : ErrBadRoom);
        const underway = procedure ?? membership.procedures?.get(room);
        return this.#endProcedure(membership, room, underway, () => underway?.reject(error));
      }
      default:
        return undefined;
    }
  }

  #endProcedure(membership: Membership, room: string, ended: Procedure | undefined, end?: () => void): void {
    if (ended && membership.procedures?.get(room) === ended) membership.procedures.delete(room);
    if (membership.procedures?.size === 0) membership.procedures = undefined;
    end?.();
    this.host.lane.go();
  }

  #consult(action: Asked, membership: Membership, room: string, about: Circumstances): void | Promise<void> {
    const message = this.#messageFor(action, membership, room, about);
    const decide = (outcome: Outcome): void | Promise<void> =>
      outcome.kind === 'error'
        ? this.#step(membership, room, 'REFUSED', { ...about, error: outcome.error })
        : this.#step(membership, room, 'ALLOWED', about);
    const outcome = this.host.runHook(membership.nsConn, message);
    return outcome instanceof Promise ? outcome.then(decide) : decide(outcome);
  }

  #tell(action: Asked, membership: Membership, room: string, about: Circumstances): void | Promise<void> {
    const message = this.#messageFor(action, membership, room, about);
    const note = (outcome: Outcome): void => {
      if (outcome.kind === 'error') this.host.hookFailed(membership.nsConn, message, outcome.error);
    };
    const outcome = this.host.runHook(membership.nsConn, message);
    return outcome instanceof Promise ? outcome.then(note) : note(outcome);
  }

  #messageFor(action: Asked, membership: Membership, room: string, about: Circumstances): ReceivedMessage {
    const { event, isLocal } = paramsOf(action);
    const message = new ReceivedMessage(membership.nsConn.namespace, room, event, about.asked?.body);
    message.isForced = about.isForced;
    message.isLocal = isLocal || (about.isLocal && (about.isForced || event.startsWith('_OnRoomLe')));
    return message;
  }

  /** The peer's answer is the next turn, or runs inside the turn that began the procedure. */
  #askPeer(event: string, membership: Membership, room: string, about: Circumstances): void {
    const { lane } = this.host;
    const { procedure } = about;
    this.host.askPeer(membership.nsConn.namespace, room, event, procedure?.options ?? {}, (answer) => {
      const error = failureOf(answer);
      const go = () =>
        error === undefined
          ? this.#step(membership, room, 'AGREED', about)
          : this.#step(membership, room, 'DECLINED', { ...about, error });
      if (procedure && procedure.turn > 0 && lane.turn === procedure.turn) void go();
      else lane.next(go);
    });
  }

  #welcome(nsConn: NSConn): void {
    const waiters = this.#waiters.get(nsConn.namespace) ?? [];
    this.#waiters.delete(nsConn.namespace);
    for (const { resolve } of waiters) resolve(nsConn);
  }
}

const failureOf = (answer: Answer): unknown => {
  if ('failure' in answer) return answer.failure ?? ErrWrite;
  const { isError, body } = answer.frame;
  if (!isError || body.length === 0) return undefined;
  return errorFromText(typeof body === 'string' ? body : new TextDecoder().decode(body));
};
