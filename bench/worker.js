// A process of the bench: answers requests, and reports its processor time and memory.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { cpuOf, rssOf } from './cpu.js';

/** @typedef {Readonly<Record<string, unknown>>} Fields */

/** Maximum time until a process is ready, or answers a request, in ms. The longest request takes a fraction of it. */
const answerTimeout = 120_000;
/** How much of what it wrote to stderr an error quotes. */
const quotedOutput = 2_000;

/** The process of a system failed: it ended, does not answer, or answered with an error. */
export class SystemError extends Error {
  /**
   * @param {string} system
   * @param {string} why
   */
  constructor(system, why) {
    super(why);
    this.system = system;
  }
}

/** A process that answers requests. */
export class Worker {
  #lastId = 0;
  /** @type {Map<number, { resolve: (fields: Fields) => void, reject: (error: Error) => void }>} */
  #pending = new Map();
  #stderr = '';
  /** @type {SystemError | undefined} */
  #failure;
  #ready = withResolvers();

  /**
   * @param {string} name
   * @param {readonly string[]} command
   */
  constructor(name, command) {
    this.name = name;
    /** The system whose process it is. */
    this.system = name;
    const [program = '', ...args] = command;
    this.child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    this.child.stderr.on('data', (/** @type {Buffer} */ bytes) => {
      this.#stderr = (this.#stderr + bytes).slice(-quotedOutput);
    });
    createInterface({ input: this.child.stdout }).on('line', (line) => this.#onLine(line));
    this.ended = new Promise((resolve) => this.child.once('close', resolve));
    // A request to a process that has just ended.
    this.child.stdin.on('error', () => {});
    this.child.once('error', (error) => this.#fail(error.message));
    this.child.once('close', (code, signal) => this.#fail(`ended (${signal ?? code}) ${this.#stderr}`.trim()));
    this.#ready.promise.finally(this.#giveUpLater('did not get ready')).catch(() => {});
  }

  get pid() {
    return this.child.pid ?? 0;
  }

  /** Resolves with its first line, once it is ready. */
  get ready() {
    return this.#ready.promise;
  }

  /**
   * Sends a request. Resolves with the answer. Rejects with a SystemError if the process has ended or ends, answers with
   * an error, or does not answer in time.
   *
   * @param {string} verb
   * @param {Fields} [args]
   * @returns {Promise<Fields>}
   */
  async call(verb, args = {}) {
    if (this.#failure) throw this.#failure;
    const id = ++this.#lastId;
    const { promise, resolve, reject } = withResolvers();
    this.#pending.set(id, { resolve, reject });
    this.child.stdin.write(`${JSON.stringify({ id, verb, ...args })}\n`);
    return promise.finally(this.#giveUpLater(`does not answer "${verb}"`));
  }

  /**
   * Sends a request. Resolves with one number of the answer.
   *
   * @param {string} field
   * @param {string} verb
   * @param {Fields} [args]
   */
  async figure(field, verb, args) {
    return Number((await this.call(verb, args))[field]);
  }

  /** Resolves with its processor time in µs, from the operating system or, without that, from the process itself. */
  async cpu() {
    const counted = this.#measured(cpuOf);
    if (counted !== undefined) return counted;
    const { user, system } = await this.call('cpu');
    return Number(user) + Number(system);
  }

  /** Its resident memory, in bytes. */
  get rss() {
    return this.#measured(rssOf);
  }

  /**
   * Suspends the process while `work` runs. The operating system does so, for programs in any language alike.
   *
   * @param {() => Promise<unknown>} work
   */
  async suspended(work) {
    this.child.kill('SIGSTOP');
    try {
      await work();
    } finally {
      this.child.kill('SIGCONT');
    }
  }

  /** Ends the process: closes its stdin, and kills it after 5 s. */
  async stop() {
    this.child.stdin.end();
    const killing = setTimeout(() => this.child.kill('SIGKILL'), 5_000);
    await this.ended;
    clearTimeout(killing);
  }

  /**
   * Reads a figure of the process from the operating system, which knows it only while it runs.
   *
   * @template T
   * @param {(pid: number) => T} read
   * @returns {T}
   */
  #measured(read) {
    if (this.#failure) throw this.#failure;
    try {
      return read(this.pid);
    } catch (error) {
      throw this.#errorOf(error instanceof Error ? error.message : String(error));
    }
  }

  /** Kills the process after a while. Returns a function that prevents it. @param {string} why */
  #giveUpLater(why) {
    const timer = setTimeout(() => {
      this.#fail(`${why} within ${answerTimeout / 1_000} s`);
      this.child.kill('SIGKILL');
    }, answerTimeout);
    return () => clearTimeout(timer);
  }

  /** @param {string} line */
  #onLine(line) {
    const { id, error, ...fields } = JSON.parse(line);
    if (fields['ready']) return this.#ready.resolve(fields);
    const call = this.#pending.get(Number(id));
    this.#pending.delete(Number(id));
    if (error === undefined) return call?.resolve(fields);
    return call?.reject(this.#errorOf(String(error)));
  }

  /** @param {string} why */
  #errorOf(why) {
    return new SystemError(this.system, `${this.name}: ${why}`);
  }

  /** @param {string} why */
  #fail(why) {
    this.#failure ??= this.#errorOf(why);
    this.#ready.reject(this.#failure);
    for (const { reject } of this.#pending.values()) reject(this.#failure);
    this.#pending.clear();
  }
}

/** @returns {{ promise: Promise<Fields>, resolve: (fields: Fields) => void, reject: (error: Error) => void }} */
const withResolvers = () => {
  /** @type {(fields: Fields) => void} */
  let resolve = () => {};
  /** @type {(error: Error) => void} */
  let reject = () => {};
  /** @type {Promise<Fields>} */
  const promise = new Promise((fulfil, refuse) => {
    resolve = fulfil;
    reject = refuse;
  });
  return { promise, resolve, reject };
};
