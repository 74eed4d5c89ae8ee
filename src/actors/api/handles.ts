import type { AnyActorRef } from 'xstate';
import type { Body, Message, OutgoingMessage } from '../../protocol/message.js';
import { ignoreRejection } from '../runtime/guard.js';
import type { UpgradeRequest } from '../transport/socket.js';
import type { AskOptions } from './asks.js';
import type { ConnPort } from './connPort.js';
import type { ServerFace } from './serverFace.js';

/**
 * One connection: the handle that hooks and visitors get.
 * @example
 * new Server({ namespaces, onConnect: (conn) => conn.set('user', userOf(conn.request)) });
 */
export class Conn {
  readonly #port: ConnPort;
  #store: Map<string, unknown> | undefined;

  constructor(port: ConnPort) {
    this.#port = port;
  }

  /** The id, which never changes. `idGenerator` makes it; several connections may share one (HS11). */
  get id(): string {
    return this.#port.id;
  }
  /** Whether this is a client's own end of the connection; false on a server. */
  get isClient(): boolean {
    return this.#port.isClient;
  }
  /** The server. */
  get server(): ServerFace {
    return this.#port.server;
  }
  /** The request that was upgraded. */
  get request(): UpgradeRequest {
    return this.#port.request;
  }
  /** What `authenticate` returned for its client last; `undefined` on a server without that hook (SS9). */
  get user(): unknown {
    return this.#port.user;
  }
  /** The running actor of this connection. */
  get actor(): AnyActorRef {
    return this.#port.actor;
  }
  /** Whether it is closed, from the call of `close` or the loss of its socket on (SV5). */
  get isClosed(): boolean {
    return this.#port.isClosed;
  }
  /** Bytes for it that the kernel has not taken: those in its socket and those in its outbox. */
  get pressure(): number {
    return this.#port.pressure;
  }
  /** How many attempts the client needed to reconnect, at most 1,000,000; 0 for a first connection. */
  get reconnectTries(): number {
    const header = String(this.#port.request.headers['x-websocket-reconnect']);
    return /^\d+$/.test(header) ? Math.min(Number(header), 1_000_000) : 0;
  }
  /** Whether the client has reconnected. */
  get wasReconnected(): boolean {
    return this.reconnectTries > 0;
  }

  /**
   * Asks the client into a namespace (NS4). In `onConnect` the call also accepts the connection (HS9). Rejects with the
   * refusal of either side, `ErrBadNamespace` if the namespace is not declared, `ErrWrite` if the connection closes,
   * `AskTimeout`, or the reason of the signal.
   * @example
   * const ns = await conn.connect('chat');
   * ns.emit('welcome');
   */
  connect(namespace: string, options: AskOptions = {}): Promise<NSConn> {
    return this.#port.connect(namespace, options);
  }
  /**
   * Resolves when the client is in a namespace, whichever side began (NS12). Rejects with `AskTimeout` after 10 s
   * (`askTimeout`), the reason of the signal, or `ErrWrite` if the connection closes.
   */
  waitConnect(namespace: string, options: AskOptions = {}): Promise<NSConn> {
    return this.#port.waitConnect(namespace, options);
  }
  /** Returns a namespace, if it is connected. */
  namespace(namespace: string): NSConn | undefined {
    return this.#port.namespace(namespace);
  }
  /** Asks the client out of every namespace, one after the other (NS5). Rejects with the first refusal. */
  disconnectAll(): Promise<void> {
    const all = async (): Promise<void> => {
      for (const ns of this.#port.namespaces()) await ns.disconnect();
    };
    return ignoreRejection(all());
  }
  /**
   * Sends a message and resolves with its answer. Rejects with the client's error (AK3), `AskTimeout` after 10 s
   * (`askTimeout`), the reason of the signal, `ErrWrite` if the connection closes or is not in that namespace or room
   * (AK4), or `TooManyAsks` (AK9).
   * @throws {TypeError} when the message has no event, or a part of it is of a wrong type
   * @example
   * const answer = await conn.ask({ namespace: 'chat', event: 'version' }, { timeout: 2_000 });
   */
  ask(message: OutgoingMessage, options: AskOptions = {}): Promise<Message> {
    return this.#port.ask(message, options);
  }
  /**
   * Sends a message. Returns false if the connection is closed, or not in that namespace or room.
   * @throws {TypeError} when the message has no event, or a part of it is of a wrong type
   * @example
   * conn.write({ namespace: 'chat', room: 'lobby', event: 'said', body: 'hello' });
   */
  write(message: OutgoingMessage): boolean {
    return this.#port.write(message);
  }
  /**
   * Closes the connection. Pending messages are written first, then the close frame (SV5).
   * @throws {RangeError} when no close frame may carry the code, or the reason has more than 123 bytes
   */
  close(code = 1000, reason = ''): void {
    this.#port.close(code, reason);
  }

  /** Stores a value with the connection. */
  set(key: string, value: unknown): void {
    this.#store ??= new Map();
    this.#store.set(key, value);
  }
  /** Returns the value stored under a key. The caller says its type, which is not checked. */
  get<T>(key: string): T | undefined {
    // Nothing but the program knows what it has stored.
    return this.#store?.get(key) as T | undefined;
  }
  /** Adds 1 to the stored integer and returns the sum. A value that is no integer counts as 0. */
  increment(key: string): number {
    return this.#add(key, 1);
  }
  /** Subtracts 1 from the stored integer and returns the difference. A value that is no integer counts as 0. */
  decrement(key: string): number {
    return this.#add(key, -1);
  }

  /** Returns the id. */
  toString(): string {
    return this.id;
  }

  #add(key: string, amount: number): number {
    const old = this.#store?.get(key);
    const sum = (Number.isInteger(old) ? Number(old) : 0) + amount;
    this.set(key, sum);
    return sum;
  }
}

/** The bodies of the events that the server sends in a namespace, by the event's name. Default: any name and body. */
export interface EventBodies {
  /** The body of an event. */
  readonly [event: string]: Body;
}

/**
 * One connection in one namespace, as handlers get it. With a map of events, `emit` and `ask` take only those.
 *
 * @example
 * const chat = { say: (ns: NSConn, { body }: Message) => ns.broadcastOthers({ event: 'said', body }) };
 */
export class NSConn<Sent extends EventBodies = EventBodies> {
  readonly #port: ConnPort;

