import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fromClient } from '../../src/protocol/session.js';
import { hello, resume } from '../support/sessions/hinted.js';
import { HintedServer } from '../support/sessions/hintedServer.js';
import { type LineFrame, type LineStep, maxEarly, NaiveLine } from '../support/sessions/naiveLine.js';

const runs = Number(process.env['MUSTER_RUNS'] ?? 300);

const wire = (frame: LineFrame): string => {
  switch (frame.kind) {
    case 'hello':
      return hello('t');
    case 'resume':
      return resume('t');
    case 'badHello':
      return fromClient('hello', '{"v":1');
    case 'later':
      return '$#m;;;later;0;0;x';
    case 'M':
      return 'M';
    case 'data':
      return `$${frame.nth};x;;e;0;0;`;
    default:
      return fromClient(frame.kind, '0 0');
  }
};

const frame: fc.Arbitrary<LineFrame> = fc.oneof(
  { weight: 12, arbitrary: fc.constantFrom<LineFrame>({ kind: 'M' }, { kind: 'ping' }, { kind: 'auth' }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('data'), nth: fc.nat(99) }) },
  { weight: 3, arbitrary: fc.constantFrom<LineFrame>({ kind: 'ack' }, { kind: 'later' }) },
  { weight: 1, arbitrary: fc.constantFrom<LineFrame>({ kind: 'hello' }, { kind: 'resume' }, { kind: 'badHello' }) },
);
const step: fc.Arbitrary<LineStep> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ does: fc.constant('send'), frames: fc.array(frame, { maxLength: 4 }) }) },
  {
    weight: 6,
    arbitrary: fc.record({
      does: fc.constantFrom('authenticate', 'connect'),
      isRefusal: fc.oneof({ weight: 9, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ does: 'leave' } as const) },
);
/** Most lines begin as ours do. */
const begin: fc.Arbitrary<readonly LineFrame[]> = fc.oneof(
  { weight: 6, arbitrary: fc.constant<LineFrame[]>([{ kind: 'hello' }, { kind: 'M' }]) },
  { weight: 2, arbitrary: fc.constant<LineFrame[]>([{ kind: 'resume' }, { kind: 'M' }]) },
  { weight: 2, arbitrary: fc.array(frame, { maxLength: 3 }) },
);

/** A hook whose calls settle when the test says so. */
const useHook = () => {
  const open: { readonly resolve: (value: string) => void; readonly reject: (error: Error) => void }[] = [];
  let calls = 0;
  return {
    run: (): Promise<string> => {
      calls++;
      return new Promise((resolve, reject) => open.push({ resolve, reject }));
    },
    settle: (isRefusal: boolean): void => {
      for (const { resolve, reject } of open.splice(0)) isRefusal ? reject(new Error('no')) : resolve('ann');
    },
    calls: (): number => calls,
  };
};

test('[SS11] [SS12] [SS13] [SS14] [SS15] a hinted line does what a naive one does, in whatever order things happen', async () => {
  const reached = new Set<string>();
  const property = fc.asyncProperty(begin, fc.array(step, { maxLength: 14 }), async (frames, steps) => {
    const [authenticate, onConnect] = [useHook(), useHook()];
    const host = new HintedServer({
      authenticate: authenticate.run,
      onConnect: onConnect.run,
      limits: { earlyFrames: maxEarly },
    });
    const client = await host.dial();
    const naive = new NaiveLine();
    for (const next of [{ does: 'send', frames } as const, ...steps]) {
      naive.take(next);
      if (next.does === 'send') client.socket.receive(...next.frames.map(wire));
      else if (next.does === 'authenticate') authenticate.settle(next.isRefusal);
      else if (next.does === 'connect') onConnect.settle(next.isRefusal);
      else client.socket.disconnect();
      await host.settle();
      expect(client.socket.lines).toEqual(naive.lines);
      expect({ authenticate: authenticate.calls(), onConnect: onConnect.calls() }).toEqual(naive.hooks);
      expect(host.server.counters.ignoredSession).toBe(naive.ignored);
      expect(host.server.totalConnections).toBe(['connecting', 'open'].includes(naive.phase) ? 1 : 0);
      reached.add(naive.phase);
      if (naive.lines.some((line) => line.includes('authed'))) reached.add('authed');
    }
    client.socket.disconnect();
    authenticate.settle(false);
    onConnect.settle(false);
    await host.settle();
    expect([host.clock.timers, host.server.totalConnections, host.errors]).toEqual([0, 0, []]);
  });
  const settled = (does: 'authenticate' | 'connect'): LineStep => ({ does, isRefusal: false });
  const renewed: LineStep[] = [
    settled('authenticate'),
    settled('connect'),
    { does: 'send', frames: [{ kind: 'auth' }, { kind: 'auth' }] },
    settled('authenticate'),
  ];
  const examples: [readonly LineFrame[], LineStep[]][] = [
    [[], []],
    [[{ kind: 'hello' }, { kind: 'M' }], renewed],
  ];
  await fc.assert(property, { numRuns: runs, examples });
  expect([...reached].sort()).toEqual(['authed', 'authenticating', 'closed', 'connecting', 'open', 'waiting']);
});
