import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { Readable } from 'node:stream';
import { afterEach, expect, test, vi } from 'vitest';
import type { Namespaces } from '../../../src/index.js';
import { handleOf, readState } from '../../../src/server/socket/handle.js';
import { lasting, takeReads } from '../../../src/server/socket/handleReads.js';
import { dialAcknowledged, frame, useTcpClients } from '../../support/peers/tcpClient.js';
import { useServers } from '../../support/server/testServer.js';

const start = useServers();
useTcpClients();

const closers: (() => void)[] = [];

afterEach(() => {
  vi.restoreAllMocks();
  for (const close of closers.splice(0)) close();
});

/** A socket whose reads are noted, and its client. `prepare` sees the socket first. What takes a read returns `returned`. */
const open = async (prepare: (stream: Socket) => void = () => {}, returned?: unknown) => {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const client = connect(typeof address === 'object' && address ? address.port : 0, '127.0.0.1');
  const [stream] = await new Promise<Socket[]>((resolve) => {
    server.once('connection', (socket) => resolve([socket]));
  });
  if (!stream) throw new Error('no socket');
  closers.push(() => {
    client.destroy();
    stream.destroy();
    server.close();
  });
  const log: string[] = [];
  for (const event of ['end', 'error', 'close'] as const) stream.on(event, () => log.push(event));
  client.on('error', () => {});
  prepare(stream);
  let shared: Buffer = Buffer.alloc(0);
  const take = (bytes: Buffer): unknown => {
    log.push(bytes.toString());
    if (lasting(bytes) !== bytes) shared = Buffer.from(bytes.buffer);
    return returned;
  };
  stream.on('data', take);
  const setReading = takeReads(stream, take);
  const push = vi.spyOn(Readable.prototype, 'push');
  /** Whether the stream had a part in what was read. */
  const passedTheStream = (): boolean => push.mock.contexts.includes(stream);
  const say = async (text: string): Promise<void> => {
    client.write(text);
    await expect.poll(() => log.join('')).toContain(text);
  };
  const read = (text: string): void => readNow(stream, shared, text);
  return { client, stream, log, say, read, setReading, passedTheStream };
};

/** Reads bytes at once, as Node does when the kernel has some. `shared` is the buffer of all reads. */
const readNow = (stream: Socket, shared: Buffer, text: string): void => {
  const handle = handleOf(stream);
  const onRead: unknown = handle && Reflect.get(handle, 'onread');
  if (!readState || !handle || typeof onRead !== 'function') throw new Error('no handle');
  const bytes = Buffer.from(text);
  bytes.copy(shared);
  readState.state[readState.readIndex] = bytes.length;
  onRead.call(handle);
};

test('[SV7] what is read is passed on without the stream, and its end comes behind', async () => {
  const { client, log, say, passedTheStream } = await open();
  await say('one');
  await say('two');
  expect(passedTheStream()).toBe(false);
  client.end('three');
  await expect.poll(() => log).toEqual(['one', 'two', 'three', 'end', 'close']);
});

test('[SV7] what takes a read does not say where the next one goes', async () => {
  const { log, say } = await open(undefined, Buffer.alloc(8));
  await say('one');
  await say('two');
  expect(log).toEqual(['one', 'two']);
});

test('[SV6] an error reaches the stream', async () => {
  const { client, log, say } = await open();
  await say('one');
  client.resetAndDestroy();
  await expect.poll(() => log).toEqual(['one', 'error', 'close']);
});

test('[LM9] a paused socket passes nothing on, and goes on with what it holds before it reads more', async () => {
  const { client, stream, log, say, read, passedTheStream } = await open();
  await say('one');
  stream.pause();
  client.write('two');
  await expect.poll(() => stream.readableLength).toBe(3);
  read('three');
  expect(log).toEqual(['one']);
  stream.resume();
  read('four');
  expect(log).toEqual(['one']);
  await expect.poll(() => log.join(' ')).toMatch(/^one two ?three ?four$/);
  expect(passedTheStream()).toBe(true);
  client.write('five');
  await expect.poll(() => log.at(-1)).toBe('five');
});

