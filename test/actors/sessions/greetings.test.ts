import { describe, expect, test } from 'vitest';
import { CloseError, HandlerTimeout, IdRefused, OnNativeMessage, UpgradeRefused } from '../../../src/index.js';
import { fromClient } from '../../../src/protocol/session.js';
import { deferred } from '../../support/async/promises.js';
import { hello, resume, welcome } from '../../support/sessions/hinted.js';
import { HintedServer } from '../../support/sessions/hintedServer.js';

const close = (code: number, text: string): string => `close ${code} ${text}`;

describe('a client that announces the session layer', () => {
  test('[SS11] is no connection before its first frame, and costs no hook', async () => {
    const called: string[] = [];
    const host = new HintedServer({
      authenticate: () => void called.push('authenticate'),
      idGenerator: () => {
        called.push('idGenerator');
        return 'ann';
      },
    });
    const client = await host.dial();
    expect(client.isUpgraded()).toBe(true);
    expect([host.server.totalConnections, called, host.connected]).toEqual([0, [], []]);
    await host.send(client, hello());
    expect([host.server.totalConnections, called, host.connected]).toEqual([
      1,
      ['authenticate', 'idGenerator'],
      ['ann'],
    ]);
    expect(client.socket.lines).toEqual([]);
    await host.send(client, 'M');
    expect(client.socket.lines).toEqual(['t Aann', `t ${welcome()}`]);
    expect(client.socket.writes).toBe(1);
  });

  test('[SS11] [HS6] is closed without H if it says nothing in time', async () => {
    const host = new HintedServer();
    const client = await host.dial();
    await host.advance(4_999);
    expect(client.socket.lines).toEqual([]);
    await host.advance(1);
    expect(client.socket.lines).toEqual([close(1008, 'not acknowledged in time')]);
    expect(host.connected).toEqual([]);
    expect(host.server.counters).toMatchObject({ refusedArrivals: 1, badHellos: 0 });
    // It does not answer the close frame.
    await host.advance(5_000);
    expect(client.answer()).toBe('destroyed');
    expect(host.clock.timers).toBe(0);
  });

  test.each([
    { first: 'M', sent: ['t Aid1'] },
    { first: 'early', sent: ['t Aid1'] },
    { first: Buffer.from(hello()), sent: ['t Aid1', 't $#m;;;hello;1;0;bad namespace'] },
  ])('[SS11] [FR6] is plain if it begins with $first', async ({ first, sent }) => {
    const host = new HintedServer();
    const client = await host.dial();
    await host.send(client, '', first, ...(first === 'M' ? [] : ['M']));
    expect(client.socket.lines).toEqual(sent);
    expect(host.server.counters.emptyFrames).toBe(1);
    await host.send(client, fromClient('ping', '0'));
    expect(client.socket.lines).toEqual(sent);
    expect(host.server.counters).toMatchObject({ hellos: 0, ignoredSession: 1 });
    expect(host.server.metrics().aware).toBe(0);
  });

  test('[SS11] [HS5] frames wait while the program decides, within the bounds', async () => {
    const { promise, open } = deferred();
    const host = new HintedServer({ authenticate: () => promise, limits: { earlyFrames: 2 } });
    const client = await host.dial();
    await host.send(client, hello(), 'M', '$1;n;;_OnNamespaceConnect;0;0;', '$2;n;;_OnNamespaceDisconnect;0;0;');
    expect(client.socket.lines).toEqual([]);
    open();
    await host.settle();
    expect(client.socket.lines).toEqual(['t Aid1', `t ${welcome()}`, 't $1;;;;;;', 't $2;;;;;;']);
  });

  test('[SS11] [HS5] too many of them close the line', async () => {
    const host = new HintedServer({ authenticate: () => new Promise(() => {}), limits: { earlyFrames: 2 } });
    const client = await host.dial();
    await host.send(client, hello(), 'M', '1', '2');
    expect(client.socket.lines).toEqual([]);
    await host.send(client, '3');
    expect(client.socket.lines).toEqual([close(1008, 'too many frames before the acknowledgement')]);
    expect(host.connected).toEqual([]);
  });

  test('[SS11] [HS5] so do their bytes', async () => {
    const host = new HintedServer({ authenticate: () => new Promise(() => {}), limits: { earlyBytes: 4 } });
    const client = await host.dial();
    await host.send(client, hello(), 'M', '1234');
    expect(client.socket.lines).toEqual([]);
    await host.send(client, '5');
    expect(client.socket.lines).toEqual([close(1008, 'too many frames before the acknowledgement')]);
  });

  test('[SS11] [HS8] is refused if the program does not decide in time', async () => {
    const host = new HintedServer({ authenticate: () => new Promise(() => {}) });
    const client = await host.dial();
    await host.send(client, hello());
    await host.advance(4_999);
    expect(client.socket.lines).toEqual([]);
    await host.advance(1);
    expect(client.socket.lines).toEqual(['t Hnot accepted in time', close(1011, 'not accepted in time')]);
    expect(host.refusals).toEqual([new HandlerTimeout(5_000)]);
  });

  test.each([
    { error: new UpgradeRefused(401, 'log in'), code: 1008, text: 'log in', reason: 'log in' },
    { error: new UpgradeRefused(429, 'slower'), code: 1013, text: 'slower', reason: 'retry=1000' },
    { error: new UpgradeRefused(503, 'later'), code: 1013, text: 'later', reason: 'retry=1000' },
    { error: Object.assign(new Error('secret'), { status: 500 }), code: 1013, text: 'refused', reason: 'retry=1000' },
    { error: new Error('secret'), code: 1008, text: 'refused', reason: 'refused' },
    { error: new CloseError(4401, 'expired'), code: 4401, text: 'expired', reason: 'expired' },
  ])('[SS11] hears after the 101 that onUpgrade refused it with $code $text', async ({ error, code, text, reason }) => {
    const host = new HintedServer({
      onUpgrade() {
        throw error;
      },
    });
    const client = await host.dial();
    expect(client.socket.lines).toEqual([`t H${text}`, close(code, reason)]);
    expect(host.refusals).toEqual([error]);
    expect(host.server.counters).toMatchObject({ refusedUpgrades: 1 });
  });

  test('[SS11] [HS13] a foreign origin is refused by HTTP all the same', async () => {
    const host = new HintedServer();
    const client = await host.dial({ 'X-Muster': 'hello', Origin: 'https://evil.example', Host: 'good.example' });
    expect(client.isUpgraded()).toBe(false);
    expect(client.answer()).toBe('HTTP/1.1 403 Forbidden | origin not allowed');
  });

  test('[SS11] [HS11] an idGenerator that throws closes with 1011, and a wrong id with 1008', async () => {
    const cause = new Error('no database');
    const failing = new HintedServer({ idGenerator: () => Promise.reject(cause) });
    const one = await failing.dial();
    await failing.send(one, hello());
    expect(one.socket.lines).toEqual(['t Hno connection id', close(1011, 'no connection id')]);
    expect(failing.refusals).toEqual([new UpgradeRefused(500, 'no connection id', { cause })]);

    const wrong = new HintedServer({ idGenerator: () => 'n' });
    const other = await wrong.dial();
    await wrong.send(other, hello());
    const text = 'the id "n" is the name of a namespace';
    expect(other.socket.lines).toEqual([`t H${text}`, close(1008, text)]);
    expect(wrong.refusals).toEqual([new IdRefused('n', 'namespace', text)]);
  });

  test('[SS11] [HS15] keeps its place until A', async () => {
    const { promise, open } = deferred();
    const host = new HintedServer({ authenticate: () => promise, limits: { admission: 1 } });
    const first = await host.dial();
    const second = await host.dial();
    await host.send(first, hello(), 'M');
    expect([first.isUpgraded(), second.isUpgraded()]).toEqual([true, false]);
    open();
    await host.settle();
    expect(first.socket.lines).toEqual(['t Aid1', `t ${welcome()}`]);
    expect(second.isUpgraded()).toBe(true);
  });

  test('[SS11] [HS15] and gives it up when it goes', async () => {
    const host = new HintedServer({ limits: { admission: 1 } });
    const first = await host.dial();
    const second = await host.dial();
    first.socket.disconnect();
    await host.settle();
    expect(second.isUpgraded()).toBe(true);
    await host.send(second, hello(), 'M');
    expect(second.socket.lines).toEqual(['t Aid1', `t ${welcome()}`]);
  });

  test('[SS11] [DO2] a do holds it with the frames that have come', async () => {
    const { promise, open } = deferred();
    const host = new HintedServer();
    const visited = await host.dial();
    await host.send(visited, 'M');
    const done = host.server.do(() => promise);
    const client = await host.dial();
    await host.send(client, hello(), 'M', '$1;n;;_OnNamespaceConnect;0;0;');
    expect([host.server.totalConnections, client.socket.lines, client.socket.isPaused]).toEqual([1, [], true]);
    open();
    await host.settle();
    await done;
    expect(client.socket.lines).toEqual(['t Aid2', `t ${welcome()}`, 't $1;;;;;;']);
  });

  test('[SS11] [DO2] and closes it if the do takes too long', async () => {
    const host = new HintedServer();
    await host.send(await host.dial(), 'M');
    void host.server.do(() => new Promise(() => {}));
    const client = await host.dial();
    await host.send(client, hello(), 'M');
    await host.advance(30_000);
    expect(client.socket.lines).toEqual([close(1013, 'retry=1000')]);
  });

  test('[SS11] nothing comes of it if it goes while the program decides', async () => {
    const { promise, open } = deferred();
    const host = new HintedServer({ authenticate: () => promise });
    const client = await host.dial();
    await host.send(client, hello(), 'M');
    client.socket.disconnect(1000);
    expect(host.clock.timers).toBe(0);
    open();
    await host.settle();
    expect([host.connected, host.refusals, host.server.totalConnections]).toEqual([[], [], 0]);
    expect(host.server.counters).toMatchObject({ hellos: 0 });
  });

  test.each(['before its first frame', 'while the program decides', 'after its refusal'])(
    '[SS11] [DR1] the end of the server destroys its socket %s',
    async (when) => {
      const host = new HintedServer({
        authenticate: () => (when === 'after its refusal' ? Promise.reject(new Error('no')) : new Promise(() => {})),
      });
      const client = await host.dial();
      if (when !== 'before its first frame') await host.send(client, hello());
      await host.server.close();
      await host.settle();
      expect(client.answer()).toBe('destroyed');
      expect(host.clock.timers).toBe(0);
    },
  );

  test.each([
    { what: 'a bad hello', frame: fromClient('hello', ''), counts: { refusedArrivals: 1, refusedUpgrades: 0 } },
    { what: 'a refused token', frame: hello('t'), counts: { refusedArrivals: 0, refusedUpgrades: 1 } },
  ])('[SS11] the end of the server does not count $what again', async ({ frame, counts }) => {
    const host = new HintedServer({ authenticate: () => Promise.reject(new Error('no')) });
    await host.send(await host.dial(), frame);
    expect(host.server.counters).toMatchObject(counts);
    await host.server.close();
    expect(host.server.counters).toMatchObject(counts);
  });

  test('[SS11] [DR1] a decision that comes after the end makes no connection', async () => {
    const { promise, open } = deferred();
    const host = new HintedServer({ authenticate: () => promise });
    const client = await host.dial();
    await host.send(client, hello(), 'M');
    host.server.supervisor.stop();
    open();
    await host.settle();
    expect(client.answer()).toBe('destroyed');
    expect(host.connected).toEqual([]);
  });

  test('[SS12] in native-only mode its opening is dropped, and all else is native', async () => {
    const received: unknown[] = [];
    const host = new HintedServer({
      namespaces: {},
      events: { [OnNativeMessage]: (_, { body }) => void received.push(body) },
    });
    const client = await host.dial();
    await host.send(client, hello(), 'M', resume(), fromClient('ping', '0'));
    expect(received).toEqual(['M', fromClient('ping', '0')]);
    expect(client.socket.lines).toEqual([]);
    expect(host.server.counters).toMatchObject({ ignoredSession: 2, hellos: 0 });
  });
});

