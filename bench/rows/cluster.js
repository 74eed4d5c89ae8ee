import { nodes } from '../cluster.js';
import { whyNoRedis } from '../redis.js';
import { bytes, enter, expected, perDeliveryOf, ratiosOf, systemsOf } from '../stage.js';
import { median, medianRatio, percentile } from '../statistics.js';

/** @typedef {import('../cluster.js').Cluster} Cluster */
/** What a system is asked beside the figures of its table, by round. @typedef {{ p50: number[], p99: number[], far: number[] }} More */

/** So few in a second that each has come everywhere when the next is published. */
const every = 250;
const dueLinks = 2;

/**
 * Both servers' processor time for each delivery, and that of the one that only receives.
 *
 * @param {Cluster} cluster
 * @param {number} connections of each node
 * @param {More | undefined} more
 */
const costOf = async ({ near, far }, connections, more) => {
  const plan = { rounds: 20, perTurn: 1, bytes };
  const due = plan.rounds * connections * nodes;
  const before = await far.server.cpu();
  const sample = await perDeliveryOf([near, far], due, () => near.server.call('broadcast', plan));
  const its = (await far.server.cpu()) - before;
  more?.far.push(its / Math.max(sample.delivered / nodes, 1));
  return sample;
};

/**
 * How long messages take to the clients of the other node.
 *
 * @param {Cluster} cluster
 * @param {number} connections of each node
 * @param {number} ms
 * @param {More | undefined} more
 */
const latencyOf = async ({ near, far }, connections, ms, more) => {
  for (const { load } of [near, far]) await load.call('reset');
  const issued = await near.server.figure('issued', 'steady', { ms, every, bytes });
  const due = issued * connections * nodes;
  const delivered = await expected([near, far], due);
  const { latencies } = Object(await far.load.call('latencies'));
  const p99 = percentile(latencies, 0.99);
  more?.p50.push(percentile(latencies, 0.5));
  more?.p99.push(p99);
  return { figure: p99, delivered, due };
};

/** @param {readonly Cluster[]} clusters */
const linksOf = async (clusters) => {
  /** @type {Map<string, number>} */
  const links = new Map();
  for (const cluster of clusters) links.set(cluster.name, (await cluster.links()) / nodes);
  return links;
};

/**
 * @param {string} name
 * @param {More} more
 * @param {number} links of one node
 * @returns {import('../result.js').Fact[]}
 */
const factsOf = (name, { p50, p99, far }, links) => [
  { what: `${name}: of the node that only receives`, value: median(far), unit: 'µs per delivery' },
  { what: `${name}: until a message is at the other node's clients, half of them`, value: median(p50), unit: 'ms' },
  { what: `${name}: the same, 99 of 100`, value: median(p99), unit: 'ms' },
  { what: `${name}: from a node to the broker`, value: links, unit: 'connections' },
  ...(name === 'muster'
    ? [{ what: `${name}: the same, above or below ${dueLinks}`, value: Math.abs(links - dueLinks), unit: '', must: 0 }]
    : []),
];

/** @param {ReadonlyMap<string, More>} all @param {keyof More} what @param {string} label */
const furtherRatio = (all, what, label) => {
  const [one, other] = [all.get('muster'), all.get('socket.io')];
  return one && other ? [{ what: `${label}: muster / socket.io`, value: medianRatio(one[what], other[what]) }] : [];
};

/** @type {import('../stage.js').Row} */
export const clusterRow = {
  id: 'cluster',
  title: 'One broadcast in a turn, two nodes on one Redis, 5 000 connections on each',
  note: 'One node publishes. The processor time is that of both, without that of Redis, and a round begins when the one before has been handed over where it was published; for the times on the clock a message is published every 250 ms. Both nodes have one core together, Redis and the clients the other. Socket.IO has its Redis adapter.',
  unit: 'µs of processor time per delivery',
  whyMissing: whyNoRedis,
  async run(stage) {
    const connections = stage.connections(5_000, 1_000);
    const ms = stage.pick(4_000, 2_000);
    return stage.withClusters(['muster', 'socket.io'], async (clusters) => {
      for (const { near, far } of clusters) await enter([near, far], { count: connections });
      const early = await linksOf(clusters);
      /** @type {Map<string, More>} */
      const more = new Map(clusters.map(({ name }) => [name, { p50: [], p99: [], far: [] }]));
      /** The round that warms up counts for nothing. @param {string} name @param {number} round */
      const its = (name, round) => (round === 0 ? undefined : more.get(name));
      const costs = await stage.rotate(clusters, (cluster, round) =>
        costOf(cluster, connections, its(cluster.name, round)),
      );
      for (const { far } of clusters) await far.load.call('listen');
      const latencies = await stage.rotate(
        clusters,
        (cluster, round) => latencyOf(cluster, connections, ms, its(cluster.name, round)),
        stage.pick(3, 1),
      );
      for (const [name, { delivered, due }] of latencies) {
        const cost = costs.get(name);
        if (cost) costs.set(name, { ...cost, delivered: cost.delivered + delivered, due: cost.due + due });
      }
      const late = await linksOf(clusters);
      const links = new Map([...late].map(([name, count]) => [name, Math.max(count, early.get(name) ?? 0)]));
      return {
        systems: systemsOf(costs),
        ratios: [
          ...ratiosOf(costs, [{ other: 'socket.io', must: 0.7 }]),
          ...furtherRatio(more, 'far', 'of the node that only receives'),
          ...furtherRatio(more, 'p99', 'until a message is there, 99 of 100'),
        ],
        facts: [...more].flatMap(([name, asked]) => factsOf(name, asked, links.get(name) ?? Number.NaN)),
      };
    });
  },
};
