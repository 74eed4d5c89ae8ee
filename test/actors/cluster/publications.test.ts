import { fc, test as given } from '@fast-check/vitest';
import { describe, expect, test } from 'vitest';
import { Losses, makeLostCounters } from '../../../src/actors/cluster/losses.js';
import { Publications, type QueuedPublication } from '../../../src/actors/cluster/publications.js';
import { SendWindow, type SentPublication } from '../../../src/actors/cluster/sendWindow.js';
import { Deadlines } from '../../../src/actors/runtime/deadlines.js';
import type { ExchangeUplink } from '../../../src/exchange/exchange.js';
import { deferred, watch } from '../../support/async/promises.js';
import { FakeClock } from '../../support/server/fakeClock.js';

const limits = { exchangeQueueBytes: 1_000, exchangeQueueTimeout: 30_000 };
/** What may be with a new broker at a time. */
const windowBytes = 65_536;

/** One message that an uplink has been handed. */
interface Handed {
  readonly text: string;
  readonly settled: ReturnType<typeof deferred>;
}

/** An uplink whose broker says what a test says, when it says so. */
class FakeUplink implements ExchangeUplink {
  readonly open: Handed[] = [];
  constructor(private readonly handed: string[]) {}

  publish(channel: string, payload: Uint8Array): Promise<void> {
    const text = `${channel} ${Buffer.from(payload.subarray(0, 8))}`;
    this.handed.push(text);
    const settled = deferred();
    this.open.push({ text, settled });
    return settled.promise;
  }
  confirm(count = 1): void {
    for (const { settled } of this.open.splice(0, count)) settled.open();
  }
  refuse(error: unknown = new Error('no')): void {
    this.open.shift()?.settled.jam(error);
  }
  subscribe = (): Promise<void> => Promise.resolve();
  ping = (): Promise<void> => Promise.resolve();
  unsubscribe(): void {}
  close(): void {}
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const make = (given: Partial<typeof limits> = {}) => {
  const clock = new FakeClock();
  const sweeper = new Deadlines(clock);
  const losses = new Losses(sweeper, () => {});
  const sent: string[] = [];
  const handed: string[] = [];
  /** What was sent and then refused. */
  const unsent: string[] = [];
  const noteSent = (channel: string, payload: Uint8Array) => {
    const line = `${channel} ${Buffer.from(payload.subarray(0, 8))}`;
    sent.push(line);
    return () => void unsent.push(line);
  };
  const publications = new Publications({ ...limits, ...given }, () => clock.now(), sweeper, losses, noteSent);
  const put = (text: string, isReady = true): QueuedPublication | undefined =>
    publications.enqueue('c', bytes(text), isReady);
  const begin = (): FakeUplink => {
    const uplink = new FakeUplink(handed);
    publications.resume(uplink);
    return uplink;
  };
  const lost = (of: Partial<typeof losses.counters>): void => {
    expect(losses.counters).toEqual({ ...makeLostCounters(), ...of });
  };
  return { clock, sweeper, publications, put, begin, handed, sent, unsent, lost, losses };
};

describe('while there is a broker', () => {
  test('[EX5] [EX12] everything is published at once, in order, and counts as published once confirmed', async () => {
    const { publications, put, begin, handed, sent, lost } = make();
    const uplink = begin();
    for (const text of ['a', 'b', 'c']) put(text);
    expect(handed).toEqual(['c a', 'c b', 'c c']);
    expect(sent).toEqual(handed);
    expect([publications.waiting, publications.published]).toEqual([{ messages: 3, bytes: 3 }, 0]);
    uplink.confirm(2);
    await turn();
    expect([publications.waiting, publications.published]).toEqual([{ messages: 1, bytes: 1 }, 2]);
    lost({});
  });

  test('[EX14] a refusal of the broker is counted, and the next message follows', async () => {
    const { publications, put, begin, unsent, lost } = make();
    const uplink = begin();
    for (const text of ['a', 'b']) put(text);
    uplink.refuse();
    uplink.confirm();
    await turn();
    expect([publications.waiting.messages, publications.published, unsent]).toEqual([0, 1, ['c a']]);
    lost({ refused: 1 });
  });

  test('[EX12] [EX14] a rejection of an uplink that no longer answers counts as unconfirmed', async () => {
    const { publications, put, begin, unsent, lost } = make();
    const uplink = begin();
    uplink.ping = () => Promise.reject(new Error('gone'));
    put('a');
    uplink.refuse();
    await turn();
    expect(publications.waiting.messages).toBe(1);
    lost({});
    publications.suspend();
    expect([publications.waiting.messages, unsent]).toEqual([0, []]);
    lost({ unconfirmed: 1 });
  });

  test('[EX12] [EX14] nor is it refused if the uplink is lost before it has answered', async () => {
    const { publications, put, begin, lost } = make();
    const uplink = begin();
    const answer = deferred();
    uplink.ping = () => answer.promise;
    put('a');
    uplink.refuse();
    await turn();
    publications.suspend();
    answer.open();
    await turn();
    expect(publications.waiting.messages).toBe(0);
    lost({ unconfirmed: 1 });
  });

  test('[EX14] an uplink that throws refuses, and nothing of that is waited for', async () => {
    const { publications, begin, lost } = make();
    const uplink = begin();
    uplink.publish = () => {
      throw new Error('no such channel');
    };
    publications.enqueue('c', bytes('a'));
    await turn();
    expect(publications.waiting).toEqual({ messages: 0, bytes: 0 });
    lost({ refused: 1 });
  });

  test('[EX19] no more than 64 KiB are with a new broker at a time, and one more message', async () => {
    const { publications, begin, handed, clock } = make({ exchangeQueueBytes: 67_108_864 });
    const uplink = begin();
    const half = new Uint8Array(windowBytes / 2);
    for (let at = 0; at < 4; at++) publications.enqueue('c', half);
    expect([handed.length, publications.waiting]).toEqual([2, { messages: 4, bytes: 2 * windowBytes }]);
    clock.advance(800);
    uplink.confirm();
    await turn();
    expect(handed.length).toBe(3);
    uplink.refuse();
    await turn();
    expect(handed.length).toBe(4);
  });

  test('[EX19] more are with a broker that confirms fast, and fewer with one that is slow', async () => {
    const { publications, begin, handed, clock } = make({ exchangeQueueBytes: 67_108_864 });
    const uplink = begin();
    for (let at = 0; at < 1_000; at++) publications.enqueue('c', new Uint8Array(windowBytes / 4));
    expect(handed.length).toBe(4);
    clock.advance(1);
    uplink.confirm(2);
    await turn();
    expect([handed.length, uplink.open.length]).toEqual([10, 8]);
    // What was sent before the change does not make it larger.
    uplink.confirm(3);
    await turn();
    expect(uplink.open.length).toBe(8);
    clock.advance(4_000);
    uplink.confirm(4);
    await turn();
    expect(uplink.open.length).toBe(4);
    uplink.confirm(4);
    await turn();
    expect(uplink.open.length).toBe(1);
  });

  test('[EX19] a new uplink begins anew', async () => {
    const { publications, begin, handed, clock } = make({ exchangeQueueBytes: 67_108_864 });
    const uplink = begin();
    for (let at = 0; at < 1_000; at++) publications.enqueue('c', new Uint8Array(windowBytes));
    for (let round = 0; round < 10; round++) {
      clock.advance(1);
      uplink.confirm(uplink.open.length);
      await turn();
    }
    expect(uplink.open.length).toBe(16);
    publications.suspend();
    const before = handed.length;
    begin();
    expect(handed.length - before).toBe(1);
  });

  test('[EX7] a message that is not ready blocks all later ones; a cancelled one does not', () => {
    const { publications, put, begin, handed } = make();
    begin();
    const [first, second] = [put('a', false), put('b', false)];
    put('c');
    expect(handed).toEqual([]);
    if (second) second.isCancelled = true;
    publications.pump();
    expect(handed).toEqual([]);
    if (first) first.isReady = true;
    publications.pump();
    expect(handed).toEqual(['c a', 'c c']);
  });
});

describe('while there is none', () => {
  test('[EX11] a message waits, and is published in order after a reconnect', () => {
    const { clock, publications, put, begin, handed, lost } = make();
    for (const text of ['a', 'b']) put(text);
    clock.advance(29_999);
    expect(publications.waiting).toEqual({ messages: 2, bytes: 2 });
    begin();
    expect(handed).toEqual(['c a', 'c b']);
    clock.advance(60_000);
    lost({});
  });

  test('[EX11] a message that waits longer than 30 s expires, and no other', () => {
    const { clock, put, begin, handed, lost } = make();
    put('a');
    clock.advance(10_000);
    put('b');
    clock.advance(20_000);
    lost({ expired: 1 });
    clock.advance(9_999);
    lost({ expired: 1 });
    begin();
    expect(handed).toEqual(['c b']);
  });

  test('[EX11] a message that is not ready expires, and so do those behind it', () => {
    const { clock, publications, put, begin, lost } = make();
    begin();
    const letter = put('a', false);
    put('b');
    clock.advance(40_000);
    lost({});
    publications.suspend();
    clock.advance(1);
    lost({ expired: 2 });
    if (letter) letter.isReady = true;
    publications.pump();
    const uplink = begin();
    expect(uplink.open).toEqual([]);
  });

  test('[EX11] a message without room overflows; one in flight takes room, one cancelled in time does not', async () => {
    const { publications, put, begin, lost } = make({ exchangeQueueBytes: 10 });
    const uplink = begin();
    put('12345');
    expect([put('12345'), put('1')].map((letter) => letter !== undefined)).toEqual([true, false]);
    lost({ overflowed: 1 });
    uplink.confirm();
    await turn();
    const cancelled = put('12345', false);
    if (cancelled) cancelled.isCancelled = true;
    publications.pump();
    expect(put('12345')).toBeDefined();
    expect(put('')).toBeDefined();
    lost({ overflowed: 1 });
  });

  test('[EX12] a message without confirmation when the broker is lost counts as unconfirmed, once', async () => {
    const { publications, put, begin, handed, lost } = make();
    const first = begin();
    for (const text of ['a', 'b', 'c']) put(text);
    first.confirm();
    await turn();
    publications.suspend();
    lost({ unconfirmed: 2 });
    first.confirm();
    first.refuse();
    await turn();
    lost({ unconfirmed: 2 });
    expect([publications.published, publications.waiting.messages]).toEqual([1, 0]);
    put('d');
    const second = begin();
    expect(handed).toEqual(['c a', 'c b', 'c c', 'c d']);
    second.confirm();
    await turn();
    expect(publications.published).toBe(2);
  });

  test('[EX12] an uplink that is lost within a publish is handed nothing more', () => {
    const { publications, put, begin, handed } = make();
    for (const text of ['a', 'b']) put(text);
    const dying = new FakeUplink(handed);
    const { publish } = dying;
    dying.publish = (channel, payload) => {
      const published = publish.call(dying, channel, payload);
      publications.suspend();
      return published;
    };
    publications.resume(dying);
    expect([handed, publications.waiting.messages]).toEqual([['c a'], 1]);
    begin();
    expect(handed).toEqual(['c a', 'c b']);
  });

  test('[EX11] when nothing waits no timer is left', () => {
    const { clock, sweeper, publications, put, begin } = make();
    put('a');
    expect(sweeper.size).toBe(1);
    begin();
    expect([sweeper.size, clock.timers]).toEqual([0, 0]);
    publications.suspend();
    clock.advance(1_000);
    expect(clock.timers).toBe(0);
  });
});

describe('the end', () => {
  test('[EX16] it is empty when all is confirmed or refused', async () => {
    const { publications, put, begin } = make();
    const uplink = begin();
    for (const text of ['a', 'b']) put(text);
    const seen = watch(publications.whenEmpty());
    uplink.confirm();
    await turn();
    expect(seen.state).toBe('pending');
    uplink.refuse();
    await turn();
    expect(seen.state).toBe('resolved');
    expect(watch(publications.whenEmpty()).state).toBe('pending');
    const again = watch(publications.whenEmpty());
    await turn();
    expect(again.state).toBe('resolved');
  });

  test.each(['expired', 'unconfirmed', 'abandoned', 'cancelled'])('[EX16] it is empty when all is %s', async (how) => {
    const { clock, publications, put, begin } = make();
    if (how === 'unconfirmed') begin();
    const letter = put('a', how !== 'cancelled');
    if (how === 'cancelled') begin();
    const seen = watch(publications.whenEmpty());
    await turn();
    expect(seen.state).toBe('pending');
    if (how === 'expired') clock.advance(30_000);
    if (how === 'unconfirmed') publications.suspend();
    if (how === 'abandoned') publications.abandon();
    if (letter) letter.isCancelled = how === 'cancelled';
    publications.pump();
    await turn();
    expect(seen.state).toBe('resolved');
  });

  test('[EX11] waiting messages are abandoned, those in flight are unconfirmed, and nothing is left', () => {
    const { clock, sweeper, publications, put, begin, lost } = make();
    begin();
    for (const text of ['a', 'b']) put(text);
    put('c', false);
    put('d');
    const cancelled = put('e');
    if (cancelled) cancelled.isCancelled = true;
    publications.abandon();
    lost({ unconfirmed: 2, abandoned: 2 });
    expect(publications.waiting).toEqual({ messages: 0, bytes: 0 });
    clock.advance(1_000);
    expect([sweeper.size, clock.timers]).toEqual([0, 0]);
    publications.abandon();
    lost({ unconfirmed: 2, abandoned: 2 });
  });

  test('[EX11] a message added after the end expires as any other', () => {
    const { clock, publications, put, lost } = make();
    put('a');
    publications.abandon();
    put('b');
    clock.advance(30_000);
    lost({ abandoned: 1, expired: 1 });
    expect(publications.waiting).toEqual({ messages: 0, bytes: 0 });
  });
});

/** What can happen. */
type Step =
  | { readonly kind: 'put'; readonly size: number; readonly isReady: boolean }
  | { readonly kind: 'ready' | 'cancel'; readonly pick: number }
  | { readonly kind: 'confirm' | 'refuse'; readonly pick: number }
  | { readonly kind: 'resume' | 'suspend' | 'abandon' }
  | { readonly kind: 'wait'; readonly ms: number };

const pick = fc.nat(1_000);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('put' as const),
      size: fc.constantFrom(1, 10, 40, 400_000),
      isReady: fc.boolean(),
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constantFrom('ready' as const, 'cancel' as const), pick }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constantFrom('confirm' as const, 'refuse' as const), pick }) },
  {
    weight: 3,
    arbitrary: fc.constantFrom<Step>(
      ...(['resume', 'resume', 'resume', 'suspend', 'suspend', 'abandon'] as const).map((kind) => ({ kind })),
    ),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.constantFrom(1, 7, 40, 101) }) },
);

