// Starts the processes of servers and clients.
import { spawnSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { bunProgram, bunServer, whyNoBun } from './systems/bun.js';
import { goSystem } from './systems/go.js';
import { socketioServer, whyNoSocketio } from './systems/socketio.js';
import { Worker } from './worker.js';

const canPin = availableParallelism() > 1 && spawnSync('taskset', ['-V']).status === 0;
/** Servers run on one core, their clients on another. */
const serverCore = 0;
const clientCore = 1;

/** @param {number} core @param {readonly string[]} command */
const on = (core, command) => (canPin ? ['taskset', '-c', String(core), ...command] : command);

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
export const startWorker = (name, file, ...args) => new Worker(name, on(clientCore, node(script(file), ...args)));

/**
 * The command of each system's server, and the protocol of its clients; with `deflates`, they offer compression.
 *
 * @typedef {{ readonly dialect: string, readonly command: () => Promise<readonly string[]>, readonly deflates?: true }} Program
 * @type {Readonly<Record<string, Program>>}
 */
const systems = {
  muster: { dialect: 'neffos', command: async () => node(script('systems/muster.js')) },
  'muster, 512 MB heap': {
    dialect: 'neffos',
    command: async () => node('--max-old-space-size=512', script('systems/muster.js')),
  },
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
  'go gws': { dialect: 'ws', command: () => goCommand('--system', 'gws') },
  bun: { dialect: 'ws', command: () => bunCommand() },
};

/** @param {readonly string[]} args */
const socketioCommand = async (...args) => {
  const why = whyNoSocketio();
  if (why !== undefined) throw new Error(why);
  return node(socketioServer, ...args);
};

const bunCommand = async () => {
  const why = whyNoBun();
  if (why !== undefined) throw new Error(why);
  return [bunProgram, bunServer];
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

/** Whether a system is one that Muster is measured beside. @param {string} name */
export const isPeer = (name) => name in systems && !name.startsWith('muster');

/** Resolves with why a system cannot run here; `undefined` if it can. @param {string} name */
export const whyMissing = async (name) => {
  if (name.startsWith('socket.io')) return whyNoSocketio();
  if (!name.startsWith('go')) return name === 'bun' ? whyNoBun() : undefined;
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
  const server = new Worker(name, on(serverCore, await system.command()));
  const { port } = await server.ready;
  /** @type {Worker[]} */
  const loads = [];
  const addClients = async () => {
    const offers = system.deflates ? ['deflate'] : [];
    const load = startWorker(`clients of ${name}`, 'load.js', system.dialect, String(port), ...offers);
    loads.push(load);
    // Where its clients fail, the system does.
    load.system = name;
    await load.ready;
    return load;
  };
  const stop = async () => {
    for (const one of loads) await one.stop();
    await server.stop();
  };
  try {
    return { name, server, load: await addClients(), addClients, stop };
  } catch (error) {
    await stop();
    throw error;
  }
};
