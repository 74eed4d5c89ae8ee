import { fc, test as whatever } from '@fast-check/vitest';
import { describe, expect, test } from 'vitest';
import { Broadcaster, type Skipped } from '../../src/broadcast/broadcaster.js';
import type { Subscriber, SubscriberHost } from '../../src/broadcast/subscriber.js';
import { Topics } from '../../src/broadcast/topics.js';
import { type FrameSink, frame } from '../../src/protocol/frame.js';
import type { Body } from '../../src/protocol/message.js';
import { FakeClock } from '../support/server/fakeClock.js';

const forever = Number.POSITIVE_INFINITY;

/** The texts of frames that were joined in one write. */
const textsIn = (bytes: Uint8Array): string[] => {
  const texts: string[] = [];
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at < view.length; ) {
    const short = view.readUInt8(at + 1);
    const [head, length] =
      short < 126 ? [2, short] : short === 126 ? [4, view.readUInt16BE(at + 2)] : [10, view.readUInt32BE(at + 6)];
    texts.push(view.toString('utf8', at + head, at + head + length));
    at += head + length;
  }
  return texts;
};

/** A connection that records what is written to it. */
class FakeConnection implements SubscriberHost, FrameSink {
  readonly writable = true;
  readonly outlet = this;
  subscriber: Subscriber | undefined;
  hasRoom = true;
  readonly writes: Uint8Array[] = [];
  readonly growth: [bytes: number, messages: number][] = [];

  constructor(
    readonly id: string,
    private readonly onDeliver: (connection: FakeConnection) => void = () => {},
  ) {}

  get texts(): string[] {
    return this.writes.flatMap(textsIn);
  }

  get isCongested(): boolean {
    return this.subscriber?.isCongested ?? false;
  }
  set isCongested(isCongested: boolean) {
    if (this.subscriber) this.subscriber.isCongested = isCongested;
  }

  write(bytes: Uint8Array): boolean {
    this.writes.push(bytes);
    this.onDeliver(this);
    return this.hasRoom;
  }

  filled(): void {}

  outboxGrew(bytes: number, messages: number): void {
    this.growth.push([bytes, messages]);
  }
}

interface Whereto {
  readonly namespace?: string;
  readonly room?: string;
  readonly to?: string;
}

interface Member {
  readonly connection: FakeConnection;
  readonly subscriber: Subscriber;
}

/** A broadcaster, its topics, and their members. */
class BroadcasterHarness {
  readonly clock = new FakeClock();
  readonly topics = new Topics();
  wakes = 0;
  slices = 0;
  readonly broadcaster = new Broadcaster(
    this.topics,
    () => this.clock.now(),
    () => {
      this.wakes++;
    },
    () => {
      this.slices++;
    },
  );

  arrive(id: string, places: readonly string[] = [''], onDeliver?: (connection: FakeConnection) => void): Member {
    const connection = new FakeConnection(id, onDeliver);
    const subscriber = this.broadcaster.subscribe(connection);
    connection.subscriber = subscriber;
    for (const place of places) this.join({ subscriber }, place);
    return { connection, subscriber };
  }

  addMembers(size: number, room = '', onDeliver?: (connection: FakeConnection) => void): Member[] {
    return Array.from({ length: size }, (_, at) => this.arrive(`${room}${at}`, [room], onDeliver));
  }

  join({ subscriber }: Pick<Member, 'subscriber'>, room: string): void {
    subscriber.join('n', room);
  }

  leave({ subscriber }: Member, room: string): void {
    subscriber.leave('n', room);
  }

  depart({ subscriber }: Member): void {
    subscriber.close();
  }

  /** A direct frame, behind everything that was published before. */
  emit({ subscriber }: Member, text: string): void {
    subscriber.deliver();
    const bytes = frame(text);
    if (subscriber.isCongested) subscriber.enqueueDirect(bytes);
    else subscriber.write(bytes);
  }

  issue(text: Body, { except = null, exceptId = null, ...to }: Partial<Skipped> & Whereto = {}): void {
    this.broadcaster.publish({ namespace: 'n', isNative: true, body: text, ...to }, { except, exceptId });
  }

  /** Walks to the end, in one slice. */
  walk(): void {
    expect(this.broadcaster.run(forever)).toBe(false);
  }

  /** The socket takes again: everything, or only so many writes. */
  drain({ subscriber, connection }: Member, writes = forever): void {
    const before = connection.writes.length;
    Object.defineProperty(connection, 'hasRoom', {
      configurable: true,
      get: () => connection.writes.length - before < writes,
    });
    subscriber.resume();
    connection.isCongested = subscriber.outbox !== undefined;
  }
}

