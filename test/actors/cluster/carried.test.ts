import { describe, expect, test } from 'vitest';
import { ErrBadRoom, ExchangeLoss, exclude, OnNativeMessage, type OutgoingMessage } from '../../../src/index.js';
import { openTwo } from '../../support/server/harnessCluster.js';
import { type Guest, type House, type HouseOptions, settled } from '../../support/server/supervisorHarness.js';

const two = async (options: HouseOptions = { namespaces: { n: {} } }) => {
  const houses = await openTwo(options);
  const lost = (house: House) => house.supervisor.exchange?.status.lost;
  const say = (house: House, ...messages: OutgoingMessage[]) => house.supervisor.broadcast(null, messages);
  /** What this guest was sent since the last time. */
  const heard = (guest: Guest): string[] => {
    const lines = [...guest.socket.lines];
    guest.socket.sent.length = 0;
    return lines;
  };
  return { ...houses, lost, say, heard };
};

const e = { namespace: 'n', event: 'e' };

describe('what is carried', () => {
  test.each<[string, OutgoingMessage, string]>([
    ['text', { ...e, body: 'grün; und;mehr' }, 't ;n;;e;0;0;grün; und;mehr'],
    ['bytes that are text', { ...e, body: new TextEncoder().encode('abc') }, 'b ;n;;e;0;0;abc'],
    ['a string as bytes', { ...e, body: 'abc', setBinary: true }, 'b ;n;;e;0;0;abc'],
    ['nothing', e, 't ;n;;e;0;0;'],
    ['an error', { ...e, err: ErrBadRoom }, 't ;n;;e;1;0;bad room'],
    ['a name with a semicolon', { ...e, event: 'a;b' }, 't ;n;;a@%!semicolon@%!b;0;0;'],
    ['to one', { ...e, to: 'there', body: 'x' }, 't ;n;;e;0;0;x'],
  ])('[EX6] [EX4] %s is the same there as here, once', async (_, message, line) => {
    const { a, b, seat, say, heard, rest, empty } = await two();
    const guests = [await seat(a, 'there'), await seat(b, 'there')];
    say(a, message);
    await rest();
    for (const guest of guests) expect(heard(guest)).toEqual([line]);
    await empty();
  });

  test('[EX6] an excluded id is left out on every server, a connection only where it is', async () => {
    const { a, b, seat, heard, rest, empty } = await two();
    const [here, there, other] = [await seat(a, 'joe'), await seat(b, 'joe'), await seat(b, 'ann')];
    a.supervisor.broadcast(exclude('joe'), [{ ...e, body: 'by id' }]);
    a.supervisor.broadcast(here.conn ?? null, [{ ...e, body: 'by conn' }]);
    a.supervisor.broadcast(exclude('x'.repeat(200)), [{ ...e, body: 'nobody' }]);
    await rest();
    expect([heard(here), heard(there), heard(other)]).toEqual([
      ['t ;n;;e;0;0;nobody'],
      ['t ;n;;e;0;0;by conn', 't ;n;;e;0;0;nobody'],
      ['t ;n;;e;0;0;by id', 't ;n;;e;0;0;by conn', 't ;n;;e;0;0;nobody'],
    ]);
    await empty();
  });

  test('[EX6] a body of no known kind that is not UTF-8 reaches a client as bytes, all else as text', async () => {
    const { b, seat, broker, rest, empty } = await two();
    const guest = await seat(b, 'there');
    for (const body of [Buffer.from([0xff, 0xfe]), Buffer.from('abc')]) {
      broker.deliver('memory.n.', Buffer.concat([Buffer.from(';n;;e;0;0;'), body]));
    }
    await settled();
    b.clock.tick();
    const [first, second] = guest.socket.sent.flatMap((sent) => (sent.kind === 'bytes' ? [sent.bytes] : []));
    const all = Buffer.concat([first ?? Buffer.alloc(0), second ?? Buffer.alloc(0)]);
    expect(all.toString('latin1')).toBe('\x82\x0c;n;;e;0;0;\xff\xfe\x81\x0d;n;;e;0;0;abc');
    guest.socket.sent.length = 0;
    await rest();
    await empty();
  });

  test('[EX6] [FR10] a native message beside events goes as it is to those in the empty namespace', async () => {
    const events = { [OnNativeMessage]() {}, e() {} };
    const { a, b, seat, say, heard, rest, empty, broker } = await two({ events, namespaces: { n: {} } });
    const guests = [await seat(a, 'x', ''), await seat(b, 'y', '')];
    say(
      a,
      { isNative: true, body: 'raw' },
      { isNative: true, body: Uint8Array.of(0x61) },
      { event: 'e', body: 'framed' },
    );
    await rest();
    for (const guest of guests) expect(heard(guest)).toEqual(['t raw', 'b a', 't ;;;e;0;0;framed']);
    // As other servers send them: without a header, or with one.
    broker.deliver('memory..', Buffer.from('bare'));
    broker.deliver('memory..', Buffer.from(`;;;${OnNativeMessage};0;0;dressed`));
    await rest();
    for (const guest of guests) expect(heard(guest)).toEqual(['t bare', 't dressed']);
    await empty();
  });

  test('[EX6] [EX4] [HS10] native messages only: as they are, once each, however alike', async () => {
    const { a, b, say, heard, rest, empty, broker } = await two({ events: { [OnNativeMessage]() {} } });
    const guests = [a.connect('x'), b.connect('y')];
    await rest();
    say(a, { isNative: true, body: 'same' }, { isNative: true, body: 'same' });
    say(b, { isNative: true, body: 'same' });
    await rest();
    for (const guest of guests) expect(heard(guest)).toEqual(['t same', 't same', 't same']);
    say(a, { isNative: true, body: 'to y', to: 'y' }, { isNative: true, body: 'to x', to: 'x' });
    await rest();
    expect(guests.map(heard)).toEqual([['t to x'], ['t to y']]);
    expect(broker.published.map(({ payload }) => Buffer.from(payload).toString())).toContain('to y');
    broker.lose();
    await rest();
    say(a, { isNative: true, body: 'alone' });
    const isOnline = () => [a, b].every(({ supervisor }) => supervisor.exchange?.status.state === 'online');
    for (let tries = 0; tries < 1_000 && !isOnline(); tries++) {
      for (const { clock } of [a, b]) clock.advance(10);
      await rest();
    }
    say(a, { isNative: true, body: 'again' });
    await rest();
    const [here = [], there = []] = guests.map(heard);
    expect([here, there.at(-1)]).toEqual([['t alone', 't again'], 't again']);
    await empty();
  });
});

