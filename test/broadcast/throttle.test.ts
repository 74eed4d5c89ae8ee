import { describe, expect, test } from 'vitest';
import { type Load, type Parked, type Producer, Throttle } from '../../src/broadcast/throttle.js';
import { reply } from '../../src/index.js';
import { type HarnessOptions, SupervisorHarness, settled } from '../support/server/supervisorHarness.js';

const limits = { maxLog: 100, maxLogDelay: 2_000 };
const little: Load = { logBytes: 0, lag: 0 };
const much: Load = { logBytes: 101, lag: 0 };

const makeThrottle = () => {
  const released: Parked[] = [];
  return { released, throttle: new Throttle(limits, (one) => released.push(one)) };
};
const producer = (): Producer => ({ producedIn: 0 });

const produceIn = (throttle: Throttle, who: Producer, load: Load): void => {
  const outer = throttle.enter(who);
  throttle.onPublished(load);
  throttle.leave(outer);
};

describe('the throttle', () => {
  test.each([
    ['bytes', { logBytes: 100, lag: 0 }, { logBytes: 101, lag: 0 }, { logBytes: 50, lag: 0 }, { logBytes: 49, lag: 0 }],
    [
      'time',
      { logBytes: 0, lag: 2_000 },
      { logBytes: 0, lag: 2_001 },
      { logBytes: 0, lag: 1_000 },
      { logBytes: 0, lag: 999 },
    ],
  ])('[BC10] too much in %s sets it, and less than half releases it', (_, most, tooMuch, half, lessThanHalf) => {
    const { throttle } = makeThrottle();
    throttle.review(most);
    expect(throttle.isOn).toBe(false);
    throttle.review(tooMuch);
    expect(throttle.isOn).toBe(true);
    throttle.review(half);
    expect(throttle.isOn).toBe(true);
    throttle.review(lessThanHalf);
    expect(throttle.isOn).toBe(false);
  });

  test('[BC10] both have to be below half', () => {
    const { throttle } = makeThrottle();
    throttle.review({ logBytes: 101, lag: 2_001 });
    throttle.review({ logBytes: 0, lag: 1_500 });
    throttle.review({ logBytes: 75, lag: 0 });
    expect(throttle.isOn).toBe(true);
    throttle.review(little);
    expect(throttle.isOn).toBe(false);
  });

  test('[BC10] it stops the producers since the last release, and no other client', () => {
    const { throttle } = makeThrottle();
    const [before, within, never] = [producer(), producer(), producer()];
    produceIn(throttle, before, little);
    expect(throttle.isPaused(before)).toBe(false);
    produceIn(throttle, within, much);
    expect([before, within, never].map((one) => throttle.isPaused(one))).toEqual([true, true, false]);
    throttle.review(little);
    throttle.onPublished(much);
    expect([before, within, never].map((one) => throttle.isPaused(one))).toEqual([false, false, false]);
  });

  test('[BC10] a turn within a turn counts for its own connection', () => {
    const { throttle } = makeThrottle();
    const [outer, inner] = [producer(), producer()];
    throttle.leave(throttle.enter(outer));
    const first = throttle.enter(outer);
    const second = throttle.enter(inner);
    throttle.onPublished(much);
    throttle.leave(second);
    throttle.leave(first);
    expect([outer, inner].map((one) => throttle.isPaused(one))).toEqual([false, true]);
  });

  test('[BC10] what is published outside of turns counts for the running turns', async () => {
    const { throttle } = makeThrottle();
    const [during, after, other] = [producer(), producer(), producer()];
    let end = (): void => {};
    const following = throttle.follow(
      during,
      new Promise((resolve) => {
        end = resolve;
      }),
    );
    produceIn(throttle, other, little);
    throttle.onPublished(much);
    end();
    await following;
    await throttle.follow(after, Promise.resolve());
    expect([during, after].map((one) => throttle.isPaused(one))).toEqual([true, false]);
  });

  test('[BC10] what another producer publishes in its turn does not count', async () => {
    const { throttle } = makeThrottle();
    const [patient, loud] = [producer(), producer()];
    const following = throttle.follow(patient, Promise.resolve());
    produceIn(throttle, loud, much);
    await following;
    expect([patient, loud].map((one) => throttle.isPaused(one))).toEqual([false, true]);
  });

  test('[BC10] it releases a held client once', () => {
    const { throttle, released } = makeThrottle();
    const one = { resume: () => {} };
    throttle.review(much);
    throttle.park(one);
    throttle.park(one);
    throttle.review({ logBytes: 60, lag: 0 });
    expect(released).toEqual([]);
    throttle.review(little);
    throttle.review(much);
    throttle.review(little);
    expect(released).toEqual([one]);
  });
});

