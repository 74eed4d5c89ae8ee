import { CloseError, HandlerTimeout, Reply } from '../../protocol/errors.js';
import { type Body, type Message, OnAnyEvent, OnNativeMessage } from '../../protocol/message.js';
import type { Deadlines } from '../runtime/deadlines.js';
import { isInstance, isThenable } from '../runtime/guard.js';
import type { EventBodies, NSConn } from './handles.js';

/** What a handler may do: nothing, answer with `reply(body)`, or throw; also later, by a promise. */
export type Handler<Sent extends EventBodies = EventBodies> = (
  ns: NSConn<Sent>,
  message: Message,
) => void | Reply | Promise<void | Reply>;

/** Event names and their handlers. */
export type Events<Sent extends EventBodies = EventBodies> = Readonly<Record<string, Handler<Sent>>>;

/** What the server sends in each namespace: `{ chat: { said: string; picture: Uint8Array } }`. */
export interface NamespaceBodies {
  readonly [namespace: string]: EventBodies;
}

/** Namespaces and their events. */
export type Namespaces<Sent extends NamespaceBodies = NamespaceBodies> = {
  readonly [Name in keyof Sent]: Events<Sent[Name]>;
};

/** What came of running user code. */
export type Outcome =
  | { readonly kind: 'nothing' /** What was returned in vain. */; readonly ignored?: unknown }
  | { readonly kind: 'reply'; readonly body: Body }
  | { readonly kind: 'error'; readonly error: unknown };

const nothing: Outcome = { kind: 'nothing' };

/** Where in the user's code something went wrong. */
export interface Where {
  /** The hook or event that failed. */
  readonly during: string;
  readonly connection?: string;
  readonly namespace?: string;
}

const outcomeOf = (result: unknown): Outcome => {
  if (result === undefined) return nothing;
  if (isInstance(result, Reply)) return { kind: 'reply', body: result.body };
  if (isInstance(result, Error)) return { kind: 'error', error: result };
  return { kind: 'nothing', ignored: result };
};

/** Runs user code so that whatever it does comes back as an outcome, at the latest after `timeout` milliseconds. */
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

/** Does this error ask for the connection to be closed? */
export const closesWith = (error: unknown): CloseError | undefined =>
  isInstance(error, CloseError) ? error : undefined;

const describe = (value: unknown): string => (value === null ? 'null' : typeof value);

/** The user's event map, checked once: event -> handler. */
export class Handlers {
  readonly #namespaces = new Map<string, Map<string, Handler>>();
  readonly takesNative: boolean;
  /** Only native messages are handled: there is no handshake and no frame. */
  readonly isNativeOnly: boolean;

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

  declares(namespace: string): boolean {
    return this.#namespaces.has(namespace);
  }

  get namespaces(): string[] {
    return [...this.#namespaces.keys()];
  }

  /** The handler of this very event, else the one for any event. */
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