describe('what is missing', () => {
  test('[EX9] [EX18] is counted when the next comes, on each channel by itself', async () => {
    const { a, b, seat, say, lost, rest, pass, broker, empty } = await two();
    await seat(b, 'joe');
    say(a, e, { ...e, to: 'joe' });
    await rest();
    const release = broker.holdBack(1);
    say(a, e, e, { ...e, to: 'joe' });
    await rest();
    release();
    expect(lost(b)?.missing).toBe(0);
    say(a, e);
    await rest();
    expect(lost(b)?.missing).toBe(2);
    say(a, { ...e, to: 'joe' });
    await rest();
    expect(lost(b)?.missing).toBe(3);
    await pass(1_000);
    const told = b.errors.map(({ error, where }) => [error instanceof ExchangeLoss && error.count, where.during]);
    expect(told).toEqual([
      [2, 'exchange'],
      [1, 'exchange'],
    ]);
    await empty();
  });

  test('[EX9] whoever comes back, or is heard for the first time, has missed nothing', async () => {
    const { a, b, seat, say, lost, rest, empty } = await two();
    const joe = await seat(b, 'joe');
    say(a, { ...e, to: 'joe' });
    await rest();
    joe.socket.hangUp();
    await rest();
    say(a, { ...e, to: 'joe' }, { ...e, to: 'joe' });
    await rest();
    await seat(b, 'joe');
    say(a, { ...e, to: 'joe' });
    await rest();
    expect(lost(b)?.missing).toBe(0);
    await empty();
  });
});

describe('what is too much', () => {
  test('[EX14] a message that is larger than others would take is served here only, and counted', async () => {
    const { a, b, seat, say, lost, heard, rest, empty } = await two({
      namespaces: { n: {} },
      limits: { exchangePayload: 100 },
    });
    const guests = [await seat(a, 'x'), await seat(b, 'y')];
    say(a, { ...e, body: 'x'.repeat(100) });
    await rest();
    expect(guests.map((guest) => heard(guest).length)).toEqual([1, 0]);
    expect(lost(a)?.refused).toBe(1);
    const cause = { message: expect.stringMatching(/at most 100 bytes, got/) };
    expect(a.errors).toMatchObject([{ error: { loss: 'refused', cause } }]);
    await empty();
  });

  test('[EX14] [EX18] what comes faster than it can be given out is dropped at last, and counted', async () => {
    const { a, b, seat, say, lost, heard, rest, empty } = await two({ namespaces: { n: {} }, limits: { maxLog: 100 } });
    const there = await seat(b, 'y');
    for (let count = 0; count < 100; count++) say(a, { ...e, body: 'x'.repeat(40) });
    await settled();
    const { flooded = 0 } = lost(b) ?? {};
    expect(flooded).toBeGreaterThan(80);
    await rest();
    expect(heard(there)).toHaveLength(100 - flooded);
    say(a, { ...e, body: 'again' });
    await rest();
    expect([heard(there), lost(b)?.missing]).toEqual([['t ;n;;e;0;0;again'], 0]);
    await empty();
  });
});
