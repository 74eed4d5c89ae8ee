import type { AskOptions } from './asks.js';
import type { ConnPort } from './connPort.js';
import type { EventBodies, NSConn } from './nsConn.js';

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
   *
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
