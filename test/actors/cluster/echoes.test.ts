import { fc, test as given } from '@fast-check/vitest';
import { describe, expect, test } from 'vitest';
import { Echoes } from '../../../src/actors/cluster/echoes.js';
import type { StackExchange } from '../../../src/exchange/exchange.js';
import { OnNativeMessage } from '../../../src/index.js';
import { useNodes } from '../../support/cluster/nodes.js';
import { memoryBroker } from '../../support/exchange/memoryExchange.js';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe('an echo', () => {
  test('[EX4] [EX6] is taken once for each time that it was sent, in that order', () => {
    const echoes = new Echoes();
    for (const text of ['a', 'b', 'a']) echoes.expect('c', bytes(text));
    expect(['a', 'b', 'a', 'a', 'b'].map((text) => echoes.take('c', bytes(text)))).toEqual([
      true,
      true,
      true,
      false,
      false,
    ]);
  });

  test('[EX4] is known by its channel, too', () => {
    const echoes = new Echoes();
    echoes.expect('c', bytes('x'));
    expect([echoes.take('d', bytes('x')), echoes.take('c', bytes('x'))]).toEqual([false, true]);
  });

  test('[EX4] of an unsubscribed channel, or of a lost broker, does not arrive', () => {
    const echoes = new Echoes();
    for (const channel of ['a', 'b', 'c']) echoes.expect(channel, bytes('x'));
    echoes.forget('a');
    expect([echoes.take('a', bytes('x')), echoes.take('b', bytes('x'))]).toEqual([false, true]);
    echoes.clear();
    expect(echoes.take('c', bytes('x'))).toBe(false);
  });

  test('[EX14] of a refused message is never expected', () => {
    const echoes = new Echoes();
    const refuse = ['a', 'b', 'a'].map((text) => echoes.expect('c', bytes(text)));
    refuse[2]?.();
    refuse[0]?.();
    refuse[0]?.();
    expect([echoes.take('c', bytes('b')), echoes.take('c', bytes('a'))]).toEqual([true, false]);
    echoes.expect('c', bytes('a'));
    refuse[1]?.();
    expect(echoes.take('c', bytes('a'))).toBe(true);
  });

  test('[EX4] may be empty, and part of a larger buffer', () => {
    const echoes = new Echoes();
    echoes.expect('c', bytes(''));
    echoes.expect('c', bytes('xyz').subarray(1, 2));
    expect([echoes.take('c', bytes('')), echoes.take('c', Buffer.from('y'))]).toEqual([true, true]);
  });

  const sent = fc.record({ isOurs: fc.boolean(), channel: fc.constantFrom('c', 'd'), text: fc.constantFrom('a', 'b') });

  given.prop([fc.array(sent, { maxLength: 60 })])(
    '[EX4] [EX6] each message of other servers is delivered as often as they have sent it',
    (log) => {
      const echoes = new Echoes();
      for (const { isOurs, channel, text } of log) if (isOurs) echoes.expect(channel, bytes(text));
      const given = log.filter(({ channel, text }) => !echoes.take(channel, bytes(text)));
      const lines = (of: typeof log): string[] => of.map(({ channel, text }) => channel + text).sort();
      expect(lines(given)).toEqual(lines(log.filter(({ isOurs }) => !isOurs)));
    },
  );
});

describe('a server of native messages only', () => {
  const makeNode = useNodes();
  const options = { namespaces: {}, events: { [OnNativeMessage]() {} } };

  test('[EX4] [EX6] receives its own broadcasts once, and those of other servers once', async () => {
    const broker = memoryBroker();
    const [a, b] = [await makeNode(broker.exchange(), options), await makeNode(broker.exchange(), options)];
    const [here, there] = [await a.dial('here'), await b.dial('there')];
    await expect.poll(() => [a.server.connections().length, b.server.connections().length]).toEqual([1, 1]);
    for (const body of ['one', 'one', 'two']) a.server.broadcast(null, { isNative: true, body });
    b.server.broadcast(null, { isNative: true, body: 'one' });
    const came = [await here.frames.take(4), await there.frames.take(4)];
    expect(came.map((frames) => frames.toSorted())).toEqual(Array(2).fill(['one', 'one', 'one', 'two']));
  });

  test('[EX4] [EX14] what the broker refuses has no echo, and is not awaited', async () => {
    const broker = memoryBroker();
    const memory = broker.exchange();
    /** A broker that does not take what is marked as too much for it. */
    const exchange: StackExchange = {
      ...memory,
      connect: async (listener) => {
        const uplink = await memory.connect(listener);
        return {
          subscribe: (channels) => uplink.subscribe(channels),
          unsubscribe: (channels) => uplink.unsubscribe(channels),
          ping: () => uplink.ping(),
          close: () => uplink.close(),
          publish: (channel, payload) =>
            Buffer.from(payload).includes('too much')
              ? Promise.reject(new Error('refused'))
              : uplink.publish(channel, payload),
        };
      },
    };
    const node = await makeNode(exchange, options);
    const client = await node.dial('here');
    await expect.poll(() => node.server.connections().length).toBe(1);
    for (const body of ['too much', 'one', 'two']) node.server.broadcast(null, { isNative: true, body });
    await expect.poll(() => node.server.exchange?.status.received).toBe(2);
    await node.server.flush();
    node.server.broadcast(null, { isNative: true, body: 'end' });
    expect(await client.frames.take(4)).toEqual(['too much', 'one', 'two', 'end']);
    expect(node.server.exchange?.status.lost.refused).toBe(1);
  });
});
