import type { AnyActorRef } from 'xstate';
import type { UpgradeRequest } from '../transport/socket.js';
import type { AskOptions } from './asks.js';
import type { Conn } from './conn.js';
import type { NSConn } from './nsConn.js';
import type { Room } from './room.js';
import type { ServerFace } from './serverFace.js';
import type { AnyOutgoing } from './vocabulary.js';

/** Port between the handles of one connection and the connection. The handles document each call. */
export interface ConnPort {
  /** The id of the connection. */
  readonly id: string;
  /** Whether it is a client's own end of the connection. Always false on a server. */
  readonly isClient: boolean;
  /** The server of the connection. */
  readonly server: ServerFace;
  /** The request that was upgraded. */
  readonly request: UpgradeRequest;
  /** The address of the client, if it is known. */
  readonly remoteAddress: string | undefined;
  /** What `authenticate` returned last. */
  readonly user: unknown;
  /** The running actor of the connection. */
  readonly actor: AnyActorRef;
  /** Whether it is closed. */
  readonly isClosed: boolean;
  /** Bytes that wait to be sent to the client. */
  readonly pressure: number;
  /** Asks the client into a namespace. */
  connect(namespace: string, options: AskOptions): Promise<NSConn>;
  /** Resolves when the client is in a namespace. */
  waitConnect(namespace: string, options: AskOptions): Promise<NSConn>;
  /** Asks the client out of a namespace. */
  disconnect(namespace: string, options: AskOptions): Promise<void>;
  /** Returns a namespace, if it is connected. */
  namespace(namespace: string): NSConn | undefined;
  /** Returns the connected namespaces. */
  namespaces(): NSConn[];
  /** Asks the client into a room. */
  join(namespace: string, room: string, options: AskOptions): Promise<Room>;
  /** Asks the client out of a room. `isLocal` is for the messages of the lifecycle events. */
  leave(namespace: string, room: string, isLocal: boolean, options: AskOptions): Promise<void>;
  /** Returns a room, if it is joined. */
  room(namespace: string, room: string): Room | undefined;
  /** Returns the joined rooms of a namespace. */
  rooms(namespace: string): Room[];
  /** Sends a message. Returns false if the connection is closed, or not in that namespace or room. */
  write(message: AnyOutgoing): boolean;
  /** Sends a message and resolves with the answer: a message, or the data of a contract. */
  ask(message: AnyOutgoing, options: AskOptions): Promise<unknown>;
  /** Returns the message for an event: with data where the namespace has a contract, else with a body. */
  compose(namespace: string, room: string, event: string, payload: unknown): AnyOutgoing;
  /** Broadcasts an event with its payload, or messages, in a namespace or room. */
  broadcast(except: Conn | null, namespace: string, room: string, said: readonly unknown[]): void;
  /** Closes the connection. */
  close(code: number, reason: string): void;
}
