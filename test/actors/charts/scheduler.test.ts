import { describe, expect, test } from 'vitest';
import { createActor, setup } from 'xstate';
import { useIndexedScheduler } from '../../../src/actors/charts/scheduler.js';
import { systemClock } from '../../../src/actors/runtime/clock.js';
import { FakeClock } from '../../support/server/fakeClock.js';

const waiting = setup({ delays: { patience: 100, more: 150 } }).createMachine({
  initial: 'waiting',
  states: {
    waiting: {
      after: { patience: { target: 'impatient' } },
      on: { CALM: { target: 'calm' } },
    },
    impatient: { after: { more: { target: 'gone' } } },
    calm: {},
    gone: { type: 'final' },
  },
});

/** Counts how often a timer is touched. */
class CountingClock extends FakeClock {
  cleared = 0;

  override clearTimeout(handle: unknown): void {
    this.cleared++;
    super.clearTimeout(handle);
  }
}

/** A root actor whose system runs by this clock, and children of it. */
const makeSystem = (clock: FakeClock) => {
  const root = createActor(setup({}).createMachine({}));
  useIndexedScheduler(root.system, clock);
  root.start();
  const child = (id: string) => createActor(waiting, { parent: root, id }).start();
  return { root, child };
};

describe('timers of charts', () => {
  test('[SV8] a delayed transition happens in its time', () => {
    const clock = new FakeClock();
    const actor = makeSystem(clock).child('a');
    clock.advance(99);
    expect(actor.getSnapshot().value).toBe('waiting');
    clock.advance(1);
    expect(actor.getSnapshot().value).toBe('impatient');
    clock.advance(150);
    expect(actor.getSnapshot().status).toBe('done');
    expect(clock.timers).toBe(0);
  });

  test('[SV3] leaving a state clears its timer', () => {
    const clock = new FakeClock();
    const actor = makeSystem(clock).child('a');
    expect(clock.timers).toBe(1);
    actor.send({ type: 'CALM' });
    expect(clock.timers).toBe(0);
    clock.advance(1_000);
    expect(actor.getSnapshot().value).toBe('calm');
  });

  test('[SV8] stopping one actor touches no timer of another', () => {
    const clock = new CountingClock();
    const { root, child } = makeSystem(clock);
    const actors = Array.from({ length: 1_000 }, (_, at) => child(`child-${at}`));
    expect(clock.timers).toBe(1_000);
    const [first] = actors;
    if (first) root.system.scheduler.cancelAll(first);
    expect([clock.cleared, clock.timers]).toEqual([1, 999]);
    if (first) root.system.scheduler.cancelAll(first);
    expect(clock.cleared).toBe(1);
    clock.advance(100);
    expect(actors.map((actor) => actor.getSnapshot().value)).toEqual(['waiting', ...Array(999).fill('impatient')]);
  });

  test('[SV8] [SV3] an actor that ends leaves no timer, and does not look at those of others', () => {
    const clock = new CountingClock();
    const { child } = makeSystem(clock);
    const [ends, stays] = [child('ends'), child('stays')];
    clock.advance(50);
    for (let at = 0; at < 100; at++) child(`other-${at}`);
    clock.advance(50);
    clock.advance(100);
    expect([ends, stays].map((actor) => actor.getSnapshot().value)).toEqual(['impatient', 'impatient']);
    const before = clock.timers;
    clock.cleared = 0;
    clock.advance(50);
    expect(ends.getSnapshot().status).toBe('done');
    expect(clock.timers).toBe(before - 2);
    expect(clock.cleared).toBe(0);
  });

  test('[SV8] one of several timers of an actor can be cleared', () => {
    const clock = new FakeClock();
    const { root, child } = makeSystem(clock);
    const [source, target] = [child('source'), child('target')];
    const { scheduler } = root.system;
    scheduler.cancelAll(source);
    scheduler.cancelAll(target);
    scheduler.schedule(source, target, { type: 'CALM' }, 10, 'one');
    scheduler.schedule(source, target, { type: 'CALM' }, 20, 'two');
    scheduler.cancel(source, 'one');
    scheduler.cancel(source, 'no such');
    scheduler.cancel(target, 'two');
    clock.advance(19);
    expect(target.getSnapshot().value).toBe('waiting');
    clock.advance(1);
    expect(target.getSnapshot().value).toBe('calm');
  });

  test('[SV8] timers without a name do not clear each other', () => {
    const clock = new FakeClock();
    const { root, child } = makeSystem(clock);
    const source = child('source');
    root.system.scheduler.cancelAll(source);
    for (let at = 0; at < 3; at++) root.system.scheduler.schedule(source, source, { type: 'CALM' }, 10, undefined);
    expect(clock.timers).toBe(3);
    root.system.scheduler.cancelAll(source);
    expect(clock.timers).toBe(0);
  });
});

describe('the clock of the system', () => {
  test('[SV4] never runs backwards, and its timers can be cleared', async () => {
    const before = systemClock.now();
    const log: string[] = [];
    const handle = systemClock.setTimeout(() => log.push('cancelled'), 0);
    systemClock.clearTimeout(handle);
    await new Promise<void>((resolve) => {
      systemClock.setTimeout(() => systemClock.setImmediate(resolve), 0);
    });
    expect(log).toEqual([]);
    expect(systemClock.now()).toBeGreaterThanOrEqual(before);
  });
});
