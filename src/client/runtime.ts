import { type Definitions, definitionsOf } from '../contract/definitions.js';
import { decodeBody } from '../contract/schema.js';
import { decode, encode, errorFrom, type Frame, messageFrom } from '../protocol/codec.js';
import { CloseError, ErrWrite } from '../protocol/errors.js';
import {
  type Body,
  isSystemEvent,
  OnNamespaceConnected,
  OnNativeMessage,
  OnRoomJoined,
  OnRoomLeft,
} from '../protocol/message.js';
import { bodyOf } from './bodies.js';
import type { ClientState } from './chart.js';
import { Connector, type ConnectorListener } from './connector.js';
import { Dispatcher, type DispatcherHost } from './dispatcher.js';
import { Client, type ClientPort, NSConn, Room } from './handles.js';
import { type AskOptions, Asks } from './line/asks.js';
import { makeCounters } from './line/counters.js';
import { partsOf } from './line/parts.js';
import type { Line } from './line/socket.js';
import { resolveUrl } from './line/url.js';
import type { Membership } from './membership.js';
import { Memberships } from './memberships.js';
import type { LifecycleFlags, MembershipHost, Thrown } from './membershipTable.js';
import type { DialOptions, EndReason, Events, JoinOptions, Listener, RefusedEntry, Where } from './options.js';
import { Traffic } from './traffic.js';
import { Turns } from './turns.js';

const askTimeout = 10_000;
/** Lifecycle events that no server sends: they follow from others. */
const notifications: ReadonlySet<string> = new Set([OnNamespaceConnected, OnRoomJoined, OnRoomLeft]);

/** A client at work: it joins what keeps the line, the memberships, what comes in and what goes out. */
export class Runtime implements ClientPort, ConnectorListener, MembershipHost, DispatcherHost {
  readonly counters = makeCounters();
  readonly turns: Turns;
  readonly asks: Asks;
  readonly declared: ReadonlyMap<string, Events>;
  readonly contract: ReadonlyMap<string, Definitions>;
  readonly client: Client;
  readonly ready: Promise<void>;
  readonly #closed: Promise<void>;
  #onReady: { resolve(): void; reject(error: unknown): void } = { resolve: () => {}, reject: () => {} };
  #onClosed = (): void => {};
  readonly #connector: Connector;
  readonly #memberships: Memberships;
  readonly #dispatcher: Dispatcher;
  readonly traffic: Traffic;
  readonly #isNativeOnly: boolean;
  readonly #listeners = new Set<(state: ClientState) => void>();
  #refused: RefusedEntry[] = [];
  #isEntering = false;
  #line: Line | undefined;
  #wasOnline = false;

