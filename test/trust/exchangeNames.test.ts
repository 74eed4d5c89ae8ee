import { describe, expect, test } from 'vitest';
import { natsExchange } from '../../src/exchange/nats.js';
import { useNodes } from '../support/cluster/nodes.js';
import { channelFor, hostileNames, namings } from '../support/exchange/hostileNames.js';
import { memoryBroker } from '../support/exchange/memoryExchange.js';
import type { RawClient } from '../support/peers/rawClient.js';
import { useServers } from '../support/server/testServer.js';

const makeNode = useNodes();
const listen = useServers();
const seed = Date.now() % 2 ** 31;
const names = hostileNames(seed);

describe.each(namings)('ten thousand names with %s', (naming, prefix, channelOf) => {
  test('[EX13] no two share a channel, and none has a channel of another kind', () => {
    /** As the broker sees it, bytes -> whose it is. */
    const owners = new Map<string, string>();
    let carried = 0;
    for (const name of names) {
      const place = channelFor(channelOf, 'namespace', name);
      // Ids and namespaces have one kind of channel: an id that is a namespace is refused.
      expect(channelFor(channelOf, 'connection', name)).toBe(place);
      for (const [channel, owner] of [
        [place, `place ${name}`],
        [channelFor(channelOf, 'answers', name), `ask ${name}`],
      ]) {
        if (channel === undefined || owner === undefined) continue;
        carried++;
        const key = Buffer.from(channel).toString('latin1');
        if (owners.has(key) && owners.get(key) !== owner) {
          throw new Error(`${JSON.stringify([owners.get(key), owner])} share ${JSON.stringify(channel)}, seed ${seed}`);
        }
        owners.set(key, owner);
      }
    }
    expect(carried).toBeGreaterThan(1_000);
  });

  test('[EX13] no channel is a pattern, or more than one word of the protocol', () => {
    for (const name of names) {
      for (const kind of ['namespace', 'connection', 'answers'] as const) {
        const channel = channelFor(channelOf, kind, name);
        if (channel === undefined) continue;
        expect(channel.startsWith(`${prefix}.`)).toBe(true);
        expect(channel).not.toMatch(/\p{Cs}/u);
        // Redis gets no patterns, and the length of each name.
        if (!naming.startsWith('nats')) continue;
        expect(channel).not.toMatch(/[*>\p{Cc} ]|^\.|\.\.|\.$/u);
        expect(Buffer.byteLength(channel)).toBeLessThan(4_096);
      }
    }
  });

  test('[EX13] it is the same one each time, and a token of ours always has one', () => {
    for (const name of names.slice(0, 500)) {
      expect(channelFor(channelOf, 'namespace', name)).toBe(channelFor(channelOf, 'namespace', name));
    }
    for (const token of ['kabc-1f', 'k!abc-1f', '0-0-4da6a244', 'R17953']) {
      expect(channelOf('answers', token)).toBe(`${prefix}.ask.${token}`);
    }
  });
});

