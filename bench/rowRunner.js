// Runs the rows: starts their systems, measures in rounds, and computes results from the samples.
import { startCluster } from './cluster.js';
import { grouped } from './figures.js';
import { startPair, whyMissing } from './processes.js';
import { median, medianRatio } from './statistics.js';

/**
 * @typedef {import('./processes.js').Pair} Pair
 * @typedef {import('./cluster.js').Cluster} Cluster
 * @typedef {{ readonly figure: number, readonly delivered: number, readonly due: number }} Sample
 * @typedef {{ readonly samples: number[], delivered: number, due: number }} Samples
 * @typedef {{ readonly other: string, readonly must?: number, readonly aim?: number }} Against
 *
 * @typedef {object} Row
 * @property {string} id
 * @property {string} title
 * @property {string} note
 * @property {string} unit
 * @property {() => string | undefined} [whyMissing] returns why the row cannot run here; `undefined` if it can
 * @property {(runner: RowRunner) => Promise<Pick<import('./result.js').RowResult, 'systems' | 'ratios' | 'facts'>>} run
 */

/** Default size of a body. */
export const bytes = 64;

/**
 * Returns the order of the systems in a round. A system that is measured twice in a row finds the machine warmed up for
 * it. Therefore each system starts as many rounds as any other, and none of three or more follows itself. Every other
 * cycle runs backwards, so that none always follows the same one.
 *
 * @template T
 * @param {readonly T[]} all
 * @param {number} round
 */
export const orderOf = (all, round) => {
  const isBack = Math.floor(round / all.length) % 2 === 1;
  const first = isBack ? all.length - 1 - (round % all.length) : round % all.length;
  const rotated = [...all.slice(first), ...all.slice(0, first)];
  return isBack ? [...rotated.slice(0, 1), ...rotated.slice(1).reverse()] : rotated;
};

/** Runs rows with one set of options. */
export class RowRunner {
  /** Names of systems that are left out. @type {readonly string[]} */
  without = [];
  /** How this run differs from the row's note. @type {Set<string>} */
  #remarks = new Set();

  /**
   * @param {{ isQuick: boolean, rounds: number, maxConnections: number, progress: (text: string) => void }} options
   */
  constructor({ isQuick, rounds, maxConnections, progress }) {
    this.isQuick = isQuick;
    this.rounds = rounds;
    this.maxConnections = maxConnections;
    this.progress = progress;
  }

  /** Returns the first number in a full run, the second in a quick one. @param {number} full @param {number} quick */
  pick(full, quick) {
    return this.isQuick ? quick : full;
  }

  /**
   * Returns the number of connections for this run, at most what the machine allows. Adds a remark if it is below that
   * of a full run.
   *
   * @param {number} full
   * @param {number} quick
   * @param {number} [beside] connections that are opened in addition
   */
  connections(full, quick, beside = 0) {
    const wanted = this.pick(full, quick);
    const count = Math.min(wanted, this.maxConnections - beside);
    const instead = `Here with ${grouped(count)} connections instead of ${grouped(full)}`;
    if (count < wanted) this.#remarks.add(`${instead}, as \`ulimit -n\` allows a process no more.`);
    else if (count < full) this.#remarks.add(`${instead}, as this is a quick run.`);
    return count;
  }

