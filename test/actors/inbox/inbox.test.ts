import { describe, expect, test } from 'vitest';
import { boundsOf, type Fill, type PeerWait } from '../../../src/actors/inbox/bounds.js';
import { noTurn } from '../../../src/actors/inbox/inbox.js';
import { TickQuota } from '../../../src/actors/runtime/clock.js';
import { FakeHost, settle } from '../../support/server/inboxHost.js';

describe('the quota of a tick', () => {
  const events = Array.from({ length: 40 }, (_, at) => `e${at}`);

  test('[LM9] is handled at once; further frames wait for slices, in order', () => {
    const host = new FakeHost(100, 1_000, 3).push(...events);
    expect([host.log, host.parkings]).toEqual([events.slice(0, 3), 1]);
    host.inbox.resume();
    expect([host.log, host.parkings]).toEqual([events.slice(0, 19), 2]);
    host.inbox.resume();
    host.inbox.resume();
    expect([host.log, host.parkings]).toEqual([events, 3]);
  });

  test('[LM9] is renewed with each tick', () => {
    const host = new FakeHost(100, 1_000, 2).push('a', 'b');
    host.ticks.current++;
    host.push('c', 'd');
    expect([host.log, host.parkings]).toEqual([['a', 'b', 'c', 'd'], 0]);
  });

  test('[LM9] counts turns that end later as well', async () => {
    const host = new FakeHost(100, 1_000, 2).push('slow', 'a', 'b');
    await host.letGo('slow');
    expect([host.log, host.parkings]).toEqual([['slow', 'a'], 1]);
    host.inbox.resume();
    expect(host.log).toEqual(['slow', 'a', 'b']);
  });

  test('[LM9] does not count jobs, which frames wait for', () => {
    const host = new FakeHost(100, 1_000, 1).push('a', 'b');
    host.inbox.runNext(() => void host.log.push('job'));
    expect(host.log).toEqual(['a', 'job']);
  });

  test('[LM9] [BP3] a parked inbox is full like any other, and never flooded', () => {
    const host = new FakeHost(8, 1_000, 1).push(...events);
    expect(host.log).toEqual(['e0', '(full)']);
    for (let at = 0; at < 3; at++) host.inbox.resume();
    expect(host.log).toEqual(['e0', '(full)', ...events.slice(1), '(room)']);
  });

  test('[LM9] nothing is left when a parked inbox has stopped', () => {
    const host = new FakeHost(100, 1_000, 1).push('a', 'b');
    host.inbox.stop();
    host.inbox.resume();
    expect(host.log).toEqual(['a']);
  });
});

describe('a socket that asks whether more may come', () => {
  const next = (host: FakeHost, event: string): boolean => host.inbox.enqueue(Buffer.from(`;n;;${event};0;0;`), true);

  test('[LM9] is told no once the quota is used up', () => {
    const host = new FakeHost(100, 1_000, 2);
    expect(['a', 'b', 'c'].map((event) => next(host, event))).toEqual([true, false, false]);
    host.ticks.current++;
    host.inbox.resume();
    expect([next(host, 'd'), next(host, 'e'), host.log.join('')]).toEqual([true, false, 'abcde']);
  });

  test('[LM9] [AK7] is told yes while an answer may be among what comes, or a turn is under way', () => {
    const asked = new FakeHost(100, 1_000, 1);
    asked.isAsked = true;
    const asking = new FakeHost(100, 1_000, 1);
    asking.hasPendingAsks = true;
    for (const host of [asked, asking, new FakeHost(100, 1_000, 1).push('slow')]) {
      expect(['a', 'b', 'c'].map((event) => next(host, event))).toEqual([true, true, true]);
    }
  });

  test('[LM9] in its slice has those handled first that wait, then what comes, and no more than the slice allows', () => {
    const host = new FakeHost(100, 1_000, 2).push('a', 'b', 'c');
    host.inbox.beginSlice(3);
    expect([next(host, 'd'), next(host, 'e'), next(host, 'f')]).toEqual([true, false, false]);
    expect(host.log.join('')).toBe('abcde');
    host.inbox.endSlice();
    host.ticks.current++;
    host.inbox.beginSlice(9);
    host.inbox.endSlice();
    expect(host.log.join('')).toBe('abcdef');
    // The quota of the tick counts again, and the slice took nothing of it.
    expect([next(host, 'g'), next(host, 'h')]).toEqual([true, false]);
  });

  test('[BC10] has nothing handled in a slice while its client is throttled, and is parked once', () => {
    const host = new FakeHost(100, 1_000);
    host.isPaused = true;
    host.push('a');
    host.inbox.beginSlice(3);
    host.inbox.endSlice();
    expect([host.log, host.parkings]).toEqual([['(full)'], 1]);
    host.isPaused = false;
    host.inbox.resume();
    expect(host.log).toEqual(['(full)', 'a', '(room)']);
  });
});

