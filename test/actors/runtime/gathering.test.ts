import { EventEmitter } from 'node:events';
import { expect, test } from 'vitest';
import { BackgroundTasks, RunQueue } from '../../../src/actors/runtime/background.js';
import { type Gatherer, Gathering, LastWrites } from '../../../src/actors/runtime/gathering.js';
import { FakeClock } from '../../support/server/fakeClock.js';

/** A socket that notes when it writes. */
const socketOf = (gathering: Gathering, log: string[]) => {
  const held: string[] = [];
  const gatherer: Gatherer = {
    release: () => {
      if (held.length > 0) log.push(held.splice(0).join(''));
    },
  };
  return (text: string): void => {
    if (gathering.isDirect) log.push(text);
    else if (held.push(text) === 1) gathering.add(gatherer);
  };
};

const open = () => {
  const gathering = new Gathering();
  const log: string[] = [];
  return { gathering, log, write: socketOf(gathering, log) };
};

/** The same, with slices of background work. */
const openSlices = () => {
  const { gathering, log, write } = open();
  const clock = new FakeClock();
  const tasks = new BackgroundTasks(clock, 4, gathering);
  const inboxes = new RunQueue(
    () => clock.now(),
    (task) => tasks.wake(task),
    gathering,
  );
  return { gathering, log, write, clock, tasks, inboxes };
};

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('[BC15] what work writes leaves at its end, and not later', () => {
  const { gathering, log, write } = open();
  const outer = gathering.beginWork();
  write('a');
  write('b');
  expect(log).toEqual([]);
  gathering.end(outer);
  expect(log).toEqual(['ab']);
});

test('[BC15] work inside of work leaves with the outer one', () => {
  const { gathering, log, write } = open();
  const first = gathering.beginWork();
  write('a');
  const second = gathering.beginWork();
  write('b');
  gathering.end(second);
  expect(log).toEqual([]);
  write('c');
  gathering.end(first);
  expect(log).toEqual(['abc']);
});

test('[BC15] outside of work all microtasks of the turn share a write, and it comes before the next turn', async () => {
  const { log, write } = open();
  const seen: string[][] = [];
  await new Promise<void>((resolve) => {
    setTimeout(() => {
      write('a');
      process.nextTick(() => write('b'));
      void Promise.resolve()
        .then(() => write('c'))
        .then(() => write('d'));
      setImmediate(() => {
        seen.push([...log]);
        resolve();
      });
    }, 1);
  });
  expect(seen).toEqual([['abcd']]);
});

test('[BC15] each turn has a write of its own', async () => {
  const { log, write } = open();
  write('a');
  await turn();
  expect(log).toEqual(['a']);
  write('b');
  await turn();
  expect(log).toEqual(['a', 'b']);
});

test('[BC15] what a release leads to leaves as well', () => {
  const { gathering, log, write } = open();
  const outer = gathering.beginWork();
  gathering.add({ release: () => write('later') });
  gathering.end(outer);
  expect(log).toEqual(['later']);
});

test('[BC15] what a release leads to leaves as well, when too much waits meanwhile', () => {
  const { gathering, log, write } = open();
  const outer = gathering.beginWork();
  let isHolding = true;
  gathering.add({
    release: () => {
      if (!isHolding) return;
      isHolding = false;
      gathering.grew(4 * 1024 * 1024 + 1);
      write('later');
    },
  });
  gathering.end(outer);
  expect(log).toEqual(['later']);
});

test('[BC15] work that throws ends as well: what comes after it does not wait', async () => {
  const { log, write, clock, inboxes } = openSlices();
  inboxes.add({
    resume: () => {
      write('a');
      throw new Error('of a part');
    },
  });
  expect(() => clock.runImmediates()).toThrow('of a part');
  expect(log).toEqual(['a']);
  write('b');
  expect(log).toEqual(['a']);
  await turn();
  expect(log).toEqual(['a', 'b']);
});

test('[BC15] over 4 MiB for all sockets leave at once', () => {
  const { gathering, log, write } = open();
  const outer = gathering.beginWork();
  write('a');
  gathering.grew(4 * 1024 * 1024);
  expect(log).toEqual([]);
  gathering.grew(1);
  expect(log).toEqual(['a']);
  write('b');
  gathering.grew(1);
  expect(log).toEqual(['a']);
  gathering.end(outer);
  expect(log).toEqual(['a', 'b']);
});

test('[BC15] [BC5] a slice writes at once, and an inbox in it at the end of its part', () => {
  const { gathering, log, write, clock, tasks, inboxes } = openSlices();
  tasks.wake({
    run: () => {
      write('a');
      write('b');
      return false;
    },
  });
  for (const names of ['cd', 'ef']) inboxes.add({ resume: () => [...names].forEach(write) });
  clock.runImmediates();
  expect(log).toEqual(['a', 'b', 'cd', 'ef']);
  expect(gathering.isDirect).toBe(false);
});

/** A server in a process of its own, in which no microtask runs. */
const openInProcess = () => {
  const host = new EventEmitter();
  const lastWrites = new LastWrites(host);
  const gathering = new Gathering(true, () => {}, lastWrites);
  const log: string[] = [];
  return { host, lastWrites, gathering, log, write: socketOf(gathering, log) };
};

test('[BC15] when the process exits, all that waits leaves first, in a read and outside of one', () => {
  const { host, lastWrites, gathering, log, write } = openInProcess();
  const other = new Gathering(true, () => {}, lastWrites);
  write('a');
  gathering.beginWork();
  write('b');
  socketOf(other, log)('other');
  expect(log).toEqual([]);
  host.emit('exit');
  expect(log).toEqual(['ab', 'other']);
});

test('[BC15] what waits and has left is no longer known to the process', () => {
  const { host, gathering, write } = openInProcess();
  let releases = 0;
  gathering.end(gathering.beginWork());
  const outer = gathering.beginWork();
  write('a');
  gathering.end(outer);
  const release = gathering.release.bind(gathering);
  gathering.release = () => {
    releases++;
    release();
  };
  host.emit('exit');
  expect(releases).toBe(0);
});

test('[BC15] without it everything leaves at once', () => {
  const gathering = new Gathering(false);
  const log: string[] = [];
  const write = socketOf(gathering, log);
  const outer = gathering.beginWork();
  write('a');
  gathering.end(outer);
  write('b');
  expect(log).toEqual(['a', 'b']);
});
