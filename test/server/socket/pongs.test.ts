import { Duplex } from 'node:stream';
import { expect, test } from 'vitest';
import { Pongs } from '../../../src/server/socket/pongs.js';
import { FakeClock } from '../../support/server/fakeClock.js';

/** A socket whose kernel takes nothing until it is released. */
const open = () => {
  const written: string[] = [];
  let release = (): void => {};
  const outlet = new Duplex({
    writableHighWaterMark: 10,
    read: () => {},
    write: (bytes: Buffer, _, done) => {
      written.push(bytes.toString('latin1'));
      release = done;
    },
  });
  const clock = new FakeClock();
  const counters = { pings: 0, pongs: 0, skippedPings: 0 };
  const pongs = new Pongs(outlet, { clock, slowConsumerTimeout: 1_000, counters });
  outlet.on('drain', () => pongs.drained());
  const ping = (...names: string[]): boolean => {
    for (const name of names) pongs.take(Buffer.from(name));
    return pongs.answer();
  };
  /** Takes all that is written, and what follows it. */
  const drain = async (): Promise<void> => {
    while (outlet.writableLength > 0) {
      release();
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  return { written, clock, counters, pongs, ping, drain };
};

test('[LM7] the pings of one read are answered in one write', () => {
  const { written, ping, counters } = open();
  expect(ping('a', 'bb', '')).toBe(true);
  expect(ping()).toBe(true);
  expect(written).toEqual(['\x8a\x01a\x8a\x02bb\x8a\x00']);
  expect(counters.skippedPings).toBe(0);
});

test('[LM7] while the socket is full the latest ping is kept, and answered once it has drained', async () => {
  const { written, ping, counters, drain } = open();
  ping('fills the queue');
  expect([ping('one', 'two'), ping('three'), ping('four', 'five')]).toEqual([true, true, true]);
  expect(counters.skippedPings).toBe(4);
  await drain();
  expect(written).toEqual(['\x8a\x0ffills the queue', '\x8a\x04five']);
  expect(ping('six')).toBe(true);
  expect(written.at(-1)).toBe('\x8a\x03six');
});

test('[LM7] a ping that waits does not keep the buffer that it was read into', async () => {
  const { written, ping, pongs, drain } = open();
  ping('fills the queue');
  const buffer = Buffer.from('one');
  pongs.take(buffer);
  pongs.answer();
  buffer.fill('x');
  await drain();
  expect(written.at(-1)).toBe('\x8a\x03one');
});

test('[LM7] a client that still pings when a pong has waited too long is given up', async () => {
  const { ping, clock, drain } = open();
  ping('fills the queue');
  ping('one');
  clock.advance(600);
  expect(ping('two')).toBe(true);
  clock.advance(399);
  expect(ping('three')).toBe(true);
  clock.advance(1);
  expect(ping('four')).toBe(false);
  await drain();
  ping('fills the queue again');
  expect(ping('five')).toBe(true);
  clock.advance(999);
  expect(ping('six')).toBe(true);
});