describe('the quota of all inboxes', () => {
  const events = Array.from({ length: 40 }, (_, at) => `e${at}`);
  const sharing = (perTick: number, ...names: readonly string[]): FakeHost[] => {
    const ticks = { current: 0 };
    const allFrames = new TickQuota(ticks, perTick);
    return names.map(() => new FakeHost(100, 1_000, 1_000, allFrames));
  };

  test('[LM9] is shared: what is beyond it waits for slices, in order', () => {
    const [one, other] = sharing(5, 'one', 'other');
    one?.push(...events.slice(0, 4));
    other?.push(...events.slice(0, 4));
    expect([one?.log, other?.log]).toEqual([events.slice(0, 4), events.slice(0, 1)]);
    expect([one?.parkings, other?.parkings]).toEqual([0, 1]);
    one?.push('late');
    expect([one?.log.length, one?.parkings]).toEqual([4, 1]);
    other?.inbox.resume();
    one?.inbox.resume();
    expect([one?.log, other?.log]).toEqual([[...events.slice(0, 4), 'late'], events.slice(0, 4)]);
  });

  test('[LM9] does not bound slices, which have their time', () => {
    const [one] = sharing(3, 'one');
    one?.push(...events);
    expect(one?.log).toEqual(events.slice(0, 3));
    one?.inbox.resume();
    expect(one?.log).toEqual(events.slice(0, 19));
  });

  test('[LM9] is not used up by slices', () => {
    const ticks = { current: 0 };
    const allFrames = new TickQuota(ticks, 3);
    const [one, other] = [new FakeHost(100, 1_000, 1_000, allFrames), new FakeHost(100, 1_000, 1_000, allFrames)];
    one.push(...events);
    ticks.current++;
    one.inbox.resume();
    other.push(...events);
    expect([one.log, other.log]).toEqual([events.slice(0, 19), events.slice(0, 3)]);
  });

  test('[LM9] counts what is no frame as well', () => {
    const [one, other] = sharing(3, 'one', 'other');
    for (let at = 0; at < 3; at++) one?.inbox.enqueue(Buffer.from(';'), true);
    other?.push('a');
    expect([one?.log, other?.log, other?.parkings]).toEqual([['(invalid)', '(invalid)', '(invalid)'], [], 1]);
  });
});

describe('what is no frame', () => {
  test('[FR1] counts when its turn comes, and takes none', async () => {
    const host = new FakeHost().push('slow', 'a');
    host.inbox.enqueue(Buffer.from(';;'), true);
    host.push('b');
    expect(host.log).toEqual(['slow']);
    await host.letGo('slow');
    expect(host.log).toEqual(['slow', 'a', '(invalid)', 'b']);
  });

  test('[LM9] is not looked at beyond the quota of the tick', () => {
    const host = new FakeHost(100, 1_000, 2);
    for (let at = 0; at < 30; at++) host.inbox.enqueue(Buffer.from(';;'), true);
    expect([host.log.length, host.parkings]).toEqual([2, 1]);
    host.inbox.resume();
    expect([host.log.length, host.parkings]).toEqual([18, 2]);
  });

  test('[BP3] frees its room in the inbox', async () => {
    const host = new FakeHost(100, 1_000).push('slow');
    host.inbox.enqueue(Buffer.from(';'.padEnd(999, 'x')), true);
    await host.letGo('slow');
    host.push('slow');
    host.keep('a', 999);
    expect(host.log).toEqual(['slow', '(invalid)', 'slow']);
  });

  test('[LM10] nothing that waits is looked at once it has ended the connection', async () => {
    const host = new FakeHost();
    host.onInvalid = () => host.inbox.stop();
    host.push('slow');
    for (let at = 0; at < 3; at++) host.inbox.enqueue(Buffer.from(';;'), true);
    await host.letGo('slow');
    expect([host.log, host.inbox.length]).toEqual([['slow', '(invalid)'], 0]);
  });
});