/** Returns clients, a clock whose reads take time, and a client whose handlers broadcast what it sends. */
const loudHouse = (options: HarnessOptions = {}) => {
  const said: string[] = [];
  const harness = new SupervisorHarness({
    namespaces: {
      n: {
        say(ns, { body }) {
          said.push(String(body));
          ns.broadcast({ event: 'said', body });
        },
        async sayLater(ns, { body }) {
          await settled();
          said.push(String(body));
          ns.broadcast({ event: 'said', body });
        },
        ping: () => reply('pong'),
      },
    },
    limits: { maxLog: 1_000 },
    ...options,
  });
  const loud = harness.open('loud', 'n');
  const healthy = harness.open('well', 'n');
  return { harness, loud, healthy, said };
};

const big = 'x'.repeat(600);

describe('a producer', () => {
  test('[BC10] is not read while the throttle is set, its frames wait, and nothing is lost', async () => {
    const { harness, loud, healthy, said } = loudHouse();
    for (const body of [`1${big}`, `2${big}`, `3${big}`, '4']) loud.socket.receive(`;n;;say;0;0;${body}`);
    expect(said.map((body) => body[0])).toEqual(['1', '2']);
    expect(loud.socket.isReading).toBe(false);
    expect(harness.server.pressure).toMatchObject({ log: expect.any(Number), isThrottling: true });
    expect(harness.server.pressure.log).toBeGreaterThan(1_000);
    expect(harness.supervisor.counters.throttled).toBe(1);
    await harness.settle();
    expect(loud.socket.isReading).toBe(true);
    expect(harness.server.pressure).toEqual({ log: 0, lag: 0, isThrottling: false });
    const heard = healthy.socket.payloads.map((payload) => payload.replace(';n;;said;0;0;', '')[0]);
    expect(heard).toEqual(['1', '2', '3', '4']);
  });

  test('[BC10] other clients do not wait', () => {
    const { harness, loud, healthy } = loudHouse();
    for (const body of [big, big, big]) loud.socket.receive(`;n;;say;0;0;${body}`);
    expect(harness.server.pressure.isThrottling).toBe(true);
    healthy.socket.receive('$7;n;;ping;0;0;');
    expect(healthy.socket.isReading).toBe(true);
    expect(healthy.socket.payloads.at(-1)).toBe('$7;n;;ping;0;0;pong');
  });

  test('[BC10] is known also when it does so after an await', async () => {
    const { harness, loud, said } = loudHouse();
    for (const body of [`1${big}`, `2${big}`, `3${big}`]) loud.socket.receive(`;n;;sayLater;0;0;${body}`);
    while (!harness.server.pressure.isThrottling) {
      expect(said.length).toBeLessThan(3);
      await settled();
    }
    await settled();
    expect(loud.socket.isReading).toBe(false);
    await harness.settle();
    expect(said).toHaveLength(3);
    expect(loud.socket.isReading).toBe(true);
  });

  test('[BC10] is held when passes are too slow, too', async () => {
    const { harness, loud, said } = loudHouse({ limits: { maxLogDelay: 50 }, msPerRead: 1 });
    for (let more = 0; more < 300; more++) harness.open(`${more}`, 'n');
    loud.socket.receive(';n;;say;0;0;1');
    harness.clock.advance(60);
    expect(harness.server.pressure.lag).toBeGreaterThan(50);
    loud.socket.receive(';n;;say;0;0;2', ';n;;say;0;0;3');
    expect(said).toEqual(['1', '2']);
    expect(harness.server.pressure.isThrottling).toBe(true);
    await harness.settle();
    expect(said).toEqual(['1', '2', '3']);
    expect(harness.server.pressure).toMatchObject({ lag: 0, isThrottling: false });
  });

  test("[BC10] is still read while the server's ask of an audience waits for it", async () => {
    const { harness, loud } = loudHouse();
    const answer = harness.server.ask({ namespace: 'n', event: 'who' });
    await harness.settle();
    const token = loud.socket.tokens.at(-1);
    for (const body of [big, big, big]) loud.socket.receive(`;n;;say;0;0;${body}`);
    expect(harness.server.pressure.isThrottling).toBe(true);
    expect(loud.socket.isReading).toBe(true);
    loud.socket.receive(`${token};n;;who;0;0;me`);
    expect((await answer).body).toBe('me');
    loud.socket.receive(';n;;say;0;0;more');
    expect(loud.socket.isReading).toBe(false);
  });

  test('[BC10] is closed meanwhile, and read again, so that it can answer the close frame', () => {
    const { harness, loud } = loudHouse();
    for (const body of [big, big, big]) loud.socket.receive(`;n;;say;0;0;${body}`);
    expect(loud.socket.isReading).toBe(false);
    loud.conn?.close();
    expect(harness.server.pressure.isThrottling).toBe(true);
    return expect.poll(() => loud.socket.isReading).toBe(true);
  });

  test('[BC10] is still read while the server waits for its answer', async () => {
    const { harness, loud } = loudHouse();
    for (const body of [big, big, big]) loud.socket.receive(`;n;;say;0;0;${body}`);
    expect(loud.socket.isReading).toBe(false);
    loud.socket.sent.length = 0;
    const answer = loud.conn?.ask({ namespace: 'n', event: 'who' });
    expect(loud.socket.isReading).toBe(true);
    // Behind all that was issued before, the question comes last.
    loud.socket.receive(`${loud.socket.tokens.at(-1)};n;;who;0;0;me`);
    expect((await answer)?.body).toBe('me');
    expect(harness.server.pressure.isThrottling).toBe(true);
    expect(loud.socket.isReading).toBe(false);
  });

  test('[BC10] is known also when it does so in a step that its answer has led to', async () => {
    const harness = new SupervisorHarness({
      namespaces: {
        n: {
          go: (ns) => void ns.joinRoom('r').catch(() => {}),
          _OnRoomJoined: (ns) => ns.broadcast({ event: 'said', body: big }, { event: 'said', body: big }),
        },
      },
      limits: { maxLog: 1_000 },
    });
    const loud = harness.open('loud', 'n');
    loud.socket.receive(';n;;go;0;0;');
    await settled();
    loud.socket.receive(`${loud.socket.tokens.at(-1)};n;r;_OnRoomJoin;0;0;`);
    await settled();
    expect(harness.server.pressure.isThrottling).toBe(true);
    loud.socket.receive(';n;;go;0;0;');
    expect(loud.socket.isReading).toBe(false);
  });

  test('[BC10] congested connections do not set the throttle', async () => {
    const harness = new SupervisorHarness({
      namespaces: { n: {} },
      msPerRead: 0.2,
      limits: { slowConsumerTimeout: 500_000 },
    });
    const clients = Array.from({ length: 200 }, (_, at) => harness.open(`${at}`, 'n'));
    for (const { socket } of clients) socket.stall();
    harness.server.broadcast(null, { namespace: 'n', event: 'x', body: 'y'.repeat(70_000) });
    await harness.settle();
    for (let at = 0; at < 1_000; at++) {
      harness.server.broadcast(null, { namespace: 'n', event: 'x', body: '1' });
      for (let ticks = 0; ticks < 3; ticks++) harness.clock.tick();
    }
    harness.server.broadcast(null, { namespace: 'n', event: 'x', body: '1' });
    expect(harness.server.pressure).toMatchObject({ isThrottling: false });
    expect(harness.server.pressure.lag).toBeLessThan(100);
  });

  test('[BC10] may leave meanwhile, and leaves nothing behind', async () => {
    const { harness, loud } = loudHouse();
    for (const body of [big, big, big]) loud.socket.receive(`;n;;say;0;0;${body}`);
    loud.socket.disconnect();
    await harness.settle();
    expect(harness.server.totalConnections).toBe(1);
    expect(harness.server.pressure.isThrottling).toBe(false);
  });
});
