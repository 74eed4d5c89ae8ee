import { fc, test as given } from '@fast-check/vitest';
import { describe, expect, test } from 'vitest';
import { Subscriptions } from '../../../src/actors/cluster/subscriptions.js';
import type { ExchangeUplink } from '../../../src/exchange/exchange.js';
import { deferred, watch } from '../../support/async/promises.js';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** An uplink whose broker confirms when a test says so; the log has what it was asked. */
class FakeUplink implements ExchangeUplink {
  readonly log: string[] = [];
  /** What the broker sends to this uplink, once it has worked off what it was asked so far. */
  readonly channels = new Set<string>();
  readonly #open: { readonly channels: readonly string[]; readonly settled: ReturnType<typeof deferred> }[] = [];

  subscribe(channels: readonly string[]): Promise<void> {
    this.log.push(`+${channels.join(' ')}`);
    for (const channel of channels) this.channels.add(channel);
    const settled = deferred();
    this.#open.push({ channels, settled });
    return settled.promise;
  }
  unsubscribe(channels: readonly string[]): void {
    this.log.push(`-${channels.join(' ')}`);
    for (const channel of channels) this.channels.delete(channel);
  }
  /** Confirms the oldest of what was asked, and says which channels that were. */
  confirm(): readonly string[] {
    const oldest = this.#open.shift();
    oldest?.settled.open();
    return oldest?.channels ?? [];
  }
  refuse(error: unknown): void {
    this.#open.shift()?.settled.jam(error);
  }
  get open(): number {
    return this.#open.length;
  }
  publish = (): Promise<void> => Promise.resolve();
  ping: () => Promise<void> = () => Promise.resolve();
  close(): void {}
}

const make = () => {
  const failures: { readonly error: unknown; readonly uplink: ExchangeUplink }[] = [];
  const refusals: unknown[] = [];
  const subscriptions = new Subscriptions<string>({
    isRequired: (target) => target.endsWith('!'),
    refused: (error) => refusals.push(error),
    inTime: (confirmed) => confirmed,
    failed: (error, uplink) => failures.push({ error, uplink }),
    report: (error) => refusals.push(error),
  });
  const received: string[] = [];
  const hold = (channel: string, name = channel): void =>
    subscriptions.hold(channel, `target of ${channel}`, () => received.push(name));
  /** An uplink that has everything confirmed. */
  const begin = async (): Promise<FakeUplink> => {
    const uplink = new FakeUplink();
    const begun = watch(subscriptions.begin(uplink));
    while (begun.state === 'pending') {
      uplink.confirm();
      await turn();
    }
    uplink.log.length = 0;
    return uplink;
  };
  return { subscriptions, failures, refusals, received, hold, begin };
};

describe('a wanted channel', () => {
  test('[EX1] without an uplink is subscribed when one begins, all together, and no caller waits', async () => {
    const { subscriptions, received, hold } = make();
    for (const channel of ['a', 'b', 'a']) hold(channel);
    expect(received).toEqual(['a', 'b', 'a']);
    const uplink = new FakeUplink();
    const begun = watch(subscriptions.begin(uplink));
    expect([uplink.log, subscriptions.isSubscribed('a')]).toEqual([['+a b'], false]);
    await turn();
    expect(begun.state).toBe('pending');
    uplink.confirm();
    await turn();
    expect([begun.state, subscriptions.isSubscribed('a'), subscriptions.isSubscribed('b')]).toEqual([
      'resolved',
      true,
      true,
    ]);
    expect(received).toEqual(['a', 'b', 'a']);
  });

  test('[EX1] nothing is no reason to wait', async () => {
    const { begin } = make();
    expect((await begin()).log).toEqual([]);
  });

  test('[EX1] [EX10] that is added while an uplink begins is confirmed before its beginning ends, and no caller waits', async () => {
    const { subscriptions, received, hold } = make();
    hold('a');
    const uplink = new FakeUplink();
    const begun = watch(subscriptions.begin(uplink));
    hold('b');
    expect(received).toEqual(['a', 'b']);
    uplink.confirm();
    await turn();
    expect([uplink.log, begun.state]).toEqual([['+a', '+b'], 'pending']);
    uplink.confirm();
    await turn();
    expect([begun.state, subscriptions.isSubscribed('b')]).toEqual(['resolved', true]);
  });

  test('[EX3] is subscribed once confirmed; those of one tick are subscribed together', async () => {
    const { subscriptions, received, hold, begin } = make();
    const uplink = await begin();
    for (const name of ['a1', 'a2', 'b1']) hold(name[0] ?? '', name);
    expect(uplink.log).toEqual([]);
    await turn();
    hold('a', 'a3');
    expect([uplink.log, received]).toEqual([['+a b'], []]);
    uplink.confirm();
    await turn();
    expect(received).toEqual(['a1', 'a2', 'a3', 'b1']);
    hold('a', 'a4');
    expect([uplink.log, received.at(-1), subscriptions.isSubscribed('a')]).toEqual([['+a b'], 'a4', true]);
  });

  test('[EX3] keeps the purpose of its first hold', async () => {
    const { subscriptions, hold } = make();
    hold('a');
    expect([subscriptions.targetOf('a'), subscriptions.targetOf('b')]).toEqual(['target of a', undefined]);
    subscriptions.release('a');
    expect([subscriptions.targetOf('a'), subscriptions.isSubscribed('a')]).toEqual([undefined, false]);
  });
});

