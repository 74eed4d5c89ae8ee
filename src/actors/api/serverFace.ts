import type { AskOptions } from './asks.js';
import type { Conn } from './conn.js';
import type { NSConn, NSConnIn } from './nsConn.js';
import type { Room } from './room.js';
import type { AnswerFrom, AskTo, MessageTo, NoContract } from './vocabulary.js';

/** Every connection with one id, as a broadcast excludes it. Made by `exclude(id)`. */
export class Exclusion {
  constructor(
    /** The id of the excluded connections. */
    readonly id: string,
  ) {}
}

/**
 * Returns what excludes every connection with this id from a broadcast, on the other servers too (BC13).
 *
 * @example
 * server.broadcast(exclude(conn.id), { namespace: 'chat', event: 'said', body: 'hello' });
 */
export const exclude = (id: string): Exclusion => new Exclusion(id);

/** A `Conn`, whatever the types of its server. */
type AnyConn = Pick<Conn, 'id' | 'actor' | 'close'>;
/** An `NSConn`, whatever its types. */
type AnyNSConn = Pick<NSConn, 'namespace' | 'disconnect'> & { readonly conn: AnyConn };
/** A `Room`, whatever its types. */
type AnyRoom = Pick<Room, 'name' | 'leave'> & { readonly nsConn: AnyNSConn };

/**
 * The connections that a broadcast excludes: exactly the one behind a Conn, NSConn or Room, all with the id of an
 * `exclude(id)`, or none for `null` (BC13).
 */
export type Except = AnyConn | AnyNSConn | AnyRoom | Exclusion | null;

/** How much background work is pending. */
export interface ServerPressure {
  /** Bytes in the log: published, and not yet delivered to their whole audience. */
  readonly log: number;
  /** How far passes are behind, in ms: the time that the oldest log entry has waited, or that the newest will wait. */
  readonly lag: number;
  /** Whether the server throttles the connections whose handlers broadcast, until the log is shorter (BC10). */
  readonly isThrottling: boolean;
}

/** The server, as handlers use it by `conn.server`. `User` is what `authenticate` returns, `App` the contract, `Chart` that of its connections. */
export interface ServerFace<User = unknown, App = NoContract, Chart = unknown> {
  /**
   * Publishes messages, each to its own audience less the excluded connections (BC1, BC12). Returns at once; delivery
   * is a background task. After `close` it only counts the messages.
   *
   * @throws {TypeError} when a message has no event, or a part of it is of a wrong type
   * @throws {Error} when a namespace is not declared (BC11)
   * @example
   * ns.conn.server.broadcast(null, { namespace: 'chat', room: 'lobby', event: 'said', body: 'hello' });
   */
  broadcast<const Name extends string = ''>(except: Except, ...messages: readonly MessageTo<App, Name>[]): void;
  /**
   * Visits every registered connection once, in order of registration (DO1). Connections that arrive meanwhile wait
   * (DO2). Rejects with an `AggregateError` after the last visit if any failed (DO3).
   *
   * @example
   * await ns.conn.server.do((conn) => conn.increment('visits'));
   */
  do(visit: (conn: Conn<User, App, Chart>) => unknown): Promise<void>;
  /**
   * Asks the audience of a message; the first answer settles the call (AK5), with its data where there is a contract. Rejects with the client's error,
   * `ErrNoAudience` if no connection matches, `ErrWrite` if all of them close first, `AskTimeout` after 10 s
   * (`askTimeout`), or the reason of the signal.
   *
   * @example
   * const { body } = await ns.conn.server.ask({ namespace: 'chat', to: id, event: 'version' });
   */
  ask<const Name extends string = '', const Event extends string = string>(
    message: AskTo<App, Name, Event>,
    options?: AskOptions,
  ): Promise<AnswerFrom<App, Name, Event>>;
  /** The number of registered connections, at constant cost (DO5). */
  readonly totalConnections: number;
  /** How much background work is pending. */
  readonly pressure: ServerPressure;
  /** Returns the registered connections of this server. */
  connections(): Conn<User, App, Chart>[];
  /** Returns the connections of this server that are in a namespace. */
  connectionsByNamespace<Name extends string>(namespace: Name): NSConnIn<App, Name, User, Chart>[];
  /** Returns the names of the rooms of a namespace that have members on this server. */
  roomNames(namespace: string): string[];
  /** Returns the connections of this server that are in a room. */
  members<Name extends string>(namespace: Name, room: string): NSConnIn<App, Name, User, Chart>[];
  /** Resolves when everything published so far is written or waits in an outbox (BC8). */
  flush(): Promise<void>;
  /**
   * Writes what is pending, closes every connection with 1001, and resolves when the last has gone (DR1). After
   * `timeout` ms (default 10,000) it destroys the remaining sockets.
   *
   * @throws {RangeError} when the timeout is not a number above 0
   */
  close(options?: { readonly timeout?: number }): Promise<void>;
}