test('[LM9] a socket that is paused within a read passes on that read alone', async () => {
  const { stream, log, say, read } = await open();
  stream.once('pause', () => read('two'));
  await say('one');
  stream.pause();
  expect(log).toEqual(['one']);
  stream.resume();
  await expect.poll(() => log).toEqual(['one', 'two']);
});

/** Time enough to read what the kernel has. */
const turns = async (): Promise<void> => {
  for (let left = 5; left > 0; left--) await new Promise((resolve) => setImmediate(resolve));
};

test('[LM9] a socket that is stopped below its stream is not read, and then goes on', async () => {
  const { client, stream, log, say, setReading, passedTheStream } = await open();
  await say('one');
  for (const _ of [1, 2]) setReading?.(false);
  await new Promise((resolve) => client.write('two', resolve));
  await turns();
  expect([log, stream.bytesRead, stream.isPaused()]).toEqual([['one'], 3, false]);
  for (const _ of [1, 2]) setReading?.(true);
  await expect.poll(() => log).toEqual(['one', 'two']);
  setReading?.(false);
  client.end('three');
  await turns();
  expect([log, passedTheStream()]).toEqual([['one', 'two'], false]);
  setReading?.(true);
  await expect.poll(() => log).toEqual(['one', 'two', 'three', 'end', 'close']);
  setReading?.(false);
});

test('[LM9] a stream whose buffer is full is not read further', async () => {
  const { client, stream, say, setReading } = await open();
  await say('one');
  stream.pause();
  client.write(Buffer.alloc(2_000_000));
  await expect.poll(() => handleOf(stream)?.reading).toBe(false);
  const { bytesRead } = stream;
  setReading?.(true);
  setReading?.(false);
  setReading?.(true);
  await turns();
  expect([handleOf(stream)?.reading, stream.bytesRead]).toEqual([false, bytesRead]);
});

test('[SV6] a socket that cannot be read any more ends with an error', async () => {
  const { stream, log, say, setReading } = await open();
  await say('one');
  const handle = handleOf(stream);
  if (!handle) throw new Error('no handle');
  setReading?.(false);
  Reflect.set(handle, 'readStart', () => -107);
  const failed = once(stream, 'error');
  setReading?.(true);
  expect((await failed)[0]).toMatchObject({ message: 'read ENOTCONN', code: 'ENOTCONN', syscall: 'read' });
  await expect.poll(() => log).toEqual(['one', 'error', 'close']);
});

test('[LM9] while messages wait, at most 64 KiB more are read of their connection', async () => {
  const count = 20_000;
  const one = frame(`;default;;count;0;0;${'.'.repeat(20)}`);
  let handled = 0;
  let furthest = 0;
  const namespaces: Namespaces = {
    default: {
      count: ({ conn }) => {
        handled++;
        furthest = Math.max(furthest, conn.request.socket.bytesRead - before - handled * one.length);
      },
    },
  };
  const testServer = await start({ namespaces });
  const { socket, waitFor } = await dialAcknowledged(testServer);
  socket.write(frame('$1;default;;_OnNamespaceConnect;0;0;'));
  await waitFor('$1;');
  const before = testServer.server.connections()[0]?.request.socket.bytesRead ?? 0;
  socket.write(Buffer.concat(Array.from({ length: count }, () => one)));
  await expect.poll(() => handled).toBe(count);
  expect(furthest).toBeLessThanOrEqual(2 * 65_536);
});

test('[HS19] another listener receives every byte, and what is read later if it leaves', async () => {
  const { stream, say, passedTheStream } = await open();
  await say('one');
  const seen: string[] = [];
  const listener = (bytes: Buffer): void => void seen.push(bytes.toString());
  stream.on('data', listener);
  await say('two');
  expect(seen).toEqual(['two']);
  stream.off('data', listener);
  vi.clearAllMocks();
  await say('three');
  expect([seen, passedTheStream()]).toEqual([['two'], false]);
});

test('[HS19] each read renews the timeout of the socket', async () => {
  const { stream, say, passedTheStream } = await open();
  await say('one');
  stream.setTimeout(60_000);
  expect(passedTheStream()).toBe(false);
  await say('two');
  expect(passedTheStream()).toBe(true);
});