describe('openings', () => {
  const big = (bytes: number): string => {
    const frame = hello('');
    return hello('x'.repeat(bytes - (frame.length - '$#m;;;hello;0;0;'.length)));
  };

  test.each([
    ['no body', '$#m;;;hello'],
    ['no JSON', fromClient('hello', '{"v":1')],
    ['no object', fromClient('hello', '[1]')],
    ['null', fromClient('hello', 'null')],
    ['no version', fromClient('hello', '{}')],
    ['another version', fromClient('hello', '{"v":2}')],
    ['a token that is no text', fromClient('hello', '{"v":1,"auth":1}')],
    ['an opening with a long namespace', `$#m;${'x'.repeat(17_000)};;hello;0;0;{"v":1}`],
    ['caps that are no list', fromClient('hello', '{"v":1,"caps":"resume"}')],
    ['a resume without a session', fromClient('resume', '{"v":1,"try":1,"received":0}')],
    ['a resume that counts down', fromClient('resume', '{"v":1,"session":"s","try":1,"received":-1}')],
    ['more than 16 KiB', big(16_385)],
  ])('[SS13] %s is a bad hello', async (_, frame) => {
    const host = new HintedServer();
    const client = await host.dial();
    await host.send(client, frame, 'M');
    expect(client.socket.lines).toEqual([close(1008, 'bad hello')]);
    expect(host.connected).toEqual([]);
    expect(host.server.counters).toMatchObject({ badHellos: 1, hellos: 0 });
  });

  test.each([
    ['16 KiB', big(16_384)],
    ['fields that nobody knows', fromClient('hello', '{"v":1,"x":{"__proto__":1}}')],
  ])('[SS13] %s are fine, and no early frame', async (_, frame) => {
    const host = new HintedServer({ limits: { earlyFrames: 1, earlyBytes: 1 } });
    const client = await host.dial();
    await host.send(client, frame, 'M');
    expect(client.socket.lines).toEqual(['t Aid1', `t ${welcome()}`]);
  });

  test.each([
    ['twice', [hello(), hello()]],
    ['both', [hello(), resume()]],
    ['after M', ['M', hello()]],
    ['after data', ['early', hello()]],
    ['once more when open', [hello(), 'M', hello()]],
  ])('[SS13] an opening %s is a bad hello', async (_, frames) => {
    const host = new HintedServer({ authenticate: () => Promise.resolve() });
    const client = await host.dial();
    for (const frame of frames) await host.send(client, frame);
    expect(client.socket.lines.at(-1)).toBe(close(1008, 'bad hello'));
    expect(host.server.counters).toMatchObject({ badHellos: 1 });
  });

  test('[SS13] a second one is so while the program decides, without any hook after it', async () => {
    const { promise, open } = deferred();
    const host = new HintedServer({ authenticate: () => promise });
    const client = await host.dial();
    await host.send(client, hello(), hello());
    await host.advance(4_999);
    open();
    await host.advance(1);
    expect(client.socket.lines).toEqual([close(1008, 'bad hello')]);
    expect([host.connected, host.refusals, host.clock.timers]).toEqual([[], [], 0]);
  });

  test('[SS12] other verbs before the connection is open are ignored, and nothing precedes A', async () => {
    const { promise, open } = deferred();
    const host = new HintedServer({ onConnect: () => promise });
    const client = await host.dial();
    const ping = fromClient('ping', '0');
    await host.send(client, ping, hello(), ping, 'M', ping);
    expect([host.connected, client.socket.lines]).toEqual([['id1'], []]);
    open();
    await host.settle();
    expect(client.socket.lines).toEqual(['t Aid1', `t ${welcome()}`]);
    expect(host.server.counters).toMatchObject({ ignoredSession: 3 });
  });
});
