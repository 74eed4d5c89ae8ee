// The process that runs the tests of one fault after another. A new job loads all sources and tests anew, and the
// packages stay loaded, which is most of what a process costs.
import { init, runBaseTests, setupEnvironment } from 'vitest/worker';

/**
 * @typedef {{ readonly isFresh: boolean, readonly changed: readonly string[] }} Order said with each run: whether it
 *   loads the sources anew, and which of them are no longer what this process has read
 * @typedef {{ readonly left: readonly string[] }} Remains what a run has left behind in its process
 */

const { exit } = process;
const send = /** @type {NonNullable<typeof process.send>} */ (process.send).bind(process);
/** Vitest's own, then that which takes answers for the run at hand. @type {((message: unknown) => void)[]} */
const listeners = [];
/** @type {Order} */
let order = { isFresh: true, changed: [] };
/** @type {import('vite/module-runner').ModuleRunner | undefined} */
let runner;

/** Tells what keeps this process awake, and what it has of its own that a test may replace. */
const held = () => ({
  resources: process.getActiveResourcesInfo().sort(),
  globals: [globalThis.setTimeout, globalThis.setImmediate, globalThis.setInterval, globalThis.Date, process.nextTick],
});
/** @type {ReturnType<typeof held> | undefined} */
let before;

const { setTimeout: wait } = globalThis;
/** @type {(wanted: readonly string[], found: readonly string[]) => string[]} */
const beyond = (wanted, found) => {
  const rest = [...wanted];
  return found.filter((one) => {
    const at = rest.indexOf(one);
    if (at !== -1) rest.splice(at, 1);
    return at === -1;
  });
};

const remains = async () => {
  if (!before) return [];
  let left = ['?'];
  // What closes takes a few turns to be closed.
  for (let turn = 0; turn < 20 && left.length > 0; turn++) {
    await new Promise((done) => wait(done, turn));
    const now = held();
    left = beyond(before.resources, now.resources);
    if (now.globals.some((value, at) => value !== before?.globals[at])) left.push('globals');
  }
  return left;
};

/**
 * Makes a process ask for each module once: vite asks again for every import, to hear that nothing has changed.
 *
 * @param {import('vite/module-runner').ModuleRunner} each
 */
const adopt = (each) => {
  if (runner) return;
  runner = each;
  // Checked against vite 8.3. Without this method the tests only start more slowly.
  const ask = Reflect.get(each, 'getModuleInformation');
  if (typeof ask !== 'function') return;
  /** @param {string} url @param {string | undefined} importer @param {{ readonly meta?: unknown } | undefined} known */
  const once = (url, importer, known) => (known?.meta ? Promise.resolve(known) : ask.call(each, url, importer, known));
  Reflect.set(each, 'getModuleInformation', once);
};

const forget = () => {
  if (!runner) return;
  const { evaluatedModules } = runner;
  for (const node of evaluatedModules.idToModuleMap.values()) {
    if (!node.meta || 'externalize' in node.meta) continue;
    if (order.changed.includes(node.file)) evaluatedModules.invalidateModule(node);
    node.promise = undefined;
    node.exports = undefined;
    node.evaluated = false;
    node.importers.clear();
  }
};

process.on('message', (/** @type {{ readonly type?: string, readonly order?: Order }} */ message) => {
  if (message.type === 'start') listeners.length = 1;
  if (message.order) order = message.order;
  for (const listener of [...listeners]) listener(message);
});
process.on('disconnect', () => exit());

init({
  post: (message) => send(message),
  on: (listener) => listeners.push(listener),
  off: () => {},
  onModuleRunner: adopt,
  runTests: async (state, traces) => {
    if (order.isFresh) forget();
    before ??= held();
    send({ left: ['a run'] });
    await runBaseTests('run', state, traces);
    send({ left: await remains() });
  },
  collectTests: () => {},
  setup: setupEnvironment,
});
