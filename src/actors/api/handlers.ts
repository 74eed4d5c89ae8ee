import { maySend } from '../../contract/definitions.js';
import type { DataMessage } from '../../contract/sides.js';
import {
  CloseError,
  type CloseReasonName,
  closeReasons,
  HandlerTimeout,
  isKnownError,
  Refusal,
  Reply,
} from '../../protocol/errors.js';
import { type Body, type Message, OnAnyEvent, OnNativeMessage, systemEvents } from '../../protocol/message.js';
import type { Deadlines } from '../runtime/deadlines.js';
import { isInstance, isThenable } from '../runtime/guard.js';
import { stopped, surround } from './compose.js';
import type { ContractGate } from './contractGate.js';
import { type Layer, layersOf, type MiddlewareHost } from './middleware.js';
import { checkNamespace, DeclaredNamespace } from './namespace.js';
import type { NSConn } from './nsConn.js';
import type {
  EventBodies,
  HandlerName,
  HandlerOfAnyName,
  MessageOf,
  NoContract,
  ResultOf,
  VocabularyOf,
} from './vocabulary.js';

/**
 * A function that handles an event of a namespace without a contract. It returns nothing, answers with `reply(body)`, or
 * throws, at once or by a promise (AK8). Its turn ends when it settles, after `handlerTimeout` (30 s) at the latest (SV4).
 *
 * @example
 * const say: Handler = (ns, { body, room }) => ns.broadcastOthers({ event: 'said', room, body });
 */
export type Handler<V = EventBodies, User = unknown, App = NoContract, Chart = unknown> = (
  ns: NSConn<V, User, App, Chart>,
  message: Message,
) => void | Reply | Promise<void | Reply>;

/**
 * The handlers of a namespace without a contract, by the name of the event. `OnAnyEvent` handles the events that have
 * none of their own.
 *
 * @example
 * const chat: Events = { ping: () => reply('pong') };
 */
export type Events<V = EventBodies, User = unknown, App = NoContract, Chart = unknown> = Readonly<
  Record<string, Handler<V, User, App, Chart>>
>;

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

/**
 * The declared namespaces, each with its handlers. Those of a contract handle what a client may send, by `data`; the
 * handler of an ask returns the answer (CT3). Each of the others handles any event, by its body.
 */
export type Namespaces<Sent = NamespaceBodies, App = NoContract, User = unknown, Chart = unknown> = {
  readonly [Name in keyof (Sent & App)]?:
    | HandlersOf<Sent, App, User, Name, Chart>
    | DeclaredNamespace<Name extends keyof App ? App[Name] : undefined, User, Chart>;
};

/** The handlers of one namespace, by the name of the event. */
export type HandlersOf<Sent, App, User, Name, Chart = unknown> = {
  // One function type for all: a conditional type here would be resolved before `authenticate` has told the user.
  readonly [Event in HandlerName<App, Name>]?:
    | ((
        ns: NSConn<VocabularyOf<Sent, App, Name>, User, App, Chart>,
        message: MessageOf<App, Name, Event>,
      ) => ResultOf<App, Name, Event>)
    | HandlerOfAnyName<App, Name>;
};

/** A handler of any namespace, as it is called. */
export type HandlerFunction = (ns: NSConn, message: Message | DataMessage) => unknown;

/** Outcome of code of the program: what it returned or threw. */
export type Outcome =
  | { readonly kind: 'nothing' /** A returned value that has no effect. */; readonly ignored?: unknown }
  | { readonly kind: 'reply'; readonly body: Body }
  /** A middleware has kept the message from its handler. */
  | { readonly kind: 'stopped' }
  | { readonly kind: 'error'; readonly error: unknown };

/** What comes of a handler that answers nothing, and of none. */
export const nothing: Outcome = { kind: 'nothing' };
const wasStopped: Outcome = { kind: 'stopped' };

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
  if (result === stopped) return wasStopped;
  if (isInstance(result, Reply)) return { kind: 'reply', body: result.body };
  if (isInstance(result, Error)) return { kind: 'error', error: result };
  return { kind: 'nothing', ignored: result };
};

/** Runs code of the program as `runHandler` does. */
export const runGuarded = (run: () => unknown, deadlines: Deadlines, timeout: number): Outcome | Promise<Outcome> =>
  runHandler(run, undefined, undefined, deadlines, timeout);

/**
 * Runs code of the program and returns its outcome, by a promise only if the code returns one. Never throws. The
 * outcome of code that does not settle within `timeout` ms is a `HandlerTimeout`.
 */
