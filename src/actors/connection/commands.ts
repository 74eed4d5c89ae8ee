import type { AnyActorRef } from 'xstate';
import { emptyAnswer, encode, errorFrom, messageFrom } from '../../protocol/codec.js';
import { assertCloseCode, closeText, ErrBadNamespace, ErrWrite } from '../../protocol/errors.js';
import { assertOutgoing, type Body, type Message, type OutgoingMessage } from '../../protocol/message.js';
import type { Answer, AskOptions } from '../api/asks.js';
import type { ConnPort, NSConn, Room, ServerFace } from '../api/handles.js';
import type { House } from '../context.js';
import { tame } from '../runtime/guard.js';
import type { UpgradeRequest } from '../transport/socket.js';
import type { Questions } from './asks.js';
import type { View } from './lifecycle.js';
import type { Memberships } from './memberships.js';

/** What the calls need of their connection. */
export interface CallsHost {
  readonly id: string;
  readonly request: UpgradeRequest;
  readonly actor: AnyActorRef;
  readonly isClosed: boolean;
  readonly pressure: number;
  readonly memberships: Memberships;
  readonly view: View;
  send(payload: Body): void;
  readonly questions: Questions;
  close(code: number, text: string): void;
  /** The server agrees to this connection, if it has not yet and may. */
  consent(): void;
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
export class Calls implements ConnPort {
  readonly isClient = false;

  constructor(
    private readonly host: CallsHost,
    private readonly house: House,
  ) {}

  get server(): ServerFace {
    return this.house.server;
  }
  /** There are native messages only: nobody can be asked anything (HS10). */
  get #isNativeOnly(): boolean {
    return this.house.nativeMode === 'only';
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
    const { host, house } = this;
    // A namespace that there is not lets nobody in.
    if (!house.handlers.declares(namespace)) return tame(Promise.reject(ErrBadNamespace));
    host.consent();
    const connected = new Promise<NSConn>((resolve, reject) => {
      let isGivenUp = false;
      const callOff = host.questions.limit(options, (error) => {
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
    return tame(connected);
  }

  waitConnect(namespace: string, options: AskOptions): Promise<NSConn> {
    const { timeout = this.house.limits.askTimeout } = options;
    return tame(this.host.memberships.awaitConnect(namespace, { ...options, timeout }));
  }

  disconnect(namespace: string, options: AskOptions): Promise<void> {
    if (this.#isNativeOnly) return Promise.resolve();
    return tame(this.host.memberships.disconnect(namespace, options));
  }
  namespace(namespace: string): NSConn | undefined {
    return this.host.memberships.nsConn(namespace);
  }
  namespaces(): NSConn[] {
    return this.host.memberships.all();
  }
  join(namespace: string, room: string, options: AskOptions): Promise<Room> {
    return tame(this.host.memberships.join(namespace, room, options));
  }
  leave(namespace: string, room: string, isLocal: boolean, options: AskOptions): Promise<void> {
    return tame(this.host.memberships.leave(namespace, room, isLocal, options));
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
    return tame(this.#ask(message, options));
  }

  close(code: number, reason: string): void {
    inspectClose(code, reason);
    this.host.close(code, reason);
  }

  /** May this be written now? Counts what may not. */
  #passesGate({ namespace = '', room = '' }: OutgoingMessage): boolean {
    const { view, memberships } = this.host;
    const passes = view.isOpen ? memberships.isMember(namespace, room) : view.isAcknowledging && this.#isNativeOnly;
    if (!passes) this.house.counters.gatedWrites++;
    return passes;
  }

  #ask(message: OutgoingMessage, options: AskOptions): Promise<Message> {
    return new Promise((resolve, reject) => {
      if (!this.#passesGate(message)) throw ErrWrite;
      const token = this.host.questions.open(options, (answer) => settle(answer, resolve, reject));
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
