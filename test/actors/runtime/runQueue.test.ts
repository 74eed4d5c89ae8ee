import { expect, test } from 'vitest';
import { BackgroundTasks, type Runnable, RunQueue } from '../../../src/actors/runtime/background.js';
import { Gathering } from '../../../src/actors/runtime/gathering.js';
import { FakeClock } from '../../support/server/fakeClock.js';

/** Lanes with so much to do each; every piece takes a millisecond. */
const backlogOf = (work: Readonly<Record<string, number>>) => {
  const clock = new FakeClock();
  const log: string[] = [];
  let wakes = 0;
  const backlog = new RunQueue(
    () => clock.now(),
    () => wakes++,
  );
  for (const [name, pieces] of Object.entries(work)) {
    let left = pieces;
    const lane: Runnable = {
      resume: () => {
        log.push(name);
        clock.spend(1);
        if (--left > 0) backlog.add(lane);
      },
    };
    backlog.add(lane);
  }
  return { backlog, log, clock, wakes: () => wakes };
};

test('[LM9] ready inboxes take turns within the slice', () => {
  const { backlog, log } = backlogOf({ a: 3, b: 1, c: 2 });
  expect(backlog.run(100)).toBe(false);
  expect(log).toEqual(['a', 'b', 'c', 'a', 'c', 'a']);
});

test('[LM9] [BC5] the next slice begins with the next inbox', () => {
  const { backlog, log, clock, wakes } = backlogOf({ a: 3, b: 3, c: 3 });
  expect(wakes()).toBe(3);
  expect(backlog.run(clock.now() + 2)).toBe(true);
  expect(log).toEqual(['a', 'b']);
  expect(backlog.run(clock.now() + 2)).toBe(true);
  expect(log).toEqual(['a', 'b', 'c', 'a']);
});

test('[LM9] each slice does some work, however late it starts', () => {
  const { backlog, log } = backlogOf({ a: 2 });
  expect(backlog.run(-1)).toBe(true);
  expect(backlog.run(-1)).toBe(false);
  expect(log).toEqual(['a', 'a']);
});

test('[BC15] [LM9] what one inbox throws changes nothing for the others', () => {
  const clock = new FakeClock();
  const scheduled: (() => void)[] = [];
  const gathering = new Gathering(true, (run) => void scheduled.push(run));
  const background = new BackgroundTasks(clock, 4, gathering);
  const queue = new RunQueue(
    () => clock.now(),
    (task) => background.wake(task),
    gathering,
  );
  const log: string[] = [];
  queue.add({
    resume: () => {
      throw new Error('a defect');
    },
  });
  queue.add({ resume: () => void log.push('the other') });
  expect(() => clock.runImmediates()).toThrow('a defect');
  gathering.add({ release: () => {} });
  expect([gathering.isDirect, scheduled.length]).toEqual([false, 1]);
  clock.runImmediates();
  expect(log).toEqual(['the other']);
});
