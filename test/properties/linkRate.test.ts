import { expect, test } from 'vitest';
import { natsExchange } from '../../src/exchange/nats.js';
import { redisExchange } from '../../src/exchange/redis.js';
import { useNodes } from '../support/cluster/nodes.js';
import { natsServer, redisServer, startNats, startRedis } from '../support/peers/brokers.js';
import { describeWith } from '../support/peers/installed.js';
import { startThrottledProxy } from '../support/peers/throttledProxy.js';

const makeNode = useNodes();
/** The size of the burst, of one message of it, and what the link carries in a second. */
const burst = Number(process.env['MUSTER_BURST'] ?? 180_000);
const size = Number(process.env['MUSTER_MESSAGE'] ?? 5_000);
const rate = Number(process.env['MUSTER_RATE'] ?? 60_000);
/** A ping that waits behind the burst is answered only after 3 s. */
const limits = {
  exchangeInterval: Number(process.env['MUSTER_PING'] ?? 500),
  exchangeTimeout: Number(process.env['MUSTER_PING_TIMEOUT'] ?? 2_000),
};
const patience = { timeout: 120_000, interval: 20 };

const kinds = [
  {
    peer: redisServer,
    start: startRedis,
    exchange: (port: number) => redisExchange({ url: `redis://127.0.0.1:${port}`, channel: 'muster' }),
  },
  {
    peer: natsServer,
    start: () => startNats(),
    exchange: (port: number) => natsExchange({ servers: `nats://127.0.0.1:${port}` }),
  },
];

for (const { peer, start, exchange } of kinds) {
  describeWith(peer, `${peer.name} behind a slow link`, () => {
    const open = async () => {
      const broker = await start();
      const proxy = await startThrottledProxy(broker.port, rate);
      const near = await makeNode(exchange(proxy.port), { limits });
      const far = await makeNode(exchange(broker.port), { limits });
      const states: string[] = [];
      near.server.exchange?.actor.subscribe((snapshot) => {
        states.push(JSON.stringify('value' in snapshot ? snapshot.value : undefined));
      });
      const listeners = [await near.enter('near'), await far.enter('far')];
      const bodies = (at: number): number[] =>
        (listeners[at]?.frames.all ?? []).flatMap((frame) => /;e;0;0;(\d+)/.exec(String(frame))?.[1] ?? []).map(Number);
      return { near, far, states, bodies };
    };
    const numbers = Array.from({ length: Math.ceil(burst / size) }, (_, at) => at);
    const say = (number: number) => ({ namespace: 'default', event: 'e', body: `${number} `.padEnd(size, '.') });

    test('[EX15] [EX19] takes a burst of this server whole, and does not count as lost', {
      timeout: 180_000,
    }, async () => {
      const { near, far, states, bodies } = await open();
      const began = performance.now();
      for (const number of numbers) near.server.broadcast(null, say(number));
      await expect
        .poll(() => [bodies(1).length, near.server.exchange?.status.waiting.messages], patience)
        .toEqual([numbers.length, 0]);
      console.log(`${peer.name}: ${burst} bytes at ${rate}/s in ${Math.round(performance.now() - began)} ms`);
      expect(bodies(1)).toEqual(numbers);
      expect(states).toEqual([]);
      expect([near.errors, far.errors]).toEqual([[], []]);
    });

    test('[EX15] delivers a burst of another server whole, and a client may connect meanwhile', {
      timeout: 180_000,
    }, async () => {
      const { near, far, states, bodies } = await open();
      for (const number of numbers) far.server.broadcast(null, say(number));
      await expect.poll(() => bodies(0).length, patience).toBeGreaterThan(0);
      const entered = near.enter('late');
      await expect.poll(() => bodies(0).length, patience).toBe(numbers.length);
      await entered;
      expect(bodies(0)).toEqual(numbers);
      expect(states).toEqual([]);
      expect([near.errors, far.errors]).toEqual([[], []]);
    });
  });
}
