import { inflateRawSync } from 'node:zlib';
import { fc, test as property } from '@fast-check/vitest';
import { expect } from 'vitest';
import { Broadcaster } from '../../src/broadcast/broadcaster.js';
import { Deflater } from '../../src/broadcast/deflater.js';
import type { Subscriber, SubscriberHost } from '../../src/broadcast/subscriber.js';
import { Topics } from '../../src/broadcast/topics.js';
import { type FrameSink, frame } from '../../src/protocol/frame.js';
import { DeflatingSink } from '../../src/server/socket/compression.js';

const tail = Buffer.from([0, 0, 0xff, 0xff]);

/** The frames in these bytes as a client reads them, and how many of them are compressed. */
const read = (bytes: Uint8Array): { readonly payloads: string[]; readonly compressed: number } => {
  const payloads: string[] = [];
  let compressed = 0;
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at < view.length; ) {
    const short = view.readUInt8(at + 1);
    const [head, length] =
      short < 126 ? [2, short] : short === 126 ? [4, view.readUInt16BE(at + 2)] : [10, view.readUInt32BE(at + 6)];
    const data = view.subarray(at + head, at + head + length);
    const isCompressed = (view.readUInt8(at) & 0x40) !== 0;
    if (isCompressed) compressed++;
    payloads.push((isCompressed ? inflateRawSync(Buffer.concat([data, tail]), { finishFlush: 2 }) : data).toString());
    at += head + length;
  }
  return { payloads, compressed };
};

/** A connection that keeps what reaches its client. */
class Recipient implements SubscriberHost {
  readonly writes: Uint8Array[] = [];
  readonly outlet: FrameSink;
  readonly subscriber: Subscriber;
  /** Writes until its socket is full. */
  room = Number.POSITIVE_INFINITY;

  constructor(
    readonly id: string,
    broadcaster: Broadcaster,
    deflater: Deflater | undefined,
  ) {
    const socket: FrameSink = {
      writable: true,
      write: (bytes) => {
        this.writes.push(bytes);
        this.room--;
        return this.hasRoom;
      },
    };
    this.outlet = deflater ? new DeflatingSink(socket, deflater) : socket;
    this.subscriber = broadcaster.subscribe(this);
  }

  get hasRoom(): boolean {
    return this.room > 0;
  }
  get payloads(): string[] {
    return this.writes.flatMap((bytes) => read(bytes).payloads);
  }
  get compressed(): number {
    return this.writes.reduce((sum, bytes) => sum + read(bytes).compressed, 0);
  }
  filled(): void {
    this.subscriber.isCongested = true;
  }
  outboxGrew(): void {}

  emit(text: string): void {
    this.subscriber.deliver();
    const bytes = frame(text);
    if (this.subscriber.isCongested) this.subscriber.enqueueDirect(bytes);
    else this.subscriber.write(bytes);
  }
  drain(writes: number): void {
    this.room = writes;
    this.subscriber.resume();
    this.subscriber.isCongested = this.subscriber.pendingBytes > 0;
  }
}

/** A server's broadcasts to two connections for each id: the client of one has agreed, that of the other has not. */
const setUp = (ids: readonly string[]) => {
  let now = 0;
  const deflater = new Deflater({ threshold: 64, level: 1 });
  const broadcaster = new Broadcaster(
    new Topics(),
    () => now++,
    () => {},
    () => {},
    deflater,
  );
  const pairs = ids.map((id) => [new Recipient(id, broadcaster, deflater), new Recipient(id, broadcaster, undefined)]);
  for (const { subscriber } of pairs.flat()) subscriber.join('n', '');
  return { deflater, broadcaster, pairs, now: () => now };
};

const ids = ['a', 'b', 'c'];
const place = fc.constantFrom('', 'r1', 'r2');
const who = fc.nat({ max: ids.length - 1 });
const size = fc.constantFrom(1, 20, 64, 70, 500, 4_000, 70_000);
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ does: fc.constant('publish' as const), room: place, size }) },
  fc.record({ does: fc.constant('publishTo' as const), who, size }),
  fc.record({ does: fc.constant('emit' as const), who, size }),
  { weight: 3, arbitrary: fc.record({ does: fc.constant('run' as const), for: fc.constantFrom(1, 5, 1_000) }) },
  fc.record({ does: fc.constant('join' as const), who, room: place }),
  fc.record({ does: fc.constant('leave' as const), who, room: place }),
  fc.record({ does: fc.constant('fill' as const), who }),
  {
    weight: 2,
    arbitrary: fc.record({ does: fc.constant('drain' as const), who, writes: fc.integer({ min: 1, max: 4 }) }),
  },
);

property.prop([fc.array(step, { minLength: 1, maxLength: 80 })], { numRuns: 150 })(
  '[CP3] [BC2] [BC3] congested or not, those that agreed and those that did not get the same, in the same order',
  (steps) => {
    const { broadcaster, deflater, pairs, now } = setUp(ids);
    let last = 0;
    const textOf = (length: number): string => `${++last} ${'some text, '.repeat(length).slice(0, length)}`;
    const published = new Set<string>();
    for (const one of steps) {
      const pair = 'who' in one ? (pairs[one.who] ?? []) : [];
      if (one.does === 'publish' || one.does === 'publishTo') {
        const body = textOf(one.size);
        published.add(body);
        const where = one.does === 'publish' ? { room: one.room } : { to: ids[one.who] ?? '' };
        broadcaster.publish({ namespace: 'n', isNative: true, body, ...where }, { except: null, exceptId: null });
      } else if (one.does === 'emit') {
        const text = textOf(one.size);
        for (const each of pair) each.emit(text);
      } else if (one.does === 'run') {
        broadcaster.run(now() + one.for);
      } else if (one.does === 'join') {
        for (const { subscriber } of pair) subscriber.join('n', one.room);
      } else if (one.does === 'leave') {
        for (const { subscriber } of pair) subscriber.leave('n', one.room);
      } else if (one.does === 'fill') {
        for (const { subscriber } of pair) subscriber.isCongested = true;
      } else {
        for (const each of pair) each.drain(one.writes);
      }
    }
    while (broadcaster.run(Number.POSITIVE_INFINITY));
    for (const each of pairs.flat()) while (each.subscriber.isCongested) each.drain(1_000);

    for (const [agreed, plain] of pairs) {
      if (!agreed || !plain) throw new Error('a pair is two');
      expect(agreed.payloads).toEqual(plain.payloads);
      expect(plain.compressed).toBe(0);
      const isLarge = (text: string): boolean => text.length > 64 && published.has(text);
      expect(agreed.compressed).toBe(agreed.payloads.filter(isLarge).length);
    }
    const distinct = new Set(pairs.flatMap(([agreed]) => agreed?.payloads ?? []));
    expect(deflater.tally.messages).toBe(
      [...distinct].filter((text) => text.length > 64 && published.has(text)).length,
    );
    const written = (at: 0 | 1): number =>
      pairs.reduce((sum, pair) => sum + (pair[at]?.writes.reduce((all, { length }) => all + length, 0) ?? 0), 0);
    expect(deflater.tally.saved).toBe(written(1) - written(0));
  },
);