  constructor(
    url: string,
    private readonly options: DialOptions,
  ) {
    const parts = partsOf(options);
    const { namespaces = {}, events, contract = {} } = options;
    this.declared = new Map([...Object.entries(namespaces), ...(events ? [['', events] as const] : [])]);
    this.contract = definitionsOf(contract);
    const empty = this.declared.get('');
    this.#isNativeOnly =
      this.declared.size === 1 && this.contract.size === 0 && Object.keys(empty ?? {}).join() === OnNativeMessage;
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
    this.#memberships = new Memberships(this);
    this.#dispatcher = new Dispatcher(this);
    this.traffic = new Traffic(
      this.counters,
      (namespace, room) => this.find(namespace, room),
      (token) => this.asks.end(token, { failure: ErrWrite }),
    );
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
    return this.#memberships.connect(namespace, options);
  }
  async waitConnect(namespace: string, options: AskOptions): Promise<NSConn> {
    this.#assertLives();
    return this.#memberships.waitConnect(namespace, options);
  }
  namespace(namespace: string): NSConn | undefined {
    const ns = this.#memberships.namespace(namespace);
    return ns?.isKept ? ns.handle : undefined;
  }
  disconnect(namespace: string, options: AskOptions): Promise<void> {
    return this.#memberships.leave(this.find(namespace, ''), false, options);
  }
  async join(namespace: string, room: string, options: JoinOptions): Promise<Room> {
    this.#assertLives();
    return this.#memberships.join(namespace, room, options, (membership) => {
      for (const [event, listener] of Object.entries(options.on ?? {})) this.#listen(membership, event, listener);
    });
  }
  room(namespace: string, room: string): Room | undefined {
    const membership = this.#memberships.namespace(namespace)?.rooms.get(room);
    return membership?.isKept ? membership.handle : undefined;
  }
  rooms(namespace: string): Room[] {
    const rooms = [...(this.#memberships.namespace(namespace)?.rooms.values() ?? [])];
    return rooms.filter(({ isKept }) => isKept).map(({ handle }) => handle);
  }
  leave(namespace: string, room: string, isAll: boolean, options: AskOptions): Promise<void> {
    return this.#memberships.leave(this.#memberships.namespace(namespace)?.rooms.get(room), isAll, options);
  }
  isIn(namespace: string, room: string): boolean {
    const isIn = this.find(namespace, '')?.presence === 'in';
    return isIn && (room === '' || this.find(namespace, room)?.presence === 'in');
  }

  on(namespace: string, room: string, event: string, listener: Listener): () => void {
    const membership = this.find(namespace, room);
    return membership ? this.#listen(membership, event, listener) : () => {};
  }

  emit(namespace: string, room: string, event: string, data: unknown): boolean {
    const body = bodyOf(this.contract.get(namespace), event, data, false);
    const payload = encode({ namespace, room, event, body, isNative: event === OnNativeMessage });
    return this.traffic.submit({ namespace, room, payload, token: '' });
  }

  ask(namespace: string, event: string, data: unknown, options: AskOptions): Promise<unknown> {
    const body = bodyOf(this.contract.get(namespace), event, data, true);
    return this.#ask(namespace, event, body, options);
  }
  async #ask(namespace: string, event: string, body: Body, options: AskOptions): Promise<unknown> {
    options.signal?.throwIfAborted();
    const frame = await new Promise<Frame>((resolve, reject) => {
      const token = this.asks.open(
        (answer) => {
          if ('frame' in answer) return resolve(answer.frame);
          this.traffic.withdraw(token);
          reject(answer.failure);
        },
        { timeout: askTimeout, ...options },
      );
      const payload = encode({ namespace, event, body }, token);
      if (!this.traffic.submit({ namespace, room: '', payload, token })) this.asks.end(token, { failure: ErrWrite });
    });
    const error = errorFrom(frame);
    if (error) throw error;
    const answer = this.contract.get(namespace)?.get(event)?.answer;
    if (!answer) return messageFrom(frame);
    const decoded = await decodeBody(answer, frame.body);
    if (decoded.kind === 'data') return decoded.data;
    this.counters.invalid++;
    throw decoded.error;
  }

  find(namespace: string, room: string): Membership | undefined {
    const ns = this.#memberships.namespace(namespace);
    return room === '' ? ns : ns?.rooms.get(room);
  }
  declares(namespace: string): boolean {
    return this.declared.has(namespace) || this.contract.has(namespace);
  }
  makeNamespace(namespace: string): NSConn {
    return new NSConn(this, this.client, namespace);
  }
  makeRoom(nsConn: NSConn, room: string): Room {
    return new Room(this, nsConn, room);
  }
  write(payload: Body): void {
    if (this.#line?.send(payload)) this.counters.sent++;
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
    this.traffic.flush();
  }
  onGone(membership: Membership, refusal?: Thrown): void {
    this.traffic.drop(membership);
    if (!refusal || this.state === 'closed') return;
    const { namespace, room } = membership;
    if (this.#isEntering) this.#refused.push({ namespace, room, error: refusal.error });
    else this.report(refusal.error, { during: room === '' ? 'connect' : 'joinRoom', namespace, room });
  }

  onGreeted(line: Line): void {
    this.#line = line;
    if (this.#isNativeOnly) {
      this.#memberships.admit('', line);
      return this.#connector.entered(line);
    }
    this.#isEntering = this.#wasOnline;
    void this.#memberships.enterAll(line).then(() => this.#connector.entered(line));
  }
  onOnline(line: Line): void {
    this.#isEntering = false;
    this.traffic.open(line);
    this.traffic.flush();
    const refused = this.#refused;
    this.#refused = [];
    const losses = this.traffic.takeLosses();
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
      this.traffic.noteAnswer(wait, line);
      if (!this.asks.end(wait, { frame })) this.counters.lateAnswers++;
    } else if (wait.startsWith('#')) {
      this.counters.lateAnswers++;
    } else if (!isSystemEvent(event)) {
      void this.turns.push(() => this.#handle(frame, line));
    } else if (wait !== '' && !isNoOp && !notifications.has(event)) {
      void this.turns.push(() => this.#memberships.serve(frame, line));
    } else {
      this.counters.invalid++;
    }
  }
  onLost(line: Line): void {
    this.#line = undefined;
    this.#isEntering = false;
    this.traffic.lost(line);
    this.asks.failAll(ErrWrite, (token) => !this.traffic.outbox.hasAsk(token));
    this.#memberships.lost();
  }
  onClosed(): void {
    const { code, text } = this.reason ?? { code: 1000, text: '' };
    const error = new CloseError(code, text || `closed with ${code}`);
    this.#memberships.end(error);
    this.traffic.drop();
    this.asks.failAll(ErrWrite, () => true);
    this.#onReady.reject(error);
    this.#onClosed();
  }
  onState(state: ClientState): void {
    for (const listener of [...this.#listeners]) {
      void this.turns.call(() => listener(state)).catch((error) => this.report(error, { during: 'subscribe' }));
    }
  }

  #handle(frame: Frame, line: Line): Promise<void> {
    // An ask of another client, broadcast by a Go server with its token, is no ask of this one.
    const message = frame.wait.startsWith('$') ? { ...frame, wait: '' } : frame;
    const isPresent = line === this.#line;
    return this.#dispatcher.handle(message, {
      isPresent,
      send: (payload) => line === this.#line && this.write(payload),
    });
  }

  #listen({ listeners }: Membership, event: string, listener: Listener): () => void {
    const added = listeners.get(event) ?? new Set();
    listeners.set(event, added.add(listener));
    return () => added.delete(listener);
  }

  #assertLives(): void {
    if (this.state === 'closing' || this.state === 'closed') throw ErrWrite;
  }
}
