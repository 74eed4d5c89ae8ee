import { fc, test as property } from '@fast-check/vitest';
import { describe, expect, test } from 'vitest';
import { maxKeys, TokenBuckets } from '../../../src/actors/middleware/tokenBuckets.js';
import { type Handler, namespace, OnRoomJoin, OnRoomLeave, rateLimit, reply } from '../../../src/index.js';
import { FakeClock } from '../../support/server/fakeClock.js';
import { SupervisorHarness } from '../../support/server/supervisorHarness.js';

const say: Handler = () => reply('done');
const ask = '$1;chat;;say;0;0;';
const tooMany = 't $1;chat;;say;1;0;too many messages';
const done = 't $1;chat;;say;0;0;done';

/** Buckets on a clock of their own. */
const bucketsOn = (clock: FakeClock, interval: number, span: number): TokenBuckets =>
  new TokenBuckets(interval, span, {
    now: () => clock.now(),
    after: (ms, expire) => clock.setTimeout(expire, ms),
  });

/** A supervisor with this limit on its one namespace. */
const limited = (limit: Parameters<typeof rateLimit>[0], handlers: Readonly<Record<string, Handler>> = { say }) => {
  const harness = new SupervisorHarness({ namespaces: { chat: namespace({ use: [rateLimit(limit)] }, handlers) } });
  const open = (id: string) => {
    const { socket } = harness.open(id, 'chat');
    return (frame = ask): string[] => {
      socket.sent.length = 0;
      socket.receive(frame);
      return socket.lines;
    };
  };
  return { ...harness, harness, open, counters: harness.supervisor.counters };
};

