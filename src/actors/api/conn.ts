import { ignoreRejection } from '../runtime/guard.js';
import type { UpgradeRequest } from '../transport/socket.js';
import type { AskOptions } from './asks.js';
import { type ConnectionActor, isIn, isTagged, type StatePath, type StateTag } from './chartView.js';
import type { ConnPort } from './connPort.js';
import type { NSConnIn } from './nsConn.js';
import type { ServerFace } from './serverFace.js';
import { type AnswerFrom, type AskTo, type MessageTo, type NoContract, typed } from './vocabulary.js';

/**
 * One connection: the handle that hooks and visitors get. `User` is what `authenticate` returns, `App` the contract,
 * `Chart` the chart of `machines.connection`.
 * @example
 * new Server({ namespaces, onConnect: (conn) => conn.set('user', userOf(conn.request)) });
 */
export class Conn<User = unknown, App = NoContract, Chart = unknown> {
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
  get server(): ServerFace<User, App, Chart> {
    return typed(this.#port.server);
  }
  /** What `authenticate` returned for its client last; `undefined` on a server without that hook (SS9). */
  get user(): User {
    return typed(this.#port.user);
  }
  /** The request that was upgraded. */
  get request(): UpgradeRequest {
    return this.#port.request;
  }
  /**
   * The IP address of the client: that of its socket, or the one that a proxy names which `trustProxy` trusts (HS17).
   * `undefined` if the socket has none.
   */
  get remoteAddress(): string | undefined {
    return this.#port.remoteAddress;
  }
  /** The running actor of this connection, with the events of the chart that the server runs (SV25). */
  get actor(): ConnectionActor<Chart> {
    return typed(this.#port.actor);
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
   *
   * @example
   * const ns = await conn.connect('chat');
   * ns.emit('welcome');
   */
  connect<Name extends string>(namespace: Name, options: AskOptions = {}): Promise<NSConnIn<App, Name, User, Chart>> {
    return typed(this.#port.connect(namespace, options));
  }
  /**
   * Resolves when the client is in a namespace, whichever side began (NS12). Rejects with `AskTimeout` after 10 s
   * (`askTimeout`), the reason of the signal, or `ErrWrite` if the connection closes.
   */
  waitConnect<Name extends string>(
    namespace: Name,
    options: AskOptions = {},
  ): Promise<NSConnIn<App, Name, User, Chart>> {
    return typed(this.#port.waitConnect(namespace, options));
  }
  /**
   * Returns whether its chart is in a state, also after its end (SV24).
   * @throws {TypeError} when the chart has no such state.
   * @example
   * if (conn.matches('open.flow.congested')) console.log(`${conn.id} reads slowly`);
   */
  matches(state: StatePath<Chart>): boolean {
    return isIn(this.#port.actor, typed(state));
  }
  /**
   * Returns whether a state that its chart is in has a tag, also after its end (SV24).
   * @throws {TypeError} when no state of the chart has that tag.
   * @example
   * if (conn.hasTag('congested')) console.log(`${conn.id} reads slowly`);
   */
  hasTag(tag: StateTag<Chart>): boolean {
    return isTagged(this.#port.actor, typed(tag));
  }
  /** Returns a namespace, if it is connected. */
  namespace<Name extends string>(namespace: Name): NSConnIn<App, Name, User, Chart> | undefined {
    return typed(this.#port.namespace(namespace));
  }
  /** Asks the client out of every namespace, one after the other (NS5). Rejects with the first refusal. */
  disconnectAll(): Promise<void> {
    const all = async (): Promise<void> => {
      for (const ns of this.#port.namespaces()) await ns.disconnect();
    };
    return ignoreRejection(all());
  }
  /**
   * Sends a message and resolves with its answer: the data of a contract, else a message. Rejects with the client's error (AK3), `AskTimeout` after 10 s
   * (`askTimeout`), the reason of the signal, `ErrWrite` if the connection closes or is not in that namespace or room
   * (AK4), or `TooManyAsks` (AK9).
   *
   * @throws {TypeError} when the message has no event, or a part of it is of a wrong type
   * @example
   * const answer = await conn.ask({ namespace: 'chat', event: 'version' }, { timeout: 2_000 });
   */
  ask<const Name extends string = '', const Event extends string = string>(
    message: AskTo<App, Name, Event>,
    options: AskOptions = {},
  ): Promise<AnswerFrom<App, Name, Event>> {
    return typed(this.#port.ask(message, options));
  }
  /**
   * Sends a message. Returns false if the connection is closed, or not in that namespace or room.
   *
   * @throws {TypeError} when the message has no event, or a part of it is of a wrong type
   * @example
   * conn.write({ namespace: 'chat', room: 'lobby', event: 'said', body: 'hello' });
   */
  write<const Name extends string = ''>(message: MessageTo<App, Name>): boolean {
    return this.#port.write(message);
  }
  /**
   * Closes the connection. Pending messages are written first, then the close frame (SV5).
   *
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
