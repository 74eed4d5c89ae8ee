import type { AskOptions } from './asks.js';
import type { ConnPort } from './connPort.js';
import type { NSConn } from './nsConn.js';
import {
  type EventBodies,
  type EventName,
  type MessageIn,
  type NoContract,
  type Payload,
  typed,
} from './vocabulary.js';

/**
 * One connection in one room of a namespace. Its type parameters are those of the `NSConn`.
 * @example
 * ns.room('lobby')?.emit('topic', 'welcome');
 */
export class Room<V = EventBodies, User = unknown, App = NoContract, Chart = unknown> {
  readonly #port: ConnPort;

  constructor(
    port: ConnPort,
    /** The connection in the namespace of the room. */
    readonly nsConn: NSConn<V, User, App, Chart>,
    /** The name of the room. */
    readonly name: string,
  ) {
    this.#port = port;
  }

  /**
   * Sends an event of the room to this client alone, with its data or body. Returns false if the connection is no longer
   * in the room.
   *
   * @throws {TypeError} when the event has no name, the body is of a wrong type, or the contract does not allow it
   */
  emit<Event extends EventName<V> & keyof V>(event: Event, ...payload: Payload<V, Event>): boolean;
  emit(event: string, payload?: unknown): boolean {
    return this.#port.write(this.#port.compose(this.nsConn.namespace, this.name, event, payload));
  }
  /**
   * Sends an event, or messages, to every connection in the room; this one included (BC1).
   *
   * @throws {TypeError} when a message has no event, a part of it is of a wrong type, or the contract does not allow it
   * @example
   * ns.room('lobby')?.broadcast('said', 'hello');
   */
  broadcast<Event extends EventName<V> & keyof V>(event: Event, ...payload: Payload<V, Event>): void;
  /** Sends messages in the same way. */
  broadcast(...messages: readonly MessageIn<V>[]): void;
  broadcast(...said: readonly unknown[]): void {
    this.#port.broadcast(null, this.nsConn.namespace, this.name, said);
  }
  /**
   * Sends like `broadcast`, but not to this connection.
   *
   * @throws {TypeError} when a message has no event, a part of it is of a wrong type, or the contract does not allow it
   * @example
   * ns.room('lobby')?.broadcastOthers('said', 'hello');
   */
  broadcastOthers<Event extends EventName<V> & keyof V>(event: Event, ...payload: Payload<V, Event>): void;
  /** Sends messages in the same way. */
  broadcastOthers(...messages: readonly MessageIn<V>[]): void;
  broadcastOthers(...said: readonly unknown[]): void {
    this.#port.broadcast(typed(this.nsConn.conn), this.nsConn.namespace, this.name, said);
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
