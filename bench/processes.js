// Starts the processes of servers and clients, sends them requests, and reads their processor time and memory.
import { spawn, spawnSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { cpuOf, rssOf } from './cpu.js';
import { goSystem } from './systems/go.js';
import { socketioServer, whyNoSocketio } from './systems/socketio.js';

/** @typedef {Readonly<Record<string, unknown>>} Fields */

const canPin = availableParallelism() > 1 && spawnSync('taskset', ['-V']).status === 0;
/** Servers run on one core, their clients on another. */
const serverCore = 0;
const clientCore = 1;

/** A process that answers requests. */
class Worker {
  #lastId = 0;
  /** @type {Map<number, { resolve: (fields: Fields) => void, reject: (error: Error) => void }>} */
  #pending = new Map();
  #stderr = '';
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
      this.#stderr = (this.#stderr + bytes).slice(-2_000);
    });
    createInterface({ input: this.child.stdout }).on('line', (line) => this.#onLine(JSON.parse(line)));
    this.ended = new Promise((resolve) => this.child.once('close', resolve));
    this.child.once('error', (error) => this.#fail(error));
    this.child.once('close', (code) => this.#fail(new Error(`${name} ended (${code}) ${this.#stderr}`)));
  }

  get pid() {
    return this.child.pid ?? 0;
  }

  /** Resolves with its first line, once it is ready. */
  get ready() {
    return this.#ready.promise;
  }

  /**
   * Sends a request. Resolves with the answer.
   *
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
    const counted = cpuOf(this.pid);
    if (counted !== undefined) return counted;
    const { user, system } = await this.call('cpu');
    return Number(user) + Number(system);
  }

  /** Its resident memory, in bytes. */
  get rss() {
    return rssOf(this.pid);
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

  /** @param {Fields} fields */
  #onLine({ id, error, ...fields }) {
    if (fields['ready']) return this.#ready.resolve(fields);
    const call = this.#pending.get(Number(id));
    this.#pending.delete(Number(id));
    if (error === undefined) return call?.resolve(fields);
    return call?.reject(new Error(`${this.name}: ${String(error)}`));
  }

  /** @param {Error} error */
  #fail(error) {
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
 * Starts a process of the bench on the core of the clients.
 *
 * @param {string} name
 * @param {string} file
 * @param {readonly string[]} args
 */
export const startWorker = (name, file, ...args) => new Worker(name, node(script(file), ...args), clientCore);

/**
 * The command of each system's server, and the protocol of its clients; with `deflates`, they offer compression.
 *
 * @typedef {{ readonly dialect: string, readonly command: () => Promise<readonly string[]>, readonly deflates?: true }} Program
 * @type {Readonly<Record<string, Program>>}
 */
const systems = {
  muster: { dialect: 'neffos', command: async () => node(script('systems/muster.js')) },
  'muster, inspector closed': {
    dialect: 'neffos',
    command: async () => node(script('systems/muster.js'), 'inspector'),
  },
  'muster, inspector open': { dialect: 'neffos', command: async () => node(script('systems/muster.js'), 'inspector') },
  'muster, compressed': {
    dialect: 'neffos',
    command: async () => node(script('systems/muster.js'), 'deflate'),
    deflates: true,
  },
  'muster, contract': {
    dialect: 'neffosJson',
    command: async () => node(script('systems/contract.js'), 'zod'),
  },
  'muster, JSON by hand': {
    dialect: 'neffosJson',
    command: async () => node(script('systems/contract.js'), 'json'),
  },
  'muster, body': { dialect: 'neffosJson', command: async () => node(script('systems/contract.js'), 'body') },
  'ws string': { dialect: 'ws', command: async () => node(script('systems/wsLoops.js'), 'string') },
  'ws prepared': { dialect: 'ws', command: async () => node(script('systems/wsLoops.js'), 'prepared') },
  'socket.io': { dialect: 'socketio', command: () => socketioCommand() },
  'socket.io, compressed': { dialect: 'socketio', command: () => socketioCommand('deflate'), deflates: true },
  'go neffos': { dialect: 'neffos', command: () => goCommand() },
  'go neffos sync': { dialect: 'neffos', command: () => goCommand('--sync') },
};

/** @param {readonly string[]} args */
const socketioCommand = async (...args) => {
  const why = whyNoSocketio();
  if (why !== undefined) throw new Error(why);
  return node(socketioServer, ...args);
};

/** @param {readonly string[]} args */
const goCommand = async (...args) => {
  const { path, why } = await goSystem();
  if (path === undefined) throw new Error(why);
  return [path, ...args];
};

/**
 * A server and the processes of its clients.
 *
 * @typedef {object} Pair
 * @property {string} name
 * @property {Worker} server
 * @property {Worker} load
 * @property {() => Promise<Worker>} addClients starts one more process of clients
 * @property {() => Promise<void>} stop
 */

/** Resolves with why a system cannot run here; `undefined` if it can. @param {string} name */
export const whyMissing = async (name) => {
  if (name.startsWith('socket.io')) return whyNoSocketio();
  if (!name.startsWith('go')) return undefined;
  return (await goSystem()).why;
};

/**
 * Starts the server of a system, and one process of clients.
 *
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
  const addClients = async () => {
    const offers = system.deflates ? ['deflate'] : [];
    const load = startWorker(`clients of ${name}`, 'load.js', system.dialect, String(port), ...offers);
    loads.push(load);
    await load.ready;
    return load;
  };
  const load = await addClients();
  const stop = async () => {
    for (const one of loads) await one.stop();
    await server.stop();
  };
  return { name, server, load, addClients, stop };
};