test('[HS19] code that watches a socket sees what is read', async () => {
  const seen: string[] = [];
  const { say } = await open((stream) => {
    const emit = stream.emit.bind(stream);
    stream.emit = (event: string, ...given: unknown[]) => {
      if (event === 'data') seen.push(String(given[0]));
      return emit(event, ...given);
    };
  });
  await say('one');
  expect(seen).toEqual(['one']);
});

test('[HS19] code that watches a handle sees what is read', async () => {
  let reads = 0;
  const { stream, say, passedTheStream } = await open((socket) => {
    const handle = handleOf(socket);
    const onRead: unknown = handle && Reflect.get(handle, 'onread');
    if (!handle || typeof onRead !== 'function') throw new Error('no handle');
    Reflect.set(handle, 'onread', (bytes: unknown) => {
      reads++;
      return onRead.call(handle, bytes);
    });
  });
  await say('one');
  expect([reads, passedTheStream(), stream.bytesRead]).toEqual([1, true, 3]);
});

test('[FR7] [SV7] what is kept of a read stays as it is while other sockets are read', async () => {
  const bodies: (string | Uint8Array)[] = [];
  const namespaces: Namespaces = {
    default: {
      keep: (_, { body }) => {
        bodies.push(body);
      },
    },
  };
  const testServer = await start({ namespaces });
  const dial = async (): Promise<(...parts: Buffer[]) => Promise<void>> => {
    const { socket, waitFor } = await dialAcknowledged(testServer);
    socket.write(frame('$1;default;;_OnNamespaceConnect;0;0;'));
    await waitFor('$1;');
    return async (...parts) => {
      const { length } = bodies;
      socket.write(Buffer.concat(parts));
      await expect.poll(() => bodies.length).toBe(length + 1);
    };
  };
  const [say, overwrite] = [await dial(), await dial()];
  const eventOf = (body: string, opcode = 1): Buffer => frame(Buffer.from(`;default;;keep;0;0;${body}`), { opcode });
  const dashes = eventOf('-'.repeat(16_000));
  const binary = eventOf('b'.repeat(10_000), 2);
  const text = eventOf('t'.repeat(10_000));
  await say(binary);
  await overwrite(dashes);
  for (const whole of [binary, text]) {
    // The event before it tells that the cut message was read.
    await say(eventOf('first'), whole.subarray(0, 5_000));
    await overwrite(dashes);
    await say(whole.subarray(5_000));
    await overwrite(dashes);
  }
  const large = bodies.map((body) => Buffer.from(body).toString()).filter((body) => /^[bt]/.test(body));
  expect(large).toEqual(['b', 'b', 't'].map((letter) => letter.repeat(10_000)));
});

test('[FR7] [SV7] what waits stays as it is while the buffers of other sockets are used again', async () => {
  const each = 1_500;
  const seen = new Map<string, number[]>();
  const bursts: (() => void)[] = [];
  const namespaces: Namespaces = {
    default: {
      count: ({ conn }, { body }) => {
        const numbers = seen.get(conn.id) ?? [];
        seen.set(conn.id, numbers);
        // The next client begins while most messages of this one wait.
        if (numbers.push(Number(body)) % each === 100) bursts.shift()?.();
      },
    },
  };
  const testServer = await start({ namespaces });
  /** Far more than is handled in one tick, and so much in one write that a read fills most of its buffer. */
  const burst = (from: number): Buffer =>
    Buffer.concat(
      Array.from({ length: each }, (_, at) => frame(`;default;;count;0;0;${String(from + at).padStart(20, '0')}`)),
    );
  const clients = await Promise.all(Array.from({ length: 6 }, () => dialAcknowledged(testServer)));
  for (const { socket, waitFor } of clients) {
    socket.write(frame('$1;default;;_OnNamespaceConnect;0;0;'));
    await waitFor('$1;');
  }
  for (const round of [0, 1, 2]) {
    for (const { socket } of clients) bursts.push(() => socket.write(burst(round * each)));
  }
  bursts.shift()?.();
  const numbers = (): number[] => [...seen.values()].flat();
  await expect.poll(() => numbers().length).toBe(3 * each * clients.length);
  const inOrder = Array.from({ length: 3 * each }, (_, at) => at);
  expect([...seen.values()]).toEqual(clients.map(() => inOrder));
});
