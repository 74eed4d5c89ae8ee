import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { Readable } from 'node:stream';
import { afterEach, expect, test, vi } from 'vitest';
import { readsOf } from '../../../src/server/socket/handle.js';
import { takeReads } from '../../../src/server/socket/handleReads.js';

const closers: (() => void)[] = [];

afterEach(() => {
  vi.restoreAllMocks();
  for (const close of closers.splice(0)) close();
});

/** A socket whose reads are noted, and its client. `prepare` sees the socket first. */
const open = async (prepare: (stream: Socket) => void = () => {}) => {
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
  const take = (bytes: Buffer): void => void log.push(bytes.toString());
  stream.on('data', take);
  takeReads(stream, take);
  const push = vi.spyOn(Readable.prototype, 'push');
  /** Whether the stream had a part in what was read. */
  const passedTheStream = (): boolean => push.mock.contexts.includes(stream);
  const say = async (text: string): Promise<void> => {
    client.write(text);
    await expect.poll(() => log.join('')).toContain(text);
  };
  return { client, stream, log, say, passedTheStream };
};

/** Reads bytes at once, as Node does when the kernel has some. */
const readNow = (stream: Socket, text: string): void => {
  const reads = readsOf(stream);
  const onRead: unknown = reads && Reflect.get(reads.handle, 'onread');
  if (!reads || typeof onRead !== 'function') throw new Error('no handle');
  const bytes = new Uint8Array(Buffer.from(text));
  reads.state[reads.readIndex] = bytes.length;
  reads.state[reads.offsetIndex] = 0;
  onRead.call(reads.handle, bytes.buffer);
};

test('[SV7] what is read is passed on without the stream, and its end comes behind', async () => {
  const { client, log, say, passedTheStream } = await open();
  await say('one');
  await say('two');
  expect(passedTheStream()).toBe(false);
  client.end('three');
  await expect.poll(() => log).toEqual(['one', 'two', 'three', 'end', 'close']);
});

test('[SV6] an error reaches the stream', async () => {
  const { client, log, say } = await open();
  await say('one');
  client.resetAndDestroy();
  await expect.poll(() => log).toEqual(['one', 'error', 'close']);
});

test('[LM9] a paused socket passes nothing on, and goes on with what it holds before it reads more', async () => {
  const { client, stream, log, say, passedTheStream } = await open();
  await say('one');
  stream.pause();
  client.write('two');
  await expect.poll(() => stream.readableLength).toBe(3);
  readNow(stream, 'three');
  expect(log).toEqual(['one']);
  stream.resume();
  readNow(stream, 'four');
  expect(log).toEqual(['one']);
  await expect.poll(() => log.join(' ')).toMatch(/^one two ?three ?four$/);
  expect(passedTheStream()).toBe(true);
  client.write('five');
  await expect.poll(() => log.at(-1)).toBe('five');
});

test('[LM9] a socket that is paused within a read passes on that read alone', async () => {
  const { stream, log, say } = await open();
  stream.once('pause', () => readNow(stream, 'two'));
  await say('one');
  stream.pause();
  expect(log).toEqual(['one']);
  stream.resume();
  await expect.poll(() => log).toEqual(['one', 'two']);
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
    const handle = readsOf(socket)?.handle;
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
