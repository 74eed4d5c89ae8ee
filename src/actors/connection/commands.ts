import type { AnyActorRef } from 'xstate';
import { emptyAnswer, encode, errorFrom, messageFrom } from '../../protocol/codec.js';
import { assertCloseCode, closeText, ErrBadNamespace, ErrWrite } from '../../protocol/errors.js';
import { assertOutgoing, type Body, type Message, type OutgoingMessage } from '../../protocol/message.js';
import type { Answer, AskOptions } from '../api/asks.js';
import type { ConnPort } from '../api/connPort.js';
import type { NSConn, Room } from '../api/handles.js';
import type { ServerFace } from '../api/serverFace.js';
import type { ServerContext } from '../context.js';
import { ignoreRejection } from '../runtime/guard.js';
import type { UpgradeRequest } from '../transport/socket.js';
import type { PeerAsks } from './asks.js';
import type { StateFlags } from './lifecycle.js';
import type { Memberships } from './memberships.js';

/** What the calls need of their connection. */
export interface CommandsHost {
  readonly id: string;
  readonly request: UpgradeRequest;
  readonly actor: AnyActorRef;
  readonly isClosed: boolean;
  readonly pressure: number;
  readonly memberships: Memberships;
  readonly flags: StateFlags;
  send(payload: Body): void;
  readonly peerAsks: PeerAsks;
  close(code: number, text: string): void;
  /** The server agrees to this connection, if it has not yet and may. */
  acceptImplicitly(): void;
  /** Runs when it is open, at once if it is. */
  whenOpen(open: () => void, never: (error: unknown) => void): void;
}

const inspectClose = (code: number, reason: string): void => {
  assertCloseCode(code);
  if (closeText(reason) !== reason) {
    throw new RangeError(`close takes a reason of at most 123 bytes, got ${reason.length} characters`);
  }
};

/** What user code does with a connection. */
export class Commands implements ConnPort {
  readonly isClient = false;

  constructor(
    private readonly host: CommandsHost,
    private readonly context: ServerContext,
  ) {}

  get server(): ServerFace {
    return this.context.server;
  }
  /** There are native messages only: nobody can be asked anything (HS10). */
  get #isNativeOnly(): boolean {
    return this.context.nativeMode === 'only';
  }

  get id(): string {
    return this.host.id;
  }
  get request(): UpgradeRequest {
    return this.host.request;
  }
  get actor(): AnyActorRef {
    return this.host.actor;
  }
  get isClosed(): boolean {
    return this.host.isClosed;
  }
  get pressure(): number {
    return this.host.pressure;
  }

  connect(namespace: string, options: AskOptions): Promise<NSConn> {
    const { host, context } = this;
    // A namespace that there is not lets nobody in.
    if (!context.handlers.declares(namespace)) return ignoreRejection(Promise.reject(ErrBadNamespace));
    host.acceptImplicitly();
    const connected = new Promise<NSConn>((resolve, reject) => {
      let isGivenUp = false;
      const callOff = host.peerAsks.limit(options, (error) => {
        isGivenUp = true;
        reject(error);
      });
      const connect = (): void => {
        callOff();
        if (!isGivenUp) host.memberships.connect(namespace, options).then(resolve, reject);
      };
      host.whenOpen(connect, (error) => {
        callOff();
        reject(error);
      });
    });
    return ignoreRejection(connected);
  }

  waitConnect(namespace: string, options: AskOptions): Promise<NSConn> {
    const { timeout = this.context.limits.askTimeout } = options;
    return ignoreRejection(this.host.memberships.awaitConnect(namespace, { ...options, timeout }));
  }

  disconnect(namespace: string, options: AskOptions): Promise<void> {
    if (this.#isNativeOnly) return Promise.resolve();
    return ignoreRejection(this.host.memberships.disconnect(namespace, options));
  }
  namespace(namespace: string): NSConn | undefined {
    return this.host.memberships.nsConn(namespace);
  }
  namespaces(): NSConn[] {
    return this.host.memberships.all();
  }
  join(namespace: string, room: string, options: AskOptions): Promise<Room> {
    return ignoreRejection(this.host.memberships.join(namespace, room, options));
  }
  leave(namespace: string, room: string, isLocal: boolean, options: AskOptions): Promise<void> {
    return ignoreRejection(this.host.memberships.leave(namespace, room, isLocal, options));
  }
  room(namespace: string, room: string): Room | undefined {
    return this.host.memberships.room(namespace, room);
  }
  rooms(namespace: string): Room[] {
    return this.host.memberships.rooms(namespace);
  }

  write(message: OutgoingMessage): boolean {
    assertOutgoing(message);
    if (!this.#passesGate(message)) return false;
    this.host.send(encode(message));
    return true;
  }

  ask(message: OutgoingMessage, options: AskOptions): Promise<Message> {
    assertOutgoing(message);
    if (this.#isNativeOnly) return Promise.resolve(messageFrom(emptyAnswer));
    return ignoreRejection(this.#ask(message, options));
  }

  close(code: number, reason: string): void {
    inspectClose(code, reason);
    this.host.close(code, reason);
  }

  /** May this be written now? Counts what may not. */
  #passesGate({ namespace = '', room = '' }: OutgoingMessage): boolean {
    const { flags, memberships } = this.host;
    const passes = flags.isOpen ? memberships.isMember(namespace, room) : flags.isAcknowledging && this.#isNativeOnly;
    if (!passes) this.context.counters.gatedWrites++;
    return passes;
  }

  #ask(message: OutgoingMessage, options: AskOptions): Promise<Message> {
    return new Promise((resolve, reject) => {
      if (!this.#passesGate(message)) throw ErrWrite;
      const token = this.host.peerAsks.open(options, (answer) => settle(answer, resolve, reject));
      this.host.send(encode(message, token));
    });
  }
}

/** Settles a promise by what was answered: an error frame rejects with its error. */
export const settle = (answer: Answer, resolve: (message: Message) => void, reject: (error: unknown) => void): void => {
  if ('failure' in answer) return reject(answer.failure);
  const error = errorFrom(answer.frame);
  return error ? reject(error) : resolve(messageFrom(answer.frame));
};
