import type { ActorSystem, AnyActorRef, EventObject } from 'xstate';

/** Where time comes from; tests bring one that they turn by hand. */
export interface Clock {
  /** Milliseconds that never go back. */
  now(): number;
  setTimeout(run: () => void, ms: number): unknown;
  clearTimeout(handle: unknown): void;
  /** This timer is no reason for the process to stay. */
  letGo(handle: unknown): void;
  /** Run once the events that are ready have been handled. */
  setImmediate(run: () => void): void;
}

/** One system's timers. */
export const systemClock: Clock = {
  now: () => performance.now(),
  setTimeout: (run, ms) => setTimeout(run, ms),
  // Handed out by setTimeout above.
  clearTimeout: (handle) => clearTimeout(handle as ReturnType<typeof setTimeout>),
  letGo: (handle) => void (handle as ReturnType<typeof setTimeout>).unref(),
  setImmediate: (run) => void setImmediate(run),
};

type System = ActorSystem<{ actors: Record<string, AnyActorRef> }>;

/**
 * xstate's scheduler, indexed by the actor that set the timer. Its own looks through the timers of all actors
 * whenever one stops, which at thousands of connections holds the event loop.
 */
export const useIndexedScheduler = (system: Pick<System, 'scheduler'>, clock: Clock): void => {
  const bySource = new Map<AnyActorRef, Map<string, unknown>>();
  let nextId = 0;

  const forget = (source: AnyActorRef, id: string): void => {
    const timers = bySource.get(source);
    timers?.delete(id);
    if (timers?.size === 0) bySource.delete(source);
  };

  system.scheduler = {
    schedule(source: AnyActorRef, target: AnyActorRef, event: EventObject, delay: number, id = `#${nextId++}`) {
      const timers = bySource.get(source) ?? new Map<string, unknown>();
      bySource.set(source, timers);
      const fire = (): void => {
        forget(source, id);
        target.send(event);
      };
      timers.set(id, clock.setTimeout(fire, delay));
    },
    cancel(source: AnyActorRef, id: string) {
      const handle = bySource.get(source)?.get(id);
      if (handle === undefined) return;
      clock.clearTimeout(handle);
      forget(source, id);
    },
    cancelAll(source: AnyActorRef) {
      for (const handle of bySource.get(source)?.values() ?? []) clock.clearTimeout(handle);
      bySource.delete(source);
    },
  };
};
