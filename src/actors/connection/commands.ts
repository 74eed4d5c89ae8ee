import type { AnyActorRef } from 'xstate';
import { emptyAnswer, encode, errorFrom, messageFrom } from '../../protocol/codec.js';
import { assertCloseCode, closeText, ErrBadNamespace, ErrWrite } from '../../protocol/errors.js';
import type { Body, Message, OutgoingMessage } from '../../protocol/message.js';
import { assertMembers, assertOutgoing } from '../../protocol/outgoing.js';
import type { Answer, AskOptions } from '../api/asks.js';
import type { Conn } from '../api/conn.js';
import type { ConnPort } from '../api/connPort.js';
import type { NSConn } from '../api/nsConn.js';
import type { Room } from '../api/room.js';
import type { ServerFace } from '../api/serverFace.js';
import { type AnyOutgoing, typed } from '../api/vocabulary.js';
import type { ServerContext } from '../context.js';
import { ignoreRejection } from '../runtime/guard.js';
import type { UpgradeRequest } from '../transport/socket.js';
import type { Connection } from './connection.js';

// What is no object is refused by the broadcast.
const isObject = (message: unknown): message is object => typeof message === 'object' && message !== null;

const assertClose = (code: number, reason: string): void => {
  assertCloseCode(code);
  if (closeText(reason) !== reason) {
    throw new RangeError(`close takes a reason of at most 123 bytes, got ${reason.length} characters`);
  }
};

/** The calls of the program on one connection, behind its handles. */
export class Commands implements ConnPort {
  /** False: this side is the server. */
  readonly isClient = false;

  constructor(
    private readonly connection: Connection,
    private readonly context: ServerContext,
  ) {}

