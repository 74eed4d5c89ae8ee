import type { DataMessage } from '../../contract/sides.js';
import type {
  Message,
  OnNamespaceConnect,
  OnNamespaceConnected,
  OnNamespaceDisconnect,
  OnRoomJoin,
  OnRoomJoined,
  OnRoomLeave,
  OnRoomLeft,
} from '../../protocol/message.js';
import { isInstance } from '../runtime/guard.js';
import type { NSConn } from './nsConn.js';

/** A message of a lifecycle event. */
export interface LifecycleMessage extends Omit<Message, 'event'> {
  /** Name of the event. */
  readonly event:
    | typeof OnNamespaceConnect
    | typeof OnNamespaceConnected
    | typeof OnNamespaceDisconnect
    | typeof OnRoomJoin
    | typeof OnRoomJoined
    | typeof OnRoomLeave
    | typeof OnRoomLeft;
}

/**
 * A function around the handlers of events and asks. `next()` runs what is inside and returns its result. A middleware
 * that returns nothing passes on that result; one that does not call `next` stops the message (MW3, MW4).
 * @example
 * const log: Middleware = (ns, { event }, next) => {
 *   console.log(ns.conn.id, event);
 *   return next();
 * };
 */
export type Middleware<Ns = NSConn, Msg = Message | DataMessage> = (
  ns: Ns,
  message: Msg,
  next: () => unknown,
) => unknown;

/** A middleware that is around the handlers of lifecycle events too (MW2). */
export interface LifecycleMiddleware<Ns = NSConn, Msg = Message | DataMessage> {
  /** Always true. */
  readonly lifecycle: true;
  /** The middleware. `isSystemEvent(message.event)` tells a lifecycle event from others. */
  readonly run: Middleware<Ns, Msg | LifecycleMessage>;
}

/** What a middleware of Muster's own works with. */
export interface MiddlewareHost {
  /** Returns the time by the server's clock, in ms. */
  now(): number;
  /** Calls `expire` after `ms`. */
  after(ms: number, expire: () => void): unknown;
  /** What is counted. */
  readonly counters: { stoppedEvents: number; rateRefused: number; rateDropped: number; rateClosed: number };
  /** Counts and reports an error that reaches no client. */
  failed(error: unknown, during: string, ns: NSConn): void;
}

/** A middleware as it is called. */
export type MiddlewareFunction = (ns: NSConn, message: Message | DataMessage, next: () => unknown) => unknown;

/** Carries the type of users that a factory needs. */
declare const needs: unique symbol;

/** A middleware that is made once for each list in which it stands. `rateLimit` returns one. */
export class MiddlewareFactory<User = unknown> {
  /** The type of users. There is no such member at run time. */
  declare readonly [needs]: { takes(user: User): void };

  constructor(
    /** Whether it is around the handlers of lifecycle events too. */
    readonly lifecycle: boolean,
    /** Makes the middleware. */
    readonly make: (host: MiddlewareHost) => MiddlewareFunction,
  ) {}
}

/** What the option `use` takes: middleware, of events alone or of lifecycle events too, and what `rateLimit` returns. */
export type Use<Ns = NSConn, Msg = Message | DataMessage, User = unknown> =
  | Middleware<Ns, Msg>
  | LifecycleMiddleware<Ns, Msg>
  | MiddlewareFactory<User>;

/** The messages that a middleware of the whole server receives. */
export type AnyMessage<App> = [keyof App & string] extends [never] ? Message : Message | DataMessage;

/** One middleware of a list, as it is called. */
export interface Layer {
  /** Whether it is around the handlers of lifecycle events too. */
  readonly lifecycle: boolean;
  /** The middleware. */
  readonly run: MiddlewareFunction;
}

const describe = (value: unknown): string =>
  value === null ? 'null' : Array.isArray(value) ? 'a list' : typeof value === 'object' ? 'an object' : typeof value;

const isLifecycle = (value: unknown): value is { readonly run: MiddlewareFunction } =>
  typeof value === 'object' &&
  value !== null &&
  'lifecycle' in value &&
  value.lifecycle === true &&
  'run' in value &&
  typeof value.run === 'function' &&
  Object.keys(value).length === 2;

const layerOf = (given: unknown, what: string, host: MiddlewareHost): Layer => {
  if (isInstance(given, MiddlewareFactory)) return { lifecycle: given.lifecycle, run: given.make(host) };
  // The types of the options check its parameters.
  if (typeof given === 'function') return { lifecycle: false, run: given as MiddlewareFunction };
  if (isLifecycle(given)) return { lifecycle: true, run: given.run };
  const shapes = 'functions (ns, message, next), { lifecycle: true, run } and rateLimit({ … })';
  throw new TypeError(`${what} takes a list of ${shapes}, got ${describe(given)} in it`);
};

/**
 * Returns the middleware of a list, the outermost first. `what` names the option.
 *
 * @throws {TypeError} when it is no list of middleware
 */
export const layersOf = (use: unknown, what: string, host: MiddlewareHost): readonly Layer[] => {
  if (use === undefined) return [];
  if (Array.isArray(use)) return use.map((one: unknown) => layerOf(one, what, host));
  throw new TypeError(`${what} takes a list of middleware, got ${describe(use)}`);
};