type Fate =
  | 'waiting'
  | 'flying'
  | 'confirmed'
  | 'refused'
  | 'unconfirmed'
  | 'expired'
  | 'overflowed'
  | 'abandoned'
  | 'cancelled';

interface Modelled {
  readonly text: string;
  readonly size: number;
  readonly since: number;
  readonly letter: QueuedPublication | undefined;
  isReady: boolean;
  isCancelled: boolean;
  fate: Fate;
  sent?: SentPublication;
}

/** What should become of each message, worked out from the start each time it matters, with no thought for speed. */
class Model {
  readonly all: Modelled[] = [];
  readonly handed: string[] = [];
  /** What may be with the broker: its own tests say how it changes. */
  window: SendWindow | undefined;

  constructor(
    private readonly room: number,
    private readonly timeout: number,
  ) {}

  of(fate: Fate): Modelled[] {
    return this.all.filter((one) => one.fate === fate);
  }
  /** Not ready yet, or not answered by the broker. */
  get inside(): Modelled[] {
    return this.all.filter(({ fate }) => fate === 'waiting' || fate === 'flying');
  }
  sizeOf(some: readonly Modelled[]): number {
    return some.reduce((sum, { size }) => sum + size, 0);
  }
  hasRoomFor(size: number): boolean {
    return this.sizeOf(this.inside) + size <= this.room;
  }
  end(some: readonly Modelled[], fate: Fate): void {
    for (const one of some) one.fate = one.isCancelled && one.fate === 'waiting' ? 'cancelled' : fate;
  }

