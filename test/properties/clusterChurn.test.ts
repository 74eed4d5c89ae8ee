import { expect, onTestFinished, test } from 'vitest';
import { natsExchange } from '../../src/exchange/nats.js';
import { redisExchange } from '../../src/exchange/redis.js';
import { ChurnCrew } from '../support/churn/churnClients.js';
import { useNodes } from '../support/cluster/nodes.js';
import { Crossings } from '../support/cluster/relayAudit.js';
import { ClusterTalk, chanceFrom, type Issue } from '../support/cluster/workload.js';
import { bodyOf, overhear } from '../support/exchange/exchangeTap.js';
import { natsServer, redisServer, startNats, startRedis } from '../support/peers/brokers.js';
import { describeWith } from '../support/peers/installed.js';

const servers = 3;
const lines = Number(process.env['MUSTER_CLUSTER_LINES'] ?? 120);
const rooms = 20;
/** The run ends when so much has crossed between servers, and so much time has passed. */
const crossings = Number(process.env['MUSTER_CROSSINGS'] ?? 20_000);
const leastSeconds = 5;
const changesPerSecond = lines / 1.5;
const closesPerSecond = 4;
/** What waits for the broker is so little before more is said. */
const mostWaiting = { messages: 500, bytes: 8 * 2 ** 20 };
const beatsAhead = 4;
const seed = Number(process.env['MUSTER_SEED'] ?? Date.now() % 2 ** 31);
const much = 2 ** 30;
const long = 60_000;
const limits = {
  slowConsumerBytes: much,
  slowConsumerMessages: much,
  slowConsumerTimeout: long,
  pingTimeout: long,
  ackTimeout: long,
  closeTimeout: long,
};

const makeNode = useNodes();
/** The other sockets have their turn. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

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

/** Servers in this process, so that there is one order of all that happens; their clients are in threads of their own. */
const house = async (exchange: Awaited<ReturnType<(typeof brokers)[number]['exchange']>>) => {
  const nodes: Awaited<ReturnType<typeof makeNode>>[] = [];
  const serverOf = (index: number) => {
    const node = nodes[index];
    if (!node) throw new RangeError(`there is no server ${index}`);
    return node.server;
  };
  const announce = (issue: Issue): void => book.announce(issue);
  const talks = Array.from(
    { length: servers },
    (_, index) => new ClusterTalk(index, rooms, chanceFrom(seed + index), () => serverOf(index), announce),
  );
  const book = new Crossings(talks);
  for (const { index, house } of talks) {
    const heard = overhear(exchange, {
      handed(_life, _channel, payload) {
        book.handed(index, Number(bodyOf(payload).slice(0, 8)));
        return undefined;
      },
      received: (_life, _channel, payload) => book.heard(index, Number(bodyOf(payload).slice(0, 8))),
    });
    const { handlers, onConnect, onDisconnect } = house;
    nodes.push(await makeNode(heard, { namespaces: { n: handlers }, onConnect, onDisconnect, limits }));
  }
  const statuses = () => nodes.flatMap(({ server: { exchange } }) => (exchange ? [exchange.status] : []));
  return { nodes, talks, book, statuses };
};

for (const { peer, exchange } of brokers) {
  describeWith(peer, `${peer.name} between servers whose clients come, move, stall and go`, () => {
    test('[EX5] [EX4] [EX6] [EX3] [BC1] [BC2] [BC4] nothing is lost, doubled, out of order or with strangers', {
      timeout: 90_000,
    }, async () => {
      const { nodes, talks, book, statuses } = await house(await exchange());
      const crews = nodes.map(
        ({ url }, index) =>
          new ChurnCrew({ port: Number(new URL(url).port), lines, rooms, seed: seed + index, changesPerSecond }),
      );
      onTestFinished(async () => void (await Promise.all(crews.map((crew) => crew.end()))));
      await Promise.all(crews.map((crew) => crew.arrived()));

      for (const crew of crews) crew.beginChurn();
      const began = performance.now();
      const passed = (): number => (performance.now() - began) / 1_000;
      let pulses: Promise<unknown> = Promise.resolve();
      let closes = 0;
      const isBehind = (): boolean =>
        statuses().some(
          ({ waiting: { messages, bytes } }) => messages > mostWaiting.messages || bytes > mostWaiting.bytes,
        );
      for (let beats = 0; book.crossed < crossings || passed() < leastSeconds; beats++) {
        for (const talk of talks) talk.beat();
        if (passed() * closesPerSecond > closes) talks[closes++ % servers]?.closeOne();
        do await turn();
        while (isBehind());
        if (beats % beatsAhead > 0) continue;
        await pulses;
        pulses = Promise.all(crews.map((crew) => crew.pulse()));
      }
      await pulses;
      const seconds = passed();
      await Promise.all(talks.flatMap(({ moved }) => moved));
      await Promise.all(crews.map((crew) => crew.settle()));
      for (const talk of talks) talk.say({ topic: 0 });
      await expect.poll(() => book.isQuiet, { timeout: 10_000 }).toBe(true);
      await Promise.all(nodes.map(({ server }) => server.flush()));
      const reports = await Promise.all(crews.map((crew) => crew.finish()));

      const verdicts = talks.map((talk, index) => book.judge(talk, reports[index]?.seen ?? []));
      const total = (count: (verdict: (typeof verdicts)[number]) => number): number =>
        verdicts.reduce((sum, verdict) => sum + count(verdict), 0);
      const [due, delivered, cutOff] = [total((v) => v.due), total((v) => v.delivered), total((v) => v.cutOff)];
      const ledgers = talks.map(({ house: { ledger, flow }, counts }) => ({ ...ledger.counts, ...flow, ...counts }));
      console.log(
        `${peer.name}: ${book.issued} messages, ${book.crossed} crossings, ${delivered} of ${due} deliveries in ` +
          `${seconds.toFixed(1)} s, ${cutOff} behind the end of a line; seed ${seed}\n${JSON.stringify(ledgers[0])}\n` +
          JSON.stringify(statuses().map(({ lost }) => lost)[0]),
      );

      expect(book.allFaults.slice(0, 10)).toEqual([]);
      expect(verdicts.flatMap(({ told }) => told)).toEqual([]);
      expect(reports.flatMap(({ complaints }) => complaints)).toEqual([]);
      expect(reports.map(({ unanswered }) => unanswered)).toEqual(talks.map(() => 0));
      expect(due).toBe(delivered + cutOff);
      expect(book.crossed).toBeGreaterThanOrEqual(crossings);
      // Nothing was lost, so nothing is said to be; each has taken all that it was handed.
      const nothing = statuses().flatMap(({ lost }) => Object.entries(lost).filter(([, messages]) => messages > 0));
      expect(nothing).toEqual([]);
      expect(statuses().reduce((sum, { published }) => sum + published, 0)).toBe(book.issued);
      expect(nodes.flatMap(({ errors }) => errors)).toEqual([]);
      // It all has happened, so that nothing of this is true for want of an occasion.
      for (const counts of ledgers) {
        const { congested, drains, ...wanted } = counts;
        expect(Object.entries(wanted).filter(([, times]) => times === 0)).toEqual([]);
      }
    });
  });
}