  constructor(
    port: ConnPort,
    /** The connection. */
    readonly conn: Conn,
    /** The name of the namespace. */
    readonly namespace: string,
  ) {
    this.#port = port;
  }

  /**
   * Sends an event. Returns false if the connection is no longer in the namespace.
   * @throws {TypeError} when the event has no name, or the body is neither a string nor a Uint8Array
   */
  emit<Event extends keyof Sent & string>(event: Event, body: Sent[Event] | '' = ''): boolean {
    return this.#port.write({ namespace: this.namespace, event, body });
  }
  /**
   * Sends an event as a binary frame. Returns false if the connection is no longer in the namespace.
   * @throws {TypeError} when the event has no name, or the body is of a wrong type
   */
  emitBinary(event: keyof Sent & string, body: Uint8Array): boolean {
    return this.#port.write({ namespace: this.namespace, event, body, setBinary: true });
  }
  /**
   * Sends an event and resolves with its answer. Rejects like `conn.ask`.
   * @throws {TypeError} when the event has no name, or the body is of a wrong type
   * @example
   * const { body } = await ns.ask('version', '', { signal: AbortSignal.timeout(2_000) });
   */
  ask<Event extends keyof Sent & string>(
    event: Event,
    body: Sent[Event] | '' = '',
    options: AskOptions = {},
  ): Promise<Message> {
    return this.#port.ask({ namespace: this.namespace, event, body }, options);
  }
  /**
   * Asks the client into a room (RM3). Rejects with the refusal of either side, `ErrBadNamespace` outside the
   * namespace, `ErrBadRoom` for a name that is empty or over 255 bytes, `too many rooms` (RM6), `ErrWrite` if the
   * connection closes, `AskTimeout`, or the reason of the signal.
   * @example
   * const room = await ns.joinRoom('lobby');
   */
  joinRoom(room: string, options: AskOptions = {}): Promise<Room<Sent>> {
    return this.#port.join(this.namespace, room, options);
  }
  /** Returns a room, if it is joined. */
  room(name: string): Room<Sent> | undefined {
    return this.#port.room(this.namespace, name);
  }
  /** Returns the joined rooms, in the order in which they were joined. */
  rooms(): Room<Sent>[] {
    return this.#port.rooms(this.namespace);
  }
  /** Asks the client out of every room, one after the other (RM4). Rejects with the first refusal. */
  leaveAll(options: AskOptions = {}): Promise<void> {
    const all = async (): Promise<void> => {
      for (const { name } of this.rooms()) await this.#port.leave(this.namespace, name, true, options);
    };
    return ignoreRejection(all());
  }
  /** Asks the client out of the namespace (NS5). Rejects with its refusal; then the connection stays in it. */
  disconnect(options: AskOptions = {}): Promise<void> {
    return this.#port.disconnect(this.namespace, options);
  }
  /**
   * Sends messages to every connection in the namespace, or in the room that a message names; this one included (BC1).
   * @throws {TypeError} when a message has no event, or a part of it is of a wrong type
   */
  broadcast(...messages: readonly OutgoingMessage[]): void {
    this.conn.server.broadcast(null, ...this.#here(messages));
  }
  /**
   * Sends messages like `broadcast`, but not to this connection.
   * @throws {TypeError} when a message has no event, or a part of it is of a wrong type
   */
  broadcastOthers(...messages: readonly OutgoingMessage[]): void {
    this.conn.server.broadcast(this, ...this.#here(messages));
  }

  /** Returns the id of the connection. */
  toString(): string {
    return this.conn.id;
  }

  #here(messages: readonly OutgoingMessage[]): OutgoingMessage[] {
    return messages.map((message) => ({ ...message, namespace: this.namespace }));
  }
}

/**
 * One connection in one room of a namespace.
 * @example
 * ns.room('lobby')?.emit('topic', 'welcome');
 */
export class Room<Sent extends EventBodies = EventBodies> {
  readonly #port: ConnPort;

  constructor(
    port: ConnPort,
    /** The connection in the namespace of the room. */
    readonly nsConn: NSConn<Sent>,
    /** The name of the room. */
    readonly name: string,
  ) {
    this.#port = port;
  }

  /**
   * Sends an event of the room to this client alone. Returns false if the connection is no longer in the room.
   * @throws {TypeError} when the event has no name, or the body is of a wrong type
   */
  emit<Event extends keyof Sent & string>(event: Event, body: Sent[Event] | '' = ''): boolean {
    return this.#port.write({ namespace: this.nsConn.namespace, room: this.name, event, body });
  }
  /** Asks the client out of the room (RM4). Rejects with the refusal of either side; then the client stays in it. */
  leave(options: AskOptions = {}): Promise<void> {
    return this.#port.leave(this.nsConn.namespace, this.name, false, options);
  }

  /** Returns the name of the room. */
  toString(): string {
    return this.name;
  }
}
