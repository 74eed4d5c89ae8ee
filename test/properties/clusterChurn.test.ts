import { expect, onTestFinished, test } from 'vitest';
import { natsExchange } from '../../src/exchange/nats.js';
import { redisExchange } from '../../src/exchange/redis.js';
import { busyTime } from '../support/churn/busyTime.js';
import { ChurnClients } from '../support/churn/churnClients.js';
import { useNodes } from '../support/cluster/nodes.js';
import { RelayAudit } from '../support/cluster/relayAudit.js';
import { type ClusterBroadcast, ClusterWorkload, randomFrom } from '../support/cluster/workload.js';
import { bodyOf, tapExchange } from '../support/exchange/exchangeTap.js';
import { natsServer, redisServer, startNats, startRedis } from '../support/peers/brokers.js';
import { describeWith } from '../support/peers/installed.js';
import { patientLimits } from '../support/server/patientLimits.js';

const servers = 3;
const clientsPerServer = Number(process.env['MUSTER_CLUSTER_LINES'] ?? 120);
const rooms = 20;
/** The run ends after this many relayed messages and this many seconds. */
const crossings = Number(process.env['MUSTER_CROSSINGS'] ?? 20_000);
const leastSeconds = 5;
const changesPerSecond = clientsPerServer / 1.5;
const closesPerSecond = 4;
/** The workload pauses while more than this waits for the broker. */
const maxWaiting = { messages: 500, bytes: 8 * 2 ** 20 };
const ticksAhead = 4;
const seed = Number(process.env['MUSTER_SEED'] ?? Date.now() % 2 ** 31);

const makeNode = useNodes();
/** Lets the sockets run for one tick. */
const tick = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const brokers = [
  {
    peer: redisServer,
    exchange: async () => redisExchange({ url: (await startRedis()).url, channel: 'muster' }),
  },
  {
    peer: natsServer,
    exchange: async () => natsExchange({ servers: (await startNats()).url }),
  },
];

/** Starts the servers in this process, so that all events have one order. Their clients run in threads. */
const startServers = async (exchange: Awaited<ReturnType<(typeof brokers)[number]['exchange']>>) => {
  const nodes: Awaited<ReturnType<typeof makeNode>>[] = [];
  const serverOf = (index: number) => {
    const node = nodes[index];
    if (!node) throw new RangeError(`there is no server ${index}`);
    return node.server;
  };
  const onBroadcast = (broadcast: ClusterBroadcast): void => relayAudit.onBroadcast(broadcast);
  const workloads = Array.from(
    { length: servers },
    (_, index) => new ClusterWorkload(index, rooms, randomFrom(seed + index), () => serverOf(index), onBroadcast),
  );
  const relayAudit = new RelayAudit(workloads);
  for (const { index, recorder } of workloads) {
    const tapped = tapExchange(exchange, {
      published(_uplink, _channel, payload) {
        relayAudit.onPublished(index, Number(bodyOf(payload).slice(0, 8)));
        return undefined;
      },
      received: (_uplink, _channel, payload) => relayAudit.onReceived(index, Number(bodyOf(payload).slice(0, 8))),
    });
    const { handlers, onConnect, onDisconnect } = recorder;
    nodes.push(await makeNode(tapped, { namespaces: { n: handlers }, onConnect, onDisconnect, limits: patientLimits }));
  }
  const statuses = () => nodes.flatMap(({ server: { exchange } }) => (exchange ? [exchange.status] : []));
  return { nodes, workloads, relayAudit, statuses };
};

