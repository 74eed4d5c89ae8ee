// @ts-check
/** Runs a Redis for this example, on loopback, that stores nothing on disk. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** The Redis program; REDIS_SERVER names one that is not on the path. */
const program = process.env['REDIS_SERVER'] || 'redis-server';

/** @typedef {import('node:child_process').ChildProcess} ChildProcess */

export class Broker {
  /** @type {ChildProcess | undefined} */
  #child;
  /** @type {Promise<void>} */
  #turn = Promise.resolve();
  #port;
  #changed;

  /**
   * @param {number} port
   * @param {(isRunning: boolean) => void} changed called each time Redis starts or ends, for any reason
   */
  constructor(port, changed) {
    this.#port = port;
    this.#changed = changed;
  }

  get url() {
    return `redis://127.0.0.1:${this.#port}`;
  }
  get isRunning() {
    return this.#child !== undefined;
  }

  /** Starts Redis. Resolves when it accepts connections; rejects when it cannot start. */
  start() {
    return this.#inTurn(async () => {
      if (!this.#child) await this.#launch();
    });
  }

  /** Stops Redis. Resolves when it has ended. */
  stop() {
    return this.#inTurn(async () => {
      if (!this.#child) return;
      const ended = once(this.#child, 'exit');
      this.#child.kill();
      await ended;
    });
  }

  /** Runs starts and stops one after the other, however fast the button is pressed. @param {() => Promise<void>} work */
  #inTurn(work) {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => {});
    return done;
  }

  /** @returns {Promise<void>} */
  #launch() {
    const words = ['--port', String(this.#port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'];
    const child = spawn(program, words, { stdio: ['ignore', 'pipe', 'ignore'] });
    return new Promise((resolve, reject) => {
      let output = '';
      child.stdout.setEncoding('utf8').on('data', (text) => {
        if (this.#child === child) return; // it is up: later output is of no use
        output += text;
        if (!output.includes('Ready to accept connections')) return;
        this.#child = child;
        this.#changed(true);
        resolve();
      });
      child.once('error', reject);
      child.once('exit', () => {
        reject(new Error(`Redis has ended: ${output.trim().split('\n').at(-1) ?? ''}`));
        if (this.#child !== child) return;
        this.#child = undefined;
        this.#changed(false);
      });
    });
  }
}
