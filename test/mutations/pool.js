// Gives vitest the same process for many runs, as long as nothing of one run is left for the next.
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/**
 * @typedef {import('vitest/node').PoolRunnerInitializer} PoolRunnerInitializer
 * @typedef {import('vitest/node').PoolOptions} PoolOptions
 * @typedef {import('./worker.js').Order} Order
 */

const entry = fileURLToPath(new URL('worker.js', import.meta.url));

/** The process of a lane. @implements {PoolRunnerInitializer} */
export class Process {
  name = 'faults';
  /** @type {Order} */
  order = { isFresh: true, changed: [] };
  /** What the last run has left behind. @type {readonly string[]} */
  left = [];
  /** @type {import('node:child_process').ChildProcess | undefined} */
  #child;

  get isThere() {
    return this.#child !== undefined;
  }

  /** Whether the last run has left nothing behind. */
  get isClean() {
    return this.isThere && this.left.length === 0;
  }

  /** Ends the process; the next run has a new one. */
  end() {
    this.#child?.kill('SIGKILL');
    this.#child = undefined;
    this.left = [];
  }

  /**
   * @param {PoolOptions} options
   * @returns {import('vitest/node').PoolWorker}
   */
  createPoolWorker = (options) => {
    /** @type {[event: string, listener: (value: unknown) => void][]} */
    const added = [];
    let isStopped = false;
    /** @param {string} event */
    const of = (event) => added.filter(([name]) => name === event).map(([, listener]) => listener);
    return {
      name: this.name,
      cacheFs: true,
      on: (event, listener) => {
        added.push([event, listener]);
        this.#child?.on(event, listener);
      },
      off: (event, listener) => {
        const at = added.findIndex((one) => one[0] === event && one[1] === listener);
        if (at !== -1) added.splice(at, 1);
        this.#child?.off(event, listener);
      },
      send: (message) => {
        if (message.type === 'stop') {
          // The process goes on; vitest waits for this answer.
          isStopped = true;
          for (const listener of of('message')) listener({ type: 'stopped', __vitest_worker_response__: true });
        } else {
          this.#child?.send(message.type === 'run' ? { ...message, order: this.order } : message);
        }
      },
      start: async () => {
        this.#child ??= this.#started(options);
      },
      stop: async () => {
        for (const [event, listener] of added) this.#child?.off(event, listener);
        // Vitest does not ask a process that it means to kill.
        if (!isStopped) this.end();
      },
      deserialize: (data) => data,
    };
  };

  /** @param {PoolOptions} options */
  #started({ env, execArgv, project }) {
    const child = fork(entry, [], { env, execArgv, stdio: 'pipe', serialization: 'advanced' });
    const { outputStream, errorStream } = project.vitest.logger;
    child.stdout?.pipe(outputStream, { end: false });
    child.stderr?.pipe(errorStream, { end: false });
    child.on('message', (/** @type {{ readonly left?: readonly string[] }} */ message) => {
      if (message.left) this.left = message.left;
    });
    child.on('exit', () => {
      if (this.#child === child) this.#child = undefined;
    });
    return child;
  }
}
