import { describe, expect, test } from 'vitest';
import { type BackgroundTask, BackgroundTasks } from '../../../src/actors/runtime/background.js';
import { FakeClock } from '../../support/server/fakeClock.js';

/** Work of so many pieces, a millisecond each. */
class FakeWalk implements BackgroundTask {
  readonly slices: { readonly until: number; readonly done: number }[] = [];

  constructor(
    private readonly clock: FakeClock,
    private pieces: number,
  ) {}

  get isDone(): boolean {
    return this.pieces === 0;
  }

  run(until: number): boolean {
    let done = 0;
    while (this.pieces > 0) {
      this.pieces--;
      done++;
      this.clock.spend(1);
      if (this.clock.now() >= until) break;
    }
    this.slices.push({ until, done });
    return this.pieces > 0;
  }
}

describe('the slice', () => {
  test('[BC5] work begins after the current tick', () => {
    const clock = new FakeClock();
    const turn = new BackgroundTasks(clock, 4);
    const walk = new FakeWalk(clock, 1);
    turn.wake(walk);
    turn.wake(walk);
    expect([walk.slices, clock.immediates]).toEqual([[], 1]);
    clock.runImmediates();
    expect(walk.slices).toEqual([{ until: 4, done: 1 }]);
    expect(clock.immediates).toBe(0);
  });

  test('[BC5] what does not fit into a slice continues in the next tick', () => {
    const clock = new FakeClock();
    const turn = new BackgroundTasks(clock, 4);
    const walk = new FakeWalk(clock, 10);
    turn.wake(walk);
    let turns = 0;
    while (clock.immediates > 0) {
      expect(clock.immediates).toBe(1);
      clock.runImmediates();
      turns++;
    }
    expect(walk.slices.map(({ done }) => done)).toEqual([4, 4, 2]);
    expect(turns).toBe(3);
  });

  test('[BC5] all tasks of a tick share one slice', () => {
    const clock = new FakeClock();
    const turn = new BackgroundTasks(clock, 4);
    const walks = [new FakeWalk(clock, 2), new FakeWalk(clock, 1), new FakeWalk(clock, 20)];
    for (const walk of walks) turn.wake(walk);
    expect(clock.immediates).toBe(1);
    clock.runImmediates();
    expect(walks.map(({ slices }) => slices)).toEqual([
      [{ until: 4, done: 2 }],
      [{ until: 4, done: 1 }],
      [{ until: 4, done: 1 }],
    ]);
    expect(clock.now()).toBe(4);
  });

  test('[BC5] a task that uses its whole slice does not starve others', () => {
    const clock = new FakeClock();
    const turn = new BackgroundTasks(clock, 4);
    const [huge, small] = [new FakeWalk(clock, 1_000), new FakeWalk(clock, 3)];
    turn.wake(huge);
    turn.wake(small);
    for (let at = 0; at < 3; at++) clock.runImmediates();
    expect([huge.isDone, small.isDone]).toEqual([false, true]);
  });

  test('[BC5] a task that is woken within a slice runs in the next one', () => {
    const clock = new FakeClock();
    const turn = new BackgroundTasks(clock, 4);
    const late = new FakeWalk(clock, 1);
    const waking: BackgroundTask = {
      run() {
        turn.wake(late);
        return false;
      },
    };
    turn.wake(waking);
    clock.runImmediates();
    expect([late.slices, clock.immediates]).toEqual([[], 1]);
    clock.runImmediates();
    expect(late.isDone).toBe(true);
  });
});

test('[BC5] what one task throws keeps no other waiting, nor is it tried for ever', () => {
  const clock = new FakeClock();
  const tasks = new BackgroundTasks(clock, 4);
  let tries = 0;
  tasks.wake({
    run: () => {
      tries++;
      throw new Error('a defect');
    },
  });
  const walk = new FakeWalk(clock, 1);
  tasks.wake(walk);
  expect(() => clock.runImmediates()).toThrow('a defect');
  clock.runImmediates();
  expect([walk.isDone, tries, clock.immediates]).toEqual([true, 1, 0]);
});