  /** The server. */
  get server(): ServerFace {
    return this.context.server;
  }
  /** Whether there are native messages only, so that the client cannot be asked (HS10). */
  get #isNativeOnly(): boolean {
    return this.context.nativeMode === 'only';
  }

  /** The id of the connection. */
  get id(): string {
    return this.connection.id;
  }
  /** The request that was upgraded. */
  get request(): UpgradeRequest {
    return this.connection.request;
  }
  /** The address of the client, if it is known. */
  get remoteAddress(): string | undefined {
    return this.context.addressOf(this.connection.request);
  }
  /** What `authenticate` returned last. */
  get user(): unknown {
    return this.connection.credentials?.user;
  }
  /** The actor of the connection. */
  get actor(): AnyActorRef {
    return this.connection.actor;
  }
  /** Whether the connection is closed. */
  get isClosed(): boolean {
    return this.connection.isClosed;
  }
  /** Bytes that wait for the client, in the socket and in the outbox. */
  get pressure(): number {
    const { socket, subscriber } = this.connection;
    return socket.backlog + subscriber.pendingBytes;
  }

  /** Connects a namespace once the connection is open (NS4). Accepts the connection implicitly (HS9). */
  connect(namespace: string, options: AskOptions): Promise<NSConn> {
    const { connection, context } = this;
    if (!context.handlers.declares(namespace)) return ignoreRejection(Promise.reject(ErrBadNamespace));
    // A call of a visitor does not count as acceptance (HS9).
    if (!connection.isVisited) connection.handshake?.accept();
    const connected = new Promise<NSConn>((resolve, reject) => {
      let isGivenUp = false;
      const cancel = connection.peerAsks.limit(options, (error) => {
        isGivenUp = true;
        reject(error);
      });
      const connect = (): void => {
        cancel();
        if (!isGivenUp) connection.memberships.connect(namespace, options).then(resolve, reject);
      };
      this.#whenOpen(connect, (error) => {
        cancel();
        reject(error);
      });
    });
    return ignoreRejection(connected);
  }

  /** Resolves when the namespace is connected. Default timeout: `askTimeout`. */
  waitConnect(namespace: string, options: AskOptions): Promise<NSConn> {
    const { timeout = this.context.limits.askTimeout } = options;
    return ignoreRejection(this.connection.memberships.awaitConnect(namespace, { ...options, timeout }));
  }

  /** Disconnects a namespace. */
  disconnect(namespace: string, options: AskOptions): Promise<void> {
    if (this.#isNativeOnly) return Promise.resolve();
    return ignoreRejection(this.connection.memberships.disconnect(namespace, options));
  }
  /** Returns the handle of a connected namespace. */
  namespace(namespace: string): NSConn | undefined {
    return this.connection.memberships.nsConn(namespace);
  }
  /** Returns the handles of all connected namespaces. */
  namespaces(): NSConn[] {
    return this.connection.memberships.all();
  }
  /** Joins a room. */
  join(namespace: string, room: string, options: AskOptions): Promise<Room> {
    return ignoreRejection(this.connection.memberships.join(namespace, room, options));
  }
  /** Leaves a room. */
  leave(namespace: string, room: string, isLocal: boolean, options: AskOptions): Promise<void> {
    return ignoreRejection(this.connection.memberships.leave(namespace, room, isLocal, options));
  }
  /** Returns the handle of a joined room. */
  room(namespace: string, room: string): Room | undefined {
    return this.connection.memberships.room(namespace, room);
  }
  /** Returns the handles of all joined rooms of a namespace. */
  rooms(namespace: string): Room[] {
    return this.connection.memberships.rooms(namespace);
  }

  /** Sends a message. Returns false when the connection is not in its namespace and room. */
  write(given: AnyOutgoing): boolean {
    const message = this.#checked(given, 'event');
    if (!this.#passesGate(message)) return false;
    this.connection.send(encode(message));
    return true;
  }

  /** Sends a message as an ask, and resolves with the answer (AK1). */
  ask(given: AnyOutgoing, options: AskOptions): Promise<unknown> {
    const message = this.#checked(given, 'ask');
    if (this.#isNativeOnly) return Promise.resolve(messageFrom(emptyAnswer));
    const { contract } = this.context;
    const answer = this.#ask(message, options);
    return ignoreRejection(contract ? contract.received(message, answer) : answer);
  }

  /** Returns the message for an event: with data where the namespace has a contract, else with a body. */
  compose(namespace: string, room: string, event: string, payload: unknown): AnyOutgoing {
    if (this.context.contract?.definitionsOf(namespace)) return { namespace, room, event, data: payload };
    // `write`, `ask` and `broadcast` check the type of a body.
    return { namespace, room, event, body: payload === undefined ? '' : (payload as Body) };
  }

  /** Broadcasts an event with its payload, or messages, in a namespace or room. */
  broadcast(except: Conn | null, namespace: string, room: string, said: readonly unknown[]): void {
    const [event, payload] = said;
    const place = room === '' ? { namespace } : { namespace, room };
    const messages =
      typeof event === 'string'
        ? [this.compose(namespace, room, event, payload)]
        : said.map((message) => (isObject(message) ? { ...message, ...place } : message));
    this.context.server.broadcast(except, ...typed<readonly OutgoingMessage[]>(messages));
  }

  /** Closes the connection. @throws {RangeError} when a close frame cannot carry the code or the reason */
  close(code: number, reason: string): void {
    assertClose(code, reason);
    this.connection.close(code, reason);
  }

  /** Returns the message with its body. @throws {TypeError} when it is malformed, or not allowed by the contract */
  #checked(given: AnyOutgoing, kind: 'event' | 'ask'): OutgoingMessage {
    const { contract } = this.context;
    assertMembers(given);
    const message = contract ? contract.outgoing(given, kind) : given;
    assertOutgoing(message);
    return message;
  }

  /** Returns whether a message may be written now. Counts it if not. */
  #passesGate({ namespace = '', room = '' }: OutgoingMessage): boolean {
    const { flags, memberships } = this.connection;
    const passes = flags.isOpen ? memberships.isMember(namespace, room) : flags.isAcknowledging && this.#isNativeOnly;
    if (!passes) this.context.counters.gatedWrites++;
    return passes;
  }

  /** Calls `open` once the connection is open: at once if it is. Calls `never` if it closes first. */
  #whenOpen(open: () => void, never: (error: unknown) => void): void {
    const { handshake, isClosed } = this.connection;
    if (handshake) handshake.whenOpen(open, never);
    else if (isClosed) never(ErrWrite);
    else open();
  }

  #ask(message: OutgoingMessage, options: AskOptions): Promise<Message> {
    return new Promise((resolve, reject) => {
      if (!this.#passesGate(message)) throw ErrWrite;
      const token = this.connection.peerAsks.open(options, (answer) => settle(answer, resolve, reject));
      this.connection.send(encode(message, token));
    });
  }
}

/** Settles a promise by an answer: a failure or an error frame rejects it. */
export const settle = (answer: Answer, resolve: (message: Message) => void, reject: (error: unknown) => void): void => {
  if ('failure' in answer) return reject(answer.failure);
  const error = errorFrom(answer.frame);
  return error ? reject(error) : resolve(messageFrom(answer.frame));
};