describe('the audience', () => {
  test('[BC1] [BC2] every member of the namespace gets it once, and no other connection', () => {
    const harness = new BroadcasterHarness();
    const [a, b] = [harness.arrive('a'), harness.arrive('b', ['', 'r'])];
    const outside = harness.arrive('c', []);
    harness.issue('hi');
    harness.issue('elsewhere', { namespace: 'm' });
    harness.walk();
    harness.walk();
    expect([a, b, outside].map(({ connection }) => connection.texts)).toEqual([['hi'], ['hi'], []]);
  });

  test('[BC1] a room narrows it to the members of the room', () => {
    const harness = new BroadcasterHarness();
    const [a, b, c] = [harness.arrive('a'), harness.arrive('b', ['', 'r']), harness.arrive('c', ['', 'r', 's'])];
    harness.issue('to r', { room: 'r' });
    harness.issue('to s', { room: 's' });
    harness.issue('to nobody', { room: 't' });
    harness.walk();
    expect([a, b, c].map(({ connection }) => connection.texts)).toEqual([[], ['to r'], ['to r', 'to s']]);
  });

  test('[BC13] one connection is skipped, or all with its id', () => {
    const harness = new BroadcasterHarness();
    const [one, twin, other] = [harness.arrive('joe'), harness.arrive('joe'), harness.arrive('ann')];
    harness.issue('not to one', { except: one.subscriber });
    harness.issue('not to joe', { exceptId: 'joe' });
    harness.walk();
    expect([one, twin, other].map(({ connection }) => connection.texts)).toEqual([
      [],
      ['not to one'],
      ['not to one', 'not to joe'],
    ]);
  });

  test('[BC1] `to` narrows it to the members with this id', () => {
    const harness = new BroadcasterHarness();
    const [one, twin] = [harness.arrive('joe'), harness.arrive('joe', ['', 'r'])];
    const [other, outside] = [harness.arrive('ann', ['', 'r']), harness.arrive('joe', [])];
    harness.issue('joe', { to: 'joe' });
    harness.issue('joe in r', { to: 'joe', room: 'r' });
    harness.issue('nobody', { to: 'nobody' });
    harness.issue('nowhere', { to: 'joe', room: 'nowhere' });
    harness.issue('but one', { to: 'joe', except: one.subscriber });
    harness.issue('but joe', { to: 'joe', exceptId: 'joe' });
    harness.walk();
    expect([one, twin, other, outside].map(({ connection }) => connection.texts)).toEqual([
      ['joe'],
      ['joe', 'joe in r', 'but one'],
      [],
      [],
    ]);
  });

  test('[BC4] a member that joins after the publish does not get it, and one that leaves still does', () => {
    const harness = new BroadcasterHarness();
    const [stays, leaves] = [harness.arrive('a'), harness.arrive('b')];
    harness.issue('first');
    const late = harness.arrive('c');
    harness.leave(leaves, '');
    harness.issue('second');
    harness.walk();
    expect([stays, leaves, late].map(({ connection }) => connection.texts)).toEqual([
      ['first', 'second'],
      ['first'],
      ['second'],
    ]);
  });

  test('[BC4] a member that leaves and rejoins misses exactly what was published in between', () => {
    const harness = new BroadcasterHarness();
    const member = harness.arrive('a');
    harness.arrive('b');
    for (const text of ['1', '2', '3']) {
      if (text === '2') harness.leave(member, '');
      harness.issue(text);
      if (text === '2') harness.join(member, '');
    }
    harness.walk();
    expect(member.connection.texts).toEqual(['1', '3']);
  });

  test('[BC4] a member that changes rooms during a pass gets each message once', () => {
    const harness = new BroadcasterHarness();
    const members = harness.addMembers(40, 'r');
    harness.issue('r1', { room: 'r' });
    harness.broadcaster.run(0);
    for (const member of members) {
      harness.leave(member, 'r');
      harness.join(member, 's');
    }
    harness.issue('r2', { room: 'r' });
    harness.issue('s1', { room: 's' });
    harness.walk();
    for (const { connection } of members) expect(connection.texts).toEqual(['r1', 's1']);
  });

  test('[BC4] [BC2] a closed member gets what was published before, and nothing after', () => {
    const harness = new BroadcasterHarness();
    const [goes, stays] = [harness.arrive('a'), harness.arrive('b')];
    harness.issue('1');
    harness.issue('to a', { to: 'a' });
    harness.depart(goes);
    harness.issue('2');
    harness.issue('to a again', { to: 'a' });
    harness.walk();
    expect([goes, stays].map(({ connection }) => connection.texts)).toEqual([
      ['1', 'to a'],
      ['1', '2'],
    ]);
  });
});

describe('order', () => {
  test('[BC3] broadcasts, messages to one member and direct frames arrive in program order', () => {
    const harness = new BroadcasterHarness();
    const member = harness.arrive('a', ['', 'r']);
    harness.issue('1');
    harness.issue('2', { room: 'r' });
    harness.issue('3', { to: 'a' });
    harness.emit(member, '4');
    harness.issue('5', { to: 'a' });
    harness.issue('6');
    harness.emit(member, '7');
    harness.issue('8', { room: 'r' });
    harness.walk();
    expect(member.connection.texts).toEqual(['1', '2', '3', '4', '5', '6', '7', '8']);
  });

  test('[BC3] program order holds for any order of the topics', () => {
    const harness = new BroadcasterHarness();
    const rooms = Array.from({ length: 20 }, (_, at) => `r${at}`);
    const member = harness.arrive('a', ['', ...rooms]);
    const expected: string[] = [];
    for (let round = 0; round < 3; round++) {
      for (const room of rooms.toReversed()) {
        expected.push(`${round} ${room}`);
        harness.issue(`${round} ${room}`, { room });
      }
    }
    harness.walk();
    expect(member.connection.texts).toEqual(expected);
  });

  test('[BC12] the messages of one call keep their order', () => {
    const harness = new BroadcasterHarness();
    const [a, b] = [harness.arrive('a', ['', 'r']), harness.arrive('b')];
    for (const [text, room] of [
      ['1', ''],
      ['2', 'r'],
      ['3', ''],
    ] as const) {
      harness.issue(text, { room });
    }
    harness.walk();
    expect([a, b].map(({ connection }) => connection.texts)).toEqual([
      ['1', '2', '3'],
      ['1', '3'],
    ]);
  });
});

