import type { ClientState } from './chart.js';
import type { AskOptions } from './line/asks.js';
import type { ClientCounters } from './line/counters.js';
import type { EndReason, JoinOptions, Listener } from './options.js';
import {
  type AnswerTo,
  type AnyEvents,
  type AskName,
  type EventName,
  type HandlerName,
  type NamespaceName,
  type NoContract,
  type Payload,
  typed,
  type VocabularyOf,
} from './vocabulary.js';

/** What the handle of a client calls. Its members are as in `Client`. */
export type ClientPort = Pick<
  Client,
  'ready' | 'id' | 'state' | 'reason' | 'counters' | 'subscribe' | 'retry' | 'close'
> & {
  /** Asks for a namespace. */
  connect(namespace: string, options: AskOptions): Promise<NSConn>;
  /** Waits for a namespace. */
  waitConnect(namespace: string, options: AskOptions): Promise<NSConn>;
  /** Returns a namespace that is kept. */
  namespace(namespace: string): NSConn | undefined;
};

/** What the handles of namespaces and rooms call. */
export interface MembershipPort {
  /** Whether the client is there now. */
  readonly isIn: boolean;
  /** Whether the client is there, or goes there on the next line. */
  readonly isKept: boolean;
  /** The rooms of a namespace. */
  readonly rooms: ReadonlyMap<string, { readonly isKept: boolean; readonly handle: Room }>;
  /** Returns the rooms that are kept. */
  keptRooms(): Room[];
  /** Emits an event. */
  emit(event: string, data: unknown): boolean;
  /** Asks the server. */
  ask(event: string, data: unknown, options: AskOptions): Promise<unknown>;
  /** Joins a room. */
  join(room: string, options: JoinOptions): Promise<Room>;
  /** Leaves it. `isAll` says that all rooms are left. */
  leave(isAll: boolean, options: AskOptions): Promise<void>;
  /** Leaves every room, one after the other. */
  leaveRooms(options: AskOptions): Promise<void>;
  /** Adds a handler. Returns a function that removes it. */
  listen(event: string, listener: Listener): () => void;
}

/**
 * Returns the same promise, typed by the contract. Its rejection does not end a process that does not handle it: a
 * server that refuses or does not answer is no fault of the program.
 */
const tame = <T>(promise: Promise<unknown>): Promise<T> => {
  promise.catch(() => {});
  return typed(promise);
};

/**
 * A client of a server: it dials, dials again when a line is lost, and enters its namespaces and rooms again. Its
 * handles stay the same (CL8).
 * @example
 * const client = dial('wss://example.com/live');
 * const chat = await client.connect('chat');
 */
