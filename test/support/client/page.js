import { dial, reply } from '../../../dist/client/client.js';

/** A page with one client. Its id is that of the page's URL. Tests find everything in `tests`. */

/**
 * @typedef {object} PageScope
 * @property {{ readonly href: string }} location
 * @property {(event: Event) => void} dispatchEvent
 * @property {unknown} tests
 */

// Every page has a location.
const scope = /** @type {PageScope} */ (/** @type {unknown} */ (globalThis));

/** @type {string[]} */
const states = [];
/** @type {string[]} */
const said = [];
/** @type {unknown[]} */
const recoveries = [];
/** @type {string[]} */
const errors = [];

const id = new URL(scope.location.href).searchParams.get('id') ?? 'joe';
const client = dial(`/live?id=${id}`, {
  namespaces: {
    default: {
      say: (_, { body }) => void said.push(String(body)),
      confirm: (_, { body }) => reply(`yes to ${body}`),
    },
  },
  onReconnect: (recovery) => recoveries.push(recovery),
  onError: (error) => errors.push(String(error)),
});
client.subscribe((state) => states.push(state));

const joinAll = async () => {
  const ns = await client.connect('default');
  return { ns, room: await ns.joinRoom('r1') };
};
/** Rejects where the server refuses the page. */
const entered = joinAll();
entered.catch(() => {});

/** @param {number} count */
const askAtOnce = async (count) => {
  const { ns } = await entered;
  const answers = await Promise.all(Array.from({ length: count }, (_, nth) => ns.ask('echo', `${nth}`)));
  return answers.map(({ body }) => body);
};

/** Keeps the page busy. @param {number} ms */
const work = (ms) => {
  const end = performance.now() + ms;
  while (performance.now() < end);
};

/** Asks the server whether the line lives, and keeps the page busy while the answer comes. @param {number} ms */
const probe = (ms) => {
  scope.dispatchEvent(new Event('online'));
  work(ms);
};

scope.tests = { client, entered, states, said, recoveries, errors, askAtOnce, work, probe };
