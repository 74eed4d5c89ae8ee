import { fc, test as given } from '@fast-check/vitest';
import { describe, expect, test } from 'vitest';
import { WaitingFrames } from '../../../src/actors/inbox/waitingFrames.js';
import type { Body } from '../../../src/protocol/message.js';

/** A message as it can be compared: text as a string, bytes as their hexadecimal digits. */
const shown = (data: Body | undefined, isText: boolean): string =>
  `${isText ? 'text' : 'bytes'} ${typeof data === 'string' ? data : Buffer.from(data ?? []).toString('hex')}`;

const size = fc.oneof(
  fc.integer({ min: 1, max: 80 }),
  fc.constantFrom(62, 63, 64, 255, 256, 1_023, 4_095, 4_096, 9_000),
);
const act = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('push' as const), size, isText: fc.boolean(), isString: fc.boolean() }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('shift' as const), count: fc.integer({ min: 1, max: 6 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('clear' as const) }) },
);

describe('messages that wait', () => {
  given.prop([fc.array(act, { maxLength: 120 })], { numRuns: 300 })(
    '[SV7] [LM9] come out once, in order, as they were, whatever becomes of their read buffer',
    (acts) => {
      const waiting = new WaitingFrames();
      const model: string[] = [];
      let number = 0;
      for (const one of acts) {
        if (one.kind === 'clear') {
          waiting.clear();
          model.length = 0;
        } else if (one.kind === 'push') {
          const text = `${number++} `.repeat(one.size).slice(0, one.size);
          const read = Buffer.from(text);
          const data = one.isString ? text : read;
          model.push(shown(data, one.isText));
          waiting.push(data, one.isText);
          read.fill('*');
        } else {
          for (let at = 0; at < one.count; at++) {
            const data = waiting.shift();
            const expected = model.shift();
            expect(data === undefined ? undefined : shown(data, waiting.isText)).toBe(expected);
          }
        }
        expect(waiting.length).toBe(model.length);
      }
    },
  );

  given.prop([fc.integer({ min: 9, max: 200 }), fc.integer({ min: 1, max: 4_000 })], { numRuns: 50 })(
    '[LM9] take at most two and a half times their size on the wire, and 1 KiB',
    (length, count) => {
      const waiting = new WaitingFrames();
      for (let at = 0; at < count; at++) waiting.push(Buffer.alloc(length), true);
      // A frame of a client has a head of at least six bytes.
      expect(waiting.memory).toBeLessThanOrEqual(2.5 * count * (length + 6) + 1_024);
    },
  );

  test('[SV7] [LM9] are moved to the front of their buffer when it is full', () => {
    const waiting = new WaitingFrames();
    const texts = Array.from({ length: 24 }, (_, at) => `${at} `.padEnd(100, 'x'));
    const taken: string[] = [];
    for (const [at, text] of texts.entries()) {
      waiting.push(Buffer.from(text), true);
      if (at >= 3) taken.push(String(waiting.shift()));
    }
    expect([taken, waiting.memory]).toEqual([texts.slice(0, 21), 1_024]);
  });

  test('[LM9] take no more memory the longer the queue is used', () => {
    const waiting = new WaitingFrames();
    for (let at = 0; at < 30; at++) waiting.push(Buffer.alloc(30), true);
    const { memory } = waiting;
    for (let at = 0; at < 10_000; at++) {
      waiting.push(Buffer.alloc(30), true);
      waiting.shift();
    }
    expect(waiting.memory).toBeLessThanOrEqual(memory * 2);
  });

  test('[LM9] [BP3] take no more memory the longer the queue is used, when they are large', () => {
    const waiting = new WaitingFrames();
    waiting.push(Buffer.alloc(4_096), false);
    for (let at = 0; at < 200; at++) {
      waiting.push(Buffer.alloc(4_096), false);
      waiting.shift();
    }
    expect(waiting.memory).toBeLessThanOrEqual(2 * 4_096 + 1_024);
  });

  test('[LM9] leave no memory in an empty queue', () => {
    const waiting = new WaitingFrames();
    waiting.push(Buffer.alloc(30), true);
    waiting.push('x', false);
    waiting.clear();
    expect([waiting.length, waiting.memory, waiting.shift()]).toEqual([0, 0, undefined]);
  });
});
