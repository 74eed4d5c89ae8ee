import { EventEmitter } from 'node:events';
import { Duplex } from 'node:stream';
import { expect, test } from 'vitest';
import { Gathering, LastWrites } from '../../../src/actors/runtime/gathering.js';
import { StreamOutlet } from '../../../src/server/socket/outlet.js';

const kib = 1024;

/** A stream that takes what it is given once it is released. */
const open = (isStalled = false) => {
  const gathering = new Gathering();
  const written: string[] = [];
  const log: string[] = [];
  let release = (): void => {};
  let isHeld = isStalled;
  const stream = new Duplex({
    writableHighWaterMark: 64,
    read: () => {},
    write: (bytes: Buffer, _, done) => {
      written.push(bytes.length > 20 ? `${bytes.length} bytes` : bytes.toString('latin1'));
      release = done;
      if (!isHeld) done();
    },
  });
  const counters = { lateWrites: 0 };
  const outlet = new StreamOutlet(
    stream,
    { outletOnFull: () => log.push('full'), outletOnDrain: () => log.push('drained') },
    { gathering, counters },
  );
  const write = (text: string): boolean => outlet.write(Buffer.from(text));
  const work = (job: () => void): void => {
    const outer = gathering.beginWork();
    job();
    gathering.end(outer);
  };
  const flow = async (): Promise<void> => {
    isHeld = false;
    release();
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { gathering, written, log, stream, counters, outlet, write, work, flow };
};

test('[BC15] frames of one piece of work leave in one write', () => {
  const { written, outlet, write, work } = open();
  work(() => {
    expect([write('one '), write('two '), write('three')]).toEqual([true, true, true]);
    expect(written).toEqual([]);
    expect(outlet.backlog).toBe(13);
  });
  expect(written).toEqual(['one two three']);
  expect(outlet.backlog).toBe(0);
});

test('[BC15] [BC3] a write at once takes along what waits, in order', () => {
  const { written, gathering, write, work } = open();
  work(() => {
    write('one ');
    const outer = gathering.beginDirect();
    write('two ');
    write('three');
    gathering.end(outer);
    write('four');
  });
  expect(written).toEqual(['one two ', 'three', 'four']);
});

test('[BC15] one write has at most 256 KiB, unless one frame is larger', () => {
  const { written, outlet, work } = open();
  work(() => {
    for (const size of [200, 56, 1, 300]) outlet.write(Buffer.alloc(size * kib));
  });
  expect(written).toEqual([`${256 * kib} bytes`, `${kib} bytes`, `${300 * kib} bytes`]);
});

test('[BC15] what has left in the midst of work does not count among the 4 MiB that may wait', () => {
  const { written, gathering, outlet, write, work } = open();
  const stream = new Duplex({ read: () => {}, write: (_bytes, _encoding, done) => done() });
  const listener = { outletOnFull: () => {}, outletOnDrain: () => {} };
  const large = new StreamOutlet(stream, listener, { gathering, counters: { lateWrites: 0 } });
  work(() => {
    write('waits');
    for (let n = 0; n < 32; n++) large.write(Buffer.alloc(200 * kib));
    expect(written).toEqual([]);
    for (let n = 0; n < 16; n++) {
      const another = new StreamOutlet(stream, listener, { gathering, counters: { lateWrites: 0 } });
      another.write(Buffer.alloc(256 * kib));
    }
    expect(written).toEqual(['waits']);
  });
  expect(outlet.backlog).toBe(0);
});

test('[BC15] [BP1] the listener learns that the socket is full when what waited is written', async () => {
  const { log, outlet, write, work, flow } = open(true);
  work(() => {
    expect(write('x'.repeat(100))).toBe(true);
    expect(log).toEqual([]);
  });
  expect(log).toEqual(['full']);
  expect(outlet.backlog).toBe(100);
  work(() => expect(write('y')).toBe(false));
  expect(log).toEqual(['full', 'full']);
  expect(outlet.backlog).toBe(101);
  await flow();
  expect(log).toEqual(['full', 'full', 'drained']);
});

test('[BC15] [BP1] when the socket has drained, writes leave at once, so that it is known whether they fill it', () => {
  const gathering = new Gathering();
  const stream = new Duplex({ read: () => {}, write: (_bytes, _encoding, done) => done() });
  const seen: boolean[] = [];
  const listener = { outletOnFull: () => {}, outletOnDrain: () => seen.push(gathering.isDirect) };
  new StreamOutlet(stream, listener, { gathering, counters: { lateWrites: 0 } });
  stream.emit('drain');
  expect([...seen, gathering.isDirect]).toEqual([true, false]);
});

test('[BC15] [BP1] the listener learns that the socket is full when what waited fills it as it has drained', async () => {
  const { log, stream, gathering, write, written } = open(true);
  const outer = gathering.beginWork();
  write('x'.repeat(100));
  stream.emit('drain');
  expect(written).toEqual(['100 bytes']);
  expect(log).toEqual(['full', 'drained']);
  gathering.end(outer);
});

test('[BC15] frames that wait for a socket that is lost are dropped, and each is counted', () => {
  const { written, counters, stream, outlet, write, work, log } = open();
  work(() => {
    write('one');
    write('two');
    stream.destroy();
    expect(write('three')).toBe(false);
  });
  expect({ written, counters, log, backlog: outlet.backlog }).toEqual({
    written: [],
    counters: { lateWrites: 2 },
    log: [],
    backlog: 0,
  });
});

test('[BC15] what is written while the process exits leaves at once', () => {
  const host = new EventEmitter();
  const gathering = new Gathering(true, () => {}, new LastWrites(host));
  const written: string[] = [];
  const stream = new Duplex({
    read: () => {},
    write: (bytes: Buffer, _, done) => {
      written.push(bytes.toString());
      done();
    },
  });
  const listener = { outletOnFull: () => {}, outletOnDrain: () => {} };
  const outlet = new StreamOutlet(stream, listener, { gathering, counters: { lateWrites: 0 } });
  host.on('exit', () => {
    for (const text of ['two', 'three']) outlet.write(Buffer.from(text));
  });
  outlet.write(Buffer.from('one'));
  host.emit('exit');
  expect([...written, outlet.backlog]).toEqual(['one', 'two', 'three', 0]);
});

test('[BC15] a flush writes at once, and nothing is left for later', () => {
  const { written, outlet, write, work } = open();
  work(() => {
    write('one');
    expect(outlet.flush()).toBe(true);
    expect(written).toEqual(['one']);
    expect(outlet.flush()).toBe(true);
  });
  expect(written).toEqual(['one']);
});

test('[LM3] bytes that wait do not count as sent', () => {
  const { stream, outlet, write, work } = open();
  Object.defineProperty(stream, 'bytesWritten', { value: 50 });
  work(() => {
    write('waits');
    expect(outlet.sent).toBe(50);
  });
});

test('[LM3] bytes count as sent on a stream that does not count them', async () => {
  const { outlet, write, work, flow } = open(true);
  work(() => write('leaves'));
  expect(outlet.sent).toBe(0);
  await flow();
  expect(outlet.sent).toBe(6);
});
