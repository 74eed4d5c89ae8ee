import { describe, expect, test } from 'vitest';
import { Inbox, type InboxHost, type Job, noTurn } from '../../../src/actors/connection/inbox.js';
import { decode, type Frame } from '../../../src/protocol/codec.js';

const frame = (event: string, body = ''): Frame => {
  const decoded = decode(`;n;;${event};0;0;${body}`);
  if (!decoded) throw new Error('a frame was due');
  return decoded;
};

const settle = async (): Promise<void> => {
  for (let at = 0; at < 4; at++) await Promise.resolve();
};

/** A connection that writes down what its lane does; events named `slow…` keep their turn until they are let go. */
class FakeHost implements InboxHost {
  readonly log: string[] = [];
  readonly held = new Set<string>();
  awaitsPeer = false;
  isAsked = false;
  isPaused = false;
  hasPendingAsks = false;
  tick = 0;
  rests = 0;
  readonly lane: Inbox;
  readonly #waiting = new Map<string, () => void>();
  onWork: (event: string) => void = () => {};

  constructor(messages = 8, bytes = 1_000, atOnce = 1_000) {
    this.lane = new Inbox(this, { inboxMessages: messages, inboxBytes: bytes, framesPerTick: atOnce });
  }

  inboxParked(): void {
    this.rests++;
  }