describe('a channel that is no longer wanted', () => {
  test('[EX3] is unsubscribed after its last release', async () => {
    const { subscriptions, hold, begin } = make();
    hold('a');
    hold('a');
    const uplink = await begin();
    expect([subscriptions.release('a'), uplink.log]).toEqual([false, []]);
    expect([subscriptions.release('a'), uplink.log]).toEqual([true, ['-a']]);
    expect([subscriptions.release('a'), subscriptions.release('never'), uplink.log]).toEqual([false, false, ['-a']]);
  });

  test('[EX3] before it was asked for is not asked for', async () => {
    const { subscriptions, received, hold, begin } = make();
    const uplink = await begin();
    hold('a');
    expect(subscriptions.release('a')).toBe(true);
    await turn();
    expect([uplink.log, received]).toEqual([[], []]);
  });

  test('[EX3] is subscribed again if it is held again', async () => {
    const { subscriptions, received, hold, begin } = make();
    const uplink = await begin();
    hold('a', 'first');
    await turn();
    subscriptions.release('a');
    hold('a', 'second');
    await turn();
    expect(uplink.log).toEqual(['+a', '-a', '+a']);
    uplink.confirm();
    await turn();
    expect([received.includes('second'), subscriptions.isSubscribed('a')]).toEqual([false, false]);
    uplink.confirm();
    await turn();
    expect([received.at(-1), subscriptions.isSubscribed('a')]).toEqual(['second', true]);
  });

  test('[EX3] is unsubscribed while an uplink begins, too', async () => {
    const { subscriptions, hold } = make();
    hold('a');
    hold('b');
    const uplink = new FakeUplink();
    const begun = watch(subscriptions.begin(uplink));
    subscriptions.release('a');
    uplink.confirm();
    await turn();
    expect([uplink.log, begun.state]).toEqual([['+a b', '-a'], 'resolved']);
  });
});