export const runHandler = <First, Second>(
  run: (first: First, second: Second) => unknown,
  first: First,
  second: Second,
  deadlines: Deadlines,
  timeout: number,
): Outcome | Promise<Outcome> => {
  try {
    const result = run(first, second);
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

/** Error by which a rule of Muster closes a connection while it handles a message. The program is not at fault. */
export class RuleBroken extends CloseError {
  /** Creates the error for a reason of Muster. */
  constructor(readonly reason: CloseReasonName) {
    super(closeReasons[reason].code, closeReasons[reason].text);
  }
}

/** Returns the reason of Muster's own for which an error closes a connection, if there is one. */
export const closeCauseOf = (error: CloseError): CloseReasonName | undefined =>
  isInstance(error, RuleBroken) ? error.reason : undefined;

/** Returns whether the program has said no on purpose: by a `Refusal`, or by a known error (MW8). */
export const isRefusal = (thrown: unknown): boolean =>
  isInstance(thrown, Refusal) || isInstance(thrown, RuleBroken) || isKnownError(thrown);

const describe = (value: unknown): string => (value === null ? 'null' : typeof value);

/** The names of handlers that no contract describes. */
const unwritten: readonly string[] = [...systemEvents, OnAnyEvent];

/** Middleware around all handlers of a server, and what it works with. */
export interface ServerMiddleware {
  /** The option `use`. */
  readonly use: unknown;
  /** What a middleware of Muster's own works with. */
  readonly host: MiddlewareHost;
}

/** The program's handlers by namespace and event, checked once at the start. */
export class Handlers {
  readonly #namespaces = new Map<string, Map<string, HandlerFunction>>();
  /** The namespaces in which no client joins a room by itself (RM8). */
  readonly #closed = new Set<string>();
  /** Whether native messages are handled. */
  readonly takesNative: boolean;
  /** Whether native messages alone are handled: there is no handshake and no frame (HS10). */
  readonly isNativeOnly: boolean;

  /**
   * @throws {TypeError} when there is no namespace, an event is declared twice, a handler or middleware is none, or a
   * handler handles what the contract does not allow a client to send (CT8)
   */
  constructor(
    namespaces: Namespaces,
    events: unknown,
    private readonly gate?: ContractGate,
    middleware?: ServerMiddleware,
  ) {
    const inner = new Map<string, readonly Layer[]>();
    for (const name of gate?.namespaces ?? []) this.#declare(name, {});
    const given: [string, unknown][] = Object.entries(namespaces);
    for (const [name, declared] of events === undefined ? given : [...given, ['', events] as const]) {
      const layers = this.#take(name, declared, middleware);
      if (layers.length > 0) inner.set(name, [...(inner.get(name) ?? []), ...layers]);
    }
    if (this.#namespaces.size === 0) {
      throw new TypeError('a Server needs namespaces: { name: { event(ns, message) {} } } or events: { … }');
    }
    const empty = this.#namespaces.get('');
    this.takesNative = empty?.has(OnNativeMessage) ?? false;
    const hasEvents = this.#namespaces.size > 1 || empty?.size !== 1 || gate?.definitionsOf('') !== undefined;
    this.isNativeOnly = this.takesNative && !hasEvents;
    if (middleware) this.#surround(layersOf(middleware.use, 'option "use"', middleware.host), inner, middleware.host);
  }

  /** Returns whether a namespace is declared. */
  declares(namespace: string): boolean {
    return this.#namespaces.has(namespace);
  }

  /** Returns whether only the server puts clients into rooms of a namespace (RM8). */
  hasClosedRooms(namespace: string): boolean {
    return this.#closed.has(namespace);
  }

  /** The names of the declared namespaces. */
  get namespaces(): string[] {
    return [...this.#namespaces.keys()];
  }

  /** Returns the handler of an event, else that of `OnAnyEvent`. */
  find(namespace: string, event: string): HandlerFunction | undefined {
    const events = this.#namespaces.get(namespace);
    return events?.get(event) ?? events?.get(OnAnyEvent);
  }

  /** Declares a namespace. Returns the middleware of its own. */
  #take(name: string, declared: unknown, middleware: ServerMiddleware | undefined): readonly Layer[] {
    if (!isInstance(declared, DeclaredNamespace)) {
      this.#declare(name, declared);
      return [];
    }
    const { shape, handlers } = declared;
    if (shape !== undefined && !this.gate?.isShapeOf(name, shape)) {
      throw new TypeError(`namespace "${name}" takes that namespace of the server's contract, or none`);
    }
    const { use, isClosed } = checkNamespace(name, declared);
    if (isClosed) this.#closed.add(name);
    this.#declare(name, handlers);
    return middleware ? layersOf(use, `option "use" of namespace "${name}"`, middleware.host) : [];
  }

  /** Puts middleware around the handlers, once and for all messages. */
  #surround(outer: readonly Layer[], inner: ReadonlyMap<string, readonly Layer[]>, host: MiddlewareHost): void {
    for (const [name, handlers] of this.#namespaces) {
      const layers = [...outer, ...(inner.get(name) ?? [])];
      if (layers.length > 0) this.#namespaces.set(name, surround(handlers, layers, host));
    }
  }

  #declare(name: string, events: unknown): void {
    if (typeof events !== 'object' || events === null) {
      throw new TypeError(`namespace "${name}" takes an object of handlers, got ${describe(events)}`);
    }
    const handlers = this.#namespaces.get(name) ?? new Map<string, HandlerFunction>();
    for (const [event, handler] of Object.entries(events)) {
      if (typeof handler !== 'function') {
        throw new TypeError(`"${name}".${event} takes a function (ns, message), got ${describe(handler)}`);
      }
      if (handlers.has(event)) throw new TypeError(`"${name}".${event} is declared twice`);
      checkHandled(name, event, this.gate);
      // The types of the options check its parameters.
      handlers.set(event, handler as HandlerFunction);
    }
    this.#namespaces.set(name, handlers);
  }
}

/** Checks that clients may send an event that has a handler (CT8). */
const checkHandled = (namespace: string, event: string, gate: ContractGate | undefined): void => {
  const definitions = gate?.definitionsOf(namespace);
  if (!definitions || unwritten.includes(event) || (namespace === '' && event === OnNativeMessage)) return;
  const definition = definitions.get(event);
  if (definition && maySend(definition, 'client')) return;
  const received = [...definitions].filter(([, one]) => maySend(one, 'client')).map(([name]) => `"${name}"`);
  throw new TypeError(
    `the contract lets no client send "${namespace}".${event}; handlers are for ${received.join(', ') || 'no event'}, ${unwritten.join(', ')}`,
  );
};
