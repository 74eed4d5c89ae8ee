import fc from 'fast-check';
import { afterEach, beforeAll, expect, onTestFinished, test } from 'vitest';
import type { ChannelKind, ExchangeUplink, StackExchange } from '../../src/exchange/exchange.js';
import { watch } from '../support/async/promises.js';
import { anyName, oddNames } from '../support/exchange/channelNames.js';
import { RecordingListener } from '../support/exchange/recordingListener.js';
import { startTcpProxy } from '../support/peers/tcpProxy.js';

/** A broker that a suite runs, and exchanges that go there. */
interface BrokerUnderTest {
  /** An exchange as one server has it; through this port when it is given. */
  exchange(port?: number): StackExchange;
  kill(): void | Promise<void>;
  /** Where it listens and how many clients it counts, when it is another process. */
  readonly remote?: { readonly port: number; connections(): Promise<number> };
}

export interface ContractTerms {
  start(): Promise<BrokerUnderTest>;
  /** The connections of one uplink. */
  readonly connections: number;
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const kinds: readonly ChannelKind[] = ['namespace', 'connection', 'answers'];

/** The channel, or undefined when it cannot be carried. */
const channelOf = (exchange: StackExchange, kind: ChannelKind, of: string): string | undefined => {
  try {
    return exchange.channelOf(kind, of);
  } catch (error) {
    expect(error).toBeInstanceOf(RangeError);
    return undefined;
  }
};

/** What every exchange keeps (EX1, EX2, EX13). */
export const exchangeContract = ({ start, connections }: ContractTerms): void => {
  let broker: BrokerUnderTest;
  const open = new Set<ExchangeUplink>();

  beforeAll(async () => {
    broker = await start();
  });
  afterEach(() => {
    for (const uplink of open) uplink.close();
    open.clear();
  });

  const join = async (exchange = broker.exchange()) => {
    const listener = new RecordingListener();
    const uplink = await exchange.connect(listener.listener);
    open.add(uplink);
    return { listener, uplink, exchange };
  };

  /** A broker for one test, which may kill it. */
  const ownBroker = async (): Promise<BrokerUnderTest> => {
    const own = await start();
    onTestFinished(async () => own.kill());
    return own;
  };

  test('[EX1] an uplink receives its own publications', async () => {
    const { listener, uplink, exchange } = await join();
    const channel = exchange.channelOf('namespace', 'default');
    await uplink.subscribe([channel]);
    await uplink.publish(channel, bytes(';default;;chat;0;0;hi'));
    await listener.waitForCount(1);
    expect(listener.received.map((one) => one.channel)).toEqual([channel]);
    expect(listener.texts).toEqual([';default;;chat;0;0;hi']);
  });

  test('[EX1] the publications of one uplink arrive in order on all channels, and are confirmed in order', async () => {
    const [writer, reader] = [await join(), await join()];
    const channels = ['a', 'b', 'c', 'd'].map((one) => reader.exchange.channelOf('connection', one));
    await reader.uplink.subscribe(channels);
    const sent = Array.from({ length: 1_000 }, (_, at) => String(at));
    const confirmed: string[] = [];
    await Promise.all(
      sent.map(async (text, at) => {
        await writer.uplink.publish(channels[at % channels.length] ?? '', bytes(text));
        confirmed.push(text);
      }),
    );
    await reader.listener.waitForCount(sent.length);
    expect(reader.listener.texts).toEqual(sent);
    expect(reader.listener.received.map(({ channel }) => channel)).toEqual(
      sent.map((_, at) => channels[at % channels.length]),
    );
    expect(confirmed).toEqual(sent);
  });

  test.each([
    ['every byte there is', Uint8Array.from({ length: 256 }, (_, at) => at)],
    ['nothing', new Uint8Array(0)],
    ['200 KB', Uint8Array.from({ length: 200_000 }, (_, at) => (at * 31) % 251)],
    ['a piece of a larger buffer', bytes('xxhixx').subarray(2, 4)],
  ])('[EX1] a payload arrives unchanged: %s', async (_, payload) => {
    const [writer, reader] = [await join(), await join()];
    const channel = reader.exchange.channelOf('namespace', 'default');
    await reader.uplink.subscribe([channel]);
    await writer.uplink.publish(channel, payload);
    await reader.listener.waitForCount(1);
    expect(Buffer.compare(reader.listener.received[0]?.payload ?? bytes('none'), payload)).toBe(0);
  });

  test('[EX1] after the confirmation of a subscription, the next publication of another uplink arrives', async () => {
    const [writer, reader] = [await join(), await join()];
    for (let round = 0; round < 50; round++) {
      const channel = reader.exchange.channelOf('connection', `c${round}`);
      await reader.uplink.subscribe([channel]);
      writer.uplink.publish(channel, bytes(String(round))).catch(() => {});
      await reader.listener.waitForCount(round + 1);
    }
    expect(reader.listener.texts).toEqual(Array.from({ length: 50 }, (_, round) => String(round)));
  });

  test('[EX1] 3 000 channels subscribed at once all receive', async () => {
    const [writer, reader] = [await join(), await join()];
    const channels = Array.from({ length: 3_000 }, (_, at) => reader.exchange.channelOf('connection', `many${at}`));
    await reader.uplink.subscribe(channels);
    await Promise.all(channels.map((channel) => writer.uplink.publish(channel, bytes(channel))));
    await reader.listener.waitForCount(channels.length);
    expect(reader.listener.texts).toEqual(channels);
    reader.uplink.unsubscribe(channels.slice(1));
    await reader.uplink.ping();
    await writer.uplink.publish(channels[2_999] ?? '', bytes('gone'));
    await writer.uplink.publish(channels[0] ?? '', bytes('kept'));
    await reader.listener.waitForCount(channels.length + 1);
    expect(reader.listener.texts.at(-1)).toBe('kept');
  });

  test('[EX1] subscribe and unsubscribe take effect in the order of the calls', async () => {
    const [writer, reader] = [await join(), await join()];
    const [first, second, end] = ['first', 'second', 'end'].map((one) => reader.exchange.channelOf('namespace', one));
    if (first === undefined || second === undefined || end === undefined) throw new Error('three channels');
    const off = reader.uplink.subscribe([first]);
    reader.uplink.unsubscribe([first]);
    const on = reader.uplink.subscribe([second, end]);
    reader.uplink.unsubscribe([second]);
    const again = reader.uplink.subscribe([second]);
    await Promise.all([off, on, again]);
    reader.uplink.unsubscribe([second]);
    await reader.uplink.subscribe([second, second]);
    for (const channel of [first, second, end]) await writer.uplink.publish(channel, bytes(channel));
    await reader.listener.waitForCount(2);
    expect(reader.listener.texts).toEqual([second, end]);
  });

  test('[EX1] an empty subscribe or unsubscribe is no error, nor is a channel without a subscription', async () => {
    const { uplink } = await join();
    await uplink.subscribe([]);
    uplink.unsubscribe([]);
    uplink.unsubscribe(['nobody']);
    await uplink.ping();
  });

  test('[EX1] channels that are not made here are carried as well: the bare token of an ask', async () => {
    const [writer, reader] = [await join(), await join()];
    const tokens = ['kabc-1f', 'k!abc-1f', 'R0123456789'];
    await reader.uplink.subscribe(tokens);
    for (const token of tokens) await writer.uplink.publish(token, bytes(token));
    await reader.listener.waitForCount(tokens.length);
    expect(reader.listener.received.map(({ channel }) => channel)).toEqual(tokens);
    expect(reader.listener.texts).toEqual(tokens);
  });

  test('[EX1] a killed broker is reported once, and from then on everything rejects', async () => {
    const own = await ownBroker();
    const { listener, uplink, exchange } = await join(own.exchange());
    const channel = exchange.channelOf('namespace', 'default');
    await uplink.subscribe([channel]);
    await own.kill();
    await listener.waitForLoss();
    expect(listener.losses).toEqual([expect.any(Error)]);
    await expect(uplink.publish(channel, bytes('late'))).rejects.toThrow();
    await expect(uplink.subscribe([channel])).rejects.toThrow();
    await expect(uplink.ping()).rejects.toThrow();
    uplink.unsubscribe([channel]);
    uplink.close();
    await new Promise((resolve) => setImmediate(resolve));
    expect(listener.losses).toHaveLength(1);
    expect(listener.received).toEqual([]);
  });

  test('[EX1] pending calls settle when the broker is killed', async () => {
    const own = await ownBroker();
    const { uplink, listener } = await join(own.exchange());
    const under = [
      ...Array.from({ length: 100 }, () => uplink.publish('a', bytes('x'))),
      uplink.subscribe(['a', 'b']),
      uplink.ping(),
    ];
    const settled = Promise.allSettled(under);
    await own.kill();
    await settled;
    await listener.waitForLoss();
  });

  test('[EX1] close is not reported, and nothing is received after it', async () => {
    const [writer, reader] = [await join(), await join()];
    const channel = reader.exchange.channelOf('namespace', 'default');
    await reader.uplink.subscribe([channel]);
    const under = reader.uplink.publish(channel, bytes('under way'));
    reader.uplink.close();
    reader.uplink.close();
    await Promise.allSettled([under]);
    await writer.uplink.publish(channel, bytes('later'));
    await expect(reader.uplink.ping()).rejects.toThrow();
    await writer.uplink.ping();
    expect(reader.listener.received).toEqual([]);
    expect(reader.listener.losses).toEqual([]);
  });

  test('[EX1] connect rejects without a broker', async () => {
    const own = await ownBroker();
    await own.kill();
    const listener = new RecordingListener();
    await expect(own.exchange().connect(listener.listener)).rejects.toThrow(own.exchange().name);
    expect(listener.losses).toEqual([]);
  });

  test('[EX13] no two names share a channel, and answers have one of their own', () => {
    const exchange = broker.exchange();
    fc.assert(
      fc.property(fc.uniqueArray(anyName, { maxLength: 20 }), (names) => {
        const taken = new Map<string, string>();
        for (const one of names) {
          const [namespace, connection, answers] = kinds.map((kind) => channelOf(exchange, kind, one));
          // Neffos has one channel for a namespace and an id that are spelled alike.
          expect(connection).toBe(namespace);
          for (const channel of [namespace, answers]) {
            if (channel === undefined) continue;
            // What arrives there are bytes.
            const carried = Buffer.from(channel).toString();
            expect([one, carried, taken.get(carried)]).toEqual([one, channel, undefined]);
            taken.set(carried, one);
          }
        }
      }),
      { numRuns: 500 },
    );
  });

  test('[EX13] a channel matches exactly, for any name', async () => {
    const [writer, reader] = [await join(), await join()];
    const odd = oddNames.flatMap((one) =>
      kinds.filter((kind) => kind !== 'connection').flatMap((kind) => channelOf(reader.exchange, kind, one) ?? []),
    );
    await reader.uplink.subscribe(odd);
    const others = ['ab', 'a', 'b', 'xx', 'aa', 'ask'].flatMap(
      (one) => channelOf(writer.exchange, 'namespace', one) ?? [],
    );
    for (const channel of others.filter((one) => !odd.includes(one))) await writer.uplink.publish(channel, bytes('no'));
    for (const channel of odd) await writer.uplink.publish(channel, bytes(channel));
    await reader.listener.waitForCount(odd.length);
    expect(reader.listener.received.map(({ channel }) => channel)).toEqual(odd);
    expect(reader.listener.texts).toEqual(odd);
  });

  test('[EX2] an uplink has its number of connections, and leaves none', async () => {
    const { remote } = broker;
    if (remote === undefined) return expect(connections).toBe(0);
    await expect.poll(remote.connections).toBe(0);
    const uplinks = [await join(), await join(), await join()];
    await uplinks[0]?.uplink.subscribe(Array.from({ length: 500 }, (_, at) => `c${at}`));
    expect(await remote.connections()).toBe(3 * connections);
    for (const { uplink } of uplinks) uplink.close();
    await expect.poll(remote.connections).toBe(0);
  });

  test('[EX2] a connection that drops all bytes: nothing resolves, and close ends pending calls', async () => {
    const { remote } = broker;
    if (remote === undefined) return expect(connections).toBe(0);
    const proxy = await startTcpProxy(remote.port);
    const { uplink, listener } = await join(broker.exchange(proxy.port));
    await uplink.ping();
    expect(proxy.connections).toBe(connections);
    proxy.swallow();
    const seen = [uplink.ping(), uplink.publish('a', bytes('x')), uplink.subscribe(['a'])].map(watch);
    // By then a line that works has long answered.
    const working = await join();
    for (let round = 0; round < 20; round++) await working.uplink.ping();
    expect(seen.map(({ state }) => state)).toEqual(['pending', 'pending', 'pending']);
    uplink.close();
    await expect.poll(() => seen.map(({ state }) => state)).toEqual(['rejected', 'rejected', 'rejected']);
    expect(listener.losses).toEqual([]);
    await expect.poll(() => proxy.connections).toBe(0);
  });

  test('[EX2] a cut connection is lost, once, with all pending calls', async () => {
    const { remote } = broker;
    if (remote === undefined) return expect(connections).toBe(0);
    const proxy = await startTcpProxy(remote.port);
    const { uplink, listener } = await join(broker.exchange(proxy.port));
    proxy.cutAfter(10_000);
    const publishes = Array.from({ length: 20 }, () => uplink.publish('a', new Uint8Array(1_000)));
    const results = await Promise.allSettled(publishes);
    await listener.waitForLoss();
    expect(results.some(({ status }) => status === 'rejected')).toBe(true);
    expect(listener.losses).toHaveLength(1);
    await expect.poll(() => proxy.connections).toBe(0);
    const again = await join(broker.exchange(proxy.port));
    await again.uplink.ping();
  });
};