describe('the end of an uplink', () => {
  test('[EX3] [EX10] receives nothing more, and waiting callers resolve at once', async () => {
    const { subscriptions, received, hold, begin } = make();
    hold('a');
    const uplink = await begin();
    hold('b');
    await turn();
    expect(received).toEqual(['a']);
    subscriptions.end();
    expect(received).toEqual(['a', 'b']);
    expect([subscriptions.isSubscribed('a'), subscriptions.targetOf('a')]).toEqual([false, 'target of a']);
    hold('c');
    expect(received).toEqual(['a', 'b', 'c']);
    uplink.confirm();
    await turn();
    expect(received).toEqual(['a', 'b', 'c']);
    subscriptions.release('a');
    await turn();
    expect(uplink.log).toEqual(['+b']);
  });

  test('[EX10] the next uplink is asked for all that is wanted', async () => {
    const { subscriptions, hold, begin } = make();
    for (const channel of ['a', 'b']) hold(channel);
    await begin();
    subscriptions.end();
    subscriptions.release('a');
    hold('c');
    const uplink = new FakeUplink();
    void subscriptions.begin(uplink);
    expect(uplink.log).toEqual(['+b c']);
  });

  test('[EX10] an uplink that ends during its beginning has not begun', async () => {
    const { subscriptions, received, hold } = make();
    hold('a');
    const uplink = new FakeUplink();
    const begun = watch(subscriptions.begin(uplink));
    subscriptions.end();
    uplink.confirm();
    await turn();
    expect(begun.state).toBe('resolved');
    hold('b');
    await turn();
    expect([uplink.log, received, subscriptions.isSubscribed('a')]).toEqual([['+a'], ['a', 'b'], false]);
  });

  test('[EX3] [EX10] a late confirmation of an earlier uplink changes nothing for the current one', async () => {
    const { subscriptions, received, hold, begin } = make();
    hold('a');
    const late = new FakeUplink();
    void subscriptions.begin(late);
    subscriptions.end();
    const uplink = await begin();
    late.confirm();
    await turn();
    hold('b');
    await turn();
    expect([uplink.log, received]).toEqual([['+b'], ['a']]);
    uplink.confirm();
    await turn();
    expect(received).toEqual(['a', 'b']);
  });

  test('[EX10] a missing confirmation is reported with its uplink, and waiting callers resolve at its end', async () => {
    const { subscriptions, failures, received, hold, begin } = make();
    const uplink = await begin();
    const error = new Error('no');
    hold('a');
    await turn();
    uplink.ping = () => Promise.reject(error);
    uplink.refuse(new Error('not that either'));
    await turn();
    expect([failures, received]).toEqual([[{ error, uplink }], []]);
    subscriptions.end();
    expect(received).toEqual(['a']);
  });

  test('[EX3] [EX18] a refusal of an uplink that still answers is reported, and no caller waits for it; other channels work', async () => {
    const { subscriptions, failures, refusals, received, hold, begin } = make();
    const uplink = await begin();
    for (const channel of ['a', 'b', 'c']) hold(channel);
    await turn();
    uplink.refuse(new Error('one of them'));
    await turn();
    subscriptions.release('c');
    uplink.confirm();
    await turn();
    const no = new Error('b, that is');
    uplink.refuse(no);
    await turn();
    expect(uplink.log).toEqual(['+a b c', '+a', '-c', '+b']);
    expect([received, refusals, failures]).toEqual([['a', 'b', 'c'], [no], []]);
    hold('b');
    expect(received.at(-1)).toBe('b');
  });

  test('[EX4] a channel that the broker refuses is not subscribed, until a later uplink has it confirmed', async () => {
    const { subscriptions, hold, begin } = make();
    const uplink = await begin();
    hold('a');
    await turn();
    uplink.refuse(new Error('no'));
    await turn();
    expect([uplink.log, subscriptions.isSubscribed('a')]).toEqual([['+a'], false]);
    subscriptions.end();
    await begin();
    expect(subscriptions.isSubscribed('a')).toBe(true);
  });

  test('[EX1] an uplink that does not confirm a vital channel at its beginning has not begun', async () => {
    const { subscriptions, failures, hold } = make();
    hold('a!');
    const uplink = new FakeUplink();
    const begun = watch(subscriptions.begin(uplink));
    const error = new Error('no');
    uplink.refuse(error);
    await turn();
    expect([begun, failures]).toEqual([{ state: 'rejected', error }, []]);
  });

  test('[EX3] a callback may hold and release', async () => {
    const { subscriptions, received, begin } = make();
    const uplink = await begin();
    subscriptions.hold('a', '', () => {
      received.push('a');
      subscriptions.hold('b', '', () => received.push('b'));
      subscriptions.hold('a', '', () => received.push('a again'));
      subscriptions.release('a');
    });
    await turn();
    uplink.confirm();
    await turn();
    expect(received).toEqual(['a', 'a again']);
    uplink.confirm();
    await turn();
    expect([received, uplink.log]).toEqual([
      ['a', 'a again', 'b'],
      ['+a', '+b'],
    ]);
  });
});

/** What can happen. A channel is one of few, so that they meet. */
type Step =
  | { readonly kind: 'hold' | 'release'; readonly channel: string }
  | { readonly kind: 'begin' | 'end' | 'confirm' | 'turn' };

const channels = ['a', 'b', 'c', '__proto__'];
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('hold' as const), channel: fc.constantFrom(...channels) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('release' as const), channel: fc.constantFrom(...channels) }),
  },
  {
    weight: 7,
    arbitrary: fc.constantFrom<Step>(
      ...(['begin', 'begin', 'confirm', 'confirm', 'confirm', 'turn', 'turn', 'end'] as const).map((kind) => ({
        kind,
      })),
    ),
  },
);

