import { describe, expect, test } from 'vitest';
import { ExchangeLoss, Losses, makeLostCounters } from '../../../src/actors/cluster/losses.js';
import { Deadlines } from '../../../src/actors/runtime/deadlines.js';
import { FakeClock } from '../../support/server/fakeClock.js';

const makeLosses = () => {
  const clock = new FakeClock();
  const reported: ExchangeLoss[] = [];
  const losses = new Losses(new Deadlines(clock), (error) => reported.push(error));
  const lines = (): string[] => reported.splice(0).map(({ loss, count }) => `${loss} ${count}`);
  return { clock, losses, reported, lines };
};

describe('losses', () => {
  test('[EX18] the first is reported at once, more of a kind once a second', () => {
    const { clock, losses, lines } = makeLosses();
    losses.note('broken');
    expect(lines()).toEqual(['broken 1']);
    for (let times = 0; times < 5; times++) losses.note('broken', 2);
    clock.advance(999);
    expect(lines()).toEqual([]);
    clock.advance(1);
    expect(lines()).toEqual(['broken 10']);
    losses.note('broken');
    clock.advance(1_000);
    expect(lines()).toEqual(['broken 1']);
    expect(losses.counters).toEqual({ ...makeLostCounters(), broken: 12 });
  });

  test('[EX18] kinds are reported separately', () => {
    const { losses, lines } = makeLosses();
    losses.note('broken');
    losses.note('missing', 3);
    losses.note('broken');
    expect(lines()).toEqual(['broken 1', 'missing 3']);
    expect(losses.counters).toEqual({ ...makeLostCounters(), broken: 2, missing: 3 });
  });

  test('[EX18] after a second without losses the next is reported at once, and no timer is left', () => {
    const { clock, losses, lines } = makeLosses();
    losses.note('expired');
    clock.advance(1_000);
    expect([lines(), clock.timers]).toEqual([['expired 1'], 0]);
    losses.note('expired', 4);
    expect(lines()).toEqual(['expired 4']);
  });

  test('[EX18] nothing lost is no loss', () => {
    const { clock, losses, lines } = makeLosses();
    losses.note('unconfirmed', 0);
    expect([lines(), clock.timers, losses.counters]).toEqual([[], 0, makeLostCounters()]);
  });

  test('[EX18] a report may cause another loss', () => {
    const clock = new FakeClock();
    const lines: string[] = [];
    const losses: Losses = new Losses(new Deadlines(clock), ({ loss, count }) => {
      lines.push(`${loss} ${count}`);
      if (lines.length < 4) losses.note('refused');
    });
    losses.note('refused');
    expect(lines).toEqual(['refused 1']);
    clock.advance(5_000);
    expect(lines).toEqual(['refused 1', 'refused 1', 'refused 1', 'refused 1']);
    expect(losses.counters.refused).toBe(4);
  });

  test('[EX18] an error has the kind, the count and the reason', () => {
    const { losses, reported } = makeLosses();
    const cause = new Error('too big');
    losses.note('refused', 1, cause);
    losses.note('flooded', 7);
    const [one, many] = reported;
    expect(one).toBeInstanceOf(ExchangeLoss);
    expect(one).toMatchObject({ name: 'ExchangeLoss', loss: 'refused', count: 1, cause });
    expect(one?.message).toBe('lost between servers: 1 message refused by the broker');
    expect(many?.message).toMatch(/^lost between servers: 7 messages from the broker dropped while/);
    expect(many && 'cause' in many).toBe(false);
  });

  test('[EX18] every counter has a text of its own', () => {
    const { losses, reported } = makeLosses();
    // The counters are just the losses that there are.
    for (const loss of Object.keys(losses.counters) as (keyof typeof losses.counters)[]) losses.note(loss, 2);
    const texts = reported.map(({ message }) => message);
    expect(new Set(texts).size).toBe(Object.keys(losses.counters).length);
    expect(
      texts.filter(
        (text) => !/^lost between servers: 2 (messages|asks|channels) [a-z]/.test(text) || text.includes('undefined'),
      ),
    ).toEqual([]);
  });
});
