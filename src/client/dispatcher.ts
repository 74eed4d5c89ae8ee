import { maySend } from '../contract/definitions.js';
import { decodeBody, encodeBody } from '../contract/schema.js';
import {
  decode,
  encodeEmptyReply,
  encodeErrorReply,
  encodeReply,
  type Frame,
  messageFrom,
  type NativeMode,
} from '../protocol/codec.js';
import { ErrBadNamespace, ErrBadRoom, ErrInvalidPayload, Reply } from '../protocol/errors.js';
import {
  type Body,
  isSystemEvent,
  OnAnyEvent,
  OnNamespaceConnect,
  OnNamespaceDisconnect,
  OnNativeMessage,
  OnRoomJoin,
  OnRoomLeave,
  ReceivedMessage,
} from '../protocol/message.js';
import { definitionOf } from './bodies.js';
import type { NSConn } from './handles.js';
import type { Line } from './line/socket.js';
import type { Membership } from './membership.js';
import type { LifecycleFlags, Thrown } from './membershipHost.js';
import type { Runtime } from './runtime.js';

type Call = () => unknown;
type Answer = (error?: unknown) => void;

/** Maximum number of rooms of a namespace into which a server can put a client. */
const maxServerRooms = 1_024;

/** Maximum number of frames that wait for their turn. A client cannot make a server send slower. */
const maxWaiting = 16_384;

/** Takes what comes in: answers at once, steps of the server and events in turns (CL13 to CL18). */
export class Dispatcher {
  constructor(
    private readonly runtime: Runtime,
    /** Whether every message is native. */
    private readonly isNativeOnly: boolean,
  ) {}

  /** Takes a data message. */
  receive(payload: Body, line: Line): void {
    const { asks, counters, outbox, turns } = this.runtime;
    const frame = decode(payload, this.#nativeMode());
    if (turns.size >= maxWaiting) this.runtime.onFlood();
    if (!frame) {
      counters.invalid++;
      return;
    }
    const { wait, event, isNoOp } = frame;
    const isStep = wait !== '' && !isNoOp && steps.has(event);
    if (asks.owns(wait)) {
      outbox.noteAnswer(wait, line);
      if (!asks.end(wait, { frame })) counters.lateAnswers++;
    } else if (wait.startsWith('#')) counters.lateAnswers++;
    else if (isStep) void turns.push(() => this.#serve(frame, line));
    else if (isSystemEvent(event)) counters.invalid++;
    // An ask of another client, broadcast by a Go server with its token, is no ask of this one.
    else void turns.push(() => this.#handle(wait.startsWith('$') ? { ...frame, wait: '' } : frame, line));
  }

  /** Runs the handlers of a lifecycle event. Returns what they threw. Never rejects. */
  async fire(membership: Membership, event: string, flags: LifecycleFlags): Promise<Thrown | undefined> {
    const message = new ReceivedMessage(membership.namespace, membership.room, event);
    try {
      await this.#run(membership, Object.assign(message, flags));
      return undefined;
    } catch (error) {
      return { error };
    }
  }

  /** Returns which payloads are native: those that are no frame, if the program handles them. */
  #nativeMode(): NativeMode {
    if (this.isNativeOnly) return 'only';
    const empty = this.runtime.find('', '');
    const isHandled =
      Object.hasOwn(this.runtime.handlers(''), OnNativeMessage) || empty?.listeners.has(OnNativeMessage);
    return isHandled ? 'mixed' : 'none';
  }

  /** Returns what answers a frame, while its line is the present one. */
  #answerOf(frame: Frame, line: Line): Answer {
    return (error) => {
      if (line !== this.runtime.line || frame.wait === '') return;
      this.runtime.write(error === undefined ? encodeEmptyReply(frame.wait) : encodeErrorReply(frame, error));
    };
  }

  /** Takes a step that the server began. */
  async #serve(frame: Frame, line: Line): Promise<void> {
    const { namespace, room, event } = frame;
    const isPresent = (): boolean => line === this.runtime.line;
    if (!isPresent()) return;
    const answer = this.#answerOf(frame, line);
    const isRoom = event === OnRoomJoin || event === OnRoomLeave;
    if (event === OnNamespaceDisconnect || event === OnRoomLeave) {
      return this.runtime.find(namespace, isRoom ? room : '')?.expel(answer) ?? answer();
    }
    const ns = this.runtime.declared(namespace);
    if (!ns || (isRoom && !ns.isIn)) return answer(ErrBadNamespace);
    if (isRoom && (room === '' || ns.rooms.size >= maxServerRooms)) return answer(ErrBadRoom);
    await (isRoom ? ns.ensureRoom(room) : ns).admit(answer, isPresent);
  }

