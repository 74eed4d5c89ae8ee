import type { Body, Message } from '../protocol/message.js';
import type { ClientState } from './chart.js';
import type { AskOptions } from './line/asks.js';
import type { ClientCounters } from './line/counters.js';
import type { EndReason, JoinOptions, Listener } from './options.js';

/** What the handles of a client call. */
export interface ClientPort {
  readonly ready: Promise<void>;
  readonly id: string;
  readonly state: ClientState;
  readonly reason: EndReason | undefined;
  readonly counters: Readonly<ClientCounters>;
  subscribe(listener: (state: ClientState) => void): () => void;
  close(): Promise<void>;
  connect(namespace: string, options: AskOptions): Promise<NSConn>;
  waitConnect(namespace: string, options: AskOptions): Promise<NSConn>;
  namespace(namespace: string): NSConn | undefined;
  disconnect(namespace: string, options: AskOptions): Promise<void>;
  join(namespace: string, room: string, options: JoinOptions): Promise<Room>;
  room(namespace: string, room: string): Room | undefined;
  rooms(namespace: string): Room[];
  leave(namespace: string, room: string, isLocal: boolean, options: AskOptions): Promise<void>;
  isIn(namespace: string, room: string): boolean;
  emit(namespace: string, room: string, event: string, data: unknown): boolean;
  ask(namespace: string, event: string, data: unknown, options: AskOptions): Promise<unknown>;
  on(namespace: string, room: string, event: string, listener: Listener): () => void;
}

/**
 * A client of a server: it dials, dials again when a line is lost, and enters its namespaces and rooms again. Its
 * handles stay the same (CL8).
 * @example
 * const client = dial('wss://example.com/live');
 * const chat = await client.connect('chat');
 */
export class Client {
  readonly #port: ClientPort;
  /**
   * Calls `listener` with the state each time it changes. Returns a function that ends this. It needs no `this`, so
   * `useSyncExternalStore(client.subscribe, () => client.state)` works (CL2).
   */
  readonly subscribe: (listener: (state: ClientState) => void) => () => void;

  constructor(port: ClientPort) {
    this.#port = port;
    this.subscribe = (listener) => port.subscribe(listener);
  }

  /** Resolves when the client is online for the first time. Rejects with a `CloseError` when it closes before (CL2). */
  get ready(): Promise<void> {
    return this.#port.ready;
  }
  /** The id that the server gave the present line, or the last one. `''` before the first. */
  get id(): string {
    return this.#port.id;
  }
  /** What the client is doing (CL1). */
  get state(): ClientState {
    return this.#port.state;
  }
  /** How the last line ended, or why the server refused it. The same object until another line ends (CL2). */
  get reason(): EndReason | undefined {
    return this.#port.reason;
  }
  /** Counters of this client since `dial` (CL20). */
  get counters(): Readonly<ClientCounters> {
    return this.#port.counters;
  }
  /**
   * Connects to a namespace, at once or when the client is online, and again after each reconnect (CL8). The timeout
   * runs from when the server is asked. Rejects with the refusal of either side, `AskTimeout`, the reason of the
   * signal, or a `CloseError` if the client closes.
   *
   * @example
   * const chat = await client.connect('chat');
   * chat.emit('say', 'hello');
   */
  connect(namespace: string, options: AskOptions = {}): Promise<NSConn> {
    return this.#port.connect(namespace, options);
  }
  /**
   * Resolves when a namespace is connected, whichever side began. Rejects with `AskTimeout` if a timeout is given, the
   * reason of the signal, or a `CloseError` if the client closes.
   */
  waitConnect(namespace: string, options: AskOptions = {}): Promise<NSConn> {
    return this.#port.waitConnect(namespace, options);
  }
  /** Does the same as `waitConnect`, for a namespace to which the server connects the client. */
  waitServerConnect(namespace: string, options: AskOptions = {}): Promise<NSConn> {
    return this.#port.waitConnect(namespace, options);
  }
  /** Returns a namespace that is connected, or that the client connects to when it is online again. */
  namespace(namespace: string): NSConn | undefined {
    return this.#port.namespace(namespace);
  }
  /** Closes the client for good. Resolves when it is closed, after 2 s at the latest (CL3). */
  close(): Promise<void> {
    return this.#port.close();
  }
  /** Closes the client. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/**
 * The client in one namespace. It stays the same object over reconnects (CL8).
 * @example
 * const chat = await client.connect('chat');
 * const answer = await chat.ask('version');
 */
export class NSConn {
  readonly #port: ClientPort;