/** One who has held a channel. */
interface Holder {
  readonly channel: string;
  /** Held while everything was up, and the channel not confirmed. */
  readonly mayWait: boolean;
  /** How often every holder had released the channel before it was held. */
  readonly life: number;
  reports: number;
}

describe('random runs', () => {
  given.prop([fc.array(step, { maxLength: 80 })], { numRuns: 1_000 })(
    '[EX3] [EX10] a channel is subscribed while it is held, and each holder is notified once, in time',
    async (steps) => {
      const { subscriptions, failures } = make();
      const counts = new Map<string, number>();
      const lives = new Map<string, number>();
      /** What has been confirmed since the uplink began, and not been let go of since it was asked for. */
      const confirmed = new Set<string>();
      const holders: Holder[] = [];
      let uplink: FakeUplink | undefined;
      let begun: ReturnType<typeof watch> | undefined;
      const isUp = (): boolean => begun?.state === 'resolved';
      const lifeOf = (channel: string): number => lives.get(channel) ?? 0;

      const hold = (channel: string): void => {
        counts.set(channel, (counts.get(channel) ?? 0) + 1);
        const mayWait = isUp() && !confirmed.has(channel);
        const holder = { channel, mayWait, life: lifeOf(channel), reports: 0 };
        holders.push(holder);
        subscriptions.hold(channel, channel, () => void holder.reports++);
        expect(holder.reports).toBe(mayWait ? 0 : 1);
      };
      const release = (channel: string): void => {
        const count = counts.get(channel) ?? 0;
        expect(subscriptions.release(channel)).toBe(count === 1);
        counts.set(channel, Math.max(0, count - 1));
        if (count !== 1) return;
        lives.set(channel, lifeOf(channel) + 1);
        confirmed.delete(channel);
      };
      const end = (): void => {
        subscriptions.end();
        uplink = begun = undefined;
        confirmed.clear();
        for (const { channel, life, reports } of holders) if (life === lifeOf(channel)) expect(reports).toBe(1);
      };
      const confirm = async (): Promise<void> => {
        for (const channel of uplink?.confirm() ?? []) asked.push(channel);
        await turn();
        for (const channel of asked.splice(0)) if (subscriptions.isSubscribed(channel)) confirmed.add(channel);
      };
      const asked: string[] = [];

      const run = async ({ kind, ...of }: Step): Promise<void> => {
        const { channel = '' } = of as { channel?: string };
        if (kind === 'hold') hold(channel);
        else if (kind === 'release') release(channel);
        else if (kind === 'end') end();
        else if (kind === 'confirm') await confirm();
        else if (kind === 'turn') await turn();
        else if (!uplink) {
          // An uplink takes a while to come.
          await turn();
          uplink = new FakeUplink();
          begun = watch(subscriptions.begin(uplink));
        }
      };

      const agree = (): void => {
        for (const { channel, mayWait, life, reports } of holders) {
          expect(reports).toBeLessThanOrEqual(1);
          if (!mayWait) expect(reports).toBe(1);
          // During an uplink, a waiting caller resolves only after the subscription.
          else if (isUp() && life === lifeOf(channel))
            expect(reports).toBe(subscriptions.isSubscribed(channel) ? 1 : 0);
        }
        for (const channel of channels) {
          const isWanted = (counts.get(channel) ?? 0) > 0;
          expect(subscriptions.targetOf(channel)).toBe(isWanted ? channel : undefined);
          if (subscriptions.isSubscribed(channel))
            expect([isWanted, uplink?.channels.has(channel)]).toEqual([true, true]);
        }
      };

      for (const of of steps) {
        await run(of);
        agree();
      }
      await run({ kind: 'begin' });
      do {
        await run({ kind: 'confirm' });
        agree();
      } while (uplink?.open || begun?.state === 'pending');
      const wanted = channels.filter((channel) => (counts.get(channel) ?? 0) > 0);
      expect([...(uplink?.channels ?? [])].sort()).toEqual(wanted.toSorted());
      expect(channels.filter((channel) => subscriptions.isSubscribed(channel))).toEqual(wanted);
      for (const { channel, life, reports } of holders) if (life === lifeOf(channel)) expect(reports).toBe(1);
      expect(failures).toEqual([]);
    },
    120_000,
  );
});