describe.each(namings)('connecting, with channels named by %s', (naming, _, channelOf) => {
  const isId = (name: string): boolean =>
    !/\p{Cs}/u.test(name) &&
    Buffer.byteLength(name) > 0 &&
    Buffer.byteLength(name) <= 128 &&
    !/[\0-\x20\x7f-\x9f;]/.test(name) &&
    name !== 'default';
  const ids = [...new Set(names.filter(isId))].slice(0, 80);

  const start = async (options: Parameters<typeof makeNode>[1] = {}) => {
    const broker = memoryBroker();
    const refusals: unknown[] = [];
    const onUpgradeError = (error: unknown): void => void refusals.push(error);
    const exchange = { ...broker.exchange(), channelOf };
    return { broker, refusals, exchange, node: await makeNode(exchange, { onUpgradeError, ...options }) };
  };

  test('[EX13] an id without a valid channel is refused with 400, and affects no other client', async () => {
    const { broker, refusals, exchange, node } = await start();
    const other = await makeNode(exchange);
    const healthy = await node.enter('healthy');
    const before = broker.subscriptions.length;
    const clients: [string, RawClient][] = [];
    for (const id of ids) {
      const isCarried = channelFor(channelOf, 'connection', id) !== undefined;
      refusals.length = 0;
      const [dialled] = await Promise.allSettled([node.dial(id)]);
      if (!isCarried) {
        expect([id, dialled?.status, String(dialled?.status === 'rejected' && dialled.reason)]).toEqual([
          ...[id, 'rejected'],
          expect.stringContaining('400'),
        ]);
        expect(refusals).toMatchObject([
          { name: 'IdRefused', status: 400, id, reason: 'broker', cause: expect.any(RangeError) },
        ]);
      } else if (dialled?.status === 'fulfilled') {
        expect([await dialled.value.acknowledge(), refusals]).toEqual([id, []]);
        await dialled.value.connect('default');
        clients.push([id, dialled.value]);
      }
    }
    expect(clients.length).toBe(ids.filter((id) => channelFor(channelOf, 'connection', id) !== undefined).length);
    expect(broker.subscriptions.length).toBe(before + clients.length);
    for (const [id] of clients) other.server.broadcast(null, { namespace: 'default', event: 'e', body: id, to: id });
    for (const [id, client] of clients) {
      expect(await client.next()).toBe(`;default;;e;0;0;${id}`);
      await client.expectNoFrame();
    }
    await healthy.expectNoFrame();
    expect(node.server.exchange?.status.lost).toMatchObject({ broken: 0, refused: 0 });
  });

  test('[EX13] an id that is a namespace is refused', async () => {
    const { refusals, node } = await start();
    await expect(node.dial('default')).rejects.toThrow('400');
    expect(refusals).toMatchObject([{ status: 400, reason: 'namespace' }]);
    expect(node.server.totalConnections).toBe(0);
  });

  test('[EX6] [EX13] a message to an id that equals the name of a namespace reaches no client, on either server', async () => {
    const { broker, exchange, node } = await start();
    const other = await makeNode(exchange);
    const [here, there] = [await node.enter('here'), await other.enter('there')];
    node.server.broadcast(null, { namespace: 'default', event: 'private', body: 'secret', to: 'default' });
    node.server.broadcast(null, { namespace: 'default', event: 'end' });
    expect([await here.next(), await there.next()]).toEqual([';default;;end;0;0;', ';default;;end;0;0;']);
    expect(broker.published.filter(({ payload }) => Buffer.from(payload).includes('secret'))).toEqual([]);
  });

  test('[EX7] [EX13] an ask of it gets no answer', async () => {
    const { exchange, node } = await start();
    const there = await (await makeNode(exchange)).enter('there');
    const asked = node.server.ask({ namespace: 'default', event: 'q', to: 'default' }, { timeout: 100 });
    await expect(asked).rejects.toThrow();
    await there.expectNoFrame();
  });

  test('[EX13] a namespace that cannot be carried is refused by useStackExchange, and the server is as before', async () => {
    const bad = names.find((name) => channelFor(channelOf, 'namespace', name) === undefined);
    // Hashes carry whatever there is.
    if (bad === undefined) return expect(naming).toBe('nats hashed');
    const { server, dial } = await listen({ namespaces: { default: {}, [bad]: {} } });
    const broker = memoryBroker();
    await expect(server.useStackExchange({ ...broker.exchange(), channelOf })).rejects.toBeInstanceOf(RangeError);
    expect([broker.connects, server.exchange]).toEqual([0, undefined]);
    await (await dial()).inDefault();
  });
});

test('[EX6] [EX13] a message to the empty id, which no connection has, reaches no client', async () => {
  const broker = memoryBroker();
  const node = await makeNode(broker.exchange(), { events: {} });
  const there = await (await (await makeNode(broker.exchange(), { events: {} })).dial()).inNamespace('');
  node.server.broadcast(null, { event: 'private', body: 'secret', to: '' });
  node.server.broadcast(null, { event: 'end' });
  expect(await there.next()).toBe(';;;end;0;0;');
});

test('[EX13] [EX18] an id that was here before the exchange, and that it cannot carry, is counted once', async () => {
  const { server, dial, disconnects } = await listen({ namespaces: { default: {} } });
  const client = await dial('a.b');
  await client.acknowledge();
  const { channelOf } = natsExchange({ servers: 'h' });
  await server.useStackExchange({ ...memoryBroker().exchange(), channelOf });
  expect(server.exchange?.status.lost.unsubscribed).toBe(1);
  client.terminate();
  await disconnects.next();
  expect(server.exchange?.status.lost.unsubscribed).toBe(1);
});
