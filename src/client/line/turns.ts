import { HandlerTimeout } from '../../protocol/errors.js';
import type { ClientClock } from './parts.js';

/** Maximum time of a handler, in ms. A handler that takes longer would keep all others waiting. */
const handlerTimeout = 30_000;

/** The turns of a client: what came in is handled one after the other, in order (CL14). */
export class Turns {
  readonly #queue: (() => Promise<void>)[] = [];
  #isRunning = false;
  #mustPause = false;
  #depth = 0;

  constructor(private readonly clock: ClientClock) {}

  /** Number of jobs that wait. */
  get size(): number {
    return this.#queue.length;
  }
  /** Whether code of the program is running, or has not settled. What it begins does not wait for a turn of its own. */
  get isInHandler(): boolean {
    return this.#depth > 0;
  }

  /** Runs `job` when its turn comes. Resolves or rejects as it does. */
  push<T>(job: () => T | Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#queue.push(async () => {
        try {
          resolve(await job());
        } catch (error) {
          reject(error);
        }
      });
      if (!this.#isRunning) void this.#run();
    });
  }

  /** Lets the next turn wait for a later macrotask, so that the program can first add handlers (CL15). */
  pause(): void {
    this.#mustPause = true;
  }

  /**
   * Runs code of the program, which has 30 s.
   *
   * @throws {HandlerTimeout} when it does not settle in time
   */
  async call(run: () => unknown): Promise<unknown> {
    this.#depth++;
    let timer: unknown;
    try {
      const result = run();
      if (!(result instanceof Object && 'then' in result)) return result;
      return await new Promise((resolve, reject) => {
        timer = this.clock.setTimeout(() => reject(new HandlerTimeout(handlerTimeout)), handlerTimeout);
        Promise.resolve(result).then(resolve, reject);
      });
    } finally {
      this.#depth--;
      this.clock.clearTimeout(timer);
    }
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    for (;;) {
      if (this.#mustPause) {
        this.#mustPause = false;
        await new Promise<void>((resolve) => this.clock.defer(resolve));
      }
      const job = this.#queue.shift();
      if (!job) break;
      await job();
    }
    this.#isRunning = false;
  }
}
