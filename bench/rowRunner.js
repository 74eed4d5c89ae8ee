// Runs the rows: starts their systems, measures in rounds, and computes results from the samples.
import { startCluster } from './cluster.js';
import { grouped } from './figures.js';
import { isPeer, startPair, whyMissing } from './processes.js';
import { median, medianRatio } from './statistics.js';
import { SystemError } from './worker.js';

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
 * @property {readonly string[]} [daily] the peers of a check; a row without them is no part of one
 * @property {() => string | undefined} [whyMissing] returns why the row cannot run here; `undefined` if it can
 * @property {(runner: RowRunner) => Promise<Pick<import('./result.js').RowResult, 'systems' | 'ratios' | 'facts'>>} run
 */

export { awaitDeliveries, connectClients, perDelivery, perDeliveryOf, perMessageOf } from './phases.js';

/** Default size of a body. */
export const bytes = 64;

/**
 * Returns the order of the systems in a round. What a system finds depends on the one before it: caches, and the clock
 * of the processor. Therefore the rounds are the lines of a balanced square. In as many rounds as there are systems, each
 * system has each position once. In twice as many, each follows each other one equally often, and none of three or more
 * follows itself.
 *
 * @template T
 * @param {readonly T[]} all
 * @param {number} round
 * @returns {T[]}
 */
export const orderOf = (all, round) => {
  const count = all.length;
  // 0, 1, -1, 2, -2 …: all differences between neighbours differ.
  const line = all.map((_, at) => (at % 2 === 1 ? (at + 1) / 2 : -at / 2));
  const isBack = Math.floor(round / count) % 2 === 1;
  const turn = round % count;
  const turned = isBack ? line.reverse().map((at) => at - turn) : line.map((at) => at + turn);
  const places = turned.map((at) => ((at % count) + count) % count);
  return places.flatMap((place) => all.slice(place, place + 1));
};

/** Runs rows with one set of options. */
export class RowRunner {
  /** Names of systems that are left out. @type {readonly string[]} */
  without = [];
  /** How this run differs from the row's note. @type {Set<string>} */
  #remarks = new Set();
  /** Peers that failed in this row. @type {Set<string>} */
  #failed = new Set();
  /** The only peers of this row, if not all. @type {readonly string[] | undefined} */
  #peers;

  /**
   * @param {object} options
   * @param {boolean} options.isQuick
   * @param {boolean} [options.isCheck] whether only the daily peers of a row run
   * @param {number} options.rounds
   * @param {number} options.maxConnections
   * @param {(text: string) => void} options.progress
   */
  constructor({ isQuick, isCheck = false, rounds, maxConnections, progress }) {
    this.isQuick = isQuick;
    this.isCheck = isCheck;
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
   * Runs a row. Resolves with its result, whose note includes the remarks. If a peer fails, the row begins again without
   * it. Rejects if Muster fails.
   *
   * @param {Row} row
   * @returns {Promise<import('./result.js').RowResult>}
   */
  async runRow({ id, title, note, unit, daily, run }) {
    this.#failed.clear();
    this.#peers = this.isCheck ? daily : undefined;
    for (;;) {
      this.#remarks.clear();
      for (const name of this.#failed) this.#remarks.add(`Here without ${name}, which failed.`);
      try {
        const found = await run(this);
        return { id, title, note: [note, ...this.#remarks].join(' '), unit, ...found };
      } catch (error) {
        if (!(error instanceof SystemError) || !isPeer(error.system) || this.#failed.has(error.system)) throw error;
        this.#failed.add(error.system);
        this.progress(`again without ${error.system}: ${error.message}`);
      }
    }
  }

  /** @param {string} name */
  #isLeftOut(name) {
    if (this.without.includes(name) || this.#failed.has(name)) return true;
    return this.#peers !== undefined && isPeer(name) && !this.#peers.includes(name);
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
        if (this.#isLeftOut(name)) continue;
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
