import type { ActorSystem, AnyActorRef, EventObject } from 'xstate';
import type { Clock } from '../runtime/clock.js';

type System = ActorSystem<{ actors: Record<string, AnyActorRef> }>;

interface Timer {
  readonly id: string;
  readonly handle: unknown;
  next: Timer | undefined;
}

/**
 * Replaces the scheduler of an actor system by one that indexes timers by their actor. The scheduler of XState 5.33.3
 * scans the timers of all actors whenever one stops, which blocks the event loop at thousands of connections.
 */
export const useIndexedScheduler = (system: Pick<System, 'scheduler'>, clock: Clock): void => {
  /** The first timer of each actor. An actor has few, so they are a list. */
  const first = new Map<AnyActorRef, Timer>();
  let nextId = 0;

  /** Takes a timer off the list of its actor. */
  const remove = (source: AnyActorRef, id: string): Timer | undefined => {
    let before: Timer | undefined;
    let timer = first.get(source);
    while (timer && timer.id !== id) {
      before = timer;
      timer = timer.next;
    }
    if (!timer) return undefined;
    if (before) before.next = timer.next;
    else if (timer.next) first.set(source, timer.next);
    else first.delete(source);
    return timer;
  };

  system.scheduler = {
    schedule(source: AnyActorRef, target: AnyActorRef, event: EventObject, delay: number, id = `#${nextId++}`) {
      const fire = (): void => {
        remove(source, id);
        target.send(event);
      };
      // As in XState, a timer of the same id is no longer known, and still fires.
      remove(source, id);
      first.set(source, { id, handle: clock.setTimeout(fire, delay), next: first.get(source) });
    },
    cancel(source: AnyActorRef, id: string) {
      const timer = remove(source, id);
      if (timer) clock.clearTimeout(timer.handle);
    },
    cancelAll(source: AnyActorRef) {
      for (let timer = first.get(source); timer; timer = timer.next) clock.clearTimeout(timer.handle);
      first.delete(source);
    },
  };
};
