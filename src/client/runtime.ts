import type { ContractShape } from '../contract/definitions.js';
import { decodeBody } from '../contract/schema.js';
import {
  decode,
  encode,
  encodeEmptyReply,
  encodeErrorReply,
  errorFrom,
  type Frame,
  messageFrom,
} from '../protocol/codec.js';
import { CloseError, ErrBadNamespace, ErrBadRoom, ErrWrite } from '../protocol/errors.js';
import {
  type Body,
  isSystemEvent,
  OnNamespaceConnect,
  OnNamespaceConnected,
  OnNativeMessage,
  OnRoomJoin,
  OnRoomJoined,
  OnRoomLeave,
  OnRoomLeft,
} from '../protocol/message.js';
import { bodyOf, definitionOf } from './bodies.js';
import type { ClientState } from './chart.js';
import { Connector, type ConnectorListener } from './connector.js';
import { Dispatcher, type DispatcherHost } from './dispatcher.js';
import { Client, type ClientPort, NSConn, Room } from './handles.js';
import { type AskOptions, Asks } from './line/asks.js';
import { makeCounters } from './line/counters.js';
import { partsOf } from './line/parts.js';
import type { Line } from './line/socket.js';
import { resolveUrl } from './line/url.js';
import { type LifecycleFlags, Membership, type MembershipHost, type Thrown } from './membership.js';
import type { DialOptions, EndReason, Events, JoinOptions, Listener, RefusedEntry, Where } from './options.js';
import { Outbox } from './outbox.js';

import { Turns } from './turns.js';

const askTimeout = 10_000;
/** Maximum number of rooms of a namespace into which a server can put a client. */
const maxServerRooms = 1_024;
/** Lifecycle events that no server sends: they follow from others. */
const notifications: ReadonlySet<string> = new Set([OnNamespaceConnected, OnRoomJoined, OnRoomLeft]);

const kept = <Handle extends NSConn | Room>(
  membership: Membership<Handle> | undefined,
): Membership<Handle> | undefined => (membership?.isKept ? membership : undefined);

/** The options of any client, as they are used: the types of its contract are gone. */
export interface RuntimeOptions extends Omit<DialOptions, 'contract' | 'namespaces'> {
  /** The contract. */
  readonly contract?: ContractShape;
  /** The namespaces with their handlers. */
  readonly namespaces?: Readonly<Record<string, Events>>;
}

/** A client at work: it joins what keeps the line, the memberships, what comes in and what goes out. */
export class Runtime implements ClientPort, ConnectorListener, MembershipHost, DispatcherHost {
  readonly counters = makeCounters();
  readonly turns: Turns;
  readonly asks: Asks;
  readonly declared: ReadonlyMap<string, Events>;
  readonly contract: ContractShape;
  readonly client: Client;
  readonly ready: Promise<void>;
  readonly #closed: Promise<void>;
  #onReady: { resolve(): void; reject(error: unknown): void } = { resolve: () => {}, reject: () => {} };
  #onClosed = (): void => {};
  readonly #connector: Connector;
  readonly #namespaces = new Map<string, Membership<NSConn>>();
  readonly #dispatcher: Dispatcher;
  readonly outbox: Outbox;
  readonly #isNativeOnly: boolean;
  readonly #listeners = new Set<(state: ClientState) => void>();
  #refused: RefusedEntry[] = [];
  #isEntering = false;
  line: Line | undefined;
  #wasOnline = false;