export class Client<App = NoContract, Names extends string = never> {
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
  connect<Name extends NamespaceName<App, Names>>(
    namespace: Name,
    options: AskOptions = {},
  ): Promise<NSConn<VocabularyOf<App, Name>>> {
    return tame(this.#port.connect(namespace, options));
  }
  /**
   * Resolves when a namespace is connected, whichever side began. Rejects with `AskTimeout` if a timeout is given, the
   * reason of the signal, or a `CloseError` if the client closes.
   */
  waitConnect<Name extends NamespaceName<App, Names>>(
    namespace: Name,
    options: AskOptions = {},
  ): Promise<NSConn<VocabularyOf<App, Name>>> {
    return tame(this.#port.waitConnect(namespace, options));
  }
  /** Does the same as `waitConnect`, for a namespace to which the server connects the client. */
  waitServerConnect<Name extends NamespaceName<App, Names>>(
    namespace: Name,
    options: AskOptions = {},
  ): Promise<NSConn<VocabularyOf<App, Name>>> {
    return tame(this.#port.waitConnect(namespace, options));
  }
  /** Returns a namespace that is connected, or that the client connects to when it is online again. */
  namespace<Name extends NamespaceName<App, Names>>(namespace: Name): NSConn<VocabularyOf<App, Name>> | undefined {
    return typed(this.#port.namespace(namespace));
  }
  /** Dials at once if the client waits for its next dial, as a button of the program may ask. Else does nothing (CL22). */
  retry(): void {
    this.#port.retry();
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
export class NSConn<V = AnyEvents> {
  readonly #port: MembershipPort;

  constructor(
    port: MembershipPort,
    /** The client. */
    readonly client: Client,
    /** The name of the namespace. */
    readonly namespace: string,
  ) {
    this.#port = port;
  }

  /** Whether the client is in the namespace now. False while it is not online. */
  get isConnected(): boolean {
    return this.#port.isIn;
  }
  /**
   * Sends an event, at once or when the client is in the namespace again (CL11). Returns false if it will not be sent:
   * the client is closed or not in the namespace, or 256 frames or 256 KiB wait already.
   *
   * @throws {TypeError} when the event has no name, or the body is neither a string nor a Uint8Array
   */
  emit<Event extends EventName<V>>(event: Event, ...[data]: Payload<V, Event>): boolean {
    return this.#port.emit(event, data);
  }
  /** Sends an event as a binary frame. Returns like `emit`. */
  emitBinary(event: EventName<V>, body: Uint8Array): boolean {
    return this.#port.emit(event, body);
  }
  /**
   * Sends an event and resolves with its answer (CL10). Rejects with the error of the server, `AskTimeout`, the reason
   * of the signal, or `ErrWrite` if the line is lost or the event cannot be sent.
   *
   * @throws {TypeError} when the event has no name, or the body is neither a string nor a Uint8Array
   * @example
   * const { body } = await chat.ask('version', '', { timeout: 2_000 });
   */
  ask<Event extends AskName<V>>(
    event: Event,
    ...[data, options = {}]: Payload<V, Event, [options?: AskOptions]>
  ): Promise<AnswerTo<V, Event>> {
    return tame(this.#port.ask(event, data, options));
  }
  /**
   * Joins a room, at once or when the client is in the namespace, and again after each reconnect (CL8). Rejects like
   * `client.connect`, and with `ErrBadNamespace` outside the namespace.
   *
   * @example
   * const lobby = await chat.joinRoom('lobby', { on: { said: ({ body }) => console.log(body) } });
   */
  joinRoom(room: string, options: JoinOptions<V> = {}): Promise<Room<V>> {
    return tame(this.#port.join(room, typed(options)));
  }
  /** Returns a room that is joined, or that the client joins when it is online again. */
  room(name: string): Room<V> | undefined {
    const room = this.#port.rooms.get(name);
    return room?.isKept ? typed(room.handle) : undefined;
  }
  /** Returns the rooms that `room` returns, in the order in which they were joined. */
  rooms(): Room<V>[] {
    return typed(this.#port.keptRooms());
  }
  /** Leaves every room, one after the other. Rejects with the first refusal. */
  leaveAll(options: AskOptions = {}): Promise<void> {
    return tame(this.#port.leaveRooms(options));
  }
  /**
   * Disconnects from the namespace, which ends the wish to be in it (CL8). Rejects with the refusal of the server; then
   * the client stays in it. Rejects with `ErrBadNamespace` outside the namespace. Without a timeout it waits for as long
   * as the line lasts.
   */
  disconnect(options: AskOptions = {}): Promise<void> {
    return tame(this.#port.leave(false, options));
  }
  /** Adds a handler for an event of this namespace. Returns a function that removes it (CL16). */
  on<Event extends HandlerName<V>>(event: Event, listener: Listener<V, Event>): () => void {
    return this.#port.listen(event, typed(listener));
  }
}

/**
 * The client in one room. It stays the same object over reconnects, until the room is left (CL8).
 * @example
 * const off = lobby.on('said', ({ body }) => console.log(body));
 */
export class Room<V = AnyEvents> {
  readonly #port: MembershipPort;

  constructor(
    port: MembershipPort,
    /** The namespace of the room. */
    readonly nsConn: NSConn<V>,
    /** The name of the room. */
    readonly name: string,
  ) {
    this.#port = port;
  }

  /** Whether the client is in the room now. False while it is not online. */
  get isJoined(): boolean {
    return this.#port.isIn;
  }
  /**
   * Sends an event of the room. Returns like `emit` of the namespace.
   *
   * @throws {TypeError} when the event has no name, or the body is neither a string nor a Uint8Array
   */
  emit<Event extends EventName<V>>(event: Event, ...[data]: Payload<V, Event>): boolean {
    return this.#port.emit(event, data);
  }
  /**
   * Leaves the room, which ends the wish to be in it. Rejects with the refusal of the server, or `ErrBadRoom`. Without a
   * timeout it waits for as long as the line lasts.
   */
  leave(options: AskOptions = {}): Promise<void> {
    return tame(this.#port.leave(false, options));
  }
  /** Adds a handler for an event of this room. Returns a function that removes it (CL16). */
  on<Event extends HandlerName<V>>(event: Event, listener: Listener<V, Event>): () => void {
    return this.#port.listen(event, typed(listener));
  }
}
