import { describe, expect, test } from 'vitest';
import { exchangeContract } from '../contracts/exchangeContract.js';
import { watch } from '../support/async/promises.js';
import { type MemoryBroker, memoryBroker } from '../support/exchange/memoryExchange.js';

describe('the exchange of tests, in memory', () => {
  exchangeContract({
    connections: 0,
    start: async () => {
      const broker = memoryBroker();
      return { exchange: () => broker.exchange(), kill: () => broker.stop() };
    },
  });
});

describe('the memory broker', () => {
  const bytes = new TextEncoder().encode('x');
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

  const join = async (broker: MemoryBroker) => {
    const received: string[] = [];
    const uplink = await broker.exchange().connect({
      received: (channel) => received.push(channel),
      lost: (error) => received.push(String(error)),
    });
    await uplink.subscribe(['a']);
    return { received, uplink };
  };

  test('[EX1] it holds commands before it takes them, and before it confirms them', async () => {
    const broker = memoryBroker();
    const { received, uplink } = await join(broker);
    const take = broker.hold('taking');
    const confirm = broker.hold('confirming');
    const seen = watch(uplink.publish('a', bytes));
    await turn();
    expect([received, seen.state, broker.waiting]).toEqual([[], 'pending', 1]);
    take();
    await turn();
    expect([received, seen.state, broker.waiting]).toEqual([['a'], 'pending', 1]);
    confirm();
    await turn();
    expect([seen.state, broker.waiting]).toEqual(['resolved', 0]);
  });

  test.each([true, false])('[EX1] it loses uplinks after taking their commands: %s', async (taken) => {
    const broker = memoryBroker();
    const [one, other] = [await join(broker), await join(broker)];
    broker.hold('taking');
    const seen = watch(one.uplink.publish('a', bytes));
    broker.lose({ taken, count: 1 });
    await turn();
    expect(seen.state).toBe('rejected');
    expect(one.received).toEqual([...(taken ? ['a'] : []), 'Error: memory: lost']);
    expect(other.received).toEqual(taken ? ['a'] : []);
    expect([broker.uplinks, broker.waiting, broker.published.length]).toEqual([1, 0, taken ? 1 : 0]);
  });

  test('[EX1] it fails the next connect, and all while it is stopped', async () => {
    const broker = memoryBroker();
    broker.failConnect(new Error('no'));
    await expect(join(broker)).rejects.toThrow('no');
    const { uplink } = await join(broker);
    expect([broker.uplinks, broker.subscriptions]).toEqual([1, ['a']]);
    broker.stop();
    expect([broker.uplinks, broker.subscriptions]).toEqual([0, []]);
    await expect(uplink.ping()).rejects.toThrow('has ended');
    await expect(join(broker)).rejects.toThrow('stopped');
    broker.start();
    await join(broker);
    expect(broker.connects).toBe(4);
  });
});
