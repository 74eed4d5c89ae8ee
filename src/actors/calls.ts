import type { AnyActorRef } from 'xstate';
import { encode, errorFrom, messageFrom } from '../protocol/codec.js';
import { ErrWrite } from '../protocol/errors.js';
import { assertOutgoing, type Body, type Message, type OutgoingMessage } from '../protocol/message.js';
import type { Answer, AskOptions } from './asks.js';
import type { ConnPort, NSConn, Room, ServerFace, UpgradeRequest } from './handles.js';
import type { Memberships } from './memberships.js';
import type { Questions } from './questions.js';

/** What the calls need of their connection. */
export interface CallsHost {
  readonly id: string;
  readonly request: UpgradeRequest;
  readonly actor: AnyActorRef;
  readonly isClosed: boolean;
  readonly pressure: number;
  readonly memberships: Memberships;
  /** May this be written now? Counts what may not. */
  passesGate(namespace: string, room: string): boolean;
  send(payload: Body): void;
  readonly questions: Questions;
  close(code: number, text: string): void;
  /** The server agrees to this connection, if it has not yet. */
  agree(): void;
  /** Runs when it is open, at once if it is. */
  whenOpen(open: () => void, never: (error: unknown) => void): void;
}

/** A rejection that nobody looks at must not end the process: a client's refusal is no fault of the program. */
const tame = <T>(promise: Promise<T>): Promise<T> => {
  promise.catch(() => {});
  return promise;
};

const inspectClose = (code: number, reason: string): void => {
  const isRegistered = code >= 1000 && code <= 1014 && code !== 1004 && code !== 1005 && code !== 1006;
  if (!Number.isInteger(code) || !(isRegistered || (code >= 3000 && code <= 4999))) {
    throw new RangeError(`close takes a code that may be sent – 1000 to 1014 or 3000 to 4999 –, got ${String(code)}`);
  }
  if (new TextEncoder().encode(reason).length > 123) {
    throw new RangeError(`close takes a reason of at most 123 bytes, got ${reason.length} characters`);
  }
};

/** What user code does with a connection. */
export class Calls implements ConnPort {
  readonly isClient = false;

  constructor(
    private readonly host: CallsHost,
    readonly server: ServerFace,
  ) {}

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
    const { host } = this;
    host.agree();
    const connected = new Promise<NSConn>((resolve, reject) => {
      host.whenOpen(() => host.memberships.connect(namespace, options).then(resolve, reject), reject);
    });
    return tame(connected);
  }

  waitConnect(namespace: string, options: AskOptions): Promise<NSConn> {
    const expire = (give: (error: unknown) => void) => this.host.questions.expire(options.timeout, give);
    return tame(this.host.memberships.awaitConnect(namespace, options.signal, expire));
  }

  disconnect(namespace: string, options: AskOptions): Promise<void> {
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
    if (!this.host.passesGate(message.namespace ?? '', message.room ?? '')) return false;
    this.host.send(encode(message));
    return true;
  }

  ask(message: OutgoingMessage, options: AskOptions): Promise<Message> {
    assertOutgoing(message);
    return tame(this.#ask(message, options));
  }

  close(code: number, reason: string): void {
    inspectClose(code, reason);
    this.host.close(code, reason);
  }

  #ask(message: OutgoingMessage, options: AskOptions): Promise<Message> {
    return new Promise((resolve, reject) => {
      if (!this.host.passesGate(message.namespace ?? '', message.room ?? '')) throw ErrWrite;
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