describe('rateLimit', () => {
  test('[MW6] allows a burst, and then so many events in their time, for each connection', () => {
    const { clock, open } = limited({ events: 2, per: 1_000, burst: 3 });
    const [ann, joe] = [open('ann'), open('joe')];
    expect([ann(), ann(), ann(), ann()]).toEqual([[done], [done], [done], [tooMany]]);
    expect(joe()).toEqual([done]);
    clock.advance(499);
    expect(ann()).toEqual([tooMany]);
    clock.advance(1);
    expect([ann(), ann()]).toEqual([[done], [tooMany]]);
    clock.advance(60_000);
    expect([ann(), ann(), ann(), ann()]).toEqual([[done], [done], [done], [tooMany]]);
  });

  test('[MW6] allows as many at once as in their time, unless burst says otherwise', () => {
    const { open } = limited({ events: 2, per: 1_000 });
    const ann = open('ann');
    expect([ann(), ann(), ann()]).toEqual([[done], [done], [tooMany]]);
  });

  test('[MW6] limits what shares a key together, and by connection where there is none', () => {
    const { clock, open } = limited({
      events: 1,
      per: 1_000,
      key: ({ conn }) => (conn.id === 'guest' ? undefined : conn.id),
    });
    const [ann, tab, joe, guest, other] = ['ann', 'ann', 'joe', 'guest', 'guest'].map(open);
    const answers = (): unknown[] => [ann, tab, joe, guest, other].map((client) => client?.());
    expect(answers()).toEqual([[done], [tooMany], [done], [done], [done]]);
    clock.advance(1_000);
    expect(answers()).toEqual([[done], [tooMany], [done], [done], [done]]);
  });

  test('[MW6] counts only what `only` names, lifecycle events too', () => {
    const { open, counters } = limited({ events: 1, per: 1_000, only: ['say', OnRoomJoin] }, { say, tell: say });
    const [ann, joe] = [open('ann'), open('joe')];
    const tell = '$1;chat;;tell;0;0;';
    expect([ann(tell), ann(tell), ann(), ann(), ann(tell)].flat().map((line) => line.split(';').at(-1))).toEqual([
      'done',
      'done',
      'done',
      'too many messages',
      'done',
    ]);
    const join = (room: string): string => `$2;chat;${room};_OnRoomJoin;0;0;`;
    expect([joe(join('a')), joe(join('b'))]).toEqual([
      ['t $2;;;;;;'],
      ['t $2;chat;b;_OnRoomJoin;1;0;too many messages'],
    ]);
    expect(counters.rateRefused).toBe(2);
  });

  test('[MW6] counts no lifecycle event by default', () => {
    const { open } = limited({ events: 1, per: 1_000 });
    const ann = open('ann');
    for (const room of ['a', 'b', 'c']) expect(ann(`$2;chat;${room};_OnRoomJoin;0;0;`)).toEqual(['t $2;;;;;;']);
    expect(ann()).toEqual([done]);
  });

  test('[MW6] counts no lifecycle event that the client did not ask for, so that its handler always runs', async () => {
    const left: string[] = [];
    const { harness, counters } = limited(
      { events: 1, per: 1_000, only: [OnRoomLeave] },
      { [OnRoomLeave]: (_, { room, isForced, isLocal }) => void left.push(`${room} ${isForced} ${isLocal}`) },
    );
    const { socket, conn } = harness.open('ann', 'chat');
    for (const room of ['a', 'b', 'c', 'd']) socket.receive(`$1;chat;${room};_OnRoomJoin;0;0;`);
    for (const room of ['a', 'b']) socket.receive(`$2;chat;${room};_OnRoomLeave;0;0;`);
    expect(socket.lines.at(-1)).toBe('t $2;chat;b;_OnRoomLeave;1;0;too many messages');
    expect(left.splice(0)).toEqual(['a false false']);
    const leaving = conn?.namespace('chat')?.leaveAll();
    await expect.poll(() => socket.lines.at(-1)).toMatch(/;chat;b;_OnRoomLeave;0;0;$/);
    socket.receive(`${socket.lines.at(-1)?.slice(2).split(';')[0]};;;;;;`);
    await expect.poll(() => left).toEqual(['b false true']);
    conn?.close();
    await expect(leaving).rejects.toThrow('write closed');
    await expect.poll(() => left).toEqual(['b false true', 'c true true', 'd true true']);
    expect(counters.rateRefused).toBe(1);
    expect(harness.errors).toEqual([]);
  });

  test('[MW6] [MW1] has one limit for all namespaces of a server, and one for each other list in which it stands', () => {
    const limit = rateLimit({ events: 1, per: 1_000 });
    const answers = (harness: SupervisorHarness): (string | undefined)[] => {
      const { socket } = harness.open('ann', 'chat');
      socket.receive('$0;game;;_OnNamespaceConnect;0;0;');
      socket.sent.length = 0;
      for (const name of ['chat', 'game', 'chat']) socket.receive(`$1;${name};;say;0;0;`);
      return socket.lines.map((line) => line.split(';').at(-1));
    };
    const inEach = { chat: namespace({ use: [limit] }, { say }), game: namespace({ use: [limit] }, { say }) };
    expect(answers(new SupervisorHarness({ namespaces: inEach }))).toEqual(['done', 'done', 'too many messages']);
    const forAll = new SupervisorHarness({ use: [limit], namespaces: { chat: { say }, game: { say } } });
    expect(answers(forAll)).toEqual(['done', 'too many messages', 'too many messages']);
  });

  test('[MW7] refuses by default: the asker is told, and nothing is a fault', () => {
    const { open, counters, harness } = limited({ events: 1, per: 1_000 });
    const ann = open('ann');
    expect([ann(), ann(), ann(';chat;;say;0;0;')]).toEqual([[done], [tooMany], ['t ;chat;;say;1;0;too many messages']]);
    expect(counters).toMatchObject({ rateRefused: 2, rateDropped: 0, rateClosed: 0, refusals: 2, handlerErrors: 0 });
    expect(harness.errors).toEqual([]);
  });

  test('[MW7] [MW4] drops: an event in silence, an ask with an answer', () => {
    const { open, counters, harness } = limited({ events: 1, per: 1_000, exceed: 'drop' });
    const ann = open('ann');
    expect([ann(), ann(), ann(';chat;;say;0;0;')]).toEqual([[done], ['t $1;chat;;say;1;0;dropped'], []]);
    expect(counters).toMatchObject({ rateRefused: 0, rateDropped: 2, rateClosed: 0, stoppedEvents: 2, refusals: 0 });
    expect(harness.errors).toEqual([]);
  });

  test('[MW7] closes with 1008, for a reason of its own, and is no fault', async () => {
    const { open, counters, harness } = limited({ events: 1, per: 1_000, exceed: 'close' });
    const ann = open('ann');
    expect(ann()).toEqual([done]);
    expect(ann()).toEqual([tooMany, 'close 1008 too many messages']);
    await harness.settle();
    expect(counters).toMatchObject({ rateRefused: 0, rateDropped: 0, rateClosed: 1, handlerErrors: 0 });
    expect(harness.supervisor.metrics.closes).toMatchObject({ rateLimited: 1, program: 0 });
    expect(harness.errors).toEqual([]);
  });

  test('[MW7] closes for a join too', async () => {
    const { open, harness } = limited({ events: 1, per: 1_000, exceed: 'close', only: [OnRoomJoin] });
    const ann = open('ann');
    ann('$2;chat;a;_OnRoomJoin;0;0;');
    expect(ann('$2;chat;b;_OnRoomJoin;0;0;')).toEqual([
      't $2;chat;b;_OnRoomJoin;1;0;too many messages',
      'close 1008 too many messages',
    ]);
    await harness.settle();
    expect(harness.supervisor.metrics.closes.rateLimited).toBe(1);
  });

  test('[MW6] [LM2] a wrong key is an error of the program', () => {
    const keys: unknown[] = ['x'.repeat(255), 7, null, 'x'.repeat(256), {}, Number.NaN];
    // Plain JavaScript may return anything.
    const { open, harness } = limited({ events: 10, per: 1_000, key: () => keys.shift() as string });
    const ann = open('ann');
    const text = 'the key of a rateLimit is a text of at most 255 characters, or a number, got';
    expect([ann(), ann(), ann(), ann(), ann(), ann()].map(([line]) => line?.split(';').at(-1))).toEqual([
      'done',
      'done',
      'done',
      `${text} 256 characters`,
      `${text} object`,
      `${text} NaN`,
    ]);
    expect(harness.errors).toHaveLength(3);
  });

  test.each<[unknown, string]>([
    [undefined, 'rateLimit takes { events, per, burst?, exceed?, only?, key? }, got undefined'],
    [{ events: 1, per: 1, perr: 1 }, 'option "perr" of rateLimit is unknown; known are events, per, burst'],
    [{ per: 1 }, 'option "events" of rateLimit takes a whole number above 0, got undefined'],
    [{ events: 1.5, per: 1 }, 'option "events" of rateLimit takes a whole number above 0, got 1.5'],
    [{ events: 1, per: 0 }, 'option "per" of rateLimit takes milliseconds above 0, got 0'],
    [{ events: 1, per: Number.NaN }, 'option "per" of rateLimit takes milliseconds above 0, got NaN'],
    [{ events: 1, per: 1, burst: 0 }, 'option "burst" of rateLimit takes a whole number above 0, got 0'],
    [{ events: 1, per: 1, exceed: 'kill' }, `option "exceed" of rateLimit takes 'refuse', 'drop' or 'close', got kill`],
    [{ events: 1, per: 1, only: [] }, 'option "only" of rateLimit takes a list of names of events, got '],
    [{ events: 1, per: 1, only: 'say' }, 'option "only" of rateLimit takes a list of names of events, got say'],
    [{ events: 1, per: 1, key: 'id' }, 'option "key" of rateLimit takes a function (ns, message), got id'],
    [{ events: 1, per: 2 ** 31 - 1, burst: 2 }, 'rateLimit fills a bucket in at most 2147483647 ms, got 4294967294'],
  ])('[MW6] [LM2] the options %j are refused', (options, text) => {
    expect(() => Reflect.apply(rateLimit, undefined, [options])).toThrow(text);
  });
});

