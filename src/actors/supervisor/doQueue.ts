import type { Limits } from '../../limits.js';
import { HandlerTimeout } from '../../protocol/errors.js';
import type { Callbacks } from '../api/callbacks.js';
import type { Conn } from '../api/conn.js';
import { type Outcome, runGuarded } from '../api/handlers.js';
import type { BackgroundTask, BackgroundTasks } from '../runtime/background.js';
import type { Clock } from '../runtime/clock.js';
import type { Deadlines } from '../runtime/deadlines.js';
import { isInstance } from '../runtime/guard.js';

/** The function passed to `server.do()`. */
export type Visitor = (conn: Conn) => unknown;

/** A connection that can be visited. */
export interface VisitTarget {
  /** The handle that the visitor gets. */
  readonly conn: Conn;
  /** Whether it is closed, and so not visited. */
  readonly isClosed: boolean;
  /** Whether its visitor runs. Calls of a visitor do not accept the connection, unlike those of `onConnect` (HS9). */
  isVisited: boolean;
}

/** One call of `server.do()`. */
export interface DoRequest {
  /** Called for each connection. */
  readonly visit: Visitor;
  /** Called once at the end, with the failure if there was one. */
  readonly done: (failure?: unknown) => void;
}

/** The part of a server's context that the queue uses. */
export interface DoContext {
  readonly clock: Pick<Clock, 'now'>;
  readonly deadlines: Deadlines;
  readonly limits: Pick<Limits, 'handlerTimeout'>;
  readonly callbacks: Pick<Callbacks, 'report' | 'guarded'>;
  readonly background: Pick<BackgroundTasks, 'wake'>;
}

/** Returns the error of a visitor that timed out after another `do` was requested: it may have awaited that one. */
const makeSelfTimeout = (timeout: number): HandlerTimeout => {
  const error = new HandlerTimeout(timeout);
  error.message += '; a walk was asked for meanwhile: a do awaited by its own visitor waits for itself';
  return error;
};

/** A `do` under way. */
interface Visits {
  readonly request: DoRequest;
  readonly rest: Iterator<VisitTarget>;
  readonly failures: unknown[];
  /** Called after the last visit, before the request is settled. */
  readonly ended: () => void;
}

/**
 * The queue of `server.do()` calls, which run one after the other. Each visits every connection once, in the order of
 * registration, in slices. A visitor may be asynchronous (DO1).
 */
export class DoQueue implements BackgroundTask {
  readonly #queue: DoRequest[] = [];
  /** The number of requests queued so far. */
  #queued = 0;
  #current: Visits | undefined;

  constructor(private readonly context: DoContext) {}

  /** Queues a request (DO4). */
  queue(request: DoRequest): void {
    this.#queue.push(request);
    this.#queued++;
  }

  /** Begins the oldest request, over `targets`. Calls `ended` after its last visit, before the request is settled. */
  begin(targets: Iterable<VisitTarget>, ended: () => void): void {
    const request = this.#queue.shift();
    this.#current = request && { request, rest: targets[Symbol.iterator](), failures: [], ended };
    this.context.background.wake(this);
  }

  /** Settles a request that is not queued. Its callback may be code of the program, which may throw or reject (DO6). */
  settle({ done }: DoRequest, failure?: unknown): void {
    this.context.callbacks.guarded(() => done(failure), { during: 'do' });
  }

  /** Rejects every request, the present one included. `when` decides when they are settled. Default: at once. */
  refuse(error: unknown, when: (settle: () => void) => void = (settle) => settle()): void {
    const refused = this.#current ? [this.#current.request, ...this.#queue] : [...this.#queue];
    this.#queue.length = 0;
    this.#current = undefined;
    when(() => {
      for (const request of refused) this.#settle(request, error);
    });
  }

  /** Runs a slice of the present request. */
  run(until: number): boolean {
    const current = this.#current;
    if (!current) return false;
    const { rest } = current;
    for (let next = rest.next(); !next.done; next = rest.next()) {
      if (next.value.isClosed) continue;
      const visiting = this.#visit(next.value, current);
      if (visiting) {
        void visiting.then(() => {
          if (this.#current === current) this.context.background.wake(this);
        });
        return false;
      }
      if (this.#current !== current) return false;
      if (this.context.clock.now() >= until) return true;
    }
    this.#finish(current);
    return false;
  }

  /** Visits one connection. Returns a promise while the visitor has not settled. */
  #visit(target: VisitTarget, { request, failures }: Visits): Promise<void> | undefined {
    const { deadlines, limits } = this.context;
    const { conn } = target;
    const queuedBefore = this.#queued;
    const end = (outcome: Outcome): void => {
      target.isVisited = false;
      if (outcome.kind !== 'error') return;
      const mayAwaitItself = isInstance(outcome.error, HandlerTimeout) && this.#queued !== queuedBefore;
      failures.push(mayAwaitItself ? makeSelfTimeout(limits.handlerTimeout) : outcome.error);
    };
    target.isVisited = true;
    const outcome = runGuarded(() => request.visit(conn), deadlines, limits.handlerTimeout);
    if (outcome instanceof Promise) return outcome.then(end);
    end(outcome);
    return undefined;
  }

  #finish({ request, failures, ended }: Visits): void {
    this.#current = undefined;
    ended();
    const visits = failures.length === 1 ? '1 visit' : `${failures.length} visits`;
    if (failures.length === 0) this.#settle(request);
    else this.#settle(request, new AggregateError(failures, `${visits} failed`));
  }

  #settle(request: DoRequest, failure?: unknown): void {
    if (failure !== undefined) this.context.callbacks.report(failure, { during: 'do' });
    this.settle(request, failure);
  }
}