  /** Everything that may go out does. */
  pump(): void {
    if (!this.window) return;
    for (const one of this.of('waiting')) {
      if (this.sizeOf(this.of('flying')) >= this.window.bytes || !(one.isReady || one.isCancelled)) return;
      one.fate = one.isCancelled ? 'cancelled' : 'flying';
      if (one.isCancelled) continue;
      this.handed.push(one.text);
      one.sent = this.window.sent(this.sizeOf(this.of('flying')));
    }
  }

  /** It is so late now. Those that are cancelled go with those before them. */
  pass(now: number): void {
    if (this.window) return;
    const old = this.of('waiting').filter(({ since }) => since <= now - this.timeout);
    this.end(old, 'expired');
  }
}

describe('random runs', () => {
  given.prop([fc.array(step, { maxLength: 120 })], { numRuns: 500 })(
    '[EX5] [EX11] [EX12] nothing is handed over twice or out of order, and each message is counted for what became of it',
    async (steps) => {
      const room = 2_000_000;
      const timeout = 100;
      const { clock, publications, losses, handed, sent, begin } = make({
        exchangeQueueBytes: room,
        exchangeQueueTimeout: timeout,
      });
      const model = new Model(room, timeout);
      let uplink: FakeUplink | undefined;
      let lastText = 0;
      const payloads = [1, 10, 40, 400_000].map((size) => [size, new Uint8Array(size)] as const);
      const blank = new Map(payloads);

      /** The message that an uplink was handed. */
      const behind = ({ text = '' } = {}): Modelled[] => model.all.filter((one) => text.startsWith(`c${one.text} `));

      const run = (of: Step): void => {
        switch (of.kind) {
          case 'put': {
            const text = String(++lastText);
            const payload = blank.get(of.size) ?? new Uint8Array();
            const letter = publications.enqueue(`c${text}`, payload, of.isReady);
            const fits = model.hasRoomFor(of.size);
            expect(letter !== undefined).toBe(fits);
            const fate = fits ? 'waiting' : 'overflowed';
            const { size, isReady } = of;
            model.all.push({ text, size, since: clock.now(), letter, isReady, isCancelled: false, fate });
            return;
          }
          case 'ready':
          case 'cancel': {
            const one = model.all[of.pick % Math.max(1, model.all.length)];
            if (!one?.letter) return;
            if (of.kind === 'ready') one.isReady = one.letter.isReady = true;
            else one.isCancelled = one.letter.isCancelled = true;
            publications.pump();
            return;
          }
          case 'confirm':
          case 'refuse': {
            const { length } = uplink?.open ?? [];
            const [answered] = uplink?.open.splice(of.pick % Math.max(1, length), 1) ?? [];
            if (of.kind === 'confirm') answered?.settled.open();
            else answered?.settled.jam(new Error('no'));
            for (const { sent } of behind(answered)) if (sent && of.kind === 'confirm') model.window?.confirmed(sent);
            model.end(behind(answered), of.kind === 'confirm' ? 'confirmed' : 'refused');
            return;
          }
          case 'resume':
            if (model.window) return;
            uplink = begin();
            model.window = new SendWindow(() => clock.now());
            return;
          case 'suspend':
          case 'abandon':
            publications[of.kind]();
            model.end(model.of('flying'), 'unconfirmed');
            if (of.kind === 'abandon') model.end(model.of('waiting'), 'abandoned');
            model.window = undefined;
            // What the lost uplink says at last changes nothing.
            uplink?.confirm(of.kind === 'suspend' ? 3 : 0);
            while (uplink?.open.length) uplink.refuse();
            uplink = undefined;
            return;
          case 'wait':
            clock.advance(of.ms);
            model.pass(clock.now());
        }
      };

      const agree = (): void => {
        expect(handed.map((text) => text.split(' ')[0])).toEqual(model.handed.map((text) => `c${text}`));
        expect(sent).toEqual(handed);
        const { unconfirmed, expired, overflowed, abandoned, refused } = losses.counters;
        const counted = { unconfirmed, expired, overflowed, abandoned, refused, confirmed: publications.published };
        const due = Object.fromEntries(Object.keys(counted).map((fate) => [fate, model.of(fate as Fate).length]));
        expect(counted).toEqual(due);
        expect(publications.waiting).toEqual({ messages: model.inside.length, bytes: model.sizeOf(model.inside) });
        const sum = Object.values(counted).reduce((one, other) => one + other);
        expect(sum + model.of('cancelled').length + publications.waiting.messages).toBe(model.all.length);
      };

      for (const of of steps) {
        run(of);
        await turn();
        model.pump();
        // What is overdue when the broker goes expires a moment later.
        if (of.kind === 'suspend') run({ kind: 'wait', ms: 1 });
        agree();
      }
      expect(new Set(handed).size).toBe(handed.length);
      run({ kind: 'abandon' });
      agree();
      expect(publications.waiting).toEqual({ messages: 0, bytes: 0 });
    },
    120_000,
  );
});
