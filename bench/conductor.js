// Starts processes, tells them what to do, and reads what they have cost.
import { spawn, spawnSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { cpuOf, rssOf } from './cpu.js';
import { goSystem } from './systems/go.js';
import { socketioServer, whyNoSocketio } from './systems/socketio.js';

/** @typedef {Readonly<Record<string, unknown>>} Fields */

const canPin = availableParallelism() > 1 && spawnSync('taskset', ['-V']).status === 0;
/** Servers have one core, and whoever plays their clients another. */
const serverCore = 0;
const clientCore = 1;

/** One process that is told what to do. */
class Worker {
  #lastId = 0;
  /** @type {Map<number, { resolve: (fields: Fields) => void, reject: (error: Error) => void }>} */
  #pending = new Map();
  #said = '';
  #ready = withResolvers();

  /**
   * @param {string} name
   * @param {readonly string[]} command
   * @param {number} core
   */
  constructor(name, command, core) {
    this.name = name;
    const [program = '', ...args] = canPin ? ['taskset', '-c', String(core), ...command] : command;
    this.child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    this.child.stderr.on('data', (/** @type {Buffer} */ bytes) => {
      this.#said = (this.#said + bytes).slice(-2_000);
    });
    createInterface({ input: this.child.stdout }).on('line', (line) => this.#heard(JSON.parse(line)));
    this.ended = new Promise((resolve) => this.child.once('close', resolve));
    this.child.once('error', (error) => this.#broke(error));
    this.child.once('close', (code) => this.#broke(new Error(`${name} ended (${code}) ${this.#said}`)));
  }

  get pid() {
    return this.child.pid ?? 0;
  }

  /** What it says first. */
  get ready() {
    return this.#ready.promise;
  }

  /**
   * @param {string} verb
   * @param {Fields} [args]
   * @returns {Promise<Fields>}
   */
  call(verb, args = {}) {
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      this.child.stdin.write(`${JSON.stringify({ id, verb, ...args })}\n`);
    });
  }

  /**
   * A number of an answer.
   *
   * @param {string} field
   * @param {string} verb
   * @param {Fields} [args]
   */
  async figure(field, verb, args) {
    return Number((await this.call(verb, args))[field]);
  }

  /** Microseconds that it has been on a processor: by the system's account, or by its own where there is no other. */
  async cpu() {
    const counted = cpuOf(this.pid);
    if (counted !== undefined) return counted;
    const { user, system } = await this.call('cpu');
    return Number(user) + Number(system);
  }

  /** Bytes that it has in memory. */
  get rss() {
    return rssOf(this.pid);
  }

  /**
   * Keeps it off the processor meanwhile; the system does so, alike for whatever it is written in.
   *
   * @param {() => Promise<unknown>} work
   */
  async held(work) {
    this.child.kill('SIGSTOP');
    try {
      await work();
    } finally {
      this.child.kill('SIGCONT');
    }
  }

  async stop() {
    this.child.stdin.end();
    const killing = setTimeout(() => this.child.kill('SIGKILL'), 5_000);
    await this.ended;
    clearTimeout(killing);
  }

  /** @param {Fields} fields */
  #heard({ id, error, ...fields }) {
    if (fields['ready']) return this.#ready.resolve(fields);
    const call = this.#pending.get(Number(id));
    this.#pending.delete(Number(id));
    if (error === undefined) return call?.resolve(fields);
    return call?.reject(new Error(`${this.name}: ${String(error)}`));
  }

  /** @param {Error} error */
  #broke(error) {
    this.#ready.reject(error);
    this.#ready.promise.catch(() => {});
    for (const { reject } of this.#pending.values()) reject(error);
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

/** @param {string} file */
const script = (file) => fileURLToPath(new URL(file, import.meta.url));
/** @param {readonly string[]} args */
const node = (...args) => [process.execPath, '--expose-gc', ...args];

/**
 * A process of the bench that stands where the clients do.
 *
 * @param {string} name
 * @param {string} file
 * @param {readonly string[]} args
 */
export const startWorker = (name, file, ...args) => new Worker(name, node(script(file), ...args), clientCore);

/**
 * How a system's server is started, and how its clients speak.
 *
 * @type {Readonly<Record<string, { readonly dialect: string, readonly command: () => Promise<readonly string[]> }>>}
 */
const systems = {
  muster: { dialect: 'neffos', command: async () => node(script('systems/muster.js')) },
  'muster, inspector closed': {
    dialect: 'neffos',
    command: async () => node(script('systems/muster.js'), 'inspected'),
  },
  'muster, inspector open': { dialect: 'neffos', command: async () => node(script('systems/muster.js'), 'inspected') },
  'ws string': { dialect: 'ws', command: async () => node(script('systems/wsLoops.js'), 'string') },
  'ws prepared': { dialect: 'ws', command: async () => node(script('systems/wsLoops.js'), 'prepared') },
  'socket.io': { dialect: 'socketio', command: () => socketioCommand() },
  'go neffos': { dialect: 'neffos', command: () => goCommand() },
  'go neffos sync': { dialect: 'neffos', command: () => goCommand('--sync') },
};

const socketioCommand = async () => {
  const why = whyNoSocketio();
  if (why !== undefined) throw new Error(why);
  return node(socketioServer);
};

/** @param {readonly string[]} args */
const goCommand = async (...args) => {
  const { path, why } = await goSystem();
  if (path === undefined) throw new Error(why);
  return [path, ...args];
};

/**
 * A server and the process that plays its clients.
 *
 * @typedef {object} Pair
 * @property {string} name
 * @property {Worker} server
 * @property {Worker} load
 * @property {() => Promise<Worker>} another one more process of clients of the same server
 * @property {() => Promise<void>} stop
 */

/** Why there is no such system here; nothing if there is. @param {string} name */
export const whyMissing = async (name) => {
  if (name === 'socket.io') return whyNoSocketio();
  if (!name.startsWith('go')) return undefined;
  return (await goSystem()).why;
};

/**
 * @param {string} name
 * @returns {Promise<Pair>}
 */
export const startPair = async (name) => {
  const system = systems[name];
  if (!system) throw new Error(`there is no system "${name}"`);
  const server = new Worker(name, await system.command(), serverCore);
  const { port } = await server.ready;
  /** @type {Worker[]} */
  const loads = [];
  const another = async () => {
    const load = startWorker(`clients of ${name}`, 'load.js', system.dialect, String(port));
    loads.push(load);
    await load.ready;
    return load;
  };
  const load = await another();
  const stop = async () => {
    for (const one of loads) await one.stop();
    await server.stop();
  };
  return { name, server, load, another, stop };
};
