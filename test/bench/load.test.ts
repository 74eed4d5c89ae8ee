import { afterEach, describe, expect, test } from 'vitest';
import { type Pair, startPair } from '../../bench/conductor.js';
import { clientFrame, FrameReader } from '../../bench/load/frames.js';
import { broadcast } from '../../bench/rows/broadcast.js';
import { Stage } from '../../bench/stage.js';
import { frame, ping } from '../../src/protocol/frame.js';

interface Seen {
  readonly opcode: number;
  readonly length: number;
  readonly text: string | undefined;
}

const texts = ['', 'x', 'y'.repeat(125), 'z'.repeat(126), 'w'.repeat(65_535), 'v'.repeat(65_536), 'last'];
const stream = Buffer.concat([...texts.map(frame), ping]);

/** What a reader makes of a stream that comes in such pieces. */
const read = (bytes: Buffer, cuts: readonly number[], keeps: number): Seen[] => {
  const seen: Seen[] = [];
  const reader = new FrameReader((opcode, length, payload) => seen.push({ opcode, length, text: payload?.toString() }));
  reader.keeps = keeps;
  const edges = [0, ...cuts, bytes.length];
  for (const [at, from] of edges.entries()) reader.take(Buffer.from(bytes.subarray(from, edges[at + 1])));
  return seen;
};

const whole = [...texts.map((text) => ({ opcode: 1, length: text.length, text })), { opcode: 9, length: 0, text: '' }];

describe('the frame reader of the bench', () => {
  test('counts and keeps the frames of one piece', () => {
    expect(read(stream, [], Number.POSITIVE_INFINITY)).toEqual(whole);
  });

  test('finds the same frames wherever a stream is cut in two', () => {
    const short = Buffer.concat([...['', 'a', 'b'.repeat(130), 'end'].map(frame), ping, frame('c')]);
    const expected = read(short, [], Number.POSITIVE_INFINITY);
    expect(expected).toHaveLength(6);
    for (let cut = 1; cut < short.length; cut++) {
      expect(read(short, [cut], Number.POSITIVE_INFINITY)).toEqual(expected);
    }
  });

  test('finds the same frames when every byte comes alone', () => {
    const cuts = Array.from({ length: stream.length - 1 }, (_, at) => at + 1);
    expect(read(stream, cuts, Number.POSITIVE_INFINITY)).toEqual(whole);
    expect(read(stream, cuts, 0)).toHaveLength(whole.length);
  });

  test('keeps no more of a payload than it is asked to, and counts all the same', () => {
    const seen = read(stream, [3, 200, 70_000], 64);
    expect(seen.map(({ length }) => length)).toEqual(whole.map(({ length }) => length));
    expect(seen.map(({ text }) => text)).toEqual(whole.map(({ text }) => text.slice(0, 64)));
    expect(read(stream, [], 0).map(({ text }) => text)).toEqual([...texts.map(() => undefined), '']);
  });

  test('the frames of clients are masked, with a mask that changes nothing', () => {
    const bytes = clientFrame('hello');
    expect(bytes[1]).toBe(0x80 | 5);
    expect(bytes.subarray(2, 6)).toEqual(Buffer.alloc(4));
    expect(bytes.subarray(6).toString()).toBe('hello');
    expect(clientFrame('m'.repeat(300)).readUInt16BE(2)).toBe(300);
  });
});

describe('a system and its clients', () => {
  let pair: Pair | undefined;

  afterEach(async () => {
    await pair?.stop();
    pair = undefined;
  });

  const twenty = async (name: string): Promise<Pair> => {
    pair = await startPair(name);
    await pair.load.call('enter', { count: 20, rooms: 1 });
    await pair.load.call('reset');
    return pair;
  };

  test.each(['muster', 'ws string', 'ws prepared', 'socket.io'])('%s: every message is counted once', async (name) => {
    const { server, load } = await twenty(name);
    await server.call('broadcast', { rounds: 3, perTurn: 2, bytes: 64 });
    // One more than there are: it waits until nothing comes any more.
    expect(await load.figure('delivered', 'expect', { deliveries: 3 * 2 * 20 + 1 })).toBe(3 * 2 * 20);
    expect(server.cpu).toBeGreaterThan(0);
  });

  test.each(['muster', 'ws string', 'socket.io'])('%s: what each says in a room, all in it hear', async (name) => {
    const { load } = await twenty(name);
    await load.call('speak', { room: 'r0', bytes: 64 });
    expect(await load.figure('delivered', 'expect', { deliveries: 20 * 20 + 1 })).toBe(20 * 20);
  });
});

test('a row goes to its end and says what it has found', async () => {
  const stage = new Stage({ isQuick: true, rounds: 1, mostConnections: 20, progress: () => {} });
  stage.without = ['ws prepared', 'socket.io', 'go neffos', 'go neffos sync'];
  const { systems, ratios } = await broadcast.run(stage);
  expect(systems.map(({ name }) => name)).toEqual(['muster', 'ws string']);
  for (const { delivered, due, samples } of systems) {
    expect(delivered).toBe(due);
    expect(due % (20 * 20)).toBe(0);
    expect(samples).toHaveLength(1);
  }
  expect(ratios.map(({ what }) => what)).toEqual(['muster / ws string']);
});
