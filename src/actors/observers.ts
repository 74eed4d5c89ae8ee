import type { AnyActorRef } from 'xstate';
import { isThenable } from './handlers.js';

interface Observing {
  readonly next?: ((state: unknown) => unknown) | undefined;
  readonly error?: ((error: unknown) => unknown) | undefined;
  readonly complete?: (() => unknown) | undefined;
}
type Subscribe = (
  next?: Observing | Observing['next'],
  error?: Observing['error'],
  complete?: Observing['complete'],
) => { unsubscribe(): void };

/**
 * Whoever observes this actor harms nobody (SV16): what an observer throws is reported, and one that does not listen to
 * errors hears of none, where xstate would end the process.
 */
export const guardObservers = (actor: AnyActorRef, report: (error: unknown) => void): void => {
  // Every overload of xstate's comes down to this one.
  const subscribe = actor.subscribe as Subscribe;
  const subscribing: Subscribe = (given, onError, onComplete) => {
    const observer: Observing =
      typeof given === 'object' ? given : { next: given, error: onError, complete: onComplete };
    return subscribe.call(actor, {
      next: (state) => guarded(() => observer.next?.(state), report),
      error: (error) => guarded(() => observer.error?.(error), report),
      complete: () => guarded(() => observer.complete?.(), report),
    });
  };
  actor.subscribe = subscribing as AnyActorRef['subscribe'];
};

/** Runs code whose failure, now or later, is reported and reaches nobody. */
export const guarded = (tell: () => unknown, report: (error: unknown) => void): void => {
  try {
    const told: unknown = tell();
    if (isThenable(told)) Promise.resolve(told).catch(report);
  } catch (error) {
    report(error);
  }
};
