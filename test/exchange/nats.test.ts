import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { freePort } from '../../bench/daemon.js';
import { type NatsNames, natsNames } from '../../src/exchange/naming.js';
import { type NatsExchangeOptions, natsExchange } from '../../src/exchange/nats.js';
import { exchangeContract } from '../contracts/exchangeContract.js';
import { errorOf, expectNoSecrets } from '../support/exchange/secrets.js';
import { natsServer, startNats } from '../support/peers/brokers.js';
import { describeWith } from '../support/peers/installed.js';
import { startTcpProxy } from '../support/peers/tcpProxy.js';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

const start = (names: NatsNames) => async () => {
  const broker = await startNats();
  const exchange = (port = broker.port) => natsExchange({ servers: `127.0.0.1:${port}`, names });
  return { exchange, kill: () => broker.kill(), remote: broker };
};

/** A file with this in it, until the test is over. */
const fileWith = (text: string): string => {
  const folder = mkdtempSync(join(tmpdir(), 'muster-nats-conf-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'nats.conf');
  writeFileSync(path, text);
  return path;
};

for (const names of natsNames) {
  describeWith(natsServer, `NATS between servers, with names ${names}`, () => {
    exchangeContract({ connections: 1, start: start(names) });
  });
}

describeWith(natsServer, 'an uplink of NATS', () => {
  const listenTo = async (options: NatsExchangeOptions) => {
    const received: string[] = [];
    const losses: unknown[] = [];
    const uplink = await natsExchange(options).connect({
      received: (channel, payload) => received.push(`${channel} ${Buffer.from(payload)}`),
      lost: (error) => losses.push(error),
    });
    onTestFinished(() => uplink.close());
    return { uplink, received, losses };
  };

  test('[EX1] what the broker does not permit rejects, and nothing else does', async () => {
    const permissions = '{ publish: { deny: ["no"] }, subscribe: { deny: ["no"] } }';
    const path = fileWith(
      `authorization { default_permissions: ${permissions}, users: [{ user: ann, password: pw }] }`,
    );
    const { port } = await startNats(undefined, ['--config', path]);
    const { uplink, received, losses } = await listenTo({ servers: `ann:pw@127.0.0.1:${port}` });
    const asked = [uplink.subscribe(['yes']), uplink.subscribe(['also', 'no']), uplink.publish('no', bytes('x'))];
    const results = await Promise.allSettled([...asked, uplink.publish('yes', bytes('x')), uplink.ping()]);
    const states = results.map(({ status }) => status);
    expect(states).toEqual(['fulfilled', 'rejected', 'rejected', 'fulfilled', 'fulfilled']);
    await expect(uplink.publish('no', bytes('x'))).rejects.toThrow(/nats: Permissions Violation for Publish/i);
    await uplink.publish('also', bytes('y'));
    await expect.poll(() => received).toEqual(['yes x', 'also y']);
    expect(losses).toEqual([]);
  });

  test("[EX1] a payload above the broker's limit rejects, and the uplink continues", async () => {
    const { url } = await startNats();
    const { uplink, losses } = await listenTo({ servers: url });
    await expect(uplink.publish('a', new Uint8Array(1_048_577))).rejects.toThrow(/nats: .*max_payload/);
    await uplink.publish('a', new Uint8Array(1_048_576));
    expect(losses).toEqual([]);
  });

  test.each(['a.*', '>', 'a b', 'a\r\nPUB b 0', '', 'a..b'])('[EX13] a pattern is no channel: %j', async (channel) => {
    const { url } = await startNats();
    const { uplink } = await listenTo({ servers: url });
    await expect(uplink.subscribe([channel])).rejects.toThrow(RangeError);
    await expect(uplink.publish(channel, bytes('x'))).rejects.toThrow(RangeError);
    await uplink.ping();
  });

  test('[EX2] a listener that throws ends the uplink, and is reported', async () => {
    const { url, connections } = await startNats();
    const losses: unknown[] = [];
    const received = (): void => {
      throw new Error('deaf');
    };
    const uplink = await natsExchange({ servers: url }).connect({ received, lost: (error) => losses.push(error) });
    await uplink.subscribe(['a']);
    await uplink.publish('a', bytes('x')).catch(() => {});
    await expect.poll(() => losses).toEqual([new Error('nats: deaf')]);
    await expect.poll(connections).toBe(0);
  });

  test('[EX2] of several servers one that is there is taken', async () => {
    const { url, connections } = await startNats();
    const { uplink } = await listenTo({ servers: [`127.0.0.1:${await freePort()}`, url] });
    await uplink.ping();
    expect(await connections()).toBe(1);
  });

  test('[EX2] a connect without an answer rejects at its timeout', async () => {
    const { port } = await startNats();
    const proxy = await startTcpProxy(port);
    proxy.swallow();
    const connecting = listenTo({ servers: `127.0.0.1:${proxy.port}`, client: { timeout: 50 } });
    await expect(connecting).rejects.toThrow('nats');
  });

  test('[EX17] a refused login is reported without the password', async () => {
    const { port } = await startNats({ user: 'ann', password: '12345/right' });
    const error = await errorOf(() => listenTo({ servers: `nats://ann:12345%2Fwrong@127.0.0.1:${port}` }));
    expect(String(error)).toMatch(/nats: .*Authorization Violation/);
    expectNoSecrets(error, ['12345', 'wrong']);
    await (await listenTo({ servers: `nats://ann:12345%2Fright@127.0.0.1:${port}` })).uplink.ping();
    const client = { user: 'ann', pass: '12345/right' };
    await (await listenTo({ servers: `127.0.0.1:${port}`, client })).uplink.ping();
  });

  test('[EX17] a token may be in the URL, and is not shown', async () => {
    const { port } = await startNats(undefined, ['--auth', 'token-1']);
    await (await listenTo({ servers: `nats://token-1@127.0.0.1:${port}` })).uplink.ping();
    const error = await errorOf(() => listenTo({ servers: `nats://token-2@127.0.0.1:${port}` }));
    expectNoSecrets(error, ['token-2']);
  });
});

describe('natsExchange', () => {
  const refused = null;

  test.each<[string, string | null, string | null, string | null]>([
    ['default', 'neffos.default', 'neffos.default', 'neffos.default'],
    ['', 'neffos._', 'neffos._', refused],
    ['_', refused, 'hash', 'neffos._'],
    ['a.b', refused, 'hash', 'neffos.a.b'],
    ['a b', refused, 'hash', refused],
    ['*', refused, 'hash', refused],
    ['a>', refused, 'hash', refused],
    ['a\n', refused, 'hash', refused],
    ['\ud800', refused, 'hash', refused],
    ['.a', refused, 'hash', refused],
    ['a.', refused, 'hash', refused],
    ['a..b', refused, 'hash', refused],
    ['~a', 'neffos.~a', 'hash', 'neffos.~a'],
    ['ask', 'neffos.ask', 'neffos.ask', refused],
    ['ask.a', refused, 'hash', refused],
    ['é😀', 'neffos.é😀', 'neffos.é😀', 'neffos.é😀'],
    ['x'.repeat(4_000), refused, 'hash', refused],
  ])('[EX13] %j is carried as san, hashed and plain have it', (name, ...expected) => {
    const found = natsNames.map((names) => {
      try {
        const subject = natsExchange({ servers: 'h', names }).channelOf('namespace', name);
        return /^neffos\.~[\w-]{43}$/.test(subject) ? 'hash' : subject;
      } catch (error) {
        expect(error).toBeInstanceOf(RangeError);
        return refused;
      }
    });
    expect(found).toEqual(expected);
  });

  test('[EX13] answers have their own place, and the prefix is free', () => {
    expect(natsExchange({ servers: 'h' }).channelOf('answers', 'kabc-1f')).toBe('neffos.ask.kabc-1f');
    expect(natsExchange({ servers: 'h', prefix: 'a.b' }).channelOf('connection', 'alice')).toBe('a.b.alice');
  });

  test.each<[string, unknown, RegExp]>([
    ['nothing', undefined, /takes an object of options, got undefined/],
    ['no servers', {}, /"servers" takes .* got undefined/],
    ['an empty list', { servers: [] }, /"servers" takes .* got an? /],
    ['a list with a hole', { servers: ['h', ''] }, /got an empty string/],
    [
      'another name',
      { servers: 'h', prefx: 'x' },
      /"prefx" is unknown; known are servers, prefix, names, asksOlder, client/,
    ],
    ['an empty prefix', { servers: 'h', prefix: '' }, /"prefix" takes a subject.* got an empty string/],
    ['a pattern', { servers: 'h', prefix: 'a.*' }, /"prefix" takes a subject/],
    ['other names', { servers: 'h', names: 'none' }, /"names" takes one of san, hashed, plain/],
    ['reconnecting', { servers: 'h', client: { reconnect: true } }, /"client.reconnect" is set by the exchange/],
    ['no echo', { servers: 'h', client: { noEcho: true } }, /set by the exchange/],
    ['a client that is none', { servers: 'h', client: 1 }, /"client" takes an object .* got a value of type number/],
  ])('[EX1] an option that is wrong is refused at once: %s', (_, options, expected) => {
    // As a program in JavaScript could call it.
    expect(() => natsExchange(options as NatsExchangeOptions)).toThrow(expected);
  });

  test.each([
    'http://ann:secret-1@h',
    'nats://ann:secret-1@',
    'nats://ann:secret-1@h:port',
    'ann:12/secret-1@h',
    'h/secret-1',
    'h?secret-1',
    'nats://ann:%secret-1@h',
    'wss://ann:secret-1@h',
  ])('[EX17] a URL that is wrong is not shown: %s', async (servers) => {
    const error = await errorOf(() => natsExchange({ servers }));
    expect(error).toBeInstanceOf(TypeError);
    expect(String(error)).toContain('"servers"');
    expectNoSecrets(error, ['secret-1', 'ann']);
  });

  test.each<[string, NatsExchangeOptions]>([
    ['in two places', { servers: 'ann:secret-1@h', client: { pass: 'secret-2' } }],
    ['that differ', { servers: ['ann:secret-1@h', 'ann:secret-2@h'] }],
  ])('[EX17] credentials %s are refused, and not shown', async (_, options) => {
    const error = await errorOf(() => natsExchange(options));
    expect(error).toBeInstanceOf(TypeError);
    expectNoSecrets(error, ['secret-1', 'secret-2']);
  });
});
