import { describe, expect, test } from 'vitest';
import { type Entry, Outbox, writeLimit } from '../../src/broadcast/outbox.js';

const entry = (number: number, length = 1): Entry => ({ number, bytes: new Uint8Array(length) });

const holding = (...entries: readonly Entry[]): Outbox => {
  const outbox = new Outbox();
  for (const each of entries) outbox.add(each);
  return outbox;
};

describe('outbox', () => {
  test('[BP1] it is empty until it holds an entry, and counts bytes', () => {
    const outbox = new Outbox();
    expect([outbox.isEmpty, outbox.bytes]).toEqual([true, 0]);
    outbox.add(entry(1, 100));
    outbox.add(entry(1, 20));
    expect([outbox.isEmpty, outbox.bytes]).toEqual([false, 120]);
  });

  test('[BP1] it holds entries by reference, and returns them in order', () => {
    const [a, b, c] = [entry(1), entry(2), entry(2)] as const;
    const taken = holding(a, b, c).takeOldest();
    expect(taken).toHaveLength(3);
    for (const [at, each] of [a, b, c].entries()) expect(taken[at]).toBe(each);
  });

  test('[BP1] as many are taken as fit one write', () => {
    const outbox = holding(entry(1, writeLimit - 60), entry(2, 60), entry(3, 1));
    expect(outbox.takeOldest().map(({ number }) => number)).toEqual([1, 2]);
    expect(outbox.bytes).toBe(1);
    expect(outbox.takeOldest().map(({ number }) => number)).toEqual([3]);
    expect([outbox.isEmpty, outbox.bytes]).toEqual([true, 0]);
    expect(outbox.takeOldest()).toEqual([]);
  });

  test('[BP1] an entry larger than a write goes alone', () => {
    const outbox = holding(entry(1, writeLimit * 5), entry(2, 1));
    expect(outbox.takeOldest().map(({ number }) => number)).toEqual([1]);
    expect(outbox.bytes).toBe(1);
  });

  test('[BC3] entries after a number are removed from the end', () => {
    const outbox = holding(entry(1, 10), entry(3, 20), entry(3, 30), entry(4, 40));
    const into = [entry(9)];
    outbox.takeAfter(2, into);
    expect(into.map(({ number }) => number)).toEqual([9, 3, 3, 4]);
    expect(outbox.entries.map(({ number }) => number)).toEqual([1]);
    expect(outbox.bytes).toBe(10);
  });

  test('[BC3] none is taken when none is that new', () => {
    const outbox = holding(entry(1), entry(2));
    const into: Entry[] = [];
    outbox.takeAfter(2, into);
    expect([into, outbox.bytes]).toEqual([[], 2]);
    new Outbox().takeAfter(0, into);
    expect(into).toEqual([]);
  });
});
