import { describe, expect, test } from 'vitest';
import { ErrBadRoom, ExchangeLoss, exclude, OnNativeMessage, type OutgoingMessage } from '../../../src/index.js';
import { openPair } from '../../support/server/harnessCluster.js';
import {
  type FakeClient,
  type HarnessOptions,
  type SupervisorHarness,
  settled,
} from '../../support/server/supervisorHarness.js';

const two = async (options: HarnessOptions = { namespaces: { n: {} } }) => {
  const cluster = await openPair(options);
  const lost = (harness: SupervisorHarness) => harness.supervisor.exchange?.status.lost;
  const say = (harness: SupervisorHarness, ...messages: OutgoingMessage[]) =>
    harness.supervisor.broadcast(null, messages);
  /** Returns what this client was sent since the last call. */
  const received = (client: FakeClient): string[] => {
    const lines = [...client.socket.lines];
    client.socket.sent.length = 0;
    return lines;
  };
  return { ...cluster, lost, say, received };
};

const e = { namespace: 'n', event: 'e' };

describe('relayed messages', () => {
  test.each<[string, OutgoingMessage, string]>([
    ['text', { ...e, body: 'grün; und;mehr' }, 't ;n;;e;0;0;grün; und;mehr'],
    ['bytes that are text', { ...e, body: new TextEncoder().encode('abc') }, 'b ;n;;e;0;0;abc'],
    ['a string as bytes', { ...e, body: 'abc', setBinary: true }, 'b ;n;;e;0;0;abc'],
    ['nothing', e, 't ;n;;e;0;0;'],
    ['an error', { ...e, err: ErrBadRoom }, 't ;n;;e;1;0;bad room'],
    ['a name with a semicolon', { ...e, event: 'a;b' }, 't ;n;;a@%!semicolon@%!b;0;0;'],
    ['to one', { ...e, to: 'there', body: 'x' }, 't ;n;;e;0;0;x'],
  ])('[EX6] [EX4] %s is the same there as here, once', async (_, message, line) => {
    const { a, b, open, say, received, settle, disconnectAll } = await two();
    const clients = [await open(a, 'there'), await open(b, 'there')];
    say(a, message);
    await settle();
    for (const client of clients) expect(received(client)).toEqual([line]);
    await disconnectAll();
  });

  test('[EX6] an excluded id is left out on every server, a connection only where it is', async () => {
    const { a, b, open, received, settle, disconnectAll } = await two();
    const [here, there, other] = [await open(a, 'joe'), await open(b, 'joe'), await open(b, 'ann')];
    a.supervisor.broadcast(exclude('joe'), [{ ...e, body: 'by id' }]);
    a.supervisor.broadcast(here.conn ?? null, [{ ...e, body: 'by conn' }]);
    a.supervisor.broadcast(exclude('x'.repeat(200)), [{ ...e, body: 'nobody' }]);
    await settle();
    expect([received(here), received(there), received(other)]).toEqual([
      ['t ;n;;e;0;0;nobody'],
      ['t ;n;;e;0;0;by conn', 't ;n;;e;0;0;nobody'],
      ['t ;n;;e;0;0;by id', 't ;n;;e;0;0;by conn', 't ;n;;e;0;0;nobody'],
    ]);
    await disconnectAll();
  });

  test('[EX6] a body of no known kind that is not UTF-8 reaches a client as bytes, all else as text', async () => {
    const { b, open, broker, settle, disconnectAll } = await two();
    const client = await open(b, 'there');
    for (const body of [Buffer.from([0xff, 0xfe]), Buffer.from('abc')]) {
      broker.deliver('memory.n.', Buffer.concat([Buffer.from(';n;;e;0;0;'), body]));
    }
    await settled();
    b.clock.tick();
    const [first, second] = client.socket.sent.flatMap((sent) => (sent.kind === 'bytes' ? [sent.bytes] : []));
    const all = Buffer.concat([first ?? Buffer.alloc(0), second ?? Buffer.alloc(0)]);
    expect(all.toString('latin1')).toBe('\x82\x0c;n;;e;0;0;\xff\xfe\x81\x0d;n;;e;0;0;abc');
    client.socket.sent.length = 0;
    await settle();
    await disconnectAll();
  });

  test('[EX6] [FR10] a native message beside events reaches the empty namespace unchanged', async () => {
    const events = { [OnNativeMessage]() {}, e() {} };
    const { a, b, open, say, received, settle, disconnectAll, broker } = await two({ events, namespaces: { n: {} } });
    const clients = [await open(a, 'x', ''), await open(b, 'y', '')];
    say(
      a,
      { isNative: true, body: 'raw' },
      { isNative: true, body: Uint8Array.of(0x61) },
      { event: 'e', body: 'framed' },
    );
    await settle();
    for (const client of clients) expect(received(client)).toEqual(['t raw', 'b a', 't ;;;e;0;0;framed']);
    // As other servers send them: without a header, or with one.
    broker.deliver('memory..', Buffer.from('bare'));
    broker.deliver('memory..', Buffer.from(`;;;${OnNativeMessage};0;0;dressed`));
    await settle();
    for (const client of clients) expect(received(client)).toEqual(['t bare', 't dressed']);
    await disconnectAll();
  });

  test('[EX6] [EX4] [HS10] in native-only mode each message arrives unchanged and once, even if equal to another', async () => {
    const { a, b, say, received, settle, disconnectAll, broker } = await two({ events: { [OnNativeMessage]() {} } });
    const clients = [a.connect('x'), b.connect('y')];
    await settle();
    say(a, { isNative: true, body: 'same' }, { isNative: true, body: 'same' });
    say(b, { isNative: true, body: 'same' });
    await settle();
    for (const client of clients) expect(received(client)).toEqual(['t same', 't same', 't same']);
    say(a, { isNative: true, body: 'to y', to: 'y' }, { isNative: true, body: 'to x', to: 'x' });
    await settle();
    expect(clients.map(received)).toEqual([['t to x'], ['t to y']]);
    expect(broker.published.map(({ payload }) => Buffer.from(payload).toString())).toContain('to y');
    broker.lose();
    await settle();
    say(a, { isNative: true, body: 'alone' });
    const isOnline = () => [a, b].every(({ supervisor }) => supervisor.exchange?.status.state === 'online');
    for (let tries = 0; tries < 1_000 && !isOnline(); tries++) {
      for (const { clock } of [a, b]) clock.advance(10);
      await settle();
    }
    say(a, { isNative: true, body: 'again' });
    await settle();
    const [here = [], there = []] = clients.map(received);
    expect([here, there.at(-1)]).toEqual([['t alone', 't again'], 't again']);
    await disconnectAll();
  });
});