for (const { peer, exchange } of brokers) {
  describeWith(peer, `${peer.name} between servers whose clients connect, move, stall and close`, () => {
    test('[EX5] [EX4] [EX6] [EX3] [BC1] [BC2] [BC4] nothing is lost, doubled, out of order or with strangers', {
      timeout: 300_000,
    }, async () => {
      const { nodes, workloads, relayAudit, statuses } = await startServers(await exchange());
      const clientsByServer = nodes.map(
        ({ url }, index) =>
          new ChurnClients({
            port: Number(new URL(url).port),
            clients: clientsPerServer,
            rooms,
            seed: seed + index,
            changesPerSecond,
          }),
      );
      onTestFinished(async () => void (await Promise.all(clientsByServer.map((clients) => clients.end()))));
      await Promise.all(clientsByServer.map((clients) => clients.arrived()));

      for (const clients of clientsByServer) clients.beginChurn();
      const began = busyTime();
      const passed = (): number => (busyTime() - began) / 1_000;
      let yields: Promise<unknown> = Promise.resolve();
      let closes = 0;
      const isBehind = (): boolean =>
        statuses().some(
          ({ waiting: { messages, bytes } }) => messages > maxWaiting.messages || bytes > maxWaiting.bytes,
        );
      for (let ticks = 0; relayAudit.relayed < crossings || passed() < leastSeconds; ticks++) {
        for (const workload of workloads) workload.tick();
        if (passed() * closesPerSecond > closes) workloads[closes++ % servers]?.closeRandom();
        do await tick();
        while (isBehind());
        if (ticks % ticksAhead > 0) continue;
        await yields;
        yields = Promise.all(clientsByServer.map((clients) => clients.yield()));
      }
      await yields;
      const seconds = passed();
      await Promise.all(workloads.flatMap(({ moves }) => moves));
      await Promise.all(clientsByServer.map((clients) => clients.settle()));
      for (const workload of workloads) workload.broadcast({ topic: 0 });
      await expect.poll(() => relayAudit.isQuiet, { timeout: 60_000 }).toBe(true);
      await Promise.all(nodes.map(({ server }) => server.flush()));
      const reports = await Promise.all(clientsByServer.map((clients) => clients.finish()));

      const verdicts = workloads.map((workload, index) => relayAudit.verify(workload, reports[index]?.records ?? []));
      const total = (count: (verdict: (typeof verdicts)[number]) => number): number =>
        verdicts.reduce((sum, verdict) => sum + count(verdict), 0);
      const [due, delivered, cutOff] = [total((v) => v.expected), total((v) => v.delivered), total((v) => v.cutOff)];
      const logs = workloads.map(({ recorder: { log, flow }, counts }) => ({ ...log.counts, ...flow, ...counts }));
      console.log(
        `${peer.name}: ${relayAudit.broadcasts} messages, ${relayAudit.relayed} crossings, ${delivered} of ${due} deliveries in ` +
          `${seconds.toFixed(1)} s, ${cutOff} behind the end of a line; seed ${seed}\n${JSON.stringify(logs[0])}\n` +
          JSON.stringify(statuses().map(({ lost }) => lost)[0]),
      );

      expect(relayAudit.allFaults.slice(0, 10)).toEqual([]);
      expect(verdicts.flatMap(({ messages }) => messages)).toEqual([]);
      expect(reports.flatMap(({ violations }) => violations)).toEqual([]);
      expect(reports.map(({ unanswered }) => unanswered)).toEqual(workloads.map(() => 0));
      expect(due).toBe(delivered + cutOff);
      expect(relayAudit.relayed).toBeGreaterThanOrEqual(crossings);
      // Nothing was lost, so no loss is counted; the broker has confirmed every message.
      const nothing = statuses().flatMap(({ lost }) => Object.entries(lost).filter(([, messages]) => messages > 0));
      expect(nothing).toEqual([]);
      expect(statuses().reduce((sum, { published }) => sum + published, 0)).toBe(relayAudit.broadcasts);
      expect(nodes.flatMap(({ errors }) => errors)).toEqual([]);
      // Everything that is counted has happened at least once.
      for (const counts of logs) {
        const { congested, drains, ...wanted } = counts;
        expect(Object.entries(wanted).filter(([, times]) => times === 0)).toEqual([]);
      }
    });
  });
}
