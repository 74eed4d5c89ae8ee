import { Duplex, Writable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { takeData } from '../../../src/server/socket/wsReceiver.js';
import { makeLines, type Player } from '../../support/frames/player.js';
import { close, encode, opcodes, ping, text } from '../../support/rfc6455/clientFrame.js';

/** The names of so many messages. */
const names = (count: number, prefix = ''): string[] => Array.from({ length: count }, (_, at) => `${prefix}${at}`);
const many = (all: readonly string[]): Buffer => Buffer.concat(all.map((name) => text(name)));
const textsOf = (log: readonly string[]): string[] =>
  log.filter((line) => line.startsWith('text ')).map((line) => line.slice(5));

/** A connection that pauses at its third message, of the hundred that one read brings. */
const paused = async (more: readonly Buffer[] = []) => {
  const player = await makeLines()();
  const { line, socket, log } = player;
  player.onMessage = () => {
    if (textsOf(log).length === 3) socket.isReading = false;
  };
  line.push(Buffer.concat([many(names(100)), ...more]));
  await player.settle();
  return player;
};

describe('a stream that brings bytes while others are handled, as one in memory may', () => {
  /** Brings further bytes with the message of this name. */
  const bringAt = (player: Player, name: string, more: readonly Buffer[]): void => {
    const wait = [...more];
    const inner = player.onMessage;
    player.onMessage = (data) => {
      inner(data);
      if (textsOf(player.log).at(-1) !== name) return;
      for (const bytes of wait.splice(0)) player.line.push(bytes);
    };
  };

  test.each([true, false])('[LM9] [SV7] they come after the others: own parser %s', async (ownParser) => {
    const player = await makeLines(ownParser)();
    bringAt(player, '3', [text('later'), text('and later')]);
    player.line.push(many(names(10)));
    await player.settle(8);
    expect(textsOf(player.log)).toEqual([...names(10), 'later', 'and later']);
  });

  test('[LM9] [SV7] they come after those that have waited', async () => {
    const player = await paused();
    bringAt(player, '30', [text('later'), text('and later')]);
    bringAt(player, '99', [text('at last')]);
    player.socket.isReading = true;
    await player.settle(12);
    expect(textsOf(player.log)).toEqual([...names(100), 'later', 'and later', 'at last']);
    expect(player.line.isPaused()).toBe(false);
  });

  test('[LM9] [SV7] they come after those that have waited for the next tick', async () => {
    const player = await makeLines()();
    player.onMessage = () => {
      if (textsOf(player.log).length === 3) player.clock.spend(11);
    };
    bringAt(player, '50', [text('later'), text('and later')]);
    bringAt(player, 'and later', [text('at last')]);
    player.line.push(many(names(100)));
    await player.settle(12);
    expect(textsOf(player.log)).toEqual([...names(100), 'later', 'and later', 'at last']);
    expect(player.line.isPaused()).toBe(false);
  });

  test('[LM9] [LM1] they are dropped behind an error', async () => {
    const player = await makeLines()();
    bringAt(player, '3', [text('later')]);
    player.line.push(Buffer.concat([many(names(10)), Buffer.from('ffff', 'hex')]));
    await player.settle(8);
    expect(textsOf(player.log)).toEqual(names(10));
  });
});

describe('a connection that pauses in the middle of a read', () => {
  test('[LM9] gets nothing more until it is resumed, then the rest in order, before what comes later', async () => {
    const player = await paused();
    const { line, socket, log } = player;
    expect(textsOf(log)).toEqual(names(3));
    line.push(text('later'));
    await player.settle();
    expect(textsOf(log)).toHaveLength(3);
    expect(line.readableLength).toBeGreaterThan(0);
    socket.isReading = true;
    expect(textsOf(log)).toHaveLength(3);
    await player.settle(8);
    expect(textsOf(log)).toEqual([...names(100), 'later']);
    expect(line.readableLength).toBe(0);
  });

  test('[LM9] [LM3] [LM4] is not read until what waits is handled', async () => {
    const player = await paused();
    const { socket } = player;
    socket.isReading = true;
    expect(socket.isReading).toBe(false);
    await player.settle(8);
    expect(socket.isReading).toBe(true);
  });

  test('[LM9] gets nothing more either behind a control frame that two reads have brought', async () => {
    const player = await makeLines()();
    const { line, socket, log } = player;
    player.onMessage = () => {
      socket.isReading = false;
    };
    const control = ping('in two pieces');
    line.push(Buffer.from(control.subarray(0, 9)));
    line.push(Buffer.concat([control.subarray(9), many(names(10))]));
    expect(textsOf(log)).toEqual(['0']);
  });

  test('[LM9] may pause again', async () => {
    const player = await paused();
    const { socket, log } = player;
    player.onMessage = () => {
      socket.isReading = false;
    };
    socket.isReading = true;
    await player.settle();
    expect(textsOf(log)).toHaveLength(4);
    player.onMessage = () => {};
    socket.isReading = true;
    await player.settle(8);
    expect(textsOf(log)).toEqual(names(100));
  });

  test('[LM9] keeps what waits at its own size', async () => {
    const player = await makeLines()();
    const { line, socket } = player;
    const sizes = new Set<number>();
    let isFirst = true;
    player.onMessage = (data) => {
      if (typeof data !== 'string') sizes.add(data.buffer.byteLength);
      if (isFirst) socket.isReading = false;
      isFirst = false;
    };
    const read = new Uint8Array(65_536);
    const bytes = Buffer.from(read.buffer, 0, many(names(10)).copy(read));
    line.push(bytes);
    socket.isReading = true;
    await player.settle();
    expect([...sizes]).toEqual([65_536, bytes.length - text('0').length]);
  });

  test.each([
    ['a FIN', 'closed 1006  undefined after 0 pings, 0 pongs'],
    ['a reset', 'closed 1006  undefined after 0 pings, 0 pongs'],
  ])('[LM9] gets all of it before %s, also while it is paused', async (kind, ending) => {
    const player = await paused();
    const { line, log } = player;
    if (kind === 'a FIN') line.push(null);
    // What the paused socket has read comes as well.
    else {
      line.push(text('buffered'));
      line.destroy(new Error('reset'));
    }
    await player.settle(8);
    line.destroy();
    await player.settle();
    expect(textsOf(log)).toEqual([...names(100), ...(kind === 'a FIN' ? [] : ['buffered'])]);
    expect(log.at(-1)).toBe(ending);
  });

  test('[LM9] [SV6] gets a close frame that waits, with its code', async () => {
    const player = await paused([close(4_001, 'bye'), text('too late')]);
    const { socket, log } = player;
    expect(log.filter((line) => line.startsWith('clos'))).toEqual([]);
    socket.isReading = true;
    await player.settle(8);
    expect(textsOf(log)).toEqual(names(100));
    expect(log).toContain('closing 4001 bye undefined');
  });

  test('[LM9] drops what waits once the server has ended the socket', async () => {
    const player = await paused();
    const { socket, log } = player;
    socket.destroy();
    await player.settle(8);
    expect(textsOf(log)).toEqual(names(3));
    expect(log.at(-1)).toMatch(/^closed 1006/);
  });

  test('[LM9] completes a message that a paused socket has cut before its end', async () => {
    const player = await makeLines()();
    const { line, socket, log } = player;
    const whole = text('cut in two');
    line.push(Buffer.from(whole.subarray(0, 9)));
    socket.isReading = false;
    line.push(Buffer.from(whole.subarray(9)));
    line.destroy(new Error('reset'));
    await player.settle(8);
    expect(textsOf(log)).toEqual(['cut in two']);
  });
});

describe('what all connections send', () => {
  /** Two connections; the handler of the first takes as long as a tick may last. */
  const two = async () => {
    const open = makeLines();
    const log: string[] = [];
    const [slow, other] = [await open(log), await open(log)];
    slow.onMessage = () => {
      slow.onMessage = () => {};
      slow.clock.spend(10);
    };
    return { slow, other, log };
  };

  test('[LM9] waits as soon as handling it has taken 10 ms of a tick, and goes on in slices', async () => {
    const { slow, other, log } = await two();
    slow.line.push(many(names(40, 'a')));
    other.line.push(many(names(5, 'b')));
    // A look at the clock after every 32 messages.
    expect(textsOf(log)).toEqual(names(32, 'a'));
    await slow.settle(4);
    expect(textsOf(log).slice(32)).toEqual([...names(40, 'a').slice(32), ...names(5, 'b')]);
  });

  test('[LM9] is handled at once in the next tick', async () => {
    const { slow, other, log } = await two();
    slow.line.push(text('a'));
    slow.clock.runImmediates();
    other.line.push(text('b'));
    expect(textsOf(log)).toEqual(['a', 'b']);
  });

  test('[LM9] takes turns in slices: one connection after the other', async () => {
    const { slow, other, log } = await two();
    slow.line.push(text('first'));
    slow.line.push(many(names(70, 'a')));
    other.line.push(many(names(70, 'b')));
    await slow.settle(6);
    const turns = textsOf(log)
      .slice(1)
      .map((name) => name.charAt(0))
      .join('');
    expect(turns).toBe(
      ['a', 'b', 'a', 'b']
        .map((name) => name.repeat(32))
        .join('')
        .concat('aaaaaabbbbbb'),
    );
  });

  test('[LM9] is not read meanwhile, once one read waits and another has come', async () => {
    const { slow, log } = await two();
    const { line } = slow;
    line.push(text('first'));
    line.push(text('waits'));
    line.push(text('has come'));
    line.push(text('is not read'));
    expect(line.readableLength).toBe(text('is not read').length);
    await slow.settle(6);
    expect(textsOf(log)).toEqual(['first', 'waits', 'has come', 'is not read']);
  });
});

describe('the deadline of a message', () => {
  test('[LM6] begins with a message that a read has cut, and ends with it', async () => {
    const player = await makeLines()();
    const { line, clock, log } = player;
    const whole = text('in two pieces');
    line.push(Buffer.from(whole.subarray(0, 5)));
    clock.advance(9_999);
    await player.settle();
    line.push(Buffer.from(whole.subarray(5)));
    clock.advance(60_000);
    expect(log).toEqual(['text in two pieces']);
    await player.settle();
    line.push(Buffer.from(whole.subarray(0, 1)));
    clock.advance(9_999);
    expect(log).toHaveLength(1);
    clock.advance(1);
    expect(log.at(-1)).toBe('closing 1008 message not completed in time incomplete');
  });

  test.each([
    ['text', text],
    ['binary', (name: string) => encode({ opcode: opcodes.binary, payload: name })],
  ])('[LM6] is that of one message, also where a read ends it and begins the next: %s', async (_, encoded) => {
    const player = await makeLines()();
    const { line, clock, log } = player;
    const three = [encoded('one'), encoded('two'), encoded('three')];
    const [first = 0, second = 0] = three.map(({ length }) => length);
    const all = Buffer.concat(three);
    const cuts = [0, first - 1, first + second - 1, all.length];
    for (const [at, from] of cuts.slice(0, 3).entries()) {
      line.push(Buffer.from(all.subarray(from, cuts[at + 1])));
      clock.advance(9_000);
      await player.settle();
    }
    expect(log).toHaveLength(3);
  });

  test('[LM6] does not judge a message whose end waits', async () => {
    const player = await makeLines()();
    const { line, socket, clock, log } = player;
    const whole = text('in two pieces');
    player.onMessage = () => {
      socket.isReading = false;
    };
    line.push(Buffer.concat([text('one'), whole.subarray(0, 5)]));
    socket.isReading = true;
    clock.advance(30_000);
    expect(log).toEqual(['text one']);
    line.push(Buffer.from(whole.subarray(5)));
    await player.settle();
    expect(log).toEqual(['text one', 'text in two pieces']);
  });
});

describe('a message', () => {
  test.each([
    [300, 301],
    [65_535, 65_536],
    [100, 101],
  ])('[LM1] of over %d bytes is refused as soon as its size is there', async (limit, size) => {
    const player = await makeLines(true, limit)();
    const { line, log } = player;
    line.push(text('x'.repeat(limit)));
    expect(log).toEqual([`text ${'x'.repeat(limit)}`]);
    const whole = text('y'.repeat(size));
    const sizeEnd = size < 126 ? 2 : size < 65_536 ? 4 : 10;
    for (const byte of whole.subarray(0, sizeEnd - 1)) line.push(Buffer.from([byte]));
    await player.settle();
    expect(log).toHaveLength(1);
    line.push(Buffer.from(whole.subarray(sizeEnd - 1, sizeEnd)));
    await player.settle();
    expect(log[1]).toBe('closing 1009 message too big tooBig');
    const other = await makeLines(true, limit)();
    other.line.push(Buffer.from(whole.subarray(0, sizeEnd)));
    await other.settle();
    expect(other.log[0]).toBe('closing 1009 message too big tooBig');
  });

  test.each([0, 1, 2, 3].flatMap((offset) => [1, 5, 127, 128, 129, 131, 300].map((size) => [offset, size])))(
    '[FR11] is unmasked wherever it lies: %d bytes into a word, %d bytes long',
    async (offset = 0, size = 0) => {
      const player = await makeLines()();
      const { line, log } = player;
      const ascii = Array.from({ length: size }, (_, at) => String.fromCharCode(33 + (at % 90))).join('');
      const memory = Buffer.alloc(2_000);
      for (const payload of [ascii, `${ascii.slice(3)}é`, `é${ascii.slice(3)}`]) {
        const end = offset + text(payload).copy(memory, offset);
        line.push(Buffer.from(memory.buffer, memory.byteOffset + offset, end - offset));
        expect(log.pop()).toBe(`text ${payload}`);
      }
    },
  );

  test('[FR11] that is not UTF-8 closes with 1007, and nothing after it is read', async () => {
    for (const broken of ['c3', `${'20'.repeat(150)}ff`, `ff${'20'.repeat(150)}`]) {
      const player = await makeLines()();
      const { line, log } = player;
      line.push(Buffer.concat([text('one'), text(Buffer.from(broken, 'hex')), text('two')]));
      line.push(text('three'));
      await player.settle();
      expect(log.slice(0, 2)).toEqual(['text one', 'closing 1007 not UTF-8 notUtf8']);
      expect(textsOf(log)).toEqual(['one']);
    }
  });

  test('[LM7] comes after the pongs for the pings before it', async () => {
    const player = await makeLines()();
    const { line, log } = player;
    line.push(Buffer.concat([ping('a'), ping('b'), text('one'), ping('c'), text('two')]));
    expect(log).toEqual(['sends 8a01618a0162', 'text one', 'sends 8a0163', 'text two']);
  });

  test('[FR11] in parts is not broken by a whole one', async () => {
    const player = await makeLines()();
    const { line, log } = player;
    const part = encode({ opcode: opcodes.text, payload: 'part', isLast: false });
    line.push(Buffer.concat([part, ping('between'), text('whole')]));
    await player.settle();
    expect(log[1] ?? log[0]).toBe('closing 1002 not a websocket frame malformed');
    expect(textsOf(log)).toEqual([]);
  });

  test('[LM9] that a read has cut does not keep the buffer of that read', async () => {
    const player = await makeLines()();
    const { line, log } = player;
    const whole = text('in two pieces');
    const first = Buffer.from(whole.subarray(0, 8));
    line.push(first);
    first.fill(0);
    line.push(Buffer.from(whole.subarray(8)));
    expect(log).toEqual(['text in two pieces']);
  });
});

test('[LM9] where ws is not as expected, it reads the socket itself', () => {
  const socket = new Duplex({ read: () => {}, write: (_, __, done) => done() });
  const listener = function socketOnData(): void {};
  socket.on('data', listener);
  const ws: WebSocket = Reflect.construct(WebSocket, [null, undefined, {}]);
  expect(takeData(ws, socket)).toBeUndefined();
  Reflect.set(ws, '_receiver', new Writable());
  expect(takeData(ws, socket)).toBeUndefined();
  expect(socket.listeners('data')).toEqual([listener]);
});
