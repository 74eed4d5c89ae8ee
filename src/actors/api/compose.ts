import type { DataMessage } from '../../contract/sides.js';
import { Refusal } from '../../protocol/errors.js';
import { isSystemEvent, type Message, OnAnyEvent, systemEvents } from '../../protocol/message.js';
import { isInstance, isThenable } from '../runtime/guard.js';
import type { HandlerFunction } from './handlers.js';
import type { Layer, MiddlewareFunction, MiddlewareHost } from './middleware.js';
import type { NSConn } from './nsConn.js';

/** The result of a message that a middleware has stopped (MW4). */
export const stopped: unique symbol = Symbol('stopped');

/** Error for an ask or a step that a middleware has stopped (MW4). */
export const dropped = new Refusal('dropped');

/** One message on its way through one middleware. */
class Passage {
  #isCalled = false;
  /** Whether the middleware has returned, or its promise has settled. */
  #isOver = false;
  /** Whether the middleware has put another result in the place of the inner one. */
  #isReplaced = false;
  /** What `next` returned. */
  #inner: unknown;
  /** What `next` threw. */
  #thrown: { readonly error: unknown } | undefined;

  constructor(
    private readonly middleware: MiddlewareFunction,
    private readonly handler: HandlerFunction,
    private readonly ns: NSConn,
    private readonly message: Message | DataMessage,
    private readonly host: MiddlewareHost,
  ) {}

  /** Runs the middleware. Returns the result, by a promise only if the middleware or the handler returns one. */
  run(): unknown {
    try {
      const returned = this.middleware(this.ns, this.message, () => this.#next());
      if (!isThenable(returned) || returned === this.#inner) return this.#settle(returned);
      return Promise.resolve(returned).then(
        (late) => this.#settle(late),
        (error: unknown) => this.#fail(error),
      );
    } catch (error) {
      return this.#fail(error);
    }
  }

  #next(): unknown {
    if (this.#isOver) {
      const error = new Error('next() of a middleware was called after the middleware had ended');
      this.host.failed(error, this.message.event, this.ns);
      return undefined;
    }
    if (this.#isCalled) throw new Error('a middleware calls next() at most once for each message');
    this.#isCalled = true;
    const inner = this.#runHandler();
    this.#inner = inner;
    // The middleware may leave this promise alone: its rejection must not end the process.
    if (isThenable(inner)) inner.then(undefined, (error: unknown) => this.#innerFailed(error));
    return inner;
  }

  #runHandler(): unknown {
    try {
      return this.handler(this.ns, this.message);
    } catch (error) {
      this.#thrown = { error };
      throw error;
    }
  }

  #innerFailed(error: unknown): void {
    if (this.#isReplaced) this.host.failed(error, this.message.event, this.ns);
  }

  #settle(returned: unknown): unknown {
    this.#isOver = true;
    if (returned !== undefined && !this.#isDenied(returned)) {
      this.#isReplaced = returned !== this.#inner;
      return returned;
    }
    // A middleware that returns nothing hides no error, so that none is lost.
    if (this.#thrown) throw this.#thrown.error;
    if (this.#isCalled) return this.#inner;
    this.host.counters.stoppedEvents++;
    return stopped;
  }

  /** Whether a lifecycle event is stopped although the middleware returns something, such as false (MW4). */
  #isDenied(returned: unknown): boolean {
    return !this.#isCalled && isSystemEvent(this.message.event) && !isInstance(returned, Error);
  }

  #fail(error: unknown): never {
    this.#isOver = true;
    this.#isReplaced = true;
    throw error;
  }
}

/** Returns a handler with middleware around it, the first outermost; the handler itself if there is none (MW1). */
const compose = (
  layers: readonly MiddlewareFunction[],
  handler: HandlerFunction,
  host: MiddlewareHost,
): HandlerFunction =>
  layers.reduceRight<HandlerFunction>(
    (inner, middleware) => (ns, message) => new Passage(middleware, inner, ns, message, host).run(),
    handler,
  );

const noHandler: HandlerFunction = () => undefined;

/**
 * Returns the handlers of a namespace with middleware around them. Lifecycle events pass only through middleware that
 * asks for them, with or without a handler of their own (MW2).
 */
export const surround = (
  handlers: ReadonlyMap<string, HandlerFunction>,
  layers: readonly Layer[],
  host: MiddlewareHost,
): Map<string, HandlerFunction> => {
  const ofEvents = layers.map(({ run }) => run);
  const ofLifecycle = layers.filter(({ lifecycle }) => lifecycle).map(({ run }) => run);
  const surrounded = new Map(
    Array.from(handlers, ([event, handler]) => [
      event,
      compose(systemEvents.has(event) ? ofLifecycle : ofEvents, handler, host),
    ]),
  );
  const any = handlers.get(OnAnyEvent);
  // Nothing runs where there is neither: it would be measured as a handler.
  if (ofLifecycle.length === 0 && !any) return surrounded;
  for (const event of systemEvents) {
    if (!surrounded.has(event)) surrounded.set(event, compose(ofLifecycle, any ?? noHandler, host));
  }
  return surrounded;
};
