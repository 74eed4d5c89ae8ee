import type { AnyActorRef } from 'xstate';
import type { Body, Message, OutgoingMessage } from '../../protocol/message.js';
import { ignoreRejection } from '../runtime/guard.js';
import type { UpgradeRequest } from '../transport/socket.js';
import type { AskOptions } from './asks.js';

/** Skip every connection with this id. Made by `exclude(id)`. */
export class Exclusion {
  constructor(readonly id: string) {}
}

/** Broadcast to everybody but the connections with this id. */
export const exclude = (id: string): Exclusion => new Exclusion(id);

/** Whom a broadcast skips. A Conn, NSConn or Room stands for exactly that connection. */
export type Except = Conn | NSConn | Room | Exclusion | null;

/** How much background work is waiting. */
export interface ServerPressure {
  /** Bytes in the log: issued, and not yet given to everybody. */
  readonly log: number;
  /** How far behind that is, in milliseconds: the oldest has waited so long, or the newest will have to. */
  readonly lag: number;
  /** Clients whose handlers broadcast are not read for now, so that the log gets shorter (BC10). */
  readonly isThrottling: boolean;
}

/** The server as handlers see it. */
export interface ServerFace {
  broadcast(except: Except, ...messages: readonly OutgoingMessage[]): void;
  do(visit: (conn: Conn) => unknown): Promise<void>;
  ask(message: OutgoingMessage, options?: AskOptions): Promise<Message>;
  readonly totalConnections: number;
  readonly pressure: ServerPressure;
  connections(): Conn[];
  connectionsByNamespace(namespace: string): NSConn[];
  roomNames(namespace: string): string[];
  members(namespace: string, room: string): NSConn[];
  flush(): Promise<void>;
  close(options?: { readonly timeout?: number }): Promise<void>;
}

/** What stands behind the handles of one connection. */
export interface ConnPort {
  readonly id: string;
  readonly isClient: boolean;
  readonly server: ServerFace;
  readonly request: UpgradeRequest;
  readonly actor: AnyActorRef;
  readonly isClosed: boolean;
  readonly pressure: number;
  connect(namespace: string, options: AskOptions): Promise<NSConn>;
  waitConnect(namespace: string, options: AskOptions): Promise<NSConn>;
  disconnect(namespace: string, options: AskOptions): Promise<void>;
  namespace(namespace: string): NSConn | undefined;
  namespaces(): NSConn[];
  join(namespace: string, room: string, options: AskOptions): Promise<Room>;
  leave(namespace: string, room: string, isLocal: boolean, options: AskOptions): Promise<void>;
  room(namespace: string, room: string): Room | undefined;
  rooms(namespace: string): Room[];
  write(message: OutgoingMessage): boolean;
  ask(message: OutgoingMessage, options: AskOptions): Promise<Message>;
  close(code: number, reason: string): void;
}

/** One connection, as user code holds it. */
export class Conn {
  readonly #port: ConnPort;
  #store: Map<string, unknown> | undefined;

  constructor(port: ConnPort) {
    this.#port = port;
  }

