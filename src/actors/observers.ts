import type { AnyActorRef } from 'xstate';

interface Observing {
  readonly next?: ((state: unknown) => void) | undefined;
  readonly error?: ((error: unknown) => void) | undefined;
  readonly complete?: (() => void) | undefined;
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

const guarded = (tell: () => void, report: (error: unknown) => void): void => {
  try {
    tell();
  } catch (error) {
    report(error);
  }
};
