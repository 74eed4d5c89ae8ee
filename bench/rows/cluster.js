import { nodes } from '../cluster.js';
import { whyNoRedis } from '../redis.js';
import { awaitDeliveries, bytes, connectClients, perDeliveryOf, ratiosOf, systemsOf } from '../rowRunner.js';
import { median, medianRatio, percentile } from '../statistics.js';

/** @typedef {import('../cluster.js').Cluster} Cluster */
/** Further figures of a system, by round. @typedef {{ p50: number[], p99: number[], remote: number[] }} More */

/** Time between two messages, in ms: long enough for each to arrive everywhere before the next. */
const every = 250;
const expectedLinks = 2;

/**
 * Measures the processor time of both servers per delivery, and that of the one that only receives.
 *
 * @param {Cluster} cluster
 * @param {number} connections of each node
 * @param {More | undefined} more
 */
const costOf = async ({ local, remote }, connections, more) => {
  const plan = { rounds: 20, perTick: 1, bytes };
  const due = plan.rounds * connections * nodes;
  const before = await remote.server.cpu();
  const sample = await perDeliveryOf([local, remote], due, () => local.server.call('broadcast', plan));
  const spent = (await remote.server.cpu()) - before;
  more?.remote.push(spent / Math.max(sample.delivered / nodes, 1));
  return sample;
};

/**
 * Measures the delay of messages to the clients of the other node.
 *
 * @param {Cluster} cluster
 * @param {number} connections of each node
 * @param {number} ms
 * @param {More | undefined} more
 */
const latencyOf = async ({ local, remote }, connections, ms, more) => {
  for (const { load } of [local, remote]) await load.call('reset');
  const published = await local.server.figure('published', 'steady', { ms, every, bytes });
  const due = published * connections * nodes;
  const delivered = await awaitDeliveries([local, remote], due);
  const { latencies } = Object(await remote.load.call('latencies'));
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
const factsOf = (name, { p50, p99, remote }, links) => [
  { what: `${name}: the node that only receives`, value: median(remote), unit: 'µs per delivery' },
  { what: `${name}: until delivery by the other node, median`, value: median(p50), unit: 'ms' },
  { what: `${name}: until delivery by the other node, 99th percentile`, value: median(p99), unit: 'ms' },
  { what: `${name}: from a node to the broker`, value: links, unit: 'connections' },
  ...(name === 'muster'
    ? [
        {
          what: `${name}: connections to the broker, difference from ${expectedLinks}`,
          value: Math.abs(links - expectedLinks),
          unit: '',
          must: 0,
        },
      ]
    : []),
];

/** @param {ReadonlyMap<string, More>} all @param {keyof More} what @param {string} label */
const furtherRatio = (all, what, label) => {
  const [one, other] = [all.get('muster'), all.get('socket.io')];
  return one && other ? [{ what: `${label}: muster / socket.io`, value: medianRatio(one[what], other[what]) }] : [];
};

/** @type {import('../rowRunner.js').Row} */
export const clusterRow = {
  id: 'cluster',
  title: 'One broadcast per tick, two nodes on one Redis, 5 000 connections on each',
  note: 'One node publishes. The processor time is that of both nodes, without Redis. A round begins when the publishing node has handed the previous one to the operating system. For the delays, a message is published every 250 ms. The nodes share one core; Redis and the clients share the other. Socket.IO uses its Redis adapter.',
  unit: 'µs of processor time per delivery',
  whyMissing: whyNoRedis,
  async run(runner) {
    const connections = runner.connections(5_000, 1_000);
    const ms = runner.pick(4_000, 2_000);
    return runner.withClusters(['muster', 'socket.io'], async (clusters) => {
      for (const { local, remote } of clusters) await connectClients([local, remote], { count: connections });
      const early = await linksOf(clusters);
      /** @type {Map<string, More>} */
      const more = new Map(clusters.map(({ name }) => [name, { p50: [], p99: [], remote: [] }]));
      /** Discards the figures of the warm-up round. @param {string} name @param {number} round */
      const figuresOf = (name, round) => (round === 0 ? undefined : more.get(name));
      const costs = await runner.measureRounds(clusters, (cluster, round) =>
        costOf(cluster, connections, figuresOf(cluster.name, round)),
      );
      for (const { remote } of clusters) await remote.load.call('measureLatencies');
      const latencies = await runner.measureRounds(
        clusters,
        (cluster, round) => latencyOf(cluster, connections, ms, figuresOf(cluster.name, round)),
        runner.pick(3, 1),
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
          ...ratiosOf(costs, [{ other: 'socket.io', must: 0.7, aim: 0.6 }]),
          ...furtherRatio(more, 'remote', 'the node that only receives'),
          ...furtherRatio(more, 'p99', 'until delivery by the other node, 99th percentile'),
        ],
        facts: [...more].flatMap(([name, figures]) => factsOf(name, figures, links.get(name) ?? Number.NaN)),
      };
    });
  },
};