  /** Made by the server, and never changes. Several connections may share one. */
  get id(): string {
    return this.#port.id;
  }
  get isClient(): boolean {
    return this.#port.isClient;
  }
  get server(): ServerFace {
    return this.#port.server;
  }
  /** The request that was upgraded. */
  get request(): UpgradeRequest {
    return this.#port.request;
  }
  /** The running actor of this connection. */
  get actor(): AnyActorRef {
    return this.#port.actor;
  }
  get isClosed(): boolean {
    return this.#port.isClosed;
  }
  /** Bytes that were issued to it and that the kernel has not taken. */
  get pressure(): number {
    return this.#port.pressure;
  }
  /** How often the client had to try before it came back; 0 the first time. */
  get reconnectTries(): number {
    const header = String(this.#port.request.headers['x-websocket-reconnect']);
    return /^\d+$/.test(header) ? Math.min(Number(header), 1_000_000) : 0;
  }
  get wasReconnected(): boolean {
    return this.reconnectTries > 0;
  }

  /** Ask the client into a namespace. In `onConnect` this is the agreement itself: it may come in. */
  connect(namespace: string, options: AskOptions = {}): Promise<NSConn> {
    return this.#port.connect(namespace, options);
  }
  /** Wait until the client is in a namespace, whoever began. */
  waitConnect(namespace: string, options: AskOptions = {}): Promise<NSConn> {
    return this.#port.waitConnect(namespace, options);
  }
  /** The namespace, if it is connected. */
  namespace(namespace: string): NSConn | undefined {
    return this.#port.namespace(namespace);
  }
  /** Ask the client out of every namespace. */
  disconnectAll(): Promise<void> {
    const all = async (): Promise<void> => {
      for (const ns of this.#port.namespaces()) await ns.disconnect();
    };
    return ignoreRejection(all());
  }
  /** Send a message and wait for its answer. Rejects with the client's error, on timeout, and when it closes. */
  ask(message: OutgoingMessage, options: AskOptions = {}): Promise<Message> {
    return this.#port.ask(message, options);
  }
  /** Send a message; false when it is closed, or not in that namespace or room. */
  write(message: OutgoingMessage): boolean {
    return this.#port.write(message);
  }
  /** Close it: what it is owed goes out first. */
  close(code = 1000, reason = ''): void {
    this.#port.close(code, reason);
  }

  set(key: string, value: unknown): void {
    this.#store ??= new Map();
    this.#store.set(key, value);
  }
  /** What was set under this key; the caller says of which type. */
  get<T>(key: string): T | undefined {
    return this.#store?.get(key) as T | undefined;
  }
  /** Adds one to an integer in the store (anything else counts as 0) and returns it. */
  increment(key: string): number {
    return this.#add(key, 1);
  }
  decrement(key: string): number {
    return this.#add(key, -1);
  }

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

/** What the server's events of a namespace carry, by name; without a map of its own any name and any body. */
export interface EventBodies {
  readonly [event: string]: Body;
}

/** One connection in one namespace. With a map of events, `emit` and `ask` take just those. */
export class NSConn<Sent extends EventBodies = EventBodies> {
  readonly #port: ConnPort;

  constructor(
    port: ConnPort,
    readonly conn: Conn,
    readonly namespace: string,
  ) {
    this.#port = port;
  }

  /** Send an event; false when it is not connected here any more. */
  emit<Event extends keyof Sent & string>(event: Event, body: Sent[Event] | '' = ''): boolean {
    return this.#port.write({ namespace: this.namespace, event, body });
  }
  emitBinary(event: keyof Sent & string, body: Uint8Array): boolean {
    return this.#port.write({ namespace: this.namespace, event, body, setBinary: true });
  }
  /** Send an event and wait for its answer. */
  ask<Event extends keyof Sent & string>(
    event: Event,
    body: Sent[Event] | '' = '',
    options: AskOptions = {},
  ): Promise<Message> {
    return this.#port.ask({ namespace: this.namespace, event, body }, options);
  }
  /** Ask the client into a room. */
  joinRoom(room: string, options: AskOptions = {}): Promise<Room<Sent>> {
    return this.#port.join(this.namespace, room, options);
  }
  /** The room, if it is joined. */
  room(name: string): Room<Sent> | undefined {
    return this.#port.room(this.namespace, name);
  }
  rooms(): Room<Sent>[] {
    return this.#port.rooms(this.namespace);
  }
  /** Ask the client out of every room. */
  leaveAll(options: AskOptions = {}): Promise<void> {
    const all = async (): Promise<void> => {
      for (const { name } of this.rooms()) await this.#port.leave(this.namespace, name, true, options);
    };
    return ignoreRejection(all());
  }
  /** Ask the client out of this namespace. */
  disconnect(options: AskOptions = {}): Promise<void> {
    return this.#port.disconnect(this.namespace, options);
  }
  /** Send to everybody in this namespace. */
  broadcast(...messages: readonly OutgoingMessage[]): void {
    this.conn.server.broadcast(null, ...this.#here(messages));
  }
  /** Send to everybody in this namespace but this connection. */
  broadcastOthers(...messages: readonly OutgoingMessage[]): void {
    this.conn.server.broadcast(this, ...this.#here(messages));
  }

  toString(): string {
    return this.conn.id;
  }

  #here(messages: readonly OutgoingMessage[]): OutgoingMessage[] {
    return messages.map((message) => ({ ...message, namespace: this.namespace }));
  }
}

/** One connection in one room of a namespace. */
export class Room<Sent extends EventBodies = EventBodies> {
  readonly #port: ConnPort;

  constructor(
    port: ConnPort,
    readonly nsConn: NSConn<Sent>,
    readonly name: string,
  ) {
    this.#port = port;
  }

  /** Send an event of this room to this client; false when it is not in the room any more. */
  emit<Event extends keyof Sent & string>(event: Event, body: Sent[Event] | '' = ''): boolean {
    return this.#port.write({ namespace: this.nsConn.namespace, room: this.name, event, body });
  }
  /** Ask the client out of this room. */
  leave(options: AskOptions = {}): Promise<void> {
    return this.#port.leave(this.nsConn.namespace, this.name, false, options);
  }

  toString(): string {
    return this.name;
  }
}