describe('the buckets', () => {
  test('[MW6] of keys end when they are full again, all at once and without a timer of their own', () => {
    const clock = new FakeClock();
    const buckets = bucketsOn(clock, 100, 1_000);
    for (let key = 0; key < 1_000; key++) buckets.takeBy(key);
    expect([buckets.keys, clock.timers]).toEqual([1_000, 1]);
    clock.advance(1_000);
    buckets.takeBy('late');
    clock.advance(1_000);
    expect(buckets.keys).toBe(1);
    clock.advance(1_000);
    expect([buckets.keys, clock.timers]).toEqual([0, 0]);
  });

  test('[MW6] of keys are bounded; those that were not used for longest are forgotten', () => {
    const buckets = bucketsOn(new FakeClock(), 1_000, 1_000);
    buckets.takeBy('first');
    for (let key = 0; key < 2 * maxKeys; key++) buckets.takeBy(key);
    expect(buckets.keys).toBeLessThanOrEqual(2 * maxKeys);
    expect([buckets.takeBy(2 * maxKeys - 1), buckets.takeBy('first')]).toEqual([false, true]);
  });

  test('[MW6] of connections are known by the connection alone', () => {
    const clock = new FakeClock();
    const buckets = bucketsOn(clock, 1_000, 1_000);
    const [ann, joe] = [{}, {}] as const;
    expect([buckets.takeOf(ann), buckets.takeOf(ann), buckets.takeOf(joe)]).toEqual([true, false, true]);
    expect([buckets.keys, clock.timers]).toEqual([0, 0]);
  });

  /** A bucket as a newcomer would write it: filled by time, in ms, and emptied by the time that each token takes. */
  class NaiveBucket {
    #filled: number;
    #at = 0;
    constructor(
      private readonly interval: number,
      private readonly span: number,
    ) {
      this.#filled = span;
    }
    take(now: number): boolean {
      this.#filled = Math.min(this.span, this.#filled + now - this.#at);
      this.#at = now;
      if (this.#filled < this.interval) return false;
      this.#filled -= this.interval;
      return true;
    }
  }

  const steps = fc.array(fc.tuple(fc.nat({ max: 400 }), fc.nat({ max: 3 })), { maxLength: 200 });
  property.prop([fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 6 }), steps])(
    '[MW6] allow what a naive count of tokens allows, of keys and of connections',
    (interval, burst, taken) => {
      const clock = new FakeClock();
      const buckets = bucketsOn(clock, interval, interval * burst);
      const naive = new Map<number, NaiveBucket>();
      const connections = [{}, {}, {}, {}];
      for (const [wait, key] of taken) {
        clock.advance(wait);
        const model = naive.get(key) ?? new NaiveBucket(interval, interval * burst);
        naive.set(key, model);
        const isAllowed = model.take(clock.now());
        expect([buckets.takeBy(key), buckets.takeOf(connections[key] ?? {})]).toEqual([isAllowed, isAllowed]);
      }
    },
  );
});
