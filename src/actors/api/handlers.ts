import { CloseError, HandlerTimeout, Reply } from '../../protocol/errors.js';
import { type Body, type Message, OnAnyEvent, OnNativeMessage } from '../../protocol/message.js';
import type { Deadlines } from '../runtime/deadlines.js';
import { isInstance, isThenable } from '../runtime/guard.js';
import type { EventBodies, NSConn } from './nsConn.js';

/**
 * A function that handles an event. It returns nothing, answers with `reply(body)`, or throws, at once or by a promise
 * (AK8). Its turn ends when it settles, after `handlerTimeout` (30 s) at the latest (SV4).
 *
 * @example
 * const say: Handler = (ns, { body, room }) => ns.broadcastOthers({ event: 'said', room, body });
 */
export type Handler<Sent extends EventBodies = EventBodies> = (
  ns: NSConn<Sent>,
  message: Message,
) => void | Reply | Promise<void | Reply>;

/**
 * The handlers of a namespace, by the name of the event. `OnAnyEvent` handles the events that have none of their own.
 *
 * @example
 * const chat: Events = { ping: () => reply('pong') };
 */
export type Events<Sent extends EventBodies = EventBodies> = Readonly<Record<string, Handler<Sent>>>;

/**
 * The bodies of the events that the server sends, by namespace and by the event's name.
 *
 * @example
 * const server = new Server<{ chat: { said: string; picture: Uint8Array } }>({ namespaces });
 */
export interface NamespaceBodies {
  /** The bodies of the events of a namespace. */
  readonly [namespace: string]: EventBodies;
}

/** The declared namespaces, each with its handlers. */
export type Namespaces<Sent extends NamespaceBodies = NamespaceBodies> = {
  readonly [Name in keyof Sent]: Events<Sent[Name]>;
};

/** Outcome of code of the program: what it returned or threw. */
export type Outcome =
  | { readonly kind: 'nothing' /** A returned value that has no effect. */; readonly ignored?: unknown }
  | { readonly kind: 'reply'; readonly body: Body }
  | { readonly kind: 'error'; readonly error: unknown };

const nothing: Outcome = { kind: 'nothing' };

/** Where in the program an error was thrown. `onError` receives it. */
export interface Where {
  /** The name of the hook or of the event. */
  readonly during: string;
  /** The id of the connection, if the code ran for one. */
  readonly connection?: string;
  /** The namespace, if the code ran for one. */
  readonly namespace?: string;
}

const outcomeOf = (result: unknown): Outcome => {
  if (result === undefined) return nothing;
  if (isInstance(result, Reply)) return { kind: 'reply', body: result.body };
  if (isInstance(result, Error)) return { kind: 'error', error: result };
  return { kind: 'nothing', ignored: result };
};

/**
 * Runs code of the program and returns its outcome, by a promise only if the code returns one. Never throws. The
 * outcome of code that does not settle within `timeout` ms is a `HandlerTimeout`.
 */
export const runGuarded = (run: () => unknown, deadlines: Deadlines, timeout: number): Outcome | Promise<Outcome> => {
  try {
    const result = run();
    return isThenable(result) ? settleWithin(result, deadlines, timeout) : outcomeOf(result);
  } catch (error) {
    return { kind: 'error', error };
  }
};

const settleWithin = (pending: PromiseLike<unknown>, deadlines: Deadlines, timeout: number): Promise<Outcome> =>
  new Promise((resolve) => {
    const deadline = deadlines.after(timeout, () => resolve({ kind: 'error', error: new HandlerTimeout(timeout) }));
    const settle = (outcome: Outcome): void => {
      deadline.cancel();
      resolve(outcome);
    };
    const failed = (error: unknown): void => settle({ kind: 'error', error });
    try {
      Promise.resolve(pending).then((result) => settle(outcomeOf(result)), failed);
    } catch (error) {
      failed(error);
    }
  });

/** Returns the error if it is a `CloseError`, which closes the connection (AK10). */
export const closesWith = (error: unknown): CloseError | undefined =>
  isInstance(error, CloseError) ? error : undefined;

const describe = (value: unknown): string => (value === null ? 'null' : typeof value);

/** The program's handlers by namespace and event, checked once at the start. */
export class Handlers {
  readonly #namespaces = new Map<string, Map<string, Handler>>();
  /** Whether native messages are handled. */
  readonly takesNative: boolean;
  /** Whether native messages alone are handled: there is no handshake and no frame (HS10). */
  readonly isNativeOnly: boolean;

  /** @throws {TypeError} when there is no namespace, an event is declared twice, or a handler is no function */
  constructor(namespaces: Namespaces, events: Events | undefined) {
    for (const [name, handlers] of Object.entries(namespaces)) this.#declare(name, handlers);
    if (events !== undefined) this.#declare('', events);
    if (this.#namespaces.size === 0) {
      throw new TypeError('a Server needs namespaces: { name: { event(ns, message) {} } } or events: { … }');
    }
    const empty = this.#namespaces.get('');
    this.takesNative = empty?.has(OnNativeMessage) ?? false;
    this.isNativeOnly = this.takesNative && this.#namespaces.size === 1 && empty?.size === 1;
  }

  /** Returns whether a namespace is declared. */
  declares(namespace: string): boolean {
    return this.#namespaces.has(namespace);
  }

  /** The names of the declared namespaces. */
  get namespaces(): string[] {
    return [...this.#namespaces.keys()];
  }

  /** Returns the handler of an event, else that of `OnAnyEvent`. */
  find(namespace: string, event: string): Handler | undefined {
    const events = this.#namespaces.get(namespace);
    return events?.get(event) ?? events?.get(OnAnyEvent);
  }

  #declare(name: string, events: Events): void {
    if (typeof events !== 'object' || events === null) {
      throw new TypeError(`namespace "${name}" takes an object of handlers, got ${describe(events)}`);
    }
    const handlers = this.#namespaces.get(name) ?? new Map<string, Handler>();
    for (const [event, handler] of Object.entries(events)) {
      if (typeof handler !== 'function') {
        throw new TypeError(`"${name}".${event} takes a function (ns, message), got ${describe(handler)}`);
      }
      if (handlers.has(event)) throw new TypeError(`"${name}".${event} is declared twice`);
      handlers.set(event, handler);
    }
    this.#namespaces.set(name, handlers);
  }
}