describe('turns', () => {
  test('[SV7] a frame takes its turn at once when the inbox is idle', () => {
    const host = new FakeHost().push('a', 'b', 'c');
    expect(host.log).toEqual(['a', 'b', 'c']);
    expect(host.inbox.turn).toBe(noTurn);
  });

  test('[SV7] a handler that returns a promise keeps its turn until it settles', async () => {
    const host = new FakeHost().push('slow1', 'b', 'slow2', 'd');
    expect(host.log).toEqual(['slow1']);
    await host.letGo('slow1');
    expect(host.log).toEqual(['slow1', 'b', 'slow2']);
    await host.letGo('slow2');
    expect(host.log).toEqual(['slow1', 'b', 'slow2', 'd']);
    expect(host.inbox.turn).toBe(noTurn);
  });

  test('[IN7] the host is told that a turn has settled, before the next frame is handled', async () => {
    const host = new FakeHost().push('slow', 'a');
    await host.letGo('slow');
    expect([host.log, host.settledAfter]).toEqual([['slow', 'a'], [1]]);
  });

  test('[SV7] no two turns share a number', async () => {
    const host = new FakeHost();
    const turns: number[] = [];
    host.onWork = () => turns.push(host.inbox.turn);
    host.push('a', 'slow', 'b');
    await host.letGo('slow');
    expect(new Set(turns).size).toBe(3);
    expect(turns).not.toContain(noTurn);
  });

  test('[SV7] a frame that arrives during a turn takes the next one', () => {
    const host = new FakeHost();
    host.onWork = (event) => {
      if (event === 'a') host.push('b', 'c');
    };
    host.push('a', 'd');
    expect(host.log).toEqual(['a', 'b', 'c', 'd']);
  });

  test('[SV7] so it does when the one under way was itself one that waited', async () => {
    const host = new FakeHost();
    host.onWork = (event) => {
      if (event === 'a') host.push('c');
    };
    host.push('slow', 'a', 'b');
    await host.letGo('slow');
    expect(host.log).toEqual(['slow', 'a', 'b', 'c']);
  });

  test('[NS6] a frame that is held, and all behind it, wait until the inbox is drained', () => {
    const host = new FakeHost();
    host.held.add('held');
    host.push('a', 'held', 'b');
    expect(host.log).toEqual(['a']);
    host.inbox.drain();
    expect(host.log).toEqual(['a']);
    host.held.clear();
    host.inbox.drain();
    expect(host.log).toEqual(['a', 'held', 'b']);
  });

  test('[RM7] a job precedes waiting frames, and follows the running turn', async () => {
    const host = new FakeHost().push('slow', 'a');
    host.inbox.runNext(() => void host.log.push('job 1'));
    host.inbox.runNext(() => void host.log.push('job 2'));
    expect(host.log).toEqual(['slow']);
    await host.letGo('slow');
    expect(host.log).toEqual(['slow', 'job 1', 'job 2', 'a']);
  });

  test('[RM7] a job runs at once when the inbox is idle, and may keep its turn', async () => {
    const host = new FakeHost();
    const letGo: (() => void)[] = [];
    host.inbox.runNext(() => {
      host.log.push('job');
      return new Promise<void>((resolve) => letGo.push(resolve));
    });
    host.push('a');
    expect(host.log).toEqual(['job']);
    for (const go of letGo) go();
    await settle();
    expect(host.log).toEqual(['job', 'a']);
  });

  test('[RM7] a job that a frame asks for is the very next turn', () => {
    const host = new FakeHost();
    host.onWork = (event) => {
      if (event === 'a') host.inbox.runNext(() => void host.log.push('job'));
    };
    host.push('a', 'b');
    expect(host.log).toEqual(['a', 'job', 'b']);
  });

  test('[SV7] work that rejects ends its turn as well', async () => {
    const host = new FakeHost();
    host.inbox.runNext(() => Promise.reject(new Error('never')));
    host.push('a');
    await settle();
    expect(host.log).toEqual(['(failed: Error: never)', 'a']);
  });

  test('[SV1] [SV7] work that throws is reported, and the inbox continues', () => {
    const host = new FakeHost();
    host.onWork = (event) => {
      if (event === 'bad') throw new Error('never');
    };
    host.push('bad', 'a');
    host.inbox.runNext(() => {
      throw new Error('neither');
    });
    host.push('b');
    expect(host.log).toEqual(['bad', '(failed: Error: never)', 'a', '(failed: Error: neither)', 'b']);
  });

  test('[RM7] a job that joins a turn keeps it', async () => {
    const host = new FakeHost();
    let end = (): void => {};
    host.onWork = (event) => {
      if (event === 'a')
        host.inbox.runInTurn(
          () =>
            new Promise((resolve) => {
              end = resolve;
            }),
        );
    };
    host.push('a', 'b');
    expect(host.log).toEqual(['a']);
    end();
    await settle();
    expect(host.log).toEqual(['a', 'b']);
  });
});