describe('with how many writes', () => {
  test('[BC5] publishing writes nothing, and requests one slice', () => {
    const harness = new BroadcasterHarness();
    const member = harness.arrive('a');
    harness.issue('1');
    harness.issue('2');
    harness.issue('3', { to: 'a' });
    harness.issue('4', { to: 'a' });
    expect(member.connection.writes).toEqual([]);
    expect(harness.wakes).toBe(2);
  });

  test('[BC6] all pending entries go out in one write', () => {
    const harness = new BroadcasterHarness();
    const members = harness.addMembers(50);
    for (const [at, { connection, subscriber }] of members.entries()) {
      harness.issue(`${at}`, { except: subscriber });
      harness.issue(`to ${at}`, { to: connection.id });
    }
    harness.walk();
    for (const [at, { connection }] of members.entries()) {
      expect(connection.writes).toHaveLength(1);
      expect(connection.texts).toHaveLength(50);
      expect(connection.texts).toContain(`to ${at}`);
      expect(connection.texts).not.toContain(`${at}`);
    }
  });

  test('[BC6] [BC7] one message is one buffer, shared by the whole audience', () => {
    const harness = new BroadcasterHarness();
    const [first, ...others] = harness.addMembers(40);
    harness.issue('hi');
    harness.walk();
    for (const { connection } of others) expect(connection.writes[0]).toBe(first?.connection.writes[0]);
  });

  test('[BC6] [BC7] so are several messages that go together', () => {
    const harness = new BroadcasterHarness();
    const [first, ...others] = harness.addMembers(40);
    harness.issue('1');
    harness.issue('2');
    harness.walk();
    for (const { connection } of others) expect(connection.writes[0]).toBe(first?.connection.writes[0]);
    expect(first?.connection.texts).toEqual(['1', '2']);
  });

  test('[BC6] only members with the same pending entries share a buffer', () => {
    const harness = new BroadcasterHarness();
    const [a, b, c] = [harness.arrive('a'), harness.arrive('b'), harness.arrive('c')];
    harness.issue('1');
    harness.issue('2', { exceptId: 'b' });
    harness.issue('3');
    harness.walk();
    expect([a, b, c].map(({ connection }) => connection.texts)).toEqual([
      ['1', '2', '3'],
      ['1', '3'],
      ['1', '2', '3'],
    ]);
    harness.issue('1');
    harness.issue('2');
    harness.walk();
    expect(a.connection.texts).toEqual(['1', '2', '3', '1', '2']);
  });

  test('[BC7] a message to one id is framed once for all that share it', () => {
    const harness = new BroadcasterHarness();
    const [one, twin] = [harness.arrive('joe'), harness.arrive('joe')];
    harness.issue('hi', { to: 'joe' });
    harness.walk();
    expect(one.connection.writes).toHaveLength(1);
    expect(one.connection.writes[0]).toBe(twin.connection.writes[0]);
  });

  test('[BC7] bytes that a program changes later are sent as they were', () => {
    const harness = new BroadcasterHarness();
    const member = harness.arrive('a');
    const body = Buffer.from('before');
    harness.issue(body);
    body.write('after!');
    harness.walk();
    expect(member.connection.texts).toEqual(['before']);
  });
});