  /** Handles an event. Never rejects. */
  async #handle(frame: Frame, line: Line): Promise<void> {
    const { namespace, room, event, wait } = frame;
    const { counters, contract } = this.runtime;
    const refuse = this.#answerOf(frame, line);
    const ns = this.runtime.find(namespace, '');
    const membership = this.runtime.find(namespace, room);
    if (!ns?.takesFrom(line) || !membership?.takesFrom(line)) {
      counters.strays++;
      return refuse(ns?.takesFrom(line) ? ErrBadRoom : ErrBadNamespace);
    }
    const message = messageFrom(frame);
    const definition = definitionOf(contract, namespace, event);
    try {
      if (Object.hasOwn(contract, namespace) && !frame.isNative) {
        if (message.err) {
          counters.unhandled++;
          return this.runtime.report(message.err, event, membership);
        }
        const isAllowed = definition && maySend(definition, 'server') && (!definition.answer || wait !== '');
        const decoded = isAllowed ? await decodeBody(definition.schema, frame.body) : undefined;
        if (decoded?.kind !== 'data') {
          counters.invalid++;
          if (decoded) this.runtime.report(decoded.error, event, membership);
          return refuse(decoded ? decoded.error : ErrInvalidPayload);
        }
        Object.assign(message, { data: decoded.data });
      }
      const result = await this.#run(membership, message);
      const answer = definition?.answer && result !== this ? encodeBody(definition.answer, result) : undefined;
      const body = answer ?? (result instanceof Reply ? result.body : undefined);
      if (body !== undefined && line === this.runtime.line) this.runtime.write(encodeReply(frame, body));
      if (result === this) counters.unhandled++;
    } catch (error) {
      this.runtime.report(error, event, membership);
      counters.handlerErrors++;
      refuse(error);
    }
  }

  /**
   * Runs the handlers of a message one after the other. Returns the first result that is not `undefined`, or this
   * dispatcher if there is no handler. An error that a handler returns is thrown.
   */
  async #run(membership: Membership, message: ReceivedMessage): Promise<unknown> {
    const calls = this.#calls(membership, message);
    if (calls.length === 0) return this;
    let first: unknown;
    for (const call of calls) {
      const result = await this.runtime.turns.call(call);
      if (result instanceof Error) throw result;
      first ??= result;
    }
    return first;
  }

  /** Returns the calls of the handlers of a message, else of those of any event. */
  #calls(membership: Membership, message: ReceivedMessage): Call[] {
    const own = this.#callsOf(membership, message, message.event);
    return own.length > 0 ? own : this.#callsOf(membership, message, OnAnyEvent);
  }

  #callsOf(membership: Membership, message: ReceivedMessage, event: string): Call[] {
    const { root } = membership;
    const events = this.runtime.handlers(root.namespace);
    // Listeners of a lifecycle event do not keep it from the program's handler of any event.
    const any = isSystemEvent(event) ? events[OnAnyEvent] : undefined;
    const handler = Object.hasOwn(events, event) ? events[event] : any;
    // A namespace has the handle of a namespace.
    const calls: Call[] = handler ? [() => handler(root.handle as NSConn, message)] : [];
    for (const { listeners } of new Set([root, membership])) {
      for (const listener of listeners.get(event) ?? []) calls.push(() => listener(message));
    }
    return calls;
  }
}

/** The steps that a server can begin. */
const steps: ReadonlySet<string> = new Set([OnNamespaceConnect, OnNamespaceDisconnect, OnRoomJoin, OnRoomLeave]);
