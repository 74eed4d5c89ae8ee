import { type Definitions, maySend } from '../contract/definitions.js';
import { decodeBody, encodeBody } from '../contract/schema.js';
import { encodeErrorReply, encodeReply, type Frame, messageFrom, type NativeMode } from '../protocol/codec.js';
import { ErrBadNamespace, ErrBadRoom, ErrInvalidPayload, Reply } from '../protocol/errors.js';
import { type Body, type Message, OnAnyEvent, OnNativeMessage, ReceivedMessage } from '../protocol/message.js';
import type { NSConn } from './handles.js';
import type { ClientCounters } from './line/counters.js';
import type { Membership } from './membership.js';
import type { LifecycleFlags, Thrown } from './membershipTable.js';
import type { Events, Where } from './options.js';
import type { Turns } from './turns.js';

/** What the dispatcher needs of its client. */
export interface DispatcherHost {
  /** The turns of the client. */
  readonly turns: Turns;
  /** The counters of the client. */
  readonly counters: ClientCounters;
  /** The handlers of the options. */
  readonly declared: ReadonlyMap<string, Events>;
  /** The contract. */
  readonly contract: ReadonlyMap<string, Definitions>;
  /** Returns a namespace or room that is known. */
  find(namespace: string, room: string): Membership | undefined;
  /** Tells the program an error. */
  report(error: unknown, where: Where): void;
}

/** The line on which a frame came. */
export interface Origin {
  /** Whether it is the present line. */
  readonly isPresent: boolean;
  /** Sends the answer, if it is. */
  send(payload: Body): void;
}

type Call = () => unknown;

/** Gives what came in to the handlers of the program (CL16, CL17). */
export class Dispatcher {
  constructor(private readonly host: DispatcherHost) {}

  /** Which payloads are native messages: those that are no frame, if the program handles them (CL18). */
  get nativeMode(): NativeMode {
    const isHandled = this.#has('', OnNativeMessage);
    return isHandled ? 'mixed' : 'none';
  }

  /** Handles an event. Never rejects. */
  async handle(frame: Frame, origin: Origin): Promise<void> {
    const { namespace, room, event, wait } = frame;
    const { counters } = this.host;
    const refuse = (error: unknown): void => {
      if (wait !== '') origin.send(encodeErrorReply(frame, error));
    };
    if (!this.#isHere(namespace, '', origin)) {
      counters.strays++;
      return refuse(ErrBadNamespace);
    }
    if (room !== '' && !this.#isHere(namespace, room, origin)) {
      counters.strays++;
      return refuse(ErrBadRoom);
    }
    const message = messageFrom(frame);
    const definitions = frame.isNative ? undefined : this.host.contract.get(namespace);
    const definition = definitions?.get(event);
    if (definitions) {
      if (message.err) return this.host.report(message.err, { during: event, namespace, room });
      const isAllowed = definition && maySend(definition, 'server') && (!definition.answer || wait !== '');
      const decoded = isAllowed ? await decodeBody(definition.schema, frame.body) : undefined;
      if (decoded?.kind !== 'data') {
        counters.invalid++;
        if (decoded) this.host.report(decoded.error, { during: event, namespace, room });
        return refuse(decoded ? decoded.error : ErrInvalidPayload);
      }
      Object.assign(message, { data: decoded.data });
    }
    try {
      const calls = this.#calls(message);
      if (calls.length === 0) {
        counters.unhandled++;
        return;
      }
      const result = await this.#run(calls);
      if (definition?.answer) origin.send(encodeReply(frame, encodeBody(definition.answer, result)));
      else if (result instanceof Reply) origin.send(encodeReply(frame, result.body));
    } catch (error) {
      counters.handlerErrors++;
      this.host.report(error, { during: event, namespace, room });
      refuse(error);
    }
  }

  /** Runs the handlers of a lifecycle event. Returns what they threw. Never rejects. */
  async fire({ namespace, room }: Membership, event: string, flags: LifecycleFlags): Promise<Thrown | undefined> {
    try {
      await this.#run(this.#calls(Object.assign(new ReceivedMessage(namespace, room, event), flags)));
      return undefined;
    } catch (error) {
      return { error };
    }
  }

  /** Runs handlers one after the other. Returns the first result that is not `undefined`; a returned error is thrown. */
  async #run(calls: readonly Call[]): Promise<unknown> {
    let first: unknown;
    for (const call of calls) {
      const result = await this.host.turns.call(call);
      if (result instanceof Error) throw result;
      first ??= result;
    }
    return first;
  }

  /** The calls of the handlers of a message, else of those of any event. */
  #calls(message: Message): Call[] {
    const own = this.#callsOf(message, message.event);
    return own.length > 0 ? own : this.#callsOf(message, OnAnyEvent);
  }

  #callsOf(message: Message, event: string): Call[] {
    const { namespace, room } = message;
    const ns = this.host.find(namespace, '');
    const calls: Call[] = [];
    const events = this.host.declared.get(namespace);
    // A namespace has the handle of a namespace.
    const handle = ns?.handle as NSConn | undefined;
    if (events && handle && Object.hasOwn(events, event)) calls.push(() => events[event]?.(handle, message));
    const added = [ns, room === '' ? undefined : this.host.find(namespace, room)];
    for (const membership of added) {
      for (const listener of membership?.listeners.get(event) ?? []) calls.push(() => listener(message));
    }
    return calls;
  }

  #has(namespace: string, event: string): boolean {
    return this.#callsOf(new ReceivedMessage(namespace, '', event), event).length > 0;
  }

  /** Whether the client is in a namespace or room, or was when the frame came. */
  #isHere(namespace: string, room: string, origin: Origin): boolean {
    const membership = this.host.find(namespace, room);
    return membership !== undefined && (membership.presence !== 'out' || (!origin.isPresent && membership.isKept));
  }
}
