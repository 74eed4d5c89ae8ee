import type { ContractShape } from '../contract/definitions.js';
import { decodeBody } from '../contract/schema.js';
import { encode, errorFrom, type Frame, messageFrom } from '../protocol/codec.js';
import { CloseError, ErrWrite } from '../protocol/errors.js';
import { type Body, OnNativeMessage } from '../protocol/message.js';
import { bodyOf, definitionOf } from './bodies.js';
import type { ClientState } from './chart.js';
import { Connector, type ConnectorListener } from './connector.js';
import { Dispatcher } from './dispatcher.js';
import { Client, type ClientPort, NSConn } from './handles.js';
import { type AskOptions, Asks } from './line/asks.js';
import { makeCounters } from './line/counters.js';
import { partsOf } from './line/parts.js';
import type { Line } from './line/socket.js';
import { Turns } from './line/turns.js';
import { resolveUrl } from './line/url.js';
import { Membership } from './membership.js';
import type { LifecycleFlags, MembershipHost, Thrown } from './membershipHost.js';
import type { DialOptions, EndReason, Events, RefusedEntry } from './options.js';
import { Outbox } from './outbox.js';

const askTimeout = 10_000;

/** The options of any client, as they are used: the types of its contract are gone. */
export interface RuntimeOptions extends Omit<DialOptions, 'contract' | 'namespaces'> {
  /** The contract. */
  readonly contract?: ContractShape;
  /** The namespaces with their handlers. */
  readonly namespaces?: Readonly<Record<string, Events>>;
}

/** A client at work: it joins what keeps the line, the memberships, what comes in and what goes out. */
export class Runtime implements ClientPort, ConnectorListener, MembershipHost {
  readonly counters = makeCounters();
  readonly turns: Turns;
  readonly asks: Asks;
  readonly outbox: Outbox;
  readonly contract: ContractShape;
  readonly client: Client;
  readonly ready: Promise<void>;
  line: Line | undefined;
  readonly #declared: Readonly<Record<string, Events>>;
  readonly #closed: Promise<void>;
  #onReady: { resolve(): void; reject(error: unknown): void } = { resolve: () => {}, reject: () => {} };
  #onClosed = (): void => {};
  readonly #connector: Connector;
  readonly #dispatcher: Dispatcher;
  readonly #namespaces = new Map<string, Membership<NSConn>>();
  readonly #isNativeOnly: boolean;
  readonly #listeners = new Set<(state: ClientState) => void>();
  #refused: RefusedEntry[] = [];
  #isEntering = false;
  #wasOnline = false;

  constructor(
    url: string,
    private readonly options: RuntimeOptions,
  ) {
    const parts = partsOf(options);
    const { namespaces, events, contract = {} } = options;
    this.#declared = { ...namespaces, ...(events && { '': events }) };
    this.contract = contract;
    const names = Object.keys({ ...this.#declared, ...contract });
    this.#isNativeOnly = names.join() === '' && Object.keys(this.#declared[''] ?? {}).join() === OnNativeMessage;
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
    this.#dispatcher = new Dispatcher(this, this.#isNativeOnly);
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
  get isOver(): boolean {
    return this.state === 'closing' || this.state === 'closed';
  }

  subscribe(listener: (state: ClientState) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
  retry(): void {
    this.#connector.take({ type: 'DIAL' });
  }
  close(): Promise<void> {
    this.#connector.take({ type: 'CLOSE' });
    return this.#closed;
  }
  connect(namespace: string, options: AskOptions): Promise<NSConn> {
    return this.#ensure(namespace).wish(options);
  }
  waitConnect(namespace: string, options: AskOptions): Promise<NSConn> {
    return this.#ensure(namespace).wait(options);
  }
  namespace(namespace: string): NSConn | undefined {
    const ns = this.#namespaces.get(namespace);
    return ns?.isKept ? ns.handle : undefined;
  }

  emit(to: Membership, event: string, data: unknown): boolean {
    const { namespace, room } = to;
    const body = bodyOf(this.contract, namespace, event, data, false);
    return this.outbox.submit(to, encode({ namespace, room, event, body, isNative: event === OnNativeMessage }));
  }
  ask(to: Membership, event: string, data: unknown, options: AskOptions): Promise<unknown> {
    return this.#ask(to, event, bodyOf(this.contract, to.namespace, event, data, true), options);
  }
  async #ask(to: Membership, event: string, body: Body, options: AskOptions): Promise<unknown> {
    const { namespace } = to;
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
      // The client may be entering, and wait for the handler that asks.
      const isSent = this.turns.isInHandler && this.line && this.outbox.sendAtOnce(to, payload, token, this.line);
      if (!isSent && !this.outbox.submit(to, payload, token)) this.asks.end(token, { failure: ErrWrite });
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

  /** Returns the handlers of a namespace in the options. */
  handlers(namespace: string): Events {
    return (Object.hasOwn(this.#declared, namespace) && this.#declared[namespace]) || {};
  }
  /** Returns a namespace if the program has declared it, or asked for it. */
  declared(namespace: string): Membership<NSConn> | undefined {
    const isDeclared = Object.hasOwn(this.#declared, namespace) || Object.hasOwn(this.contract, namespace);
    return isDeclared ? this.#ensure(namespace) : this.#namespaces.get(namespace);
  }
  /** Returns a namespace or room that is known. */
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
  report(error: unknown, during: string, membership?: Membership): void {
    const { onError = (fault: unknown) => console.error(fault) } = this.options;
    const { namespace, room } = membership ?? {};
    const where = namespace === undefined || room === undefined ? { during } : { during, namespace, room };
    // What `onError` throws has no other hook.
    this.turns.call(() => onError(error, where)).catch(() => {});
  }
  onEntered(): void {
    this.outbox.flush();
  }
  onGone(membership: Membership, refusal: Thrown | undefined): void {
    this.outbox.drop(membership);
    if (!refusal || this.isOver) return;
    const { namespace, room } = membership;
    if (this.#isEntering) this.#refused.push({ namespace, room, error: refusal.error });
    else this.report(refusal.error, room === '' ? 'connect' : 'joinRoom', membership);
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
      void this.turns.call(() => onReconnect(recovery)).catch((error) => this.report(error, 'onReconnect'));
    }
    this.#wasOnline = true;
    this.#onReady.resolve();
  }
  onData(payload: Body, line: Line): void {
    this.#dispatcher.receive(payload, line);
  }
  /** Too many frames wait for their turn. */
  onFlood(): void {
    this.#connector.take({ type: 'FLOODED' });
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
      void this.turns.call(() => listener(state)).catch((error) => this.report(error, 'subscribe'));
    }
  }

  #ensure(namespace: string): Membership<NSConn> {
    const known = this.#namespaces.get(namespace);
    if (known) return known;
    const made = new Membership(this, namespace, '', (port) => new NSConn(port, this.client, namespace));
    this.#namespaces.set(namespace, made);
    return made;
  }
}
