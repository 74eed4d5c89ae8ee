import { HandlerTimeout } from '../../protocol/errors.js';
import { type Outcome, runGuarded } from '../api/handlers.js';
import type { Conn } from '../api/handles.js';
import type { BackgroundTask } from '../runtime/background.js';
import type { Deadlines } from '../runtime/deadlines.js';
import { isInstance } from '../runtime/guard.js';

export type Visitor = (conn: Conn) => unknown;

/** A connection that can be visited. */
export interface VisitTarget {
  readonly conn: Conn;
  readonly isClosed: boolean;
  /** While its visitor is not done: what that does is not what `onConnect` does. */
  isVisited: boolean;
}

/** A walk of `do` that somebody waits for. */
export interface DoRequest {
  readonly visit: Visitor;
  readonly done: (failure?: unknown) => void;
}

/** A visitor did not settle in time, and a walk that was asked for meanwhile may be what it waits for. */
const makeSelfTimeout = (timeout: number): HandlerTimeout => {
  const error = new HandlerTimeout(timeout);
  error.message += '; a walk was asked for meanwhile: a do awaited by its own visitor waits for itself';
  return error;
};

/** The walk of `do`: each connection once, in order of registration, in slices; a visitor may be asynchronous (DO1). */
export class DoQueue implements BackgroundTask {
  readonly #queue: DoRequest[] = [];
  /** Walks that were ever queued. */
  #queued = 0;
  #rest: Iterator<VisitTarget> | undefined;
  #current: DoRequest | undefined;
  #failures: unknown[] = [];

  constructor(
    private readonly now: () => number,
    private readonly deadlines: Deadlines,
    private readonly timeout: number,
    private readonly report: (error: unknown) => void,
    private readonly wake: () => void,
    /** The walk has ended; its promise is settled after this. */
    private readonly ended: () => void,
  ) {}

  queue(request: DoRequest): void {
    this.#queue.push(request);
    this.#queued++;
  }

  /** Begins the walk that was queued first, over these. */
  begin(all: Iterable<VisitTarget>): void {
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
      for (const request of waiting) this.#tell(request, error);
    });
  }

  run(until: number): boolean {
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

  #visit(target: VisitTarget, { visit }: DoRequest): void | Promise<void> {
    const { conn } = target;
    const failures = this.#failures;
    const queuedBefore = this.#queued;
    const end = (outcome: Outcome): void => {
      target.isVisited = false;
      if (outcome.kind !== 'error') return;
      const mayAwaitItself = isInstance(outcome.error, HandlerTimeout) && this.#queued !== queuedBefore;
      failures.push(mayAwaitItself ? makeSelfTimeout(this.timeout) : outcome.error);
    };
    target.isVisited = true;
    const outcome = runGuarded(() => visit(conn), this.deadlines, this.timeout);
    return outcome instanceof Promise ? outcome.then(end) : end(outcome);
  }

  #finish(request: DoRequest): void {
    const failures = this.#failures;
    this.#current = undefined;
    this.#rest = undefined;
    this.ended();
    const visits = failures.length === 1 ? '1 visit' : `${failures.length} visits`;
    if (failures.length === 0) this.#tell(request);
    else this.#tell(request, new AggregateError(failures, `${visits} failed`));
  }

  /** Whoever asked for a walk may fail to hear of its end. */
  #tell({ done }: DoRequest, failure?: unknown): void {
    if (failure !== undefined) this.report(failure);
    try {
      done(failure);
    } catch (error) {
      this.report(error);
    }
  }
}
