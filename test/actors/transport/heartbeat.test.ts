import { describe, expect, test } from 'vitest';
import type { DisconnectReason } from '../../../src/index.js';
import {
  type FakeClient,
  type HarnessOptions,
  idleTimers,
  SupervisorHarness,
} from '../../support/server/supervisorHarness.js';

const wait = '$1;n;;wait;0;0;';

/** Returns a harness with clients in a room, and the calls of their handlers and `onDisconnect`. */
const open = (options: Partial<HarnessOptions> = {}) => {
  const calls: string[] = [];
  const reasons: DisconnectReason[] = [];
  let release = (): void => {};
  const tell = (_: unknown, { event, isForced }: { event: string; isForced: boolean }): void => {
    if (isForced) calls.push(event);
  };
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const harness = new SupervisorHarness({
    namespaces: {
      n: { _OnNamespaceDisconnect: tell, _OnRoomLeave: tell, _OnRoomLeft: tell, wait: () => held },
    },
    onDisconnect: (_, reason) => void reasons.push(reason),
    ...options,
  });
  const clients = (...ids: string[]): FakeClient[] => ids.map((id) => harness.open(id, 'n', ['r']));
  return { harness, calls, reasons, clients, release: () => release() };
};

/** Time passes, a second at a time, as timers and walks take turns. */
const pass = async (harness: SupervisorHarness, ms: number): Promise<void> => {
  for (let passed = 0; passed < ms; passed += 1_000) {
    harness.clock.advance(1_000);
    await harness.settle();
  }
};

