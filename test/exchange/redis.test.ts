import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type RedisExchangeOptions, redisExchange } from '../../src/exchange/redis.js';
import { exchangeContract } from '../contracts/exchangeContract.js';
import { deferred } from '../support/async/promises.js';
import { errorOf, expectNoSecrets } from '../support/exchange/secrets.js';
import { askRedis, redisServer, startRedis } from '../support/peers/brokers.js';
import { describeWith } from '../support/peers/installed.js';
import { startTcpProxy } from '../support/peers/tcpProxy.js';

const channel = 'muster';
const deaf = { received: () => {}, lost: () => {} };
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

/** Listens on loopback until the test is over. */
const listen = async (welcome: (socket: Socket) => void) => {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {}).on('close', () => sockets.delete(socket));
    welcome(socket);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('a port was expected');
  return { url: `redis://127.0.0.1:${address.port}`, sockets };
};

describeWith(redisServer, 'Redis between servers', () => {
  exchangeContract({
    connections: 2,
    start: async () => {
      const broker = await startRedis();
      const exchange = (port = broker.port) => redisExchange({ url: `redis://127.0.0.1:${port}`, channel });
      return { exchange, kill: () => broker.kill(), remote: broker };
    },
  });

  test.each([2, 3] as const)(
    '[EX2] both connections are pinged, also when one is subscribed: RESP %i',
    async (RESP) => {
      const { url } = await startRedis();
      const received: string[] = [];
      const uplink = await redisExchange({ url, channel, client: { RESP } }).connect({
        received: (of, payload) => received.push(`${of} ${Buffer.from(payload).toString('hex')}`),
        lost: (error) => received.push(String(error)),
      });
      await uplink.ping();
      await uplink.subscribe(['a', 'b']);
      await Promise.all([uplink.ping(), uplink.publish('a', Uint8Array.of(0, 13, 10, 255)), uplink.ping()]);
      uplink.unsubscribe(['a', 'b']);
      await uplink.ping();
      await uplink.subscribe(['c']);
      await uplink.publish('c', Uint8Array.of());
      await uplink.ping();
      await expect.poll(() => received).toEqual(['a 000d0aff', 'c ']);
      uplink.close();
    },
  );

  test.each(['normal', 'pubsub'])('[EX2] when one connection ends, so does the other: %s', async (kind) => {
    const broker = await startRedis();
    const losses: unknown[] = [];
    const listener = { received: () => {}, lost: (error: unknown) => losses.push(error) };
    const uplink = await redisExchange({ url: broker.url, channel }).connect(listener);
    await uplink.subscribe(['a']);
    await askRedis(broker.port, `CLIENT KILL TYPE ${kind}\r\n`, /:1\r\n/);
    await expect.poll(broker.connections).toBe(0);
    expect(losses).toEqual([expect.any(Error)]);
    await expect(uplink.publish('a', bytes('x'))).rejects.toThrow('has ended');
  });

  test.each([1, 2])('[EX2] a connect that half succeeds leaves nothing: connection %i is refused', async (refused) => {
    const broker = await startRedis();
    let count = 0;
    const door = await listen((socket) => {
      if (++count === refused) {
        socket.destroy();
        return;
      }
      const far = connect(broker.port, '127.0.0.1').on('error', () => {});
      socket.pipe(far).pipe(socket);
      socket.on('close', () => far.destroy());
    });
    await expect(redisExchange({ url: door.url, channel }).connect(deaf)).rejects.toThrow('redis');
    await expect.poll(() => [count, door.sockets.size]).toEqual([2, 0]);
    await expect.poll(broker.connections).toBe(0);
  });

  test('[EX2] a failed connect leaves nothing behind, even if one connection opens later', async () => {
    const broker = await startRedis();
    const late = deferred();
    let count = 0;
    const client = {
      socket: {
        autoSelectFamily: false,
        lookup: (
          _host: string,
          _options: object,
          found: (error: Error | null, address: string, family: number) => void,
        ) => {
          if (count++ === 0) late.promise.then(() => found(null, '127.0.0.1', 4));
          else found(new Error('no such host'), '', 4);
        },
      },
    };
    const proxy = await startTcpProxy(broker.port);
    const url = `redis://broker.test:${proxy.port}`;
    await expect(redisExchange({ url, channel, client }).connect(deaf)).rejects.toThrow('no such host');
    expect(proxy.opened).toBe(0);
    late.open();
    await expect.poll(() => [proxy.opened, proxy.connections]).toEqual([1, 0]);
    await expect.poll(broker.connections).toBe(0);
  });

  test('[EX2] a connect without an answer rejects at its timeout, and leaves nothing behind', async () => {
    const door = await listen((socket) => void socket.resume());
    const client = { socket: { connectTimeout: 50 } };
    const connecting = redisExchange({ url: door.url, channel, client }).connect(deaf);
    await expect(connecting).rejects.toThrow('no answer within 50 ms');
    await expect.poll(() => door.sockets.size).toBe(0);
  });

  test('[EX2] a listener that throws ends the uplink, and is reported', async () => {
    const { url, connections } = await startRedis();
    const losses: unknown[] = [];
    const received = (): void => {
      throw new Error('deaf');
    };
    const uplink = await redisExchange({ url, channel }).connect({ received, lost: (error) => losses.push(error) });
    await uplink.subscribe(['a']);
    uplink.publish('a', bytes('x')).catch(() => {});
    await expect.poll(() => losses).toEqual([new Error('redis: deaf')]);
    await expect.poll(connections).toBe(0);
  });

  test('[EX17] a refused login is reported without the password', async () => {
    const { port } = await startRedis({ user: 'ann', password: 'right/secret' });
    const at = (login: string) => redisExchange({ url: `redis://${login}@127.0.0.1:${port}`, channel });
    const error = await errorOf(() => at('ann:wrong%2Fsecret').connect(deaf));
    expect(String(error)).toMatch(/redis: WRONGPASS/);
    expectNoSecrets(error, ['wrong/secret', 'wrong%2Fsecret', 'secret']);
    const uplink = await at('ann:right%2Fsecret').connect(deaf);
    await uplink.ping();
    uplink.close();
    const client = { username: 'ann', password: 'right/secret' };
    const other = await redisExchange({ url: `redis://127.0.0.1:${port}`, channel, client }).connect(deaf);
    await other.ping();
    other.close();
  });

  test('[EX17] a lost broker is reported without the password', async () => {
    const broker = await startRedis({ user: 'ann', password: 'secret-1' });
    const proxy = await startTcpProxy(broker.port);
    const losses: unknown[] = [];
    const url = `redis://ann:secret-1@127.0.0.1:${proxy.port}`;
    const listener = { received: () => {}, lost: (error: unknown) => losses.push(error) };
    const uplink = await redisExchange({ url, channel }).connect(listener);
    proxy.cutAfter(1);
    expectNoSecrets(await errorOf(() => uplink.publish('a', bytes('x'))), ['secret-1']);
    await expect.poll(() => losses).toHaveLength(1);
    expectNoSecrets(losses[0], ['secret-1']);
  });
});

