import { expect, test } from 'vitest';
import type { SocketListener } from '../../../src/actors/transport/socket.js';
import { makeLines } from '../../support/frames/player.js';
import { text } from '../../support/rfc6455/clientFrame.js';

const names = (from: number, to: number): string[] => Array.from({ length: to - from }, (_, at) => `m${from + at}`);
const many = (all: readonly string[]): Buffer => Buffer.concat(all.map((name) => text(name)));

/** A connection that takes text messages where they lie. `wantsMore` is asked after each. */
const open = async (wantsMore: (count: number) => boolean) => {
  const { line, socket, settle } = await makeLines()();
  const log: string[] = [];
  const sizes: number[] = [];
  let count = 0;
  const listener: SocketListener = {
    texts: {
      takeText(bytes, start, end) {
        log.push(Buffer.from(bytes.subarray(start, end)).toString());
        sizes.push(bytes.buffer.byteLength);
        return wantsMore(++count);
      },
      beginSlice: (frames) => void log.push(`(slice of ${frames})`),
      endSlice: () => void log.push('(end)'),
    },
    socketOnMessage: (data) => void log.push(`(whole ${data.length})`),
    filled: () => {},
    socketOnDrain: () => {},
    socketOnClosing: () => {},
    socketOnClose: () => {},
  };
  socket.listen(listener);
  return { line, socket, settle, log, sizes, texts: () => log.filter((entry) => entry.startsWith('m')) };
};

test('[LM9] a connection that has had its messages gets the rest in slices, which begin and end', async () => {
  const { line, settle, log } = await open((count) => count % 3 > 0);
  line.push(many(names(0, 7)));
  expect(log).toEqual(names(0, 3));
  await settle(6);
  const slice = (from: number, to: number): string[] => ['(slice of 32)', ...names(from, to), '(end)'];
  expect(log).toEqual([...names(0, 3), ...slice(3, 6), ...slice(6, 7)]);
});

test('[LM9] it is not read meanwhile, and goes on in order', async () => {
  const { line, settle, texts } = await open((count) => count !== 2);
  line.push(many(names(0, 5)));
  line.push(many(names(5, 7)));
  expect(line.readableLength).toBe(many(names(5, 7)).length);
  expect(texts()).toEqual(names(0, 2));
  await settle(6);
  expect(texts()).toEqual(names(0, 7));
  expect(line.isPaused()).toBe(false);
});

test('[LM9] it gets all of it before the end of its socket', async () => {
  const { line, settle, texts } = await open(() => false);
  line.push(many(names(0, 100)));
  line.push(null);
  await settle(6);
  expect(texts()).toEqual(names(0, 100));
});

test('[LM9] it goes on where it stopped when it pauses within a slice, and keeps no more than waits', async () => {
  let pause = (): void => {};
  const { line, socket, settle, texts, sizes } = await open((count) => {
    if (count === 270) pause();
    return count !== 3;
  });
  pause = () => {
    socket.isReading = false;
  };
  const bytes = many(names(0, 300));
  line.push(bytes);
  await settle(30);
  expect(texts()).toEqual(names(0, 270));
  socket.isReading = true;
  await settle(30);
  expect(texts()).toEqual(names(0, 300));
  expect(sizes.at(-1)).toBe(many(names(270, 300)).length);
});

test('[LM9] [FR11] a message that two reads have brought is taken as well', async () => {
  const { line, settle, log } = await open(() => true);
  const bytes = many(names(0, 3));
  line.push(Buffer.from(bytes.subarray(0, 11)));
  line.push(Buffer.from(bytes.subarray(11)));
  await settle();
  expect(log).toEqual(names(0, 3));
});
