import { expect, test } from 'vitest';
import { BackgroundTasks } from '../../../src/actors/runtime/background.js';
import { TickCounter } from '../../../src/actors/runtime/clock.js';
import { Endings } from '../../../src/actors/transport/endings.js';
import { FakeClock } from '../../support/server/fakeClock.js';

/** Endings that note their number, each in a millisecond. */
const open = () => {
  const clock = new FakeClock();
  const finished: number[] = [];
  let wakes = 0;
  const ticks = new TickCounter(clock);
  const endings = new Endings({ ticks, clock, background: { wake: () => void wakes++ } });
  const finish = (number: number): void => {
    finished.push(number);
    clock.spend(1);
  };
  const end = (from: number, to: number): void => {
    for (let number = from; number < to; number++) endings.add({ finish: () => finish(number) });
  };
  return { clock, endings, finished, end, wakes: () => wakes };
};

const upTo = (count: number): number[] => Array.from({ length: count }, (_, at) => at);

test('[SV27] up to 64 of a tick wait for no slice', () => {
  const { finished, end, wakes } = open();
  end(0, 64);
  expect(finished).toEqual(upTo(64));
  expect(wakes()).toBe(0);
});

test('[SV27] the others are finished in slices, in their order', () => {
  const { clock, endings, finished, end, wakes } = open();
  end(0, 70);
  expect(finished).toEqual(upTo(64));
  expect(wakes()).toBe(6);
  expect(endings.run(clock.now() + 4)).toBe(true);
  expect(finished).toEqual(upTo(68));
  expect(endings.run(clock.now() + 4)).toBe(false);
  expect(finished).toEqual(upTo(70));
});

test('[SV27] none overtakes those that wait, in a later tick either', () => {
  const { clock, endings, finished, end } = open();
  end(0, 66);
  clock.runImmediates();
  end(66, 67);
  expect(finished).toEqual(upTo(64));
  expect(endings.run(Number.POSITIVE_INFINITY)).toBe(false);
  expect(finished).toEqual(upTo(67));
  end(67, 68);
  expect(finished).toEqual(upTo(68));
});

test('[SV27] each slice finishes one, however late it starts', () => {
  const { endings, finished, end } = open();
  end(0, 66);
  expect(endings.run(-1)).toBe(true);
  expect(endings.run(-1)).toBe(false);
  expect(finished).toEqual(upTo(66));
});

test('[SV27] thousands are finished once each, in their order', () => {
  const { clock, endings, finished, end } = open();
  end(0, 3_000);
  let slices = 0;
  for (let isMore = true; isMore; slices++) isMore = endings.run(clock.now() + 700);
  expect(slices).toBe(5);
  expect(finished).toEqual(upTo(3_000));
});

test('[SV27] [BC5] an ending that throws keeps no other waiting', () => {
  const clock = new FakeClock();
  const finished: number[] = [];
  const endings = new Endings({ ticks: new TickCounter(clock), clock, background: new BackgroundTasks(clock, 4) });
  for (const number of upTo(67)) {
    const finish = (): void => {
      if (number === 64) throw new Error('a defect');
      finished.push(number);
    };
    endings.add({ finish });
  }
  expect(() => clock.runImmediates()).toThrow('a defect');
  clock.runImmediates();
  expect(finished).toEqual(upTo(67).filter((number) => number !== 64));
});