describe('redisExchange', () => {
  /** Refuses every command with this, and all that it was sent. */
  const refusing = (text: string) =>
    listen((socket) => {
      socket.on('data', (data) => {
        const said = data.toString();
        const answer = `-ERR ${text} ${said.replaceAll(/[\r\n]+/g, ' ')}\r\n`;
        // One answer for each command that has come.
        for (const _ of said.matchAll(/^\*/gm)) socket.write(answer);
      });
    });

  test('[EX17] an error that repeats the login hides it, with or without the password', async () => {
    const { url } = await refusing("unknown command 'X', with args beginning with:");
    const credentials = async () => ({ username: 'ann', password: 'secret-1' });
    const client = { credentialsProvider: { type: 'async-credentials-provider', credentials } } as const;
    const error = await errorOf(() => redisExchange({ url, channel, client }).connect(deaf));
    expect(String(error)).toBe("Error: redis: ERR unknown command 'X'");
    expectNoSecrets(error, ['secret-1']);
  });

  test('[EX17] given passwords appear in no error of the broker', async () => {
    const { url } = await refusing('what is');
    const client = { username: 'ann', password: 'secret-1' };
    for (const options of [{ url: url.replace('//', '//ann:secret-1@') }, { url, client }]) {
      const error = await errorOf(() => redisExchange({ channel, ...options }).connect(deaf));
      expect(String(error)).toContain('ERR what is');
      expectNoSecrets(error, ['secret-1']);
    }
  });

  test.each([
    ['namespace', 'default', 'muster.default.'],
    ['namespace', '', 'muster..'],
    ['connection', 'alice', 'muster.alice.'],
    ['connection', '*', 'muster.*.'],
    ['answers', 'kabc-1f', 'muster.ask.kabc-1f'],
  ] as const)('[EX13] channels are those of neffos: %s %j', (kind, name, expected) => {
    expect(redisExchange({ url: 'redis://localhost', channel }).channelOf(kind, name)).toBe(expected);
  });

  test.each([
    ['answers', ''],
    ['answers', 'default.'],
    ['namespace', '\ud800'],
  ] as const)('[EX13] a name that would meet another is refused: %s %j', (kind, name) => {
    const exchange = redisExchange({ url: 'redis://localhost', channel });
    expect(() => exchange.channelOf(kind, name)).toThrow(RangeError);
  });

  test.each<[string, unknown, RegExp]>([
    ['nothing', undefined, /takes an object of options, got undefined/],
    ['no url', { channel }, /"url" takes "redis:\/\/" or "rediss:\/\/" and a host, got undefined/],
    ['a url that is a number', { url: 6379, channel }, /got a value of type number/],
    ['no channel', { url: 'redis://h' }, /"channel" takes a string that is not empty, got undefined/],
    ['an empty channel', { url: 'redis://h', channel: '' }, /got an empty string/],
    ['half a character', { url: 'redis://h', channel: '\ud800' }, /lone surrogate/],
    [
      'another name',
      { url: 'redis://h', channel, chanel: 1 },
      /"chanel" is unknown; known are url, channel, asksOlder, client/,
    ],
    ['a client that is a list', { url: 'redis://h', channel, client: [] }, /"client" takes an object .*, got a list/],
    [
      'reconnecting',
      { url: 'redis://h', channel, client: { socket: { reconnectStrategy: 1 } } },
      /set by the exchange/,
    ],
    ['another queue', { url: 'redis://h', channel, client: { disableOfflineQueue: false } }, /set by the exchange/],
    ['a socket that is none', { url: 'redis://h', channel, client: { socket: 1 } }, /"client.socket" takes an object/],
  ])('[EX1] an option that is wrong is refused at once: %s', (_, options, expected) => {
    // As a program in JavaScript could call it.
    expect(() => redisExchange(options as RedisExchangeOptions)).toThrow(expected);
  });

  test.each([
    'secret-1',
    'secret-1:x@h',
    'http://ann:secret-1@h',
    'redis://ann:secret-1@',
    'redis://ann:secret-1@h:port',
    'redis://ann:12/secret-1@h',
    'redis://h/secret-1',
    'redis://ann:%secret-1@h',
    'redis:secret-1',
    'unix://ann:secret-1@/path',
  ])('[EX17] a URL that is wrong is not shown: %s', async (url) => {
    const error = await errorOf(() => redisExchange({ url, channel }));
    expect(error).toBeInstanceOf(TypeError);
    expect(String(error)).toContain('"url"');
    expectNoSecrets(error, ['secret-1', 'ann']);
  });

  test('[EX17] credentials in two places are refused, and not shown', async () => {
    const client = { password: 'secret-2' };
    const error = await errorOf(() => redisExchange({ url: 'redis://ann:secret-1@h', channel, client }));
    expect(String(error)).toContain('once');
    expectNoSecrets(error, ['secret-1', 'secret-2']);
  });
});
