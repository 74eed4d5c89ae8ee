import { fc, test as given } from '@fast-check/vitest';
import { describe, expect } from 'vitest';
import { TickQuota } from '../../../src/actors/runtime/clock.js';
import { FakeHost, settle } from '../../support/server/inboxHost.js';

const sent = fc.constantFrom('sync', 'sync', 'slow', 'held', 'invalid', 'alone');
const act = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('send' as const), what: fc.array(sent, { maxLength: 12 }) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constantFrom('settle' as const, 'tick', 'resume', 'pause', 'go on') }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('let' as const, 'job', 'crowd') }) },
);

describe('frames of one connection', () => {
  given.prop([fc.array(act, { maxLength: 60 }), fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 30 })], {
    numRuns: 300,
  })(
    '[SV7] [LM9] [BC10] [NS6] take their turns once, in order, one at a time, however they wait',
    async (acts, framesPerTick, perTickOfAll) => {
      const ticks = { current: 0 };
      const allFrames = new TickQuota(ticks, perTickOfAll);
      const host = new FakeHost(8, 1_000, framesPerTick, allFrames);
      /** What the naive inbox would log: each message in the order in which it was sent. */
      const expected: string[] = [];
      /** The slow event whose turn is under way. */
      let slow: string | undefined;
      let parkings = 0;
      let number = 0;
      host.onWork = (event) => {
        expect(slow).toBeUndefined();
        expect(host.held.has(event)).toBe(false);
        expect(host.isPaused).toBe(false);
        if (event.startsWith('slow')) slow = event;
      };
      const send = (what: string): void => {
        const event = `${what}${number++}`;
        if (what === 'held') host.held.add(event);
        expected.push(what === 'invalid' ? '(invalid)' : event);
        if (what === 'invalid') host.inbox.enqueue(Buffer.from(';n'), true);
        else host.keep(event, what === 'alone' ? 5_000 : 0);
      };
      const letGo = async (): Promise<void> => {
        const event = slow;
        slow = undefined;
        if (event) await host.letGo(event);
      };
      const resume = (): void => {
        if (host.parkings === parkings || host.isPaused) return;
        parkings = host.parkings;
        host.inbox.resume();
      };
      const tick = (): void => {
        ticks.current++;
        host.ticks.current++;
      };
      const act = async (kind: string): Promise<void> => {
        if (kind === 'settle') await letGo();
        else if (kind === 'tick') tick();
        else if (kind === 'resume') resume();
        else if (kind === 'pause') host.isPaused = true;
        else if (kind === 'job') host.inbox.runNext(async () => {});
        else if (kind === 'crowd') allFrames.spend(50);
        else if (kind === 'go on') host.isPaused = false;
        else {
          host.held.clear();
          host.inbox.drain();
        }
        await settle();
      };
      const frames = (): string[] => host.log.filter((entry) => !/^\((full|room|flooded)\)$/.test(entry));
      for (const one of acts) {
        if (one.kind === 'send') for (const what of one.what) send(what);
        else await act(one.kind);
        await settle();
        const handled = frames();
        expect(handled).toEqual(expected.slice(0, handled.length));
      }
      for (let round = 0; frames().length < expected.length && round < 2 * expected.length; round++) {
        for (const kind of ['go on', 'let', 'settle', 'resume', 'tick']) await act(kind);
      }
      // A job may wait for the turn of the last frame.
      await act('settle');
      expect(frames()).toEqual(expected);
      expect(host.inbox.length).toBe(0);
    },
  );
});
