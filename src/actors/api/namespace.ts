import type { NamespaceShape } from '../../contract/definitions.js';
import type { DataMessage, ReceivedBy, ReceivedOf, Unwritten } from '../../contract/sides.js';
import type { Message } from '../../protocol/message.js';
import { isPlainObject } from '../runtime/guard.js';
import type { Use } from './middleware.js';
import type { NSConn } from './nsConn.js';
import type { EventBodies, MessageOf, NoContract, ResultOf } from './vocabulary.js';

/** Options of one namespace. */
export interface NamespaceOptions<Ns = NSConn, Msg = Message | DataMessage, User = unknown> {
  /** Middleware around the handlers of this namespace, inside the server's own (MW1). Default: none. */
  readonly use?: readonly Use<Ns, Msg, User>[];
  /**
   * Which side may put a client into a room. `'open'`: any client joins any room, unless `OnRoomJoin` refuses.
   * `'closed'`: only the server does, by `joinRoom` (RM8). Default `'open'`.
   */
  readonly rooms?: 'open' | 'closed';
}

/** Carries the types of a namespace. */
declare const types: unique symbol;

/** A namespace with its options and handlers. `namespace` returns it for the option `namespaces`. */
export class DeclaredNamespace<Shape = undefined, User = unknown, Chart = unknown> {
  /** The events of the contract, and the types of users and of charts. There is no such member at run time. */
  declare readonly [types]: { takes(user: User, chart: Chart): Shape };

  constructor(
    /** The namespace of the contract, if there is one. */
    readonly shape: unknown,
    /** The options. */
    readonly options: unknown,
    /** The handlers, by the name of the event. */
    readonly handlers: unknown,
  ) {}
}

/** The messages of the events and asks that a client may send. */
export type ShapeMessage<Shape extends NamespaceShape> = {
  [Event in ReceivedBy<Shape, 'server'>]: DataMessage<Event, ReceivedOf<Shape[Event]>>;
}[ReceivedBy<Shape, 'server'>];

/** The handlers of a namespace of a contract, by the name of the event. */
export type ShapeHandlers<Shape extends NamespaceShape, User, App, Chart = unknown> = {
  readonly [Event in ReceivedBy<Shape, 'server'> | Unwritten]?: (
    ns: NSConn<Shape, User, App, Chart>,
    message: Event extends ReceivedBy<Shape, 'server'>
      ? DataMessage<Event, ReceivedOf<Shape[Event]>>
      : MessageOf<{ readonly namespace: Shape }, 'namespace', Event>,
  ) => ResultOf<{ readonly namespace: Shape }, 'namespace', Event>;
};

/** The handlers of a namespace without a contract, by the name of the event. */
export type PlainHandlers<User, App, Chart = unknown> = {
  readonly [event: string]: (
    ns: NSConn<EventBodies, User, App, Chart>,
    message: Message,
  ) => ResultOf<NoContract, string, string>;
};

/**
 * Declares a namespace with options: middleware, and which side opens its rooms. The namespace of the contract stands
 * first, where there is one, so that handlers and middleware are typed by it (MW5).
 * @throws {TypeError} when the server is created, if an option, a middleware or a handler is wrong.
 * @example
 * new Server({ contract: app, namespaces: { chat: namespace(app.chat, { rooms: 'closed' }, { say(ns, msg) {} }) } });
 */
export function namespace<Shape extends NamespaceShape, User = unknown, App = NoContract, Chart = unknown>(
  shape: Shape,
  options: NamespaceOptions<
    NSConn<Shape, NoInfer<User>, NoInfer<App>, NoInfer<Chart>>,
    ShapeMessage<Shape>,
    NoInfer<User>
  >,
  handlers: ShapeHandlers<Shape, NoInfer<User>, NoInfer<App>, NoInfer<Chart>>,
): DeclaredNamespace<Shape, User, Chart>;
/**
 * Declares a namespace without a contract, with options (MW5).
 * @throws {TypeError} when the server is created, if an option, a middleware or a handler is wrong.
 * @example
 * new Server({ namespaces: { chat: namespace({ use: [log] }, { say: (ns, msg) => ns.broadcast(msg) }) } });
 */
export function namespace<User = unknown, App = NoContract, Chart = unknown>(
  options: NamespaceOptions<NSConn<EventBodies, NoInfer<User>, NoInfer<App>, NoInfer<Chart>>, Message, NoInfer<User>>,
  handlers: PlainHandlers<NoInfer<User>, NoInfer<App>, NoInfer<Chart>>,
): DeclaredNamespace<undefined, User, Chart>;
export function namespace(...given: readonly unknown[]): unknown {
  const [handlers, options, shape] = given.toReversed();
  if (given.length === 2 || given.length === 3) return new DeclaredNamespace(shape, options, handlers);
  const forms = 'namespace(app.name, options, handlers), or namespace(options, handlers) without a contract';
  throw new TypeError(`${forms}; got ${given.length} argument${given.length === 1 ? '' : 's'}`);
}

const known: ReadonlySet<string> = new Set(['use', 'rooms']);

/**
 * Checks the options of a namespace.
 *
 * @throws {TypeError} when an option is unknown or wrong
 */
export const checkNamespace = (
  name: string,
  { options, handlers, shape }: DeclaredNamespace,
): { readonly use: unknown; readonly isClosed: boolean } => {
  const what = `namespace "${name}"`;
  if (!isPlainObject(options)) {
    throw new TypeError(`${what} takes an object of options before its handlers, got ${String(options)}`);
  }
  for (const option of Object.keys(options)) {
    if (known.has(option)) continue;
    const isSwapped = shape === undefined && typeof Reflect.get(options, option) === 'function';
    const order = isSwapped && handlers !== undefined ? '; the options stand before the handlers' : '';
    throw new TypeError(`option "${option}" of ${what} is unknown; known are ${[...known].join(', ')}${order}`);
  }
  const { use, rooms = 'open' }: { use?: unknown; rooms?: unknown } = options;
  if (rooms !== 'open' && rooms !== 'closed') {
    throw new TypeError(`option "rooms" of ${what} takes 'open' or 'closed', got ${String(rooms)}`);
  }
  return { use, isClosed: rooms === 'closed' };
};
