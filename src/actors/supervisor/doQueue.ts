import { HandlerTimeout } from '../../protocol/errors.js';
import { type Outcome, runGuarded } from '../api/handlers.js';
import type { Conn } from '../api/handles.js';
import type { Walk } from '../runtime/background.js';
import type { Sweeper } from '../runtime/deadlines.js';
import { isInstance } from '../runtime/guard.js';

export type Visit = (conn: Conn) => unknown;

/** A connection that can be visited. */
export interface Visited {
  readonly conn: Conn;
  readonly isClosed: boolean;
  /** While its visitor is not done: what that does is not what `onConnect` does. */
  isVisited: boolean;
}

/** A walk of `do` that somebody waits for. */
export interface Visiting {
  readonly visit: Visit;
  readonly done: (failure?: unknown) => void;
}

/** A visitor did not settle in time, and a walk that was asked for meanwhile may be what it waits for. */
const makeSelfTimeout = (timeout: number): HandlerTimeout => {
  const error = new HandlerTimeout(timeout);
  error.message += '; a walk was asked for meanwhile: a do awaited by its own visitor waits for itself';
  return error;
};

/** The walk of `do`: each connection once, in order of registration, in slices; a visitor may be asynchronous (DO1). */
export class Visits implements Walk {
  readonly #queue: Visiting[] = [];
  /** Walks that were ever queued. */
  #queued = 0;
  #rest: Iterator<Visited> | undefined;
  #current: Visiting | undefined;
  #failures: unknown[] = [];

  constructor(
    private readonly now: () => number,
    private readonly sweeper: Sweeper,
    private readonly timeout: number,
    private readonly report: (error: unknown) => void,
    private readonly wake: () => void,
    /** The walk has ended; its promise is settled after this. */
    private readonly ended: () => void,
  ) {}

  queue(visiting: Visiting): void {
    this.#queue.push(visiting);
    this.#queued++;
  }

  /** Begins the walk that was queued first, over these. */
  begin(all: Iterable<Visited>): void {
    this.#current = this.#queue.shift();
    this.#rest = all[Symbol.iterator]();
    this.#failures = [];
    this.wake();
  }

  /** None of the walks that wait will take place, nor the rest of the present one. Who asked for them is told at a time that suits. */
  refuse(error: unknown, when: (tell: () => void) => void = (tell) => tell()): void {
    const waiting = this.#current ? [this.#current, ...this.#queue] : [...this.#queue];
    this.#queue.length = 0;
    this.#current = undefined;
    this.#rest = undefined;
    when(() => {
      for (const visiting of waiting) this.#tell(visiting, error);
    });
  }

  walk(until: number): boolean {
    const current = this.#current;
    const rest = this.#rest;
    if (!current || !rest) return false;
    for (let next = rest.next(); !next.done; next = rest.next()) {
      if (next.value.isClosed) continue;
      const outcome = this.#visit(next.value, current);
      if (outcome instanceof Promise) {
        void outcome.then(() => {
          if (this.#current === current) this.wake();
        });
        return false;
      }
      if (this.#current !== current) return false;
      if (this.now() >= until) return true;
    }
    this.#finish(current);
    return false;
  }

  #visit(visited: Visited, { visit }: Visiting): void | Promise<void> {
    const { conn } = visited;
    const failures = this.#failures;
    const queuedBefore = this.#queued;
    const end = (outcome: Outcome): void => {
      visited.isVisited = false;
      if (outcome.kind !== 'error') return;
      const mayAwaitItself = isInstance(outcome.error, HandlerTimeout) && this.#queued !== queuedBefore;
      failures.push(mayAwaitItself ? makeSelfTimeout(this.timeout) : outcome.error);
    };
    visited.isVisited = true;
    const outcome = runGuarded(() => visit(conn), this.sweeper, this.timeout);
    return outcome instanceof Promise ? outcome.then(end) : end(outcome);
  }

  #finish(visiting: Visiting): void {
    const failures = this.#failures;
    this.#current = undefined;
    this.#rest = undefined;
    this.ended();
    const visits = failures.length === 1 ? '1 visit' : `${failures.length} visits`;
    if (failures.length === 0) this.#tell(visiting);
    else this.#tell(visiting, new AggregateError(failures, `${visits} failed`));
  }

  /** Whoever asked for a walk may fail to hear of its end. */
  #tell({ done }: Visiting, failure?: unknown): void {
    if (failure !== undefined) this.report(failure);
    try {
      done(failure);
    } catch (error) {
      this.report(error);
    }
  }
}
