import { fc, test as given } from '@fast-check/vitest';
import { describe, expect, test } from 'vitest';
import type { DisconnectReason, Limits } from '../../../src/index.js';
import { type FakeClient, idleTimers, SupervisorHarness, settled } from '../../support/server/supervisorHarness.js';

const open = (limits: Partial<Limits> = {}) => {
  const reasons: DisconnectReason[] = [];
  const harness = new SupervisorHarness({
    namespaces: { n: { e() {} } },
    limits,
    onDisconnect: (_, reason) => void reasons.push(reason),
  });
  return { harness, reasons, client: (id = 'a') => harness.open(id, 'n') };
};

const send = ({ socket }: FakeClient, message: string, times: number): void => {
  for (let at = 0; at < times; at++) socket.receive(message);
};

const empty = '';
const invalid = 'no frame';
const stray = 'nobody;;;;0;0;';

describe('garbage of a client', () => {
  test.each([
    ['empty messages', empty, 'emptyFrames'],
    ['invalid frames', invalid, 'invalidFrames'],
    ['stray answers', stray, 'strayAnswers'],
  ] as const)('[LM10] [FR6] a flood of %s is counted, and closes its connection alone', async (_, message, counter) => {
    const { harness, reasons, client } = open();
    const [flooder, neighbour] = [client('flooder'), client('neighbour')];
    send(flooder, message, 10_000);
    await harness.settle();
    expect([flooder.socket.isOpen, harness.clock.timers]).toEqual([true, idleTimers]);
    send(flooder, message, 1);
    await harness.settle();
    expect(flooder.socket.lines).toEqual(['close 1008 too many invalid frames']);
    flooder.socket.disconnect(1008);
    await harness.settle();
    expect(reasons).toMatchObject([{ code: 1008, text: 'too many invalid frames' }]);
    expect(harness.supervisor.counters[counter]).toBe(10_001);
    expect(harness.supervisor.metrics.closes).toMatchObject({ garbage: 1 });
    expect(neighbour.socket.isOpen).toBe(true);
  });

  test('[LM10] kinds are counted together', () => {
    const { client } = open({ garbageFrames: 5 });
    const { socket } = client();
    socket.receive(empty, invalid, stray, empty, invalid);
    expect(socket.isOpen).toBe(true);
    socket.receive(stray);
    expect(socket.isOpen).toBe(false);
  });

  test('[LM10] frames that say something do not count, whatever becomes of them', () => {
    const { harness, client } = open({ garbageFrames: 5 });
    const { socket } = client();
    for (let at = 0; at < 100; at++) socket.receive(';n;;e;0;0;', ';nowhere;;e;0;0;', ';n;;_OnRoomJoined;0;0;');
    expect(socket.isOpen).toBe(true);
    expect(harness.supervisor.counters.ignoredEvents).toBeGreaterThan(0);
  });

  test('[LM10] a window begins with the first garbage after the last, and counts from 0', () => {
    const { harness, client } = open({ garbageFrames: 5, garbageWindow: 1_000 });
    const one = client();
    for (let round = 0; round < 4; round++) {
      send(one, invalid, 5);
      harness.clock.advance(1_000);
    }
    expect(one.socket.isOpen).toBe(true);
    send(one, invalid, 3);
    harness.clock.advance(999);
    send(one, invalid, 3);
    expect(one.socket.isOpen).toBe(false);
  });

  test('[LM10] 0 is no bound', () => {
    const { harness, client } = open({ garbageFrames: 0 });
    const one = client();
    send(one, invalid, 20_000);
    expect(one.socket.isOpen).toBe(true);
    expect(harness.supervisor.counters.invalidFrames).toBe(20_000);
  });

  test('[LM10] [FR6] empty messages count before the connection is open, too', () => {
    const { harness } = open({ garbageFrames: 5 });
    const { socket } = harness.connect('early');
    socket.receive(...Array.from({ length: 6 }, () => empty));
    expect(socket.lines).toEqual(['close 1008 too many invalid frames']);
    expect(harness.supervisor.counters).toMatchObject({ emptyFrames: 6, framesIn: 0 });
  });
});

describe('late answers', () => {
  const question = { namespace: 'n', event: 'question' };

  /** Asks everybody, and answers as the first client. The answers of the others come too late. */
  const askAll = async (harness: SupervisorHarness, [first, ...others]: readonly FakeClient[]): Promise<void> => {
    const answer = harness.server.ask(question);
    await harness.settle();
    const token = first?.socket.tokens.at(-1);
    for (const one of [first, ...others]) one?.socket.receive(`${token};n;;question;0;0;`);
    await answer;
  };

  test('[LM10] to asks that another client has answered are no garbage, and excuse no others', async () => {
    const { harness, client } = open({ garbageFrames: 3 });
    const [first, second] = [client('first'), client('second')];
    for (let at = 0; at < 10; at++) await askAll(harness, [first, second]);
    expect(harness.supervisor.counters.strayAnswers).toBe(10);
    send(second, stray, 3);
    expect(second.socket.isOpen).toBe(true);
    send(second, stray, 1);
    expect(second.socket.isOpen).toBe(false);
  });

  test('[LM10] asks from before a connection excuse none of its answers', async () => {
    const { harness, client } = open({ garbageFrames: 3 });
    const first = client('first');
    for (let at = 0; at < 10; at++) await askAll(harness, [first]);
    const late = client('late');
    send(late, stray, 4);
    expect(late.socket.isOpen).toBe(false);
  });

  const act = fc.oneof(
    fc.record({ kind: fc.constant('ask' as const), whom: fc.nat({ max: 2 }) }),
    fc.record({ kind: fc.constant('askAll' as const) }),
    fc.record({ kind: fc.constant('answer' as const), whom: fc.nat({ max: 2 }), many: fc.integer({ min: 1, max: 9 }) }),
    fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 20_000 }) }),
  );

  given.prop([fc.array(act, { maxLength: 60 })], { numRuns: 100 })(
    '[LM10] a client that answers each ask once, however late, is never closed',
    async (acts) => {
      const { harness, client } = open({ garbageFrames: 1, pingInterval: 1e9 });
      const clients = ['a', 'b', 'c'].map((id) => client(id));
      const answered = new Map(clients.map((one) => [one, 0]));
      for (const one of acts) {
        const asked = 'whom' in one ? clients[one.whom] : undefined;
        if (one.kind === 'askAll') harness.server.ask(question).catch(() => {});
        else if (one.kind === 'wait') harness.clock.advance(one.ms);
        else if (one.kind === 'ask')
          asked?.conn
            ?.namespace('n')
            ?.ask('question', '', { timeout: 500 })
            .catch(() => {});
        await harness.settle();
        await settled();
        if (one.kind !== 'answer' || !asked) continue;
        const from = answered.get(asked) ?? 0;
        const tokens = asked.socket.tokens.slice(from, from + one.many);
        answered.set(asked, from + tokens.length);
        asked.socket.receive(...tokens.map((token) => `${token};n;;question;0;0;`));
      }
      for (const one of clients) {
        const left = one.socket.tokens.slice(answered.get(one));
        one.socket.receive(...left.map((token) => `${token};n;;question;0;0;`));
      }
      await harness.settle();
      expect(clients.map(({ socket }) => socket.isOpen)).toEqual([true, true, true]);
    },
  );
});