describe('boundsOf', () => {
  const limits = { inboxMessages: 8, inboxBytes: 1_000 };

  test.each<[queued: number, bytes: number, wait: PeerWait, fill: Fill]>([
    [0, 0, 'none', 'free'],
    [4, 500, 'none', 'free'],
    [5, 0, 'none', 'halfFull'],
    [0, 501, 'none', 'halfFull'],
    [7, 999, 'none', 'halfFull'],
    [8, 0, 'none', 'full'],
    [0, 1_000, 'none', 'full'],
    [100, 9_000, 'none', 'full'],
    [8, 1_000, 'turn', 'free'],
    [31, 3_999, 'turn', 'free'],
    [32, 0, 'turn', 'flooded'],
    [0, 4_000, 'turn', 'flooded'],
    [8, 1_000, 'serverAsk', 'free'],
    [31, 3_999, 'serverAsk', 'free'],
    [32, 0, 'serverAsk', 'full'],
    [0, 4_000, 'serverAsk', 'full'],
  ])('[BP3] %i frames of %i bytes, awaited by %s: %s', (queued, bytes, wait, fill) => {
    expect(boundsOf(queued, bytes, wait, limits)).toBe(fill);
  });
});

describe('bounds', () => {
  const filled = (count: number): string[] => Array.from({ length: count }, (_, at) => `e${at}`);

  test('[BP3] an inbox full of messages reports it, and again when it is half empty', async () => {
    const host = new FakeHost(8).push('slow', ...filled(7));
    expect(host.log).toEqual(['slow']);
    host.push('slow2');
    expect(host.log).toEqual(['slow', '(full)']);
    host.push('f', 'g');
    await host.letGo('slow');
    expect(host.log).toEqual(['slow', '(full)', ...filled(7), 'slow2', '(room)']);
  });

  test('[BP3] it counts as full until it is half empty', async () => {
    const host = new FakeHost(8).push('slow0', 'a', 'slow1', 'b', 'slow2', 'c', 'd', 'e', 'f');
    expect(host.log).toEqual(['slow0', '(full)']);
    await host.letGo('slow0');
    expect(host.log).toEqual(['slow0', '(full)', 'a', 'slow1']);
    await host.letGo('slow1');
    expect(host.log).toEqual(['slow0', '(full)', 'a', 'slow1', 'b', 'slow2', '(room)']);
  });

  test('[BP3] so does one full of bytes', async () => {
    const host = new FakeHost(100, 1_000).push('slow');
    host.keep('a', 980);
    expect(host.log).toEqual(['slow']);
    host.keep('b', 20);
    expect(host.log).toEqual(['slow', '(full)']);
    await host.letGo('slow');
    expect(host.log).toEqual(['slow', '(full)', 'a', 'b', '(room)']);
  });

  test('[BP3] frames that were already read are kept', async () => {
    const host = new FakeHost(2).push('slow', ...filled(50));
    await host.letGo('slow');
    expect(host.log.filter((entry) => entry.startsWith('e'))).toEqual(filled(50));
  });

  test('[BP3] while a turn waits for its own client, reading continues up to four times the limit', async () => {
    const host = new FakeHost(8).push('slow', ...filled(8));
    expect(host.log).toEqual(['slow', '(full)']);
    host.awaitsPeer = true;
    host.inbox.checkBounds();
    expect(host.log).toEqual(['slow', '(full)', '(room)']);
    host.push(...filled(23));
    expect(host.log).toEqual(['slow', '(full)', '(room)']);
    host.push('last');
    expect(host.log).toEqual(['slow', '(full)', '(room)', '(flooded)']);
  });

  test('[BP3] while the server waits for its client among others, four times as much is read, and no more', () => {
    const host = new FakeHost(8).push('slow', ...filled(8));
    host.isAsked = true;
    host.inbox.checkBounds();
    expect(host.log).toEqual(['slow', '(full)', '(room)']);
    host.push(...filled(24));
    expect(host.log).toEqual(['slow', '(full)', '(room)', '(full)']);
  });

  test('[BP3] four times the bytes flood it as well', () => {
    const host = new FakeHost(100, 1_000).push('slow');
    host.awaitsPeer = true;
    for (let at = 0; at < 4; at++) host.keep('e', 980);
    expect(host.log).toEqual(['slow']);
    host.keep('e', 80);
    expect(host.log).toEqual(['slow', '(flooded)']);
  });

  test('[BP3] when the answer has arrived and too many frames wait, reading stops', () => {
    const host = new FakeHost(8);
    host.awaitsPeer = true;
    host.push('slow', ...filled(20));
    expect(host.log).toEqual(['slow']);
    host.awaitsPeer = false;
    host.inbox.checkBounds();
    expect(host.log).toEqual(['slow', '(full)']);
  });

  test('[BP3] [NS6] a blocked frame waits for the client, so reading continues', () => {
    const host = new FakeHost(8);
    for (const event of filled(40)) host.held.add(event);
    host.push(...filled(31));
    expect(host.log).toEqual([]);
    host.push('e31');
    expect(host.log).toEqual(['(flooded)']);
  });
});