describe('in slices', () => {
  test("[BC5] a pass stops in the middle of one member's pending entries, and resumes there", () => {
    const harness = new BroadcasterHarness();
    const [one, other] = [harness.arrive('one', ['', 'r'], () => harness.clock.spend(1)), harness.arrive('other')];
    const text = (at: number): string => `${at}${'x'.repeat(250_000)}`;
    const all = Array.from({ length: 6 }, (_, at) => text(at));
    for (const each of all) harness.issue(each);
    expect(harness.broadcaster.run(harness.clock.now() + 2)).toBe(true);
    expect(one.connection.texts).toEqual(all.slice(0, 2));
    expect(other.connection.texts).toEqual([]);
    harness.issue('in the room', { room: 'r' });
    expect(harness.broadcaster.run(harness.clock.now() + 2)).toBe(true);
    expect(one.connection.texts).toEqual(all.slice(0, 4));
    harness.leave(one, 'r');
    expect(one.connection.texts).toEqual([...all, 'in the room']);
    harness.issue('last');
    harness.walk();
    expect(one.connection.texts).toEqual([...all, 'in the room', 'last']);
    expect(other.connection.texts).toEqual([...all, 'last']);
  });

  test('[BC10] the log holds a message to one member until it is delivered', () => {
    const harness = new BroadcasterHarness();
    const members = harness.addMembers(40, '', () => harness.clock.spend(1));
    for (const { connection } of members) harness.issue('12345678', { to: connection.id });
    expect(harness.broadcaster.logBytes).toBe(400);
    harness.clock.spend(5);
    expect(harness.broadcaster.lag).toBe(5);
    expect(harness.broadcaster.run(harness.clock.now() + 1)).toBe(true);
    expect(harness.broadcaster.logBytes).toBe(400);
    harness.walk();
    expect([harness.broadcaster.logBytes, harness.broadcaster.lag]).toEqual([0, 0]);
  });

  test('[BC10] the delay is that of the oldest pending entry', () => {
    const harness = new BroadcasterHarness();
    const [one] = [harness.arrive('one'), harness.arrive('other')];
    for (const to of ['one', 'other']) harness.issue('12345678', { to });
    harness.clock.spend(3_000);
    harness.emit(one, 'hi');
    expect(harness.broadcaster.lag).toBe(3_000);
  });

  test('[BC10] a message that something else has delivered waits no longer', () => {
    const harness = new BroadcasterHarness();
    const one = harness.arrive('one');
    harness.issue('1', { to: 'one' });
    harness.clock.spend(3_000);
    harness.emit(one, '2');
    expect(harness.broadcaster.lag).toBe(0);
    harness.issue('3', { to: 'one' });
    harness.clock.spend(1_000);
    expect(harness.broadcaster.lag).toBe(1_000);
    harness.walk();
    expect(one.connection.texts).toEqual(['1', '2', '3']);
  });

  test('[BC6] an entry longer than a write does not block the next one', () => {
    const harness = new BroadcasterHarness();
    const one = harness.arrive('one');
    const texts = ['x'.repeat(300_000), 'y', 'z'.repeat(300_000), '1', '2'];
    for (const text of texts) harness.issue(text);
    harness.walk();
    expect(one.connection.texts).toEqual(texts);
  });

  test('[BC5] [BC3] a message to one member keeps its place, over slices', () => {
    const harness = new BroadcasterHarness();
    const one = harness.arrive('one', [''], () => harness.clock.spend(1));
    const text = (at: number): string => `${at}${'x'.repeat(250_000)}`;
    for (let at = 0; at < 3; at++) harness.issue(text(at));
    harness.issue('to one', { to: 'one' });
    harness.broadcaster.run(harness.clock.now() + 1);
    harness.walk();
    expect(one.connection.texts).toEqual([text(0), text(1), text(2), 'to one']);
  });

  test('[BC5] a pass stops at its deadline and resumes later', () => {
    const harness = new BroadcasterHarness();
    const members = harness.addMembers(200, '', () => harness.clock.spend(1));
    harness.issue('hi');
    const served = (): number => members.filter(({ connection }) => connection.writes.length > 0).length;
    let slices = 1;
    let before = 0;
    while (harness.broadcaster.run(harness.clock.now() + 4)) {
      expect(served() - before).toBeGreaterThan(0);
      expect(served() - before).toBeLessThanOrEqual(16);
      before = served();
      slices++;
    }
    expect(slices).toBeGreaterThanOrEqual(200 / 16);
    for (const { connection } of members) expect(connection.texts).toEqual(['hi']);
  });

  test('[BC5] after 64 KiB the clock is looked at as well', () => {
    const harness = new BroadcasterHarness();
    const members = harness.addMembers(10, '', () => harness.clock.spend(10));
    harness.issue('x'.repeat(65_536));
    expect(harness.broadcaster.run(harness.clock.now() + 4)).toBe(true);
    expect(members.map(({ connection }) => connection.writes.length)).toEqual([1, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    harness.walk();
    expect(members.every(({ connection }) => connection.writes.length === 1)).toBe(true);
  });

  test('[BC5] topics take turns: a huge one delays no small one', () => {
    const harness = new BroadcasterHarness();
    const huge = harness.addMembers(500, 'huge', () => harness.clock.spend(1));
    const small = harness.arrive('small', ['small']);
    harness.issue('huge', { room: 'huge' });
    harness.issue('small', { room: 'small' });
    harness.broadcaster.run(harness.clock.now() + 4);
    harness.broadcaster.run(harness.clock.now() + 4);
    expect(small.connection.texts).toEqual(['small']);
    expect(huge.filter(({ connection }) => connection.writes.length > 0).length).toBeLessThan(100);
  });

  test('[BC5] many small topics share the slice as one huge topic does', () => {
    const harness = new BroadcasterHarness();
    const members = Array.from({ length: 300 }, (_, at) =>
      harness.arrive(`${at}`, [`r${at}`], () => harness.clock.spend(1)),
    );
    for (const { connection } of members) harness.issue('hi', { room: `r${connection.id}` });
    expect(harness.broadcaster.run(harness.clock.now() + 4)).toBe(true);
    expect(members.filter(({ connection }) => connection.writes.length > 0).length).toBeLessThanOrEqual(64);
    harness.walk();
    for (const { connection } of members) expect(connection.texts).toEqual(['hi']);
  });

  test('[BC5] so do messages to single connections', () => {
    const harness = new BroadcasterHarness();
    const members = harness.addMembers(300, '', () => harness.clock.spend(1));
    for (const { connection } of members) harness.issue('hi', { to: connection.id });
    expect(harness.broadcaster.run(harness.clock.now() + 4)).toBe(true);
    expect(members.filter(({ connection }) => connection.writes.length > 0).length).toBeLessThanOrEqual(64);
    harness.walk();
    for (const { connection } of members) expect(connection.texts).toEqual(['hi']);
  });

  test('[BC3] what is published during a pass follows it, and reaches the whole audience', () => {
    const harness = new BroadcasterHarness();
    const members = harness.addMembers(64, '', () => harness.clock.spend(1));
    harness.issue('1');
    harness.broadcaster.run(harness.clock.now() + 4);
    harness.issue('2');
    harness.broadcaster.run(harness.clock.now() + 4);
    harness.issue('3');
    while (harness.broadcaster.run(harness.clock.now() + 4));
    for (const { connection } of members) expect(connection.texts).toEqual(['1', '2', '3']);
    expect(harness.broadcaster.logBytes).toBe(0);
  });

  test('[BC3] a recipient that broadcasts while it is written to is served in order', () => {
    const harness = new BroadcasterHarness();
    let answered = false;
    const members = harness.addMembers(3, '', () => {
      if (answered) return;
      answered = true;
      harness.issue('2');
    });
    harness.issue('1');
    harness.walk();
    for (const { connection } of members) expect(connection.texts).toEqual(['1', '2']);
  });

  test('[SV3] the log is empty after all deliveries', () => {
    const harness = new BroadcasterHarness();
    harness.addMembers(3);
    harness.issue('12345678');
    harness.issue('12345678');
    expect(harness.broadcaster.logBytes).toBe(20);
    harness.walk();
    expect(harness.broadcaster.logBytes).toBe(0);
    harness.issue('to nobody', { room: 'nowhere' });
    expect(harness.broadcaster.logBytes).toBe(0);
  });

  test('[SV3] the log is empty when no member is left', () => {
    const harness = new BroadcasterHarness();
    const members = harness.addMembers(40, 'r');
    harness.issue('1', { room: 'r' });
    harness.broadcaster.run(0);
    for (const member of members) harness.depart(member);
    harness.walk();
    expect(harness.broadcaster.logBytes).toBe(0);
    for (const { connection } of members) expect(connection.texts).toEqual(['1']);
  });
});

describe('a log that goes to each member alike', () => {
  test('[BC13] is not that of a topic of which one message excludes a connection or an id', () => {
    const harness = new BroadcasterHarness();
    const [one, twin, other] = [harness.arrive('joe'), harness.arrive('joe'), harness.arrive('ann')];
    harness.issue('1');
    harness.issue('not to one', { except: one.subscriber });
    harness.issue('not to ann', { exceptId: 'ann' });
    harness.walk();
    harness.issue('2');
    harness.issue('3');
    harness.walk();
    harness.issue('nor to one', { except: one.subscriber });
    harness.walk();
    const texts = [one, twin, other].map(({ connection }) => connection.texts);
    expect(texts).toEqual([
      ['1', 'not to ann', '2', '3'],
      ['1', 'not to one', 'not to ann', '2', '3', 'nor to one'],
      ['1', 'not to one', '2', '3', 'nor to one'],
    ]);
  });

  test('[BC2] is not that of a member that has got a part of it', () => {
    const harness = new BroadcasterHarness();
    const [early, late] = [harness.arrive('a'), harness.arrive('b')];
    harness.issue('1');
    harness.emit(early, 'x');
    harness.issue('2');
    harness.issue('3');
    harness.walk();
    expect([early, late].map(({ connection }) => connection.texts)).toEqual([
      ['1', 'x', '2', '3'],
      ['1', '2', '3'],
    ]);
  });

  test('[BC6] is written in parts when it is longer than a write', () => {
    const harness = new BroadcasterHarness();
    const members = harness.addMembers(2);
    const text = (at: number): string => `${at}${'x'.repeat(100_000)}`;
    for (let at = 0; at < 3; at++) harness.issue(text(at));
    harness.walk();
    for (const { connection } of members) {
      expect(connection.texts).toEqual([text(0), text(1), text(2)]);
      expect(connection.writes.every((bytes) => bytes.length <= 256 * 1024)).toBe(true);
    }
  });

  test('[BC2] [BC6] grows while it is delivered', () => {
    const harness = new BroadcasterHarness();
    let isAnswered = false;
    const members = harness.addMembers(4, '', () => {
      if (isAnswered) return;
      isAnswered = true;
      harness.issue('3');
      harness.issue('4');
    });
    harness.issue('1');
    harness.issue('2');
    harness.walk();
    for (const { connection } of members) expect(connection.texts).toEqual(['1', '2', '3', '4']);
    const last = members.slice(1).map(({ connection }) => connection.writes);
    expect(last.map((writes) => writes.length)).toEqual([1, 1, 1]);
    expect(new Set(last.map(([bytes]) => bytes)).size).toBe(1);
    harness.issue('5');
    harness.issue('6');
    harness.walk();
    for (const { connection } of members) expect(connection.texts.slice(4)).toEqual(['5', '6']);
  });

  test('[BC1] [BC2] [BC3] members of many rooms get what was published to theirs', () => {
    const harness = new BroadcasterHarness();
    const rooms = Array.from({ length: 60 }, (_, at) => `r${at}`);
    const [all, even] = [rooms, rooms.filter((_, at) => at % 2 === 0)];
    const [a, b] = [harness.arrive('a', ['', ...all]), harness.arrive('b', ['', ...even])];
    for (const published of [['r3'], ['r8', 'r7'], ['r50', '', 'r51', 'r0'], rooms]) {
      for (const room of published) harness.issue(`in ${room}`, { room });
      const [before, had] = [a.connection.texts.length, b.connection.texts.length];
      harness.walk();
      expect(a.connection.texts.slice(before)).toEqual(published.map((room) => `in ${room}`));
      const theirs = published.filter((room) => room === '' || even.includes(room));
      expect(b.connection.texts.slice(had)).toEqual(theirs.map((room) => `in ${room}`));
    }
  });

  test('[BC6] a message to one id takes one write, whatever came before it', () => {
    const harness = new BroadcasterHarness();
    const [a, b] = [harness.arrive('a'), harness.arrive('b')];
    harness.issue('1', { to: 'a' });
    harness.issue('2', { to: 'b' });
    harness.emit(a, '3');
    harness.issue('4', { to: 'a' });
    harness.issue('5', { to: 'a' });
    harness.walk();
    expect(a.connection.texts).toEqual(['1', '3', '4', '5']);
    expect(a.connection.writes).toHaveLength(3);
    expect(b.connection.texts).toEqual(['2']);
    expect([a, b].map(({ subscriber }) => subscriber.outbox)).toEqual([undefined, undefined]);
    expect(harness.broadcaster.logBytes).toBe(0);
  });
});

describe('congested members', () => {
  test('[BP1] pending entries of a congested connection wait in its outbox by reference, and go out first', () => {
    const harness = new BroadcasterHarness();
    const [slow, fast] = [harness.arrive('slow'), harness.arrive('fast')];
    slow.connection.isCongested = true;
    harness.issue('1');
    harness.walk();
    expect(slow.connection.writes).toEqual([]);
    expect(slow.subscriber.outbox?.entries.map(({ bytes }) => bytes)).toEqual([fast.connection.writes[0]]);
    expect(slow.subscriber.outbox?.entries[0]?.bytes).toBe(fast.connection.writes[0]);
    harness.issue('2', { to: 'slow' });
    harness.emit(slow, '3');
    harness.issue('4');
    harness.walk();
    expect(slow.connection.writes).toEqual([]);
    harness.drain(slow);
    harness.emit(slow, '5');
    expect(slow.connection.texts).toEqual(['1', '2', '3', '4', '5']);
    expect(slow.connection.writes).toHaveLength(2);
    expect(slow.subscriber.outbox).toBeUndefined();
  });

  test('[BC2] [BP1] a message to its id that comes while its outbox goes out is not lost', () => {
    const harness = new BroadcasterHarness();
    const slow = harness.arrive('slow', [''], ({ texts }) => {
      if (texts.at(-1) !== 'one') return;
      harness.issue('two', { to: 'slow' });
      harness.emit(slow, 'three');
    });
    slow.connection.isCongested = true;
    harness.issue('one');
    harness.walk();
    expect(slow.connection.texts).toEqual([]);
    harness.drain(slow);
    harness.walk();
    expect(slow.connection.texts).toEqual(['one', 'two', 'three']);
  });

  test('[BP2] the connection learns the size of its outbox', () => {
    const harness = new BroadcasterHarness();
    const slow = harness.arrive('slow');
    slow.connection.isCongested = true;
    harness.issue('12345678');
    harness.issue('12345678');
    harness.issue('1234', { to: 'slow' });
    harness.walk();
    harness.emit(slow, '12');
    expect(slow.connection.growth).toEqual([
      [26, 3],
      [4, 1],
    ]);
  });

  test('[BP1] a drain takes at most 256 KiB with each write, and stops when the socket is full again', () => {
    const harness = new BroadcasterHarness();
    const slow = harness.arrive('slow');
    slow.connection.isCongested = true;
    const text = (at: number): string => `${at}${'x'.repeat(100_000)}`;
    for (let at = 0; at < 7; at++) harness.issue(text(at));
    harness.walk();
    harness.drain(slow, 1);
    expect(slow.connection.writes.map((bytes) => bytes.length <= 256 * 1024)).toEqual([true]);
    expect(slow.connection.texts).toEqual([text(0), text(1)]);
    expect(slow.connection.isCongested).toBe(true);
    harness.issue('last');
    harness.drain(slow, 2);
    harness.walk();
    harness.drain(slow);
    expect(slow.connection.texts).toEqual([...Array.from({ length: 7 }, (_, at) => text(at)), 'last']);
    expect(slow.connection.writes.every((bytes) => bytes.length <= 256 * 1024)).toBe(true);
  });

  test('[BP1] [BP2] entries pending before the congestion wait by reference, and do not count as missed', () => {
    const harness = new BroadcasterHarness();
    const fill = ({ connection }: Member): void => {
      connection.isCongested = true;
    };
    const slow: Member = harness.arrive('slow', [''], () => fill(slow));
    const fast = harness.arrive('fast');
    const text = (at: number): string => `${at}${'x'.repeat(100_000)}`;
    const all = Array.from({ length: 7 }, (_, at) => text(at));
    for (const each of all) harness.issue(each);
    harness.walk();
    expect(slow.connection.texts).toEqual(all.slice(0, 2));
    expect(slow.connection.growth).toEqual([]);
    expect(slow.subscriber.outbox?.entries).toHaveLength(5);
    harness.issue('last');
    harness.walk();
    expect(slow.connection.growth).toEqual([[6, 1]]);
    harness.drain(slow);
    expect(slow.connection.texts).toEqual([...all, 'last']);
    expect(fast.connection.texts).toEqual([...all, 'last']);
    expect(slow.connection.writes[0]).toBe(fast.connection.writes[0]);
  });

  test('[BP1] other members are not affected', () => {
    const harness = new BroadcasterHarness();
    const [slow, fast] = [harness.arrive('slow'), harness.arrive('fast')];
    slow.connection.isCongested = true;
    for (const text of ['1', '2', '3']) {
      harness.issue(text);
      harness.walk();
    }
    expect(fast.connection.texts).toEqual(['1', '2', '3']);
    expect(harness.broadcaster.logBytes).toBe(0);
    harness.drain(slow);
    expect(slow.connection.texts).toEqual(['1', '2', '3']);
  });

  test('[BP1] a drain without pending entries does nothing', () => {
    const harness = new BroadcasterHarness();
    const member = harness.arrive('a');
    harness.drain(member);
    expect(member.connection.writes).toEqual([]);
  });
});

describe('until when', () => {
  const flushed = async (harness: BroadcasterHarness): Promise<() => boolean> => {
    let isDone = false;
    void harness.broadcaster.flush().then(() => {
      isDone = true;
    });
    await Promise.resolve();
    await Promise.resolve();
    return () => isDone;
  };
  const settle = async (): Promise<void> => {
    for (let at = 0; at < 4; at++) await Promise.resolve();
  };

  test('[BC8] with an empty log a flush resolves at once', async () => {
    const harness = new BroadcasterHarness();
    harness.addMembers(3);
    expect((await flushed(harness))()).toBe(true);
  });

  test('[BC8] a flush resolves when the earlier entries are delivered to all, and not before', async () => {
    const harness = new BroadcasterHarness();
    harness.addMembers(64, '', () => harness.clock.spend(1));
    harness.issue('1');
    const isDone = await flushed(harness);
    harness.broadcaster.run(harness.clock.now() + 4);
    await settle();
    expect(isDone()).toBe(false);
    harness.walk();
    await settle();
    expect(isDone()).toBe(true);
  });

  test('[BC8] a flush does not wait for later entries', async () => {
    const harness = new BroadcasterHarness();
    harness.addMembers(64, '', () => harness.clock.spend(1));
    harness.issue('1');
    harness.broadcaster.run(harness.clock.now() + 4);
    const isDone = await flushed(harness);
    harness.issue('2');
    let slices = 0;
    while (harness.broadcaster.run(harness.clock.now() + 4)) {
      slices++;
      await settle();
      if (isDone()) break;
    }
    expect(isDone()).toBe(true);
    expect(slices).toBeLessThan(8);
    harness.walk();
  });

  test('[BC8] messages to one id are waited for', async () => {
    const harness = new BroadcasterHarness();
    const member = harness.arrive('a');
    harness.issue('hi', { to: 'a' });
    const isDone = await flushed(harness);
    expect(isDone()).toBe(false);
    harness.walk();
    await settle();
    expect([isDone(), member.connection.texts]).toEqual([true, ['hi']]);
  });

  test('[BC8] a flush waits neither for outboxes nor for closed members', async () => {
    const harness = new BroadcasterHarness();
    const [slow, gone] = [harness.arrive('slow'), harness.arrive('gone')];
    slow.connection.isCongested = true;
    harness.issue('1');
    const isDone = await flushed(harness);
    harness.depart(gone);
    harness.walk();
    await settle();
    expect(isDone()).toBe(true);
    expect(slow.connection.writes).toEqual([]);
  });

  test('[BC8] without a deadline a pass delivers everything at once', () => {
    const harness = new BroadcasterHarness();
    const members = harness.addMembers(100, '', () => harness.clock.spend(1_000));
    for (const text of ['1', '2']) {
      harness.issue(text);
      expect(harness.broadcaster.run(forever)).toBe(false);
    }
    for (const { connection } of members) expect(connection.writes).toHaveLength(2);
  });
});

describe('the broadcaster as a whole', () => {
  const rooms = ['', 'r', 's'];
  /** Rooms that are joined, and seldom published to: more of them than topics with pending messages. */
  const quiet = Array.from({ length: 40 }, (_, at) => `q${at}`);
  const ids = ['joe', 'ann', 'bob'];
  const who = fc.nat({ max: 7 });
  const room = fc.oneof(
    { weight: 9, arbitrary: fc.constantFrom(...rooms) },
    { weight: 1, arbitrary: fc.constantFrom('q0', 'q39') },
  );
  const id = fc.constantFrom(...ids);
  const step = fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({ do: fc.constant('issue'), room, who, id, skips: fc.constantFrom('nobody', 'one', 'id') }),
    },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('issueTo'), room, id }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('emit'), who }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('join', 'leave'), who, room }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('walk'), slice: fc.nat({ max: 6 }) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('congest', 'serve'), who }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('drain'), who, writes: fc.integer({ min: 0, max: 3 }) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('depart'), who }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('arrive'), id, room }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('flush') }) },
  );
  type Step = Partial<{ room: string; who: number; id: string; skips: string; slice: number; writes: number }> & {
    do: string;
  };

  /** What one connection is due, as the rules say it: a list. */
  interface Due extends Member {
    readonly due: string[];
    readonly rooms: Set<string>;
    isGone: boolean;
  }

  whatever.prop([fc.array(step, { maxLength: 120 }), fc.boolean()], { numRuns: 400 })(
    '[BC1] [BC2] [BC3] [BC4] [BC6] [BC8] [BP1] each connection gets exactly what a naive list would hold',
    async (steps: readonly Step[], isInMany: boolean) => {
      const harness = new BroadcasterHarness();
      const all: Due[] = [];
      const arrive = (name: string, at: string): void => {
        const places = isInMany ? [at, ...quiet] : [at];
        const member = harness.arrive(name, places, () => harness.clock.spend(1));
        all.push({ ...member, due: [], rooms: new Set(places), isGone: false });
      };
      for (const name of [...ids, 'joe']) arrive(name, '');

      const broken: unknown[] = [];
      const isPrefix = ({ connection, due }: Due): void =>
        expect(connection.texts).toEqual(due.slice(0, connection.texts.length));
      /** What has been written to it, or waits in its outbox. */
      const given = ({ connection, subscriber }: Due): number =>
        connection.texts.length + (subscriber.outbox?.entries.length ?? 0);
      let last = 0;

      for (const { do: deed, room: at = '', who: nth = 0, id: name = '', ...rest } of steps) {
        const member = all[nth % all.length];
        if (!member) break;
        const text = `m${++last}`;
        const inside = all.filter((each) => !each.isGone && each.rooms.has(at));
        if (deed === 'issue') {
          const isSkipped = (each: Due): boolean =>
            rest.skips === 'one' ? each === member : rest.skips === 'id' && each.connection.id === name;
          harness.issue(text, {
            room: at,
            except: rest.skips === 'one' ? member.subscriber : null,
            exceptId: rest.skips === 'id' ? name : null,
          });
          for (const each of inside) if (!isSkipped(each)) each.due.push(text);
        } else if (deed === 'issueTo') {
          harness.issue(text, { room: at, to: name });
          for (const each of inside) if (each.connection.id === name) each.due.push(text);
        } else if (deed === 'walk') {
          const writes = all.map(({ connection }) => connection.writes.length);
          harness.broadcaster.run(harness.clock.now() + (rest.slice ?? 0));
          for (const [place, { connection }] of all.entries()) {
            expect(connection.writes.length - (writes[place] ?? 0)).toBeLessThanOrEqual(1);
          }
        } else if (deed === 'arrive') {
          arrive(name, at);
        } else if (deed === 'flush') {
          const shares = all.map((each) => [each, each.due.length] as const);
          void harness.broadcaster.flush().then(() => {
            for (const [each, share] of shares) if (!each.isGone && given(each) < share) broken.push([text, each]);
          });
        } else if (member.isGone) {
          continue;
        } else if (deed === 'emit') {
          member.due.push(text);
          harness.emit(member, text);
          if (!member.connection.isCongested) expect(member.connection.texts).toEqual(member.due);
        } else if (deed === 'serve') {
          member.subscriber.deliver();
          if (!member.connection.isCongested) expect(member.connection.texts).toEqual(member.due);
        } else if (deed === 'join') {
          harness.join(member, at);
          member.rooms.add(at);
        } else if (deed === 'leave') {
          harness.leave(member, at);
          member.rooms.delete(at);
        } else if (deed === 'congest') {
          member.connection.isCongested = true;
        } else if (deed === 'drain') {
          if (member.connection.isCongested) harness.drain(member, rest.writes);
        } else if (deed === 'depart') {
          harness.depart(member);
          member.isGone = true;
          if (!member.connection.isCongested) expect(member.connection.texts).toEqual(member.due);
        }
        isPrefix(member);
        await Promise.resolve();
      }

      harness.walk();
      await Promise.resolve();
      expect(broken).toEqual([]);
      for (const member of all) {
        isPrefix(member);
        if (member.isGone) continue;
        harness.drain(member);
        expect(member.connection.texts).toEqual(member.due);
      }
      expect(harness.broadcaster.logBytes).toBe(0);
    },
  );
});
