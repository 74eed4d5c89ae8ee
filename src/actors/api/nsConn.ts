import type { Body, Message, OutgoingMessage } from '../../protocol/message.js';
import { ignoreRejection } from '../runtime/guard.js';
import type { AskOptions } from './asks.js';
import type { Conn } from './conn.js';
import type { ConnPort } from './connPort.js';
import type { Room } from './room.js';

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
   *
   * @throws {TypeError} when the event has no name, or the body is neither a string nor a Uint8Array
   */
  emit<Event extends keyof Sent & string>(event: Event, body: Sent[Event] | '' = ''): boolean {
    return this.#port.write({ namespace: this.namespace, event, body });
  }
  /**
   * Sends an event as a binary frame. Returns false if the connection is no longer in the namespace.
   *
   * @throws {TypeError} when the event has no name, or the body is of a wrong type
   */
  emitBinary(event: keyof Sent & string, body: Uint8Array): boolean {
    return this.#port.write({ namespace: this.namespace, event, body, setBinary: true });
  }
  /**
   * Sends an event and resolves with its answer. Rejects like `conn.ask`.
   *
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
   *
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
   *
   * @throws {TypeError} when a message has no event, or a part of it is of a wrong type
   */
  broadcast(...messages: readonly OutgoingMessage[]): void {
    this.conn.server.broadcast(null, ...this.#here(messages));
  }
  /**
   * Sends messages like `broadcast`, but not to this connection.
   *
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