describe('the throttle', () => {
  const paused = (): FakeHost => {
    const host = new FakeHost(8);
    host.isPaused = true;
    return host.push('a', 'b');
  };

  test('[BC10] a paused client is parked and not read until its inbox is resumed', () => {
    const host = paused();
    expect([host.log, host.parkings]).toEqual([['(full)'], 1]);
    host.isPaused = false;
    host.inbox.resume();
    expect([host.log, host.parkings]).toEqual([['(full)', 'a', 'b', '(room)'], 1]);
  });

  test('[BC10] a job runs in a parked inbox, and the frames go on waiting', async () => {
    const host = paused();
    host.inbox.runNext(async () => void host.log.push('job'));
    await settle();
    expect([host.log, host.parkings]).toEqual([['(full)', 'job'], 1]);
  });

  test('[BC10] it is read while an answer of it is awaited', () => {
    const host = paused();
    host.hasPendingAsks = true;
    host.inbox.checkBounds();
    expect(host.log).toEqual(['(full)', '(room)']);
  });
});

describe('the end', () => {
  test('[SV5] the last job runs when the present turn is over, and no frame after it', async () => {
    const host = new FakeHost().push('slow', 'a');
    host.inbox.finish(() => void host.log.push('last'));
    host.push('b');
    await settle();
    expect(host.log).toEqual(['slow']);
    await host.letGo('slow');
    expect(host.log).toEqual(['slow', 'last']);
  });

  test('[SV5] never within its caller, also when the inbox is idle', async () => {
    const host = new FakeHost();
    host.inbox.finish(() => void host.log.push('last'));
    expect(host.log).toEqual([]);
    await settle();
    expect(host.log).toEqual(['last']);
  });

  test('[SV3] there is one end', async () => {
    const host = new FakeHost();
    host.inbox.finish(() => void host.log.push('first'));
    host.inbox.finish(() => void host.log.push('second'));
    await settle();
    expect(host.log).toEqual(['first']);
  });

  test('[SV3] [DR1] a finished inbox that is stopped again has no second end', async () => {
    const host = new FakeHost();
    host.inbox.finish(() => void host.log.push('first'));
    host.inbox.stop();
    host.inbox.finish(() => void host.log.push('second'));
    await settle();
    expect(host.log).toEqual(['first']);
  });

  test('[DR1] a turn that is not waited for any longer makes way for the last job', async () => {
    const host = new FakeHost().push('slow');
    host.inbox.finish(() => void host.log.push('last'));
    await settle();
    host.inbox.abandon();
    expect(host.log).toEqual(['slow', 'last']);
  });

  test('[SV7] a turn that settles after its timeout ends no other', async () => {
    const host = new FakeHost().push('slow1', 'slow2', 'c');
    host.inbox.abandon();
    expect(host.log).toEqual(['slow1', 'slow2']);
    await host.letGo('slow1');
    expect(host.log).toEqual(['slow1', 'slow2']);
    await host.letGo('slow2');
    expect(host.log).toEqual(['slow1', 'slow2', 'c']);
  });
});
