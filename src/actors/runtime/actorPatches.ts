import type { ActorSystem, AnyActor, AnyActorRef, EventObject, Subscription } from 'xstate';
import { guarded } from './guard.js';

// Everything here changes an actor of XState from outside, beyond its public API. Checked against XState 5.33.3: check
// each function again when that version changes.

/** An observer of an actor. */
export interface Observing<State = unknown> {
  readonly next?: ((state: State) => unknown) | undefined;
  readonly error?: ((error: unknown) => unknown) | undefined;
  readonly complete?: (() => unknown) | undefined;
}
type Subscribe = (
  next?: Observing | Observing['next'],
  error?: Observing['error'],
  complete?: Observing['complete'],
) => { unsubscribe(): void };

/**
 * Returns the observer that the arguments of `subscribe` stand for, with errors that are reported. It has an `error`
 * callback, as XState would rethrow the error.
 */
export const observerOf = <State>(
  report: (error: unknown) => void,
  given: Observing<State> | Observing<State>['next'],
  onError: Observing['error'],
  onComplete: Observing['complete'],
) => {
  const observer: Observing<State> =
    typeof given === 'object' ? given : { next: given, error: onError, complete: onComplete };
  return {
    next: (state: State): void => guarded(() => observer.next?.(state), report),
    error: (error: unknown): void => guarded(() => observer.error?.(error), report),
    complete: (): void => guarded(() => observer.complete?.(), report),
  };
};

/**
 * Replaces `actor.subscribe` by one whose observers cannot harm the actor (SV16): the error of an observer is reported.
 * An observer without an `error` callback gets a silent one, as XState would rethrow the error and end the process.
 */
export const guardObservers = (actor: AnyActorRef, report: (error: unknown) => void): void => {
  // Every overload of XState's `subscribe` takes these arguments.
  const subscribe = actor.subscribe as Subscribe;
  const subscribing: Subscribe = (given, onError, onComplete) =>
    subscribe.call(actor, observerOf(report, given, onError, onComplete));
  // The overloads are those that `Subscribe` stands for.
  actor.subscribe = subscribing as AnyActorRef['subscribe'];
};

/** How an event gets to an actor. */
export type Send = (event: EventObject) => void;

/** Replaces `actor.send`, for all senders. `wrap` gets the usual `send`, which is bound to the actor. */
export const wrapSend = (actor: AnyActorRef, wrap: (send: Send) => Send): void => {
  actor.send = wrap(actor.send);
};

/** The options that are the same for all child actors of one kind. */
export interface SharedOptions {
  readonly parent: AnyActorRef;
  readonly src: string;
}

/**
 * Replaces the options of a started actor by those that it shares with the actors of its kind. Saves memory: each copy
 * of the options that XState makes is an object with a hidden class of its own, and an actor does not read `id` and
 * `input` from them after its start.
 */
export const shareOptions = (actor: AnyActorRef, shared: SharedOptions): void => {
  // An actor from `createActor` is an `Actor`. The type of a reference hides its options.
  (actor as AnyActor).options = shared;
};

/** The empty lists of actors that nothing listens to. XState reads and clears them. It adds to them in `subscribe` and `on`. */
const lent = { observers: new Set<unknown>(), eventListeners: new Map<unknown, unknown>() } as const;

const isEmpty = (list: unknown): boolean => (list instanceof Set || list instanceof Map) && list.size === 0;

/** The lists of an actor. They are private in its type. */
interface Lists {
  observers?: unknown;
  eventListeners?: unknown;
}

/** Lends an actor the empty lists of listeners. Most actors of connections never have a listener. */
export const lendListeners = (actor: object): void => {
  const lists: Lists = actor;
  if (isEmpty(lists.observers)) lists.observers = lent.observers;
  if (isEmpty(lists.eventListeners)) lists.eventListeners = lent.eventListeners;
};

/** Gives an actor lists of its own in place of those that were lent. Call it before a listener is added. */
export const ownListeners = (actor: object): void => {
  const lists: Lists = actor;
  if (lists.observers === lent.observers) lists.observers = new Set();
  if (lists.eventListeners === lent.eventListeners) lists.eventListeners = new Map();
};

/** Frees the room that an actor keeps for effects which XState has deferred. They are over. */
export const freeDeferred = (actor: object): void => {
  const deferred: unknown = Reflect.get(actor, '_deferred');
  if (Array.isArray(deferred) && deferred.length === 0) deferred.length = 0;
};

type System = ActorSystem<{ actors: Record<string, AnyActorRef> }>;

/** The number of inspectors of each system that is watched. */
const inspectors = new WeakMap<object, number>();

/** Counts the inspectors of an actor system from now on. It must not have any yet. */
export const watchInspectors = (system: Pick<System, 'inspect'>): void => {
  inspectors.set(system, 0);
  const change = (by: number): void => void inspectors.set(system, (inspectors.get(system) ?? 0) + by);
  const inspect = system.inspect.bind(system);
  system.inspect = (observer): Subscription => {
    const subscription = inspect(observer);
    let isOver = false;
    change(1);
    return {
      unsubscribe: () => {
        subscription.unsubscribe();
        if (!isOver) change(-1);
        isOver = true;
      },
    };
  };
};

/** Returns whether a system may have an inspector: it has one, or is not watched. */
export const isInspected = (system: object): boolean => inspectors.get(system) !== 0;