  work({ event }: Frame): void | Promise<void> {
    this.log.push(event);
    this.onWork(event);
    if (!event.startsWith('slow')) return undefined;
    return new Promise((resolve) => this.#waiting.set(event, resolve));
  }

  runAsProducer(job: Job): void | Promise<void> {
    return job();
  }

  mustWait({ event }: Frame): boolean {
    return this.held.has(event);
  }

  inboxFilled(isFull: boolean): void {
    this.log.push(isFull ? '(full)' : '(room)');
  }

  inboxFlooded(): void {
    this.log.push('(flooded)');
  }

  turnFailed(error: unknown): void {
    this.log.push(`(failed: ${String(error)})`);
  }

  push(...events: readonly string[]): this {
    for (const event of events) this.keep(event);
    return this;
  }

  /** A frame whose body alone is what it costs to keep. */
  keep(event: string, body = ''): void {
    this.lane.enqueue(frame(event, body), body.length);
  }

  async letGo(event: string): Promise<void> {
    this.#waiting.get(event)?.();
    this.#waiting.delete(event);
    await settle();
  }
}

describe('its share of a turn of the event loop', () => {
  const events = Array.from({ length: 40 }, (_, at) => `e${at}`);

  test('[LM9] is worked at once; the rest comes in slices, in order', () => {
    const host = new FakeHost(100, 1_000, 3).push(...events);
    expect([host.log, host.rests]).toEqual([events.slice(0, 3), 1]);
    host.lane.resume();
    expect([host.log, host.rests]).toEqual([events.slice(0, 19), 2]);
    host.lane.resume();
    host.lane.resume();
    expect([host.log, host.rests]).toEqual([events, 3]);
  });

  test('[LM9] begins anew with each turn of the event loop', () => {
    const host = new FakeHost(100, 1_000, 2).push('a', 'b');
    host.tick++;
    host.push('c', 'd');
    expect([host.log, host.rests]).toEqual([['a', 'b', 'c', 'd'], 0]);
  });

  test('[LM9] counts turns that end later as well', async () => {
    const host = new FakeHost(100, 1_000, 2).push('slow', 'a', 'b');
    await host.letGo('slow');
    expect([host.log, host.rests]).toEqual([['slow', 'a'], 1]);
    host.lane.resume();
    expect(host.log).toEqual(['slow', 'a', 'b']);
  });

  test('[LM9] does not count jobs, which frames wait for', () => {
    const host = new FakeHost(100, 1_000, 1).push('a', 'b');
    host.lane.runNext(() => void host.log.push('job'));
    expect(host.log).toEqual(['a', 'job']);
  });

  test('[LM9] [BP3] a lane that rests is full like any other, and never flooded', () => {
    const host = new FakeHost(8, 1_000, 1).push(...events);
    expect(host.log).toEqual(['e0', '(full)']);
    for (let at = 0; at < 3; at++) host.lane.resume();
    expect(host.log).toEqual(['e0', '(full)', ...events.slice(1), '(room)']);
  });

  test('[LM9] what is left when the lane has stopped is nothing', () => {
    const host = new FakeHost(100, 1_000, 1).push('a', 'b');
    host.lane.stop();
    host.lane.resume();
    expect(host.log).toEqual(['a']);
  });
});

describe('turns', () => {
  test('[SV7] a frame takes its turn at once when the lane is idle', () => {
    const host = new FakeHost().push('a', 'b', 'c');
    expect(host.log).toEqual(['a', 'b', 'c']);
    expect(host.lane.turn).toBe(noTurn);
  });

  test('[SV7] a handler that returns a promise keeps its turn until it settles', async () => {
    const host = new FakeHost().push('slow1', 'b', 'slow2', 'd');
    expect(host.log).toEqual(['slow1']);
    await host.letGo('slow1');
    expect(host.log).toEqual(['slow1', 'b', 'slow2']);
    await host.letGo('slow2');
    expect(host.log).toEqual(['slow1', 'b', 'slow2', 'd']);
    expect(host.lane.turn).toBe(noTurn);
  });

  test('[SV7] no two turns share a number', async () => {
    const host = new FakeHost();
    const turns: number[] = [];
    host.onWork = () => turns.push(host.lane.turn);
    host.push('a', 'slow', 'b');
    await host.letGo('slow');
    expect(new Set(turns).size).toBe(3);
    expect(turns).not.toContain(noTurn);
  });

  test('[SV7] a frame that comes while a turn is under way takes the next one', () => {
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

  test('[NS6] a frame that is held, and all behind it, wait until the lane is told to go on', () => {
    const host = new FakeHost();
    host.held.add('held');
    host.push('a', 'held', 'b');
    expect(host.log).toEqual(['a']);
    host.lane.drain();
    expect(host.log).toEqual(['a']);
    host.held.clear();
    host.lane.drain();
    expect(host.log).toEqual(['a', 'held', 'b']);
  });

  test('[RM7] a job goes before the frames that wait, and after the turn that is under way', async () => {
    const host = new FakeHost().push('slow', 'a');
    host.lane.runNext(() => void host.log.push('job 1'));
    host.lane.runNext(() => void host.log.push('job 2'));
    expect(host.log).toEqual(['slow']);
    await host.letGo('slow');
    expect(host.log).toEqual(['slow', 'job 1', 'job 2', 'a']);
  });

  test('[RM7] a job runs at once when the lane is idle, and may keep its turn', async () => {
    const host = new FakeHost();
    const letGo: (() => void)[] = [];
    host.lane.runNext(() => {
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
      if (event === 'a') host.lane.runNext(() => void host.log.push('job'));
    };
    host.push('a', 'b');
    expect(host.log).toEqual(['a', 'job', 'b']);
  });

  test('[SV7] work that rejects all the same ends its turn', async () => {
    const host = new FakeHost();
    host.lane.runNext(() => Promise.reject(new Error('never')));
    host.push('a');
    await settle();
    expect(host.log).toEqual(['(failed: Error: never)', 'a']);
  });

  test('[SV1] [SV7] work that throws tells so, and the lane goes on', () => {
    const host = new FakeHost();
    host.onWork = (event) => {
      if (event === 'bad') throw new Error('never');
    };
    host.push('bad', 'a');
    host.lane.runNext(() => {
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
        host.lane.runInTurn(
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

describe('bounds', () => {
  const filled = (count: number): string[] => Array.from({ length: count }, (_, at) => `e${at}`);

  test('[BP3] a lane full of messages says so, and again when it is half empty', async () => {
    const host = new FakeHost(8).push('slow', ...filled(7));
    expect(host.log).toEqual(['slow']);
    host.push('slow2');
    expect(host.log).toEqual(['slow', '(full)']);
    host.push('f', 'g');
    await host.letGo('slow');
    expect(host.log).toEqual(['slow', '(full)', ...filled(7), 'slow2', '(room)']);
  });

  test('[BP3] it stays full until it is half empty', async () => {
    const host = new FakeHost(8).push('slow0', 'a', 'slow1', 'b', 'slow2', 'c', 'd', 'e', 'f');
    expect(host.log).toEqual(['slow0', '(full)']);
    await host.letGo('slow0');
    expect(host.log).toEqual(['slow0', '(full)', 'a', 'slow1']);
    await host.letGo('slow1');
    expect(host.log).toEqual(['slow0', '(full)', 'a', 'slow1', 'b', 'slow2', '(room)']);
  });

  test('[BP3] so does one full of bytes', async () => {
    const host = new FakeHost(100, 1_000).push('slow');
    host.keep('a', 'x'.repeat(999));
    expect(host.log).toEqual(['slow']);
    host.keep('b', 'x');
    expect(host.log).toEqual(['slow', '(full)']);
    await host.letGo('slow');
    expect(host.log).toEqual(['slow', '(full)', 'a', 'b', '(room)']);
  });

  test('[BP3] what was already read is kept', async () => {
    const host = new FakeHost(2).push('slow', ...filled(50));
    await host.letGo('slow');
    expect(host.log.filter((entry) => entry.startsWith('e'))).toEqual(filled(50));
  });

  test('[BP3] while a turn waits for its own client, reading goes on to four times as much', async () => {
    const host = new FakeHost(8).push('slow', ...filled(8));
    expect(host.log).toEqual(['slow', '(full)']);
    host.awaitsPeer = true;
    host.lane.checkBounds();
    expect(host.log).toEqual(['slow', '(full)', '(room)']);
    host.push(...filled(23));
    expect(host.log).toEqual(['slow', '(full)', '(room)']);
    host.push('last');
    expect(host.log).toEqual(['slow', '(full)', '(room)', '(flooded)']);
  });

  test('[BP3] while the server waits for its client among others, four times as much is read, and no more', () => {
    const host = new FakeHost(8).push('slow', ...filled(8));
    host.isAsked = true;
    host.lane.checkBounds();
    expect(host.log).toEqual(['slow', '(full)', '(room)']);
    host.push(...filled(24));
    expect(host.log).toEqual(['slow', '(full)', '(room)', '(full)']);
  });

  test('[BP3] four times the bytes flood it as well', () => {
    const host = new FakeHost(100, 1_000).push('slow');
    host.awaitsPeer = true;
    for (let at = 0; at < 4; at++) host.keep('e', 'x'.repeat(999));
    expect(host.log).toEqual(['slow']);
    host.keep('e', 'x'.repeat(4));
    expect(host.log).toEqual(['slow', '(flooded)']);
  });

  test('[BP3] when its answer has come and too much waits, reading stops', () => {
    const host = new FakeHost(8);
    host.awaitsPeer = true;
    host.push('slow', ...filled(20));
    expect(host.log).toEqual(['slow']);
    host.awaitsPeer = false;
    host.lane.checkBounds();
    expect(host.log).toEqual(['slow', '(full)']);
  });

  test('[BP3] [NS6] a frame that is held waits for the client, so reading goes on', () => {
    const host = new FakeHost(8);
    for (const event of filled(40)) host.held.add(event);
    host.push(...filled(31));
    expect(host.log).toEqual([]);
    host.push('e31');
    expect(host.log).toEqual(['(flooded)']);
  });
});

describe('the end', () => {
  test('[SV5] the last job runs when the present turn is over, and no frame after it', async () => {
    const host = new FakeHost().push('slow', 'a');
    host.lane.finish(() => void host.log.push('last'));
    host.push('b');
    await settle();
    expect(host.log).toEqual(['slow']);
    await host.letGo('slow');
    expect(host.log).toEqual(['slow', 'last']);
  });

  test('[SV5] never within its caller, also when the lane is idle', async () => {
    const host = new FakeHost();
    host.lane.finish(() => void host.log.push('last'));
    expect(host.log).toEqual([]);
    await settle();
    expect(host.log).toEqual(['last']);
  });

  test('[SV3] there is one end', async () => {
    const host = new FakeHost();
    host.lane.finish(() => void host.log.push('first'));
    host.lane.finish(() => void host.log.push('second'));
    await settle();
    expect(host.log).toEqual(['first']);
  });

  test('[DR1] a turn that is not waited for any longer makes way for the last job', async () => {
    const host = new FakeHost().push('slow');
    host.lane.finish(() => void host.log.push('last'));
    await settle();
    host.lane.abandon();
    expect(host.log).toEqual(['slow', 'last']);
  });

  test('[SV7] a turn that settles after it was given up ends no other', async () => {
    const host = new FakeHost().push('slow1', 'slow2', 'c');
    host.lane.abandon();
    expect(host.log).toEqual(['slow1', 'slow2']);
    await host.letGo('slow1');
    expect(host.log).toEqual(['slow1', 'slow2']);
    await host.letGo('slow2');
    expect(host.log).toEqual(['slow1', 'slow2', 'c']);
  });
});