describe('missing messages', () => {
  test('[EX9] [EX18] are counted when the next one arrives, per channel', async () => {
    const { a, b, open, say, lost, settle, advance, broker, disconnectAll } = await two();
    await open(b, 'joe');
    say(a, e, { ...e, to: 'joe' });
    await settle();
    const release = broker.deafen(1);
    say(a, e, e, { ...e, to: 'joe' });
    await settle();
    release();
    expect(lost(b)?.missing).toBe(0);
    say(a, e);
    await settle();
    expect(lost(b)?.missing).toBe(2);
    say(a, { ...e, to: 'joe' });
    await settle();
    expect(lost(b)?.missing).toBe(3);
    await advance(1_000);
    const told = b.errors.map(({ error, where }) => [error instanceof ExchangeLoss && error.count, where.during]);
    expect(told).toEqual([
      [2, 'exchange'],
      [1, 'exchange'],
    ]);
    await disconnectAll();
  });

  test('[EX9] a server that reconnects, or is received for the first time, has missed nothing', async () => {
    const { a, b, open, say, lost, settle, disconnectAll } = await two();
    const joe = await open(b, 'joe');
    say(a, { ...e, to: 'joe' });
    await settle();
    joe.socket.disconnect();
    await settle();
    say(a, { ...e, to: 'joe' }, { ...e, to: 'joe' });
    await settle();
    await open(b, 'joe');
    say(a, { ...e, to: 'joe' });
    await settle();
    expect(lost(b)?.missing).toBe(0);
    await disconnectAll();
  });
});

describe('overload', () => {
  test('[EX14] a message that is larger than others would take is served here only, and counted', async () => {
    const { a, b, open, say, lost, received, settle, disconnectAll } = await two({
      namespaces: { n: {} },
      limits: { exchangePayload: 100 },
    });
    const clients = [await open(a, 'x'), await open(b, 'y')];
    say(a, { ...e, body: 'x'.repeat(100) });
    await settle();
    expect(clients.map((client) => received(client).length)).toEqual([1, 0]);
    expect(lost(a)?.refused).toBe(1);
    const cause = { message: expect.stringMatching(/at most 100 bytes, got/) };
    expect(a.errors).toMatchObject([{ error: { loss: 'refused', cause } }]);
    await disconnectAll();
  });

  test('[EX14] [EX18] messages that arrive faster than they can be delivered are dropped in the end, and counted', async () => {
    const { a, b, open, say, lost, received, settle, disconnectAll } = await two({
      namespaces: { n: {} },
      limits: { maxLog: 100 },
    });
    const there = await open(b, 'y');
    for (let count = 0; count < 100; count++) say(a, { ...e, body: 'x'.repeat(40) });
    await settled();
    const { flooded = 0 } = lost(b) ?? {};
    expect(flooded).toBeGreaterThan(80);
    await settle();
    expect(received(there)).toHaveLength(100 - flooded);
    say(a, { ...e, body: 'again' });
    await settle();
    expect([received(there), lost(b)?.missing]).toEqual([['t ;n;;e;0;0;again'], 0]);
    await disconnectAll();
  });
});
