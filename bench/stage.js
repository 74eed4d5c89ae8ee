// What all rows are made of: systems side by side, rounds, samples.
import { startCluster } from './cluster.js';
import { startPair, whyMissing } from './conductor.js';
import { grouped } from './figures.js';
import { median, medianRatio } from './statistics.js';

/**
 * @typedef {import('./conductor.js').Pair} Pair
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
 * @property {() => string | undefined} [whyMissing] what it needs and is not here; nothing if all is
 * @property {(stage: Stage) => Promise<Pick<import('./result.js').RowResult, 'systems' | 'ratios' | 'facts'>>} run
 */

/** The size of a body where a row says nothing else. */
export const bytes = 64;

/**
 * In which order all of them have their turn in a round. Whoever comes twice in a row finds the machine warmed up for it:
 * so each begins as often as any other, and of three or more none follows upon itself; there and then back, so that none
 * always follows the same one.
 *
 * @template T
 * @param {readonly T[]} all
 * @param {number} round
 */
export const inTurn = (all, round) => {
  const isBack = Math.floor(round / all.length) % 2 === 1;
  const first = isBack ? all.length - 1 - (round % all.length) : round % all.length;
  const turned = [...all.slice(first), ...all.slice(0, first)];
  return isBack ? [...turned.slice(0, 1), ...turned.slice(1).reverse()] : turned;
};

export class Stage {
  /** Systems that are left out. @type {readonly string[]} */
  without = [];
  /** What is otherwise here than the row says. @type {Set<string>} */
  #remarks = new Set();

  /**
   * @param {{ isQuick: boolean, rounds: number, mostConnections: number, progress: (text: string) => void }} options
   */
  constructor({ isQuick, rounds, mostConnections, progress }) {
    this.isQuick = isQuick;
    this.rounds = rounds;
    this.mostConnections = mostConnections;
    this.progress = progress;
  }

  /** One number for a full run, and another for a quick one. @param {number} full @param {number} quick */
  pick(full, quick) {
    return this.isQuick ? quick : full;
  }

  /**
   * So many connections, or as many as this machine allows. Where they are not those of a full run, the row says so.
   *
   * @param {number} full
   * @param {number} quick
   * @param {number} [beside] so many more come and go beside them
   */
  connections(full, quick, beside = 0) {
    const wanted = this.pick(full, quick);
    const count = Math.min(wanted, this.mostConnections - beside);
    const instead = `Here with ${grouped(count)} connections instead of ${grouped(full)}`;
    if (count < wanted) this.#remarks.add(`${instead}, as \`ulimit -n\` allows a process no more.`);
    else if (count < full) this.#remarks.add(`${instead}, as this is a quick run.`);
    return count;
  }

  /**
   * What a row has found, with a note of what was otherwise than it says.
   *
   * @param {Row} row
   * @returns {Promise<import('./result.js').RowResult>}
   */
  async play({ id, title, note, unit, run }) {
    this.#remarks.clear();
    const found = await run(this);
    return { id, title, note: [note, ...this.#remarks].join(' '), unit, ...found };
  }

  /**
   * Runs with these systems, as far as they are there, and ends them.
   *
   * @template T
   * @param {readonly string[]} names
   * @param {(pairs: readonly Pair[]) => Promise<T>} work
   */
  with(names, work) {
    return this.#run(names, work, startPair);
  }

  /**
   * The same with two servers of each, on a broker.
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
   * Measures each in every round, in an order that favours none, after a round that only warms up.
   *
   * @template {{ readonly name: string }} P
   * @param {readonly P[]} pairs
   * @param {(pair: P, round: number) => Promise<Sample>} phase round 0 is the one that warms up
   * @param {number} [rounds]
   */
  async rotate(pairs, phase, rounds = this.rounds) {
    /** @type {Map<string, Samples>} */
    const samples = new Map(pairs.map(({ name }) => [name, { samples: [], delivered: 0, due: 0 }]));
    for (let round = 0; round <= rounds; round++) {
      for (const pair of inTurn(pairs, round)) {
        this.progress(`${round === 0 ? 'warming up' : `round ${round} of ${rounds}`}, ${pair.name}`);
        const { figure, delivered, due } = await phase(pair, round);
        const its = samples.get(pair.name);
        if (round === 0 || !its) continue;
        its.samples.push(figure);
        its.delivered += delivered;
        its.due += due;
      }
    }
    return samples;
  }
}

/** @param {ReadonlyMap<string, Samples>} all @returns {import('./result.js').SystemResult[]} */
export const systemsOf = (all) =>
  [...all].map(([name, { samples, delivered, due }]) => systemOf(name, samples, delivered, due));

/** @param {string} name @param {readonly number[]} samples @param {number} delivered @param {number} due */
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

/** The least processor time, in microseconds, that makes a sample: what costs less is done again, … */
const leastCpu = 300_000;
/** … for so many milliseconds at most. */
const longest = 10_000;

/** @param {readonly Promise<number>[]} figures */
const sumOf = async (figures) => (await Promise.all(figures)).reduce((sum, one) => sum + one, 0);

/**
 * What has come to the clients of these servers, each having an equal share of what is due.
 *
 * @param {readonly Pair[]} pairs
 * @param {number} due
 */
export const expected = (pairs, due) =>
  sumOf(pairs.map(({ load }) => load.figure('delivered', 'expect', { deliveries: due / pairs.length })));

/**
 * Processor time of the servers for each delivery, in microseconds, while they do something of which so many are due.
 * Where something is lost, it is not done again.
 *
 * @param {readonly Pair[]} pairs
 * @param {number} due to the clients of all, each having an equal share
 * @param {() => Promise<unknown>} act
 * @returns {Promise<Sample>}
 */
export const perDeliveryOf = async (pairs, due, act) => {
  const spent = () => sumOf(pairs.map(({ server }) => server.cpu()));
  const end = performance.now() + longest;
  const sum = { cpu: 0, delivered: 0, due: 0 };
  do {
    for (const { load } of pairs) await load.call('reset', { awake: true });
    const before = await spent();
    await act();
    sum.delivered += await expected(pairs, due);
    sum.cpu += (await spent()) - before;
    sum.due += due;
  } while (sum.cpu < leastCpu && sum.delivered === sum.due && performance.now() < end);
  return { figure: sum.cpu / Math.max(sum.delivered, 1), delivered: sum.delivered, due: sum.due };
};

/**
 * The same where one server does it.
 *
 * @param {Pair} pair
 * @param {number} due
 * @param {() => Promise<unknown>} act
 */
export const perDelivery = (pair, due, act) => perDeliveryOf([pair], due, act);

/** @param {readonly Pair[]} pairs @param {Readonly<Record<string, unknown>>} how */
export const enter = async (pairs, how) => {
  for (const { load } of pairs) await load.call('enter', how);
};
