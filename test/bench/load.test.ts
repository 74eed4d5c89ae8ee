import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { clientFrame, FrameReader } from '../../bench/load/frames.js';
import { type Pair, startPair } from '../../bench/processes.js';
import { RowRunner } from '../../bench/rowRunner.js';
import { broadcast } from '../../bench/rows/broadcast.js';
import { frame, ping } from '../../src/protocol/frame.js';
import { describeWith } from '../support/peers/installed.js';
import { bun, goSystems, socketio } from './peers.js';

interface Seen {
  readonly opcode: number;
  readonly length: number;
  readonly text: string | undefined;
}

const texts = ['', 'x', 'y'.repeat(125), 'z'.repeat(126), 'w'.repeat(65_535), 'v'.repeat(65_536), 'last'];
const stream = Buffer.concat([...texts.map(frame), ping]);

/** Reads a stream that is cut into pieces. */
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
  test('reads and keeps the frames of one piece', () => {
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

  test('keeps no more of a payload than `keeps`, and counts every frame', () => {
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
    await pair.load.call('connect', { count: 20, rooms: 1 });
    await pair.load.call('reset');
    return pair;
  };

  test.each(names)('%s: every message is counted once', async (name) => {
    const { server, load } = await twenty(name);
    await server.call('broadcast', { rounds: 3, perTick: 2, bytes: 64 });
    // One more than are due, so that it waits until no more arrive.
    expect(await load.figure('delivered', 'expect', { deliveries: 3 * 2 * 20 + 1 })).toBe(3 * 2 * 20);
  });

  test.each(names)('%s: reports the same processor time as the operating system', async (name) => {
    const { server } = await twenty(name);
    const { user, system } = await server.call('cpu');
    const ratio = (Number(user) + Number(system)) / (await server.cpu());
    expect(ratio).toBeGreaterThan(0.5);
    expect(ratio).toBeLessThan(2);
  });

  test.each(names)('%s: a message from each member reaches all members', async (name) => {
    const { load } = await twenty(name);
    await load.call('sendToRoom', { room: 'r0', bytes: 64 });
    expect(await load.figure('delivered', 'expect', { deliveries: 20 * 20 + 1 })).toBe(20 * 20);
  });

  test.each(names)('%s: broadcasts to one room after the other, answers asks and joins, and counts', async (name) => {
    const { server, load } = await twenty(name);
    // All are in the first of the two rooms.
    await server.call('broadcast', { rounds: 3, perTick: 2, bytes: 64, rooms: 2 });
    expect(await load.figure('delivered', 'expect', { deliveries: 3 * 20 })).toBe(3 * 20);
    expect(await load.figure('answered', 'ask', { outstanding: 4, each: 8, bytes: 64 })).toBe(8 * 20);
    expect(await load.figure('answered', 'join', { outstanding: 2, each: 3, among: 10 })).toBe(3 * 20);
    // Nothing else came before the answers.
    expect(await load.figure('delivered', 'expect', { deliveries: 0 })).toBe((3 + 8 + 3) * 20);
    const sent = await load.figure('sent', 'send', { each: 16, bytes: 64 });
    expect(sent).toBe(16 * 20);
    await vi.waitFor(async () => expect(await server.figure('counted', 'counts')).toBe(sent));
    const flooded = await load.figure('sent', 'flood', { bytes: 4_096 });
    expect(flooded).toBeGreaterThan(20 * 16);
    await vi.waitFor(async () => expect(await server.figure('counted', 'counts')).toBe(sent + flooded));
    expect(await server.figure('members', 'counts')).toBe(20);
    await load.call('disconnect', { count: 20 });
    await vi.waitFor(async () => expect(await server.figure('members', 'counts')).toBe(0));
  });
};

/** A system whose server runs on Node's own loop, and its clients. */
const onNode = (names: readonly string[]) => () => {
  test.each(names)('%s: a room is broadcast to at a fixed pace, while another client asks', async (name) => {
    const pair = await startPair(name);
    onTestFinished(() => pair.stop());
    const { server, load } = pair;
    const other = await pair.addClients();
    await load.call('connect', { count: 20, rooms: 1, among: 1 });
    await other.call('connect', { count: 1 });
    await server.call('watchLoop');
    const [published, { asked, took }] = await Promise.all([
      server.figure('published', 'steady', { ms: 60, every: 20, bytes: 64, room: 'r0' }),
      other.call('witness', { ms: 60, every: 10, bytes: 64 }),
    ]);
    expect(published).toBeGreaterThan(0);
    expect(await load.figure('delivered', 'expect', { deliveries: published * 20 })).toBe(published * 20);
    expect([asked, took]).toEqual([expect.any(Number), Array(Number(asked)).fill(expect.any(Number))]);
    // It is not in the room: the answers are all that it gets.
    expect(await other.figure('delivered', 'expect', { deliveries: 0 })).toBe(asked);
    expect(await server.figure('max', 'loopDelay')).toBeGreaterThan(0);
  });
};

describe('a system and its clients', aSystem(['muster', 'ws string', 'ws prepared']));
describeWith(socketio, 'Socket.IO and its clients', aSystem(['socket.io']));
describe('a system on Node', onNode(['muster', 'ws string', 'ws prepared']));
describeWith(socketio, 'Socket.IO on Node', onNode(['socket.io']));
describeWith(bun, 'Bun and its clients', aSystem(['bun']));
describeWith(goSystems, 'the Go systems and their clients', aSystem(['go neffos sync', 'go gws']));

const runnerOf = (isQuick: boolean, maxConnections: number): RowRunner =>
  new RowRunner({ isQuick, rounds: 1, maxConnections, progress: () => {} });

/** Returns the note of a row with so many connections. */
const noteOf = async (runner: RowRunner, full: number, quick: number, beside = 0): Promise<string> => {
  const run = async () => {
    const value = runner.connections(full, quick, beside);
    return { systems: [], ratios: [], facts: [{ what: 'there', value, unit: '' }] };
  };
  const { note, facts } = await runner.runRow({ id: 'clients', title: '', note: 'A note.', unit: '', run });
  return [note, ...facts.map(({ value }) => value)].join(' ');
};

describe('the note of a row says how many connections it had', () => {
  test('it adds nothing to the full number', async () => {
    expect(await noteOf(runnerOf(false, 15_000), 15_000, 3_000)).toBe('A note. 15000');
    expect(await noteOf(runnerOf(true, 15_000), 1_000, 1_000)).toBe('A note. 1000');
  });

  test('it gives the reason for fewer', async () => {
    const limited = 'as `ulimit -n` allows a process no more.';
    expect(await noteOf(runnerOf(false, 3_500), 15_000, 3_000)).toBe(
      `A note. Here with 3 500 connections instead of 15 000, ${limited} 3500`,
    );
    expect(await noteOf(runnerOf(false, 3_500), 15_000, 3_000, 800)).toContain(' 2 700 connections');
    expect(await noteOf(runnerOf(true, 2_000), 15_000, 3_000)).toContain(
      `2 000 connections instead of 15 000, ${limited}`,
    );
    expect(await noteOf(runnerOf(true, 5_000), 15_000, 3_000)).toContain(
      '3 000 connections instead of 15 000, as this is a quick run.',
    );
  });

  test('it does not repeat the remark in the next row', async () => {
    const runner = runnerOf(false, 2_000);
    await noteOf(runner, 15_000, 3_000);
    expect(await noteOf(runner, 1_000, 1_000)).toBe('A note. 1000');
  });
});

test('a row runs and returns its result', async () => {
  const runner = runnerOf(true, 20);
  runner.without = ['ws prepared', 'socket.io', 'bun', 'go neffos', 'go neffos sync', 'go gws'];
  const { systems, ratios, note } = await runner.runRow(broadcast);
  expect(systems.map(({ name }) => name)).toEqual(['muster', 'ws string']);
  for (const { delivered, due, samples } of systems) {
    expect(delivered).toBe(due);
    expect(due % (20 * 20)).toBe(0);
    expect(samples).toHaveLength(1);
  }
  expect(ratios.map(({ what }) => what)).toEqual(['muster / ws string']);
  expect(note).toMatch(/ Here with 20 connections instead of 5 000, as `ulimit -n` allows a process no more\.$/);
});