describe('the heartbeat', () => {
  test('[LM3] pings every 25 s; a client that answers stays, one that does not is terminated 10 s later, once', async () => {
    const { harness, calls, reasons, clients } = open();
    const [healthy, mute] = clients('well', 'mute');
    if (mute) mute.socket.ignoresPings = true;
    await pass(harness, 24_000);
    expect([healthy?.socket.pings, mute?.socket.pings]).toEqual([0, 0]);
    await pass(harness, 1_000);
    expect([healthy?.socket.pings, mute?.socket.pings]).toEqual([1, 1]);
    await pass(harness, 9_000);
    expect(mute?.socket.isDestroyed).toBe(false);
    await pass(harness, 1_000);
    expect(mute?.socket.isDestroyed).toBe(true);
    expect(reasons).toMatchObject([{ code: 1006, text: 'no answer to a ping', wasAccepted: true }]);
    expect(calls).toEqual(['_OnRoomLeave', '_OnRoomLeft', '_OnNamespaceDisconnect']);
    await pass(harness, 15_000);
    expect([healthy?.socket.pings, harness.server.totalConnections]).toEqual([2, 1]);
  });

  test('[LM3] any byte is a sign of life', async () => {
    const { harness, clients } = open();
    const [mute] = clients('mute');
    if (mute) mute.socket.ignoresPings = true;
    await pass(harness, 30_000);
    mute?.socket.receive(';n;;unknown;0;0;');
    await pass(harness, 6_000);
    expect(mute?.socket.isDestroyed).toBe(false);
    await pass(harness, 25_000);
    expect(mute?.socket.isDestroyed).toBe(true);
  });

  test('[LM3] a paused client is not judged', async () => {
    const { harness, clients, release } = open({ limits: { inboxMessages: 2, handlerTimeout: 1_000_000 } });
    const [mute] = clients('mute');
    if (mute) mute.socket.ignoresPings = true;
    mute?.socket.receive(wait, wait, wait, wait);
    expect(mute?.socket.isReading).toBe(false);
    await pass(harness, 80_000);
    expect(mute?.socket.isDestroyed).toBe(false);
    release();
    await harness.settle();
    expect(mute?.socket.isReading).toBe(true);
    await pass(harness, 60_000);
    expect(mute?.socket.isDestroyed).toBe(true);
  });

  test('[LM3] a congested client has a deadline of its own', async () => {
    const { harness, clients } = open({ limits: { highWaterMark: 10, slowConsumerTimeout: 500_000 } });
    const [mute] = clients('mute');
    if (mute) mute.socket.ignoresPings = true;
    mute?.socket.stall();
    mute?.conn?.namespace('n')?.emit('news', 'far too much');
    await pass(harness, 80_000);
    expect([mute?.socket.pings, mute?.socket.isDestroyed]).toEqual([0, false]);
  });

  test('[LM3] a late connection is pinged in the next round, and a closed one is skipped', async () => {
    const { harness, reasons, clients } = open();
    const [leaving] = clients('leaving', 'staying');
    if (leaving) leaving.socket.ignoresPings = true;
    await pass(harness, 26_000);
    const [late] = clients('late');
    leaving?.socket.disconnect(1001);
    await pass(harness, 10_000);
    expect(reasons.map(({ code }) => code)).toEqual([1001]);
    expect(late?.socket.pings).toBe(0);
    await pass(harness, 15_000);
    expect(late?.socket.pings).toBe(1);
  });

  test('[LM3] a round is a background task in slices', async () => {
    const { harness, clients } = open({ msPerRead: 3 });
    clients(...Array.from({ length: 10 }, (_, at) => `client${at}`));
    for (let second = 0; second < 25; second++) harness.clock.advance(1_000);
    const pinged = (): number => harness.clients.filter(({ socket }) => socket.pings > 0).length;
    harness.clock.tick();
    expect(pinged()).toBeGreaterThan(0);
    expect(pinged()).toBeLessThan(10);
    await harness.settle();
    expect(pinged()).toBe(10);
  });

  test('[LM3] a judgement waits for the input that is there', async () => {
    const { harness, clients } = open();
    const [slow] = clients('slow');
    if (slow) slow.socket.ignoresPings = true;
    await pass(harness, 25_000);
    // The loop was held, and the timer comes first.
    harness.clock.advance(10_000);
    if (slow) slow.socket.received += 6;
    await harness.settle();
    expect(slow?.socket.isDestroyed).toBe(false);
  });

  test('[LM3] a silent client is checked once more in a later tick, and terminated if nothing has arrived', async () => {
    const { harness, clients } = open();
    const [late, gone] = clients('late', 'gone');
    for (const { socket } of harness.clients) socket.ignoresPings = true;
    await pass(harness, 25_000);
    harness.clock.advance(10_000);
    harness.clock.tick();
    expect(harness.clients.map(({ socket }) => socket.isDestroyed)).toEqual([false, false]);
    late?.socket.receive(';n;;unknown;0;0;');
    harness.clock.tick();
    expect([late?.socket.isDestroyed, gone?.socket.isDestroyed]).toEqual([false, true]);
  });

  describe('a ping behind other bytes', () => {
    /** Its kernel takes nothing, and its queue is far below the mark of congestion. */
    const stalled = async () => {
      const opened = open();
      const [client] = opened.clients('stalled', 'bystander');
      if (!client) throw new Error('nobody is there');
      const { socket, conn } = client;
      socket.ignoresPings = true;
      socket.stall();
      const emit = (): void => void conn?.namespace('n')?.emit('news', 'a hundred bytes'.padEnd(100));
      emit();
      const size = socket.backlog;
      expect(size).toBeGreaterThan(100);
      return { ...opened, socket, emit, size };
    };

    test('[LM3] is no ping yet, also when it leaves in the turn of the judgement', async () => {
      const { harness, socket } = await stalled();
      await pass(harness, 25_000);
      harness.clock.advance(10_000);
      socket.backlog = 0;
      await harness.settle();
      expect([socket.pings, socket.isDestroyed]).toEqual([1, false]);
      // The next one leaves at once, and is not answered.
      await pass(harness, 24_000);
      expect(socket.isDestroyed).toBe(false);
      await pass(harness, 1_000);
      expect([socket.pings, socket.isDestroyed]).toEqual([2, true]);
    });

    test('[LM3] terminates a client that takes no byte between two checks', async () => {
      const { harness, socket, emit, reasons } = await stalled();
      await pass(harness, 40_000);
      emit();
      await pass(harness, 19_000);
      expect(socket.isDestroyed).toBe(false);
      await pass(harness, 1_000);
      expect(socket.isDestroyed).toBe(true);
      expect(reasons).toMatchObject([{ code: 1006, text: 'no answer to a ping' }]);
    });

    test('[LM3] keeps a client that takes bytes, even if its queue stays as long', async () => {
      const { harness, socket, emit, size } = await stalled();
      for (let round = 0; round < 8; round++) {
        await pass(harness, 25_000);
        emit();
        socket.backlog -= size;
        expect([socket.backlog, socket.isDestroyed]).toEqual([size, false]);
      }
      await pass(harness, 60_000);
      expect(socket.isDestroyed).toBe(true);
    });

    test('[LM3] keeps a client that sends bytes', async () => {
      const { harness, socket } = await stalled();
      for (let round = 0; round < 8; round++) {
        await pass(harness, 25_000);
        socket.receive(';n;;unknown;0;0;');
      }
      expect(socket.isDestroyed).toBe(false);
    });

    test('[LM3] is dropped when the queue is empty: the client has taken all of it', async () => {
      const { harness, clients } = open({ limits: { highWaterMark: 10, slowConsumerTimeout: 500_000 } });
      const [client] = clients('slow');
      const socket = client?.socket;
      if (socket) socket.ignoresPings = true;
      await pass(harness, 26_000);
      socket?.stall();
      client?.conn?.namespace('n')?.emit('news', 'far too much');
      await pass(harness, 8_000);
      harness.clock.advance(1_000);
      socket?.drain();
      await harness.settle();
      expect([socket?.pings, socket?.isDestroyed]).toEqual([1, false]);
      await pass(harness, 25_000);
      expect([socket?.pings, socket?.isDestroyed]).toEqual([2, true]);
    });
  });

  test('[LM3] [SV3] it has one timer while there are connections, and none without', async () => {
    const { harness, clients } = open();
    expect(harness.clock.timers).toBe(0);
    clients('a', 'b');
    expect(harness.clock.timers).toBe(idleTimers);
    await pass(harness, 26_000);
    expect(harness.clock.timers).toBe(idleTimers);
    await harness.disconnectAll();
    expect(harness.clock.timers).toBe(0);
    clients('c');
    await pass(harness, 25_000);
    expect(harness.clients[2]?.socket.pings).toBe(1);
  });

  describe('a timeout longer than the interval', () => {
    const limits = { pingInterval: 2_000, pingTimeout: 7_000 };

    test('[LM3] delays no ping', async () => {
      const { harness, clients } = open({ limits });
      const [healthy] = clients('well');
      await pass(harness, 30_000);
      expect([healthy?.socket.pings, healthy?.socket.isDestroyed]).toEqual([15, false]);
      expect(harness.clock.timers).toBe(idleTimers);
    });

    test('[LM3] ends a client that long after the first ping that it has not answered', async () => {
      const { harness, clients } = open({ limits });
      const [early, late] = clients('early', 'late', 'well');
      if (early) early.socket.ignoresPings = true;
      await pass(harness, 5_000);
      if (late) late.socket.ignoresPings = true;
      await pass(harness, 3_000);
      expect([early?.socket.pings, early?.socket.isDestroyed]).toEqual([4, false]);
      await pass(harness, 1_000);
      expect([early?.socket.isDestroyed, late?.socket.isDestroyed]).toEqual([true, false]);
      await pass(harness, 3_000);
      expect(late?.socket.isDestroyed).toBe(false);
      await pass(harness, 1_000);
      expect([late?.socket.isDestroyed, harness.server.totalConnections]).toEqual([true, 1]);
    });

    test('[LM3] any byte moves a client on to its next ping', async () => {
      const { harness, clients } = open({ limits });
      const [mute] = clients('mute');
      if (mute) mute.socket.ignoresPings = true;
      await pass(harness, 8_000);
      mute?.socket.receive(';n;;unknown;0;0;');
      await pass(harness, 8_000);
      // The ping at 10 s is the first one that nothing follows.
      expect(mute?.socket.isDestroyed).toBe(false);
      await pass(harness, 1_000);
      expect(mute?.socket.isDestroyed).toBe(true);
    });

    test('[LM3] a byte between the two looks of a check saves the client, also if a ping comes between them', async () => {
      const { harness, clients } = open({ limits: { pingInterval: 1_000, pingTimeout: 2_000 } });
      const [late, gone] = clients('late', 'gone');
      for (const { socket } of harness.clients) socket.ignoresPings = true;
      await pass(harness, 2_000);
      // The first check and the third round of pings are due at once.
      harness.clock.advance(1_000);
      harness.clock.tick();
      expect(harness.clients.map(({ socket }) => socket.isDestroyed)).toEqual([false, false]);
      late?.socket.receive(';n;;unknown;0;0;');
      await harness.settle();
      expect([late?.socket.isDestroyed, gone?.socket.isDestroyed]).toEqual([false, true]);
    });

    test('[LM3] a paused client is neither pinged nor judged', async () => {
      const { harness, clients, release } = open({
        limits: { ...limits, inboxMessages: 2, handlerTimeout: 1_000_000 },
      });
      const [mute] = clients('mute');
      if (mute) mute.socket.ignoresPings = true;
      await pass(harness, 4_000);
      mute?.socket.receive(wait, wait, wait, wait);
      await pass(harness, 80_000);
      expect([mute?.socket.pings, mute?.socket.isDestroyed]).toEqual([2, false]);
      release();
      await pass(harness, 8_000);
      expect(mute?.socket.isDestroyed).toBe(false);
      await pass(harness, 2_000);
      expect(mute?.socket.isDestroyed).toBe(true);
    });

    test('[LM3] a client that takes no byte is given the whole timeout between two checks', async () => {
      const { harness, clients } = open({ limits });
      const [client] = clients('stalled');
      const socket = client?.socket;
      if (socket) socket.ignoresPings = true;
      socket?.stall();
      client?.conn?.namespace('n')?.emit('news', 'some bytes');
      // Pinged at 2 s, looked at from 9 s on.
      await pass(harness, 15_000);
      expect([socket?.pings, socket?.isDestroyed]).toEqual([7, false]);
      await pass(harness, 9_000);
      expect(socket?.isDestroyed).toBe(true);
    });

    test('[LM3] a process that stands still for long ends no client whose answers wait to be read', async () => {
      const { harness, clients } = open({ limits });
      const [slow, gone] = clients('slow', 'gone');
      for (const { socket } of harness.clients) socket.ignoresPings = true;
      await pass(harness, 6_000);
      harness.clock.advance(60_000);
      if (slow) slow.socket.received += 6;
      await harness.settle();
      expect([slow?.socket.isDestroyed, gone?.socket.isDestroyed]).toEqual([false, true]);
    });

    test('[LM3] [SV3] nothing is left of it once the last client has gone', async () => {
      const { harness, clients } = open({ limits });
      clients('a', 'b');
      await pass(harness, 9_000);
      await harness.disconnectAll();
      expect(harness.clock.timers).toBe(0);
      clients('c');
      await pass(harness, 2_000);
      expect(harness.clients[2]?.socket.pings).toBe(1);
    });
  });
});