  /**
   * Runs a row. Resolves with its result, whose note includes the remarks.
   *
   * @param {Row} row
   * @returns {Promise<import('./result.js').RowResult>}
   */
  async runRow({ id, title, note, unit, run }) {
    this.#remarks.clear();
    const found = await run(this);
    return { id, title, note: [note, ...this.#remarks].join(' '), unit, ...found };
  }

  /**
   * Starts the systems that can run here, passes them to `work`, and stops them afterwards.
   *
   * @template T
   * @param {readonly string[]} names
   * @param {(pairs: readonly Pair[]) => Promise<T>} work
   */
  withSystems(names, work) {
    return this.#run(names, work, startPair);
  }

  /**
   * Does the same with two servers of each system, on a broker.
   *
   * @template T
   * @param {readonly string[]} names
   * @param {(clusters: readonly Cluster[]) => Promise<T>} work
   */
  withClusters(names, work) {
    return this.#run(names, work, startCluster);
  }

  /**
   * @template T
   * @template {{ stop: () => Promise<void> }} P
   * @param {readonly string[]} names
   * @param {(all: readonly P[]) => Promise<T>} work
   * @param {(name: string) => Promise<P>} start
   */
  async #run(names, work, start) {
    /** @type {P[]} */
    const all = [];
    try {
      for (const name of names) {
        if (this.without.includes(name)) continue;
        const why = await whyMissing(name);
        if (why === undefined) all.push(await start(name));
        else this.progress(`without ${name}: ${why}`);
      }
      return await work(all);
    } finally {
      for (const one of all) await one.stop();
    }
  }

  /**
   * Measures each system once in every round, after a round that only warms up.
   *
   * @template {{ readonly name: string }} P
   * @param {readonly P[]} pairs
   * @param {(pair: P, round: number) => Promise<Sample>} phase measures one system; round 0 warms up
   * @param {number} [rounds]
   */
  async measureRounds(pairs, phase, rounds = this.rounds) {
    /** @type {Map<string, Samples>} */
    const samples = new Map(pairs.map(({ name }) => [name, { samples: [], delivered: 0, due: 0 }]));
    for (let round = 0; round <= rounds; round++) {
      for (const pair of orderOf(pairs, round)) {
        this.progress(`${round === 0 ? 'warming up' : `round ${round} of ${rounds}`}, ${pair.name}`);
        const { figure, delivered, due } = await phase(pair, round);
        const entry = samples.get(pair.name);
        if (round === 0 || !entry) continue;
        entry.samples.push(figure);
        entry.delivered += delivered;
        entry.due += due;
      }
    }
    return samples;
  }
}

/**
 * Returns the result of each system.
 *
 * @param {ReadonlyMap<string, Samples>} all
 * @returns {import('./result.js').SystemResult[]}
 */
export const systemsOf = (all) =>
  [...all].map(([name, { samples, delivered, due }]) => systemOf(name, samples, delivered, due));

/**
 * Returns the result of one system.
 *
 * @param {string} name
 * @param {readonly number[]} samples
 * @param {number} delivered
 * @param {number} due
 */
export const systemOf = (name, samples, delivered, due) => ({
  name,
  median: median(samples),
  min: Math.min(...samples),
  max: Math.max(...samples),
  samples,
  delivered,
  due,
});

/**
 * Returns the ratios of the first system to others.
 *
 * @param {ReadonlyMap<string, Samples>} all
 * @param {readonly Against[]} against
 * @returns {import('./result.js').Ratio[]}
 */
export const ratiosOf = (all, against) => {
  const [first] = all;
  if (!first) return [];
  const [base, { samples }] = first;
  return against.flatMap(({ other, must, aim }) => {
    const others = all.get(other)?.samples;
    return others ? [{ what: `${base} / ${other}`, value: medianRatio(samples, others), must, aim }] : [];
  });
};

/** Minimum processor time of a sample, in µs. A cheaper action is repeated, for at most so many ms. */
const minCpu = 300_000;
const maxDuration = 10_000;

/** @param {readonly Promise<number>[]} figures */
const sumOf = async (figures) => (await Promise.all(figures)).reduce((sum, one) => sum + one, 0);

/**
 * Waits for the deliveries that are due, an equal share at each server's clients. Resolves with the number delivered.
 *
 * @param {readonly Pair[]} pairs
 * @param {number} due
 */
export const awaitDeliveries = (pairs, due) =>
  sumOf(pairs.map(({ load }) => load.figure('delivered', 'expect', { deliveries: due / pairs.length })));

/**
 * Measures the processor time of all servers per delivery, in µs. Repeats the action until a sample is long enough.
 * Does not repeat it once a delivery is lost.
 *
 * @param {readonly Pair[]} pairs
 * @param {number} due deliveries of one action, an equal share at each server's clients
 * @param {() => Promise<unknown>} act
 * @returns {Promise<Sample>}
 */
export const perDeliveryOf = async (pairs, due, act) => {
  const spent = () => sumOf(pairs.map(({ server }) => server.cpu()));
  const end = performance.now() + maxDuration;
  const sum = { cpu: 0, delivered: 0, due: 0 };
  do {
    for (const { load } of pairs) await load.call('reset', { awake: true });
    const before = await spent();
    await act();
    sum.delivered += await awaitDeliveries(pairs, due);
    sum.cpu += (await spent()) - before;
    sum.due += due;
  } while (sum.cpu < minCpu && sum.delivered === sum.due && performance.now() < end);
  return { figure: sum.cpu / Math.max(sum.delivered, 1), delivered: sum.delivered, due: sum.due };
};

/**
 * Measures the processor time of one server per delivery, in µs.
 *
 * @param {Pair} pair
 * @param {number} due
 * @param {() => Promise<unknown>} act
 */
export const perDelivery = (pair, due, act) => perDeliveryOf([pair], due, act);

/** Connects clients to each server. @param {readonly Pair[]} pairs @param {Readonly<Record<string, unknown>>} plan */
export const connectClients = async (pairs, plan) => {
  for (const { load } of pairs) await load.call('connect', plan);
};