  constructor(
    url: string,
    private readonly options: RuntimeOptions,
  ) {
    const parts = partsOf(options);
    const { namespaces = {}, events, contract = {} } = options;
    this.declared = new Map([...Object.entries(namespaces), ...(events ? [['', events] as const] : [])]);
    this.contract = contract;
    const empty = this.declared.get('');
    this.#isNativeOnly =
      this.declared.size === 1 &&
      Object.keys(contract).length === 0 &&
      Object.keys(empty ?? {}).join() === OnNativeMessage;
    this.turns = new Turns(parts.clock);
    this.asks = new Asks(parts);
    this.client = new Client(this);
    this.ready = new Promise((resolve, reject) => {
      this.#onReady = { resolve, reject };
    });
    // A program that reads the state instead has no use for the promise.
    this.ready.catch(() => {});
    this.#closed = new Promise((resolve) => {
      this.#onClosed = resolve;
    });
    this.#dispatcher = new Dispatcher(this);
    this.outbox = new Outbox(this.counters, (token) => this.asks.end(token, { failure: ErrWrite }));
    const whole = resolveUrl(url, parts.environment.base());
    this.#connector = new Connector(whole, options, parts, this.counters, !this.#isNativeOnly, this);
    this.#connector.take({ type: 'DIAL' });
  }

  get id(): string {
    return this.#connector.id;
  }
  get state(): ClientState {
    return this.#connector.state;
  }
  get reason(): EndReason | undefined {
    return this.#connector.reason;
  }

  subscribe(listener: (state: ClientState) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): Promise<void> {
    this.#connector.take({ type: 'CLOSE' });
    return this.#closed;
  }

  async connect(namespace: string, options: AskOptions): Promise<NSConn> {
    this.#assertLives();
    return this.#ensure(namespace).wish(options);
  }
  async waitConnect(namespace: string, options: AskOptions): Promise<NSConn> {
    this.#assertLives();
    return this.#ensure(namespace).wait(options);
  }
  namespace(namespace: string): NSConn | undefined {
    return kept(this.#namespaces.get(namespace))?.handle;
  }
  async disconnect(namespace: string, options: AskOptions): Promise<void> {
    const ns = kept(this.#namespaces.get(namespace));
    if (!ns) throw ErrBadNamespace;
    return ns.leave(false, options);
  }
  async join(namespace: string, room: string, options: JoinOptions): Promise<Room> {
    this.#assertLives();
    const ns = kept(this.#namespaces.get(namespace));
    if (!ns) throw ErrBadNamespace;
    if (typeof room !== 'string' || room === '') throw ErrBadRoom;
    const membership = this.#ensureRoom(ns, room);
    for (const [event, listener] of Object.entries(options.on ?? {}))
      if (listener) this.#listen(membership, event, listener);
    return membership.wish(options);
  }
  room(namespace: string, room: string): Room | undefined {
    return kept(this.#namespaces.get(namespace)?.rooms.get(room))?.handle;
  }
  rooms(namespace: string): Room[] {
    const rooms = [...(this.#namespaces.get(namespace)?.rooms.values() ?? [])];
    return rooms.filter(({ isKept }) => isKept).map(({ handle }) => handle);
  }
  async leave(namespace: string, room: string, isAll: boolean, options: AskOptions): Promise<void> {
    const membership = kept(this.#namespaces.get(namespace)?.rooms.get(room));
    if (!membership) throw ErrBadRoom;
    return membership.leave(isAll, options);
  }
  isIn(namespace: string, room: string): boolean {
    return this.find(namespace, room)?.isIn ?? false;
  }

  on(namespace: string, room: string, event: string, listener: Listener): () => void {
    const membership = this.find(namespace, room);
    return membership ? this.#listen(membership, event, listener) : () => {};
  }

  emit(namespace: string, room: string, event: string, data: unknown): boolean {
    const body = bodyOf(this.contract, namespace, event, data, false);
    const payload = encode({ namespace, room, event, body, isNative: event === OnNativeMessage });
    return this.outbox.submit(this.find(namespace, ''), this.find(namespace, room), payload);
  }

  ask(namespace: string, event: string, data: unknown, options: AskOptions): Promise<unknown> {
    const body = bodyOf(this.contract, namespace, event, data, true);
    return this.#ask(namespace, event, body, options);
  }
  async #ask(namespace: string, event: string, body: Body, options: AskOptions): Promise<unknown> {
    options.signal?.throwIfAborted();
    const frame = await new Promise<Frame>((resolve, reject) => {
      const token = this.asks.open(
        (answer) => {
          if ('frame' in answer) return resolve(answer.frame);
          this.outbox.withdraw(token);
          reject(answer.failure);
        },
        { timeout: askTimeout, ...options },
      );
      const payload = encode({ namespace, event, body }, token);
      const ns = this.find(namespace, '');
      if (!this.outbox.submit(ns, ns, payload, token)) this.asks.end(token, { failure: ErrWrite });
    });
    const error = errorFrom(frame);
    if (error) throw error;
    const answer = definitionOf(this.contract, namespace, event)?.answer;
    if (!answer) return messageFrom(frame);
    const decoded = await decodeBody(answer, frame.body);
    if (decoded.kind === 'data') return decoded.data;
    this.counters.invalid++;
    throw decoded.error;
  }

  find(namespace: string, room: string): Membership | undefined {
    const ns = this.#namespaces.get(namespace);
    return room === '' ? ns : ns?.rooms.get(room);
  }
  write(payload: Body): void {
    if (this.line?.send(payload)) this.counters.sent++;
  }
  fire(membership: Membership, event: string, flags: LifecycleFlags): Promise<Thrown | undefined> {
    return this.#dispatcher.fire(membership, event, flags);
  }
  report(error: unknown, where: Where): void {
    const { onError = (fault: unknown) => console.error(fault) } = this.options;
    try {
      const returned: unknown = onError(error, where);
      if (returned instanceof Promise) returned.catch(() => {});
    } catch {
      // There is nobody else to tell.
    }
  }
  onFault({ namespace, room }: Membership, event: string, error: unknown): void {
    this.counters.handlerErrors++;
    this.report(error, { during: event, namespace, room });
  }
  onEntered(): void {
    this.outbox.flush();
  }
  onGone(membership: Membership, refusal: Thrown | undefined): void {
    this.outbox.drop(membership);
    if (!refusal || this.isOver) return;
    const { namespace, room } = membership;
    if (this.#isEntering) this.#refused.push({ namespace, room, error: refusal.error });
    else this.report(refusal.error, { during: room === '' ? 'connect' : 'joinRoom', namespace, room });
  }

  onGreeted(line: Line): void {
    this.line = line;
    this.#isEntering = this.#wasOnline;
    const entered = this.#isNativeOnly
      ? this.#ensure('').entered({})
      : Promise.all([...this.#namespaces.values()].map((ns) => ns.enter()));
    void entered.then(() => this.#connector.entered(line));
  }
  onOnline(line: Line): void {
    this.#isEntering = false;
    this.outbox.line = line;
    this.outbox.flush();
    const refused = this.#refused;
    this.#refused = [];
    const losses = this.outbox.takeLosses();
    const { onReconnect } = this.options;
    if (this.#wasOnline && onReconnect) {
      const reason = this.reason ?? { code: 1006, text: '' };
      const recovery = { recovered: false, because: 'no-session', reason, ...losses, refused } as const;
      void this.turns.call(() => onReconnect(recovery)).catch((error) => this.report(error, { during: 'onReconnect' }));
    }
    this.#wasOnline = true;
    this.#onReady.resolve();
  }
  onData(payload: Body, line: Line): void {
    const frame = decode(payload, this.#isNativeOnly ? 'only' : this.#dispatcher.nativeMode);
    if (!frame) {
      this.counters.invalid++;
      return;
    }
    const { wait, event, isNoOp } = frame;
    if (this.asks.owns(wait)) {
      this.outbox.noteAnswer(wait, line);
      if (!this.asks.end(wait, { frame })) this.counters.lateAnswers++;
    } else if (wait.startsWith('#')) {
      this.counters.lateAnswers++;
    } else if (!isSystemEvent(event)) {
      void this.turns.push(() => this.#handle(frame, line));
    } else if (wait !== '' && !isNoOp && !notifications.has(event)) {
      void this.turns.push(() => this.#serve(frame, line));
    } else {
      this.counters.invalid++;
    }
  }
  onLost(line: Line): void {
    this.line = undefined;
    this.#isEntering = false;
    this.outbox.lost(line);
    for (const ns of this.#namespaces.values()) ns.lost(line);
    this.asks.failAll(ErrWrite, (token) => !this.outbox.hasAsk(token));
  }
  onClosing(): void {
    const { code, text } = this.reason ?? { code: 1000, text: '' };
    const error = new CloseError(code, text || `closed with ${code}`);
    for (const ns of this.#namespaces.values()) ns.remove({ error });
    this.asks.failAll(ErrWrite, () => true);
    this.#onReady.reject(error);
  }
  onClosed(): void {
    this.#onClosed();
  }
  onState(state: ClientState): void {
    for (const listener of [...this.#listeners]) {
      void this.turns.call(() => listener(state)).catch((error) => this.report(error, { during: 'subscribe' }));
    }
  }

  /** Takes a step that the server began. */
  async #serve(frame: Frame, line: Line): Promise<void> {
    const { namespace, room, event, wait } = frame;
    const isPresent = (): boolean => this.line === line;
    const answer = (error?: unknown): void => {
      if (isPresent()) this.write(error === undefined ? encodeEmptyReply(wait) : encodeErrorReply(frame, error));
    };
    const isEntry = event === OnNamespaceConnect || event === OnRoomJoin;
    const isRoom = event === OnRoomJoin || event === OnRoomLeave;
    const isDeclared = this.declared.has(namespace) || Object.hasOwn(this.contract, namespace);
    const ns = isDeclared ? this.#ensure(namespace) : this.#namespaces.get(namespace);
    if (!isPresent()) return;
    if (!isEntry) return this.find(namespace, isRoom ? room : '')?.expel(answer) ?? answer();
    if (!ns || (isRoom && !ns.isIn)) return answer(ErrBadNamespace);
    if (isRoom && (room === '' || ns.rooms.size >= maxServerRooms)) return answer(ErrBadRoom);
    await (isRoom ? this.#ensureRoom(ns, room) : ns).admit(answer, isPresent);
  }

  #handle(frame: Frame, line: Line): Promise<void> {
    // An ask of another client, broadcast by a Go server with its token, is no ask of this one.
    const message = frame.wait.startsWith('$') ? { ...frame, wait: '' } : frame;
    return this.#dispatcher.handle(message, {
      line,
      send: (payload) => line === this.line && this.write(payload),
    });
  }

  #ensure(namespace: string): Membership<NSConn> {
    const known = this.#namespaces.get(namespace);
    if (known) return known;
    const made = new Membership(this, namespace, '', new NSConn(this, this.client, namespace));
    this.#namespaces.set(namespace, made);
    return made;
  }
  #ensureRoom(ns: Membership<NSConn>, room: string): Membership<Room> {
    const known = ns.rooms.get(room);
    if (known) return known;
    const made = new Membership(this, ns.namespace, room, new Room(this, ns.handle, room), ns);
    ns.rooms.set(room, made);
    return made;
  }

  #listen({ listeners }: Membership, event: string, listener: Listener): () => void {
    const added = listeners.get(event) ?? new Set();
    listeners.set(event, added.add(listener));
    return () => added.delete(listener);
  }

  get isOver(): boolean {
    return this.state === 'closing' || this.state === 'closed';
  }

  #assertLives(): void {
    if (this.isOver) throw ErrWrite;
  }
}
