import { afterEach, describe, expect, test } from 'vitest';
import { type Pair, startPair } from '../../bench/conductor.js';
import { clientFrame, FrameReader } from '../../bench/load/frames.js';
import { broadcast } from '../../bench/rows/broadcast.js';
import { Stage } from '../../bench/stage.js';
import { frame, ping } from '../../src/protocol/frame.js';
import { describeWith } from '../support/peers/installed.js';
import { socketio } from './socketioPeer.js';

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

  test('finds the same frames byte by byte', () => {
    const cuts = Array.from({ length: stream.length - 1 }, (_, at) => at + 1);
    expect(read(stream, cuts, Number.POSITIVE_INFINITY)).toEqual(whole);
    expect(read(stream, cuts, 0)).toHaveLength(whole.length);
  });

  test('keeps no more of a payload than requested, and counts all of it', () => {
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

const aSystem = (names: readonly string[]) => (): void => {
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

  test.each(names)('%s: every message is counted once', async (name) => {
    const { server, load } = await twenty(name);
    await server.call('broadcast', { rounds: 3, perTurn: 2, bytes: 64 });
    // One more than there are: it waits until nothing comes any more.
    expect(await load.figure('delivered', 'expect', { deliveries: 3 * 2 * 20 + 1 })).toBe(3 * 2 * 20);
  });

  test.each(names)('%s: reports its processor time as the system does', async (name) => {
    const { server } = await twenty(name);
    const { user, system } = await server.call('cpu');
    const ratio = (Number(user) + Number(system)) / (await server.cpu());
    expect(ratio).toBeGreaterThan(0.5);
    expect(ratio).toBeLessThan(2);
  });

  test.each(names)('%s: a message of one client in a room reaches all', async (name) => {
    const { load } = await twenty(name);
    await load.call('speak', { room: 'r0', bytes: 64 });
    expect(await load.figure('delivered', 'expect', { deliveries: 20 * 20 + 1 })).toBe(20 * 20);
  });
};

describe('a system and its clients', aSystem(['muster', 'ws string', 'ws prepared']));
describeWith(socketio, 'Socket.IO and its clients', aSystem(['socket.io']));

const stageOf = (isQuick: boolean, mostConnections: number): Stage =>
  new Stage({ isQuick, rounds: 1, mostConnections, progress: () => {} });

/** What is noted of a row that wants so many connections, and some beside them. */
const noteOf = async (stage: Stage, full: number, quick: number, beside = 0): Promise<string> => {
  const run = async () => {
    const value = stage.connections(full, quick, beside);
    return { systems: [], ratios: [], facts: [{ what: 'there', value, unit: '' }] };
  };
  const { note, facts } = await stage.play({ id: 'crowd', title: '', note: 'A crowd.', unit: '', run });
  return [note, ...facts.map(({ value }) => value)].join(' ');
};

describe('a row reports how many connections it had', () => {
  test('with the full number it prints no note', async () => {
    expect(await noteOf(stageOf(false, 15_000), 15_000, 3_000)).toBe('A crowd. 15000');
    expect(await noteOf(stageOf(true, 15_000), 1_000, 1_000)).toBe('A crowd. 1000');
  });

  test('with fewer connections, allowed or requested, it prints the reason', async () => {
    const limited = 'as `ulimit -n` allows a process no more.';
    expect(await noteOf(stageOf(false, 3_500), 15_000, 3_000)).toBe(
      `A crowd. Here with 3 500 connections instead of 15 000, ${limited} 3500`,
    );
    expect(await noteOf(stageOf(false, 3_500), 15_000, 3_000, 800)).toContain(' 2 700 connections');
    expect(await noteOf(stageOf(true, 2_000), 15_000, 3_000)).toContain(
      `2 000 connections instead of 15 000, ${limited}`,
    );
    expect(await noteOf(stageOf(true, 5_000), 15_000, 3_000)).toContain(
      '3 000 connections instead of 15 000, as this is a quick run.',
    );
  });

  test('prints it for this row alone', async () => {
    const stage = stageOf(false, 2_000);
    await noteOf(stage, 15_000, 3_000);
    expect(await noteOf(stage, 1_000, 1_000)).toBe('A crowd. 1000');
  });
});

test('a row completes and reports its figures', async () => {
  const stage = stageOf(true, 20);
  stage.without = ['ws prepared', 'socket.io', 'go neffos', 'go neffos sync'];
  const { systems, ratios, note } = await stage.play(broadcast);
  expect(systems.map(({ name }) => name)).toEqual(['muster', 'ws string']);
  for (const { delivered, due, samples } of systems) {
    expect(delivered).toBe(due);
    expect(due % (20 * 20)).toBe(0);
    expect(samples).toHaveLength(1);
  }
  expect(ratios.map(({ what }) => what)).toEqual(['muster / ws string']);
  expect(note).toMatch(/ Here with 20 connections instead of 5 000, as `ulimit -n` allows a process no more\.$/);
});