  constructor(
    port: ClientPort,
    /** The client. */
    readonly client: Client,
    /** The name of the namespace. */
    readonly namespace: string,
  ) {
    this.#port = port;
  }

  /** Whether the client is in the namespace now. False while it is not online. */
  get isConnected(): boolean {
    return this.#port.isIn(this.namespace, '');
  }
  /**
   * Sends an event, at once or when the client is in the namespace again (CL11). Returns false if it will not be sent:
   * the client is closed or not in the namespace, or 256 frames or 256 KiB wait already.
   *
   * @throws {TypeError} when the event has no name, or the body is neither a string nor a Uint8Array
   */
  emit(event: string, body: Body = ''): boolean {
    return this.#port.emit(this.namespace, '', event, body);
  }
  /** Sends an event as a binary frame. Returns like `emit`. */
  emitBinary(event: string, body: Uint8Array): boolean {
    return this.#port.emit(this.namespace, '', event, body);
  }
  /**
   * Sends an event and resolves with its answer (CL10). Rejects with the error of the server, `AskTimeout`, the reason
   * of the signal, or `ErrWrite` if the line is lost or the event cannot be sent.
   *
   * @throws {TypeError} when the event has no name, or the body is neither a string nor a Uint8Array
   * @example
   * const { body } = await chat.ask('version', '', { timeout: 2_000 });
   */
  ask(event: string, body: Body = '', options: AskOptions = {}): Promise<Message> {
    // Without a contract the answer is a message.
    return this.#port.ask(this.namespace, event, body, options) as Promise<Message>;
  }
  /**
   * Joins a room, at once or when the client is in the namespace, and again after each reconnect (CL8). Rejects like
   * `client.connect`, and with `ErrBadNamespace` outside the namespace.
   *
   * @example
   * const lobby = await chat.joinRoom('lobby', { on: { said: ({ body }) => console.log(body) } });
   */
  joinRoom(room: string, options: JoinOptions = {}): Promise<Room> {
    return this.#port.join(this.namespace, room, options);
  }
  /** Returns a room that is joined, or that the client joins when it is online again. */
  room(name: string): Room | undefined {
    return this.#port.room(this.namespace, name);
  }
  /** Returns the rooms that `room` returns, in the order in which they were joined. */
  rooms(): Room[] {
    return this.#port.rooms(this.namespace);
  }
  /** Leaves every room, one after the other. Rejects with the first refusal. */
  async leaveAll(options: AskOptions = {}): Promise<void> {
    for (const { name } of this.rooms()) await this.#port.leave(this.namespace, name, true, options);
  }
  /**
   * Disconnects from the namespace, which ends the wish to be in it (CL8). Rejects with the refusal of the server; then
   * the client stays in it. Rejects with `ErrBadNamespace` outside the namespace.
   */
  disconnect(options: AskOptions = {}): Promise<void> {
    return this.#port.disconnect(this.namespace, options);
  }
  /** Adds a handler for an event of this namespace. Returns a function that removes it (CL16). */
  on(event: string, listener: Listener): () => void {
    return this.#port.on(this.namespace, '', event, listener);
  }
}

/**
 * The client in one room. It stays the same object over reconnects, until the room is left (CL8).
 * @example
 * const off = lobby.on('said', ({ body }) => console.log(body));
 */
export class Room {
  readonly #port: ClientPort;

  constructor(
    port: ClientPort,
    /** The namespace of the room. */
    readonly nsConn: NSConn,
    /** The name of the room. */
    readonly name: string,
  ) {
    this.#port = port;
  }

  /** Whether the client is in the room now. False while it is not online. */
  get isJoined(): boolean {
    return this.#port.isIn(this.nsConn.namespace, this.name);
  }
  /**
   * Sends an event of the room. Returns like `emit` of the namespace.
   *
   * @throws {TypeError} when the event has no name, or the body is neither a string nor a Uint8Array
   */
  emit(event: string, body: Body = ''): boolean {
    return this.#port.emit(this.nsConn.namespace, this.name, event, body);
  }
  /** Leaves the room, which ends the wish to be in it. Rejects with the refusal of the server, or `ErrBadRoom`. */
  leave(options: AskOptions = {}): Promise<void> {
    return this.#port.leave(this.nsConn.namespace, this.name, false, options);
  }
  /** Adds a handler for an event of this room. Returns a function that removes it (CL16). */
  on(event: string, listener: Listener): () => void {
    return this.#port.on(this.nsConn.namespace, this.name, event, listener);
  }
}
