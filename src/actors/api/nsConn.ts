import type { NamespaceShape } from '../../contract/definitions.js';
import { ignoreRejection } from '../runtime/guard.js';
import type { AskOptions } from './asks.js';
import type { Conn } from './conn.js';
import type { ConnPort } from './connPort.js';
import type { Room } from './room.js';
import {
  type AnswerTo,
  type AskName,
  type AskRest,
  type EventBodies,
  type EventName,
  type MessageIn,
  type NoContract,
  type Payload,
  typed,
  type VocabularyOf,
} from './vocabulary.js';

/** An `NSConn` of a namespace with this name. */
export type NSConnIn<App, Name, User, Chart> = NSConn<VocabularyOf<unknown, App, Name>, User, App, Chart>;

/**
 * One connection in one namespace, as handlers get it. `V` is what the server may say in it: the namespace of a
 * contract, or a map of its events to their bodies.
 *
 * @example
 * const chat = { say: (ns: NSConn, { body }: Message) => ns.broadcastOthers('said', body) };
 */
export class NSConn<V = EventBodies, User = unknown, App = NoContract, Chart = unknown> {
  readonly #port: ConnPort;

  constructor(
    port: ConnPort,
    /** The connection. */
    readonly conn: Conn<User, App, Chart>,
    /** The name of the namespace. */
    readonly namespace: string,
  ) {
    this.#port = port;
  }

  /**
   * Sends an event with its data or body. Returns false if the connection is no longer in the namespace.
   *
   * @throws {TypeError} when the event has no name, the body is neither a string nor a Uint8Array, or the contract does
   * not allow it (CT12)
   * @example
   * ns.emit('edited', { task: '1', by: ns.conn.id });
   */
  emit<Event extends EventName<V> & keyof V>(event: Event, ...payload: Payload<V, Event>): boolean;
  emit(event: string, payload?: unknown): boolean {
    return this.#port.write(this.#port.compose(this.namespace, '', event, payload));
  }
  /**
   * Sends an event as a binary frame. In a namespace with a contract the schema decides, and `emit` does it. Returns
   * false if the connection is no longer in the namespace.
   *
   * @throws {TypeError} when the event has no name, or the body is of a wrong type
   */
  emitBinary<Event extends EventName<V> & keyof V>(
    event: V extends NamespaceShape ? never : Event,
    body: Uint8Array,
  ): boolean {
    return this.#port.write({ namespace: this.namespace, event, body, setBinary: true });
  }
  /**
   * Sends an event and resolves with its answer: the data of a contract, else a message. Rejects like `conn.ask`.
   *
   * @throws {TypeError} when the event has no name, the body is of a wrong type, or the contract does not allow it
   * @example
   * const { body } = await ns.ask('version', '', { signal: AbortSignal.timeout(2_000) });
   */
  ask<Event extends AskName<V> & keyof V>(
    event: Event,
    ...payload: Payload<V, Event, AskRest>
  ): Promise<AnswerTo<V, Event>>;
  ask(event: string, payload?: unknown, options: AskOptions = {}): Promise<unknown> {
    return this.#port.ask(this.#port.compose(this.namespace, '', event, payload), options);
  }
  /**
   * Asks the client into a room (RM3). Rejects with the refusal of either side, `ErrBadNamespace` outside the
   * namespace, `ErrBadRoom` for a name that is empty or over 255 bytes, `too many rooms` (RM6), `ErrWrite` if the
   * connection closes, `AskTimeout`, or the reason of the signal.
   *
   * @example
   * const room = await ns.joinRoom('lobby');
   */
  joinRoom(room: string, options: AskOptions = {}): Promise<Room<V, User, App, Chart>> {
    return typed(this.#port.join(this.namespace, room, options));
  }
  /** Returns a room, if it is joined. */
  room(name: string): Room<V, User, App, Chart> | undefined {
    return typed(this.#port.room(this.namespace, name));
  }
  /** Returns the joined rooms, in the order in which they were joined. */
  rooms(): Room<V, User, App, Chart>[] {
    return typed(this.#port.rooms(this.namespace));
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
   * Sends an event, or messages, to every connection in the namespace, or in the room that a message names; this one
   * included (BC1).
   *
   * @throws {TypeError} when a message has no event, a part of it is of a wrong type, or the contract does not allow it
   * @example
   * ns.broadcast('edited', { task: '1', by: ns.conn.id });
   */
  broadcast<Event extends EventName<V> & keyof V>(event: Event, ...payload: Payload<V, Event>): void;
  /** Sends messages in the same way. */
  broadcast(...messages: readonly MessageIn<V>[]): void;
  broadcast(...said: readonly unknown[]): void {
    this.#port.broadcast(null, this.namespace, '', said);
  }
  /**
   * Sends like `broadcast`, but not to this connection.
   *
   * @throws {TypeError} when a message has no event, a part of it is of a wrong type, or the contract does not allow it
   * @example
   * ns.broadcastOthers('edited', { task: '1', by: ns.conn.id });
   */
  broadcastOthers<Event extends EventName<V> & keyof V>(event: Event, ...payload: Payload<V, Event>): void;
  /** Sends messages in the same way. */
  broadcastOthers(...messages: readonly MessageIn<V>[]): void;
  broadcastOthers(...said: readonly unknown[]): void {
    this.#port.broadcast(typed(this.conn), this.namespace, '', said);
  }

  /** Returns the id of the connection. */
  toString(): string {
    return this.conn.id;
  }
}
