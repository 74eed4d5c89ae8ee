import { runGuarded } from './handlers.js';
import type { Conn } from './handles.js';
import type { Sweeper } from './sweeper.js';
import type { Walk } from './turn.js';

export type Visit = (conn: Conn) => unknown;

/** A connection that can be visited. */
export interface Visited {
  readonly conn: Conn;
  readonly isClosed: boolean;
}

/** A walk of `do` that somebody waits for. */
export interface Visiting {
  readonly visit: Visit;
  readonly done: (failure?: unknown) => void;
}

/** The walk of `do`: each connection once, in order of registration, in slices; a visitor may be asynchronous (DO1). */
export class Visits implements Walk {
  readonly #queue: Visiting[] = [];
  #rest: Iterator<Visited> | undefined;
  #current: Visiting | undefined;
  #failures: unknown[] = [];

  constructor(
    private readonly now: () => number,
    private readonly sweeper: Sweeper,
    private readonly timeout: number,
    private readonly wake: () => void,
    /** The walk has ended; its promise is settled after this. */
    private readonly ended: () => void,
  ) {}

  queue(visiting: Visiting): void {
    this.#queue.push(visiting);
  }

  /** Begins the walk that was queued first, over these. */
  begin(all: Iterable<Visited>): void {
    this.#current = this.#queue.shift();
    this.#rest = all[Symbol.iterator]();
    this.#failures = [];
    this.wake();
  }

  /** None of the walks that wait will take place, nor the rest of the present one. */
  refuse(error: unknown): void {
    const waiting = this.#current ? [this.#current, ...this.#queue] : [...this.#queue];
    this.#queue.length = 0;
    this.#current = undefined;
    this.#rest = undefined;
    for (const { done } of waiting) done(error);
  }

  walk(until: number): boolean {
    const current = this.#current;
    const rest = this.#rest;
    if (!current || !rest) return false;
    for (let next = rest.next(); !next.done; next = rest.next()) {
      if (next.value.isClosed) continue;
      const { conn } = next.value;
      const outcome = runGuarded(() => current.visit(conn), this.sweeper, this.timeout);
      if (outcome instanceof Promise) {
        void outcome.then((late) => {
          if (late.kind === 'error') this.#failures.push(late.error);
          if (this.#current === current) this.wake();
        });
        return false;
      }
      if (outcome.kind === 'error') this.#failures.push(outcome.error);
      if (this.#current !== current) return false;
      if (this.now() >= until) return true;
    }
    this.#finish(current);
    return false;
  }

  #finish({ done }: Visiting): void {
    const failures = this.#failures;
    this.#current = undefined;
    this.#rest = undefined;
    this.ended();
    if (failures.length === 0) done();
    else done(new AggregateError(failures, `${failures.length} visits failed`));
  }
}
