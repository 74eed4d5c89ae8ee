import { describe, expect, test } from 'vitest';
import type { DisconnectReason } from '../../../src/index.js';
import { type Guest, House, type HouseOptions, timersAtRest } from '../../support/server/supervisorHarness.js';

const wait = '$1;n;;wait;0;0;';

/** A house with guests in a room, and what their handlers and `onDisconnect` were told. */
const open = (options: Partial<HouseOptions> = {}) => {
  const told: string[] = [];
  const reasons: DisconnectReason[] = [];
  let release = (): void => {};
  const tell = (_: unknown, { event, isForced }: { event: string; isForced: boolean }): void => {
    if (isForced) told.push(event);
  };
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const house = new House({
    namespaces: {
      n: { _OnNamespaceDisconnect: tell, _OnRoomLeave: tell, _OnRoomLeft: tell, wait: () => held },
    },
    onDisconnect: (_, reason) => void reasons.push(reason),
    ...options,
  });
  const guests = (...ids: string[]): Guest[] => ids.map((id) => house.seat(id, 'n', ['r']));
  return { house, told, reasons, guests, release: () => release() };
};

/** Time passes, a second at a time, as timers and walks take turns. */
const pass = async (house: House, ms: number): Promise<void> => {
  for (let passed = 0; passed < ms; passed += 1_000) {
    house.clock.advance(1_000);
    await house.rest();
  }
};

describe('the heartbeat', () => {
  test('[LM3] pings every 25 s; who answers stays, who does not is gone 10 s later, once', async () => {
    const { house, told, reasons, guests } = open();
    const [well, mute] = guests('well', 'mute');
    if (mute) mute.socket.isMute = true;
    await pass(house, 24_000);
    expect([well?.socket.pings, mute?.socket.pings]).toEqual([0, 0]);
    await pass(house, 1_000);
    expect([well?.socket.pings, mute?.socket.pings]).toEqual([1, 1]);
    await pass(house, 9_000);
    expect(mute?.socket.isDestroyed).toBe(false);
    await pass(house, 1_000);
    expect(mute?.socket.isDestroyed).toBe(true);
    expect(reasons).toMatchObject([{ code: 1006, text: 'no answer to a ping', wasAccepted: true }]);
    expect(told).toEqual(['_OnRoomLeave', '_OnRoomLeft', '_OnNamespaceDisconnect']);
    await pass(house, 15_000);
    expect([well?.socket.pings, house.server.totalConnections]).toEqual([2, 1]);
  });

  test('[LM3] any byte is a sign of life', async () => {
    const { house, guests } = open();
    const [mute] = guests('mute');
    if (mute) mute.socket.isMute = true;
    await pass(house, 30_000);
    mute?.socket.say(';n;;unknown;0;0;');
    await pass(house, 6_000);
    expect(mute?.socket.isDestroyed).toBe(false);
    await pass(house, 25_000);
    expect(mute?.socket.isDestroyed).toBe(true);
  });

  test('[LM3] who is not read for now is not judged', async () => {
    const { house, guests, release } = open({ limits: { inboxMessages: 2, handlerTimeout: 1_000_000 } });
    const [mute] = guests('mute');
    if (mute) mute.socket.isMute = true;
    mute?.socket.say(wait, wait, wait, wait);
    expect(mute?.socket.isReading).toBe(false);
    await pass(house, 80_000);
    expect(mute?.socket.isDestroyed).toBe(false);
    release();
    await house.rest();
    expect(mute?.socket.isReading).toBe(true);
    await pass(house, 60_000);
    expect(mute?.socket.isDestroyed).toBe(true);
  });

  test('[LM3] who is congested has a deadline of its own', async () => {
    const { house, guests } = open({ limits: { highWaterMark: 10, slowConsumerTimeout: 500_000 } });
    const [mute] = guests('mute');
    if (mute) mute.socket.isMute = true;
    mute?.socket.stall();
    mute?.conn?.namespace('n')?.emit('news', 'far too much');
    await pass(house, 80_000);
    expect([mute?.socket.pings, mute?.socket.isDestroyed]).toEqual([0, false]);
  });

  test('[LM3] who comes late is pinged with the next round, who has gone is not missed', async () => {
    const { house, reasons, guests } = open();
    const [leaving] = guests('leaving', 'staying');
    if (leaving) leaving.socket.isMute = true;
    await pass(house, 26_000);
    const [late] = guests('late');
    leaving?.socket.hangUp(1001);
    await pass(house, 10_000);
    expect(reasons.map(({ code }) => code)).toEqual([1001]);
    expect(late?.socket.pings).toBe(0);
    await pass(house, 15_000);
    expect(late?.socket.pings).toBe(1);
  });

  test('[LM3] a round is a walk in slices', async () => {
    const { house, guests } = open({ perLook: 3 });
    guests(...Array.from({ length: 10 }, (_, at) => `guest${at}`));
    for (let second = 0; second < 25; second++) house.clock.advance(1_000);
    const pinged = (): number => house.guests.filter(({ socket }) => socket.pings > 0).length;
    house.clock.tick();
    expect(pinged()).toBeGreaterThan(0);
    expect(pinged()).toBeLessThan(10);
    await house.rest();
    expect(pinged()).toBe(10);
  });

  test('[LM3] a judgement waits for the input that is there', async () => {
    const { house, guests } = open();
    const [slow] = guests('slow');
    if (slow) slow.socket.isMute = true;
    await pass(house, 25_000);
    // The loop was held, and the timer comes first.
    house.clock.advance(10_000);
    if (slow) slow.socket.received += 6;
    await house.rest();
    expect(slow?.socket.isDestroyed).toBe(false);
  });

  test('[LM3] who is silent is looked at once more in a later turn, and lost if nothing has come by then', async () => {
    const { house, guests } = open();
    const [late, gone] = guests('late', 'gone');
    for (const { socket } of house.guests) socket.isMute = true;
    await pass(house, 25_000);
    house.clock.advance(10_000);
    house.clock.tick();
    expect(house.guests.map(({ socket }) => socket.isDestroyed)).toEqual([false, false]);
    late?.socket.say(';n;;unknown;0;0;');
    house.clock.tick();
    expect([late?.socket.isDestroyed, gone?.socket.isDestroyed]).toEqual([false, true]);
  });

  describe('a ping behind other bytes', () => {
    /** Its kernel takes nothing, and its queue is far below the mark of congestion. */
    const stalled = async () => {
      const opened = open();
      const [guest] = opened.guests('stalled', 'bystander');
      if (!guest) throw new Error('nobody is there');
      const { socket, conn } = guest;
      socket.isMute = true;
      socket.stall();
      const emit = (): void => void conn?.namespace('n')?.emit('news', 'a hundred bytes'.padEnd(100));
      emit();
      const size = socket.backlog;
      expect(size).toBeGreaterThan(100);
      return { ...opened, socket, emit, size };
    };

    test('[LM3] is no ping yet, also when it leaves in the turn of the judgement', async () => {
      const { house, socket } = await stalled();
      await pass(house, 25_000);
      house.clock.advance(10_000);
      socket.backlog = 0;
      await house.rest();
      expect([socket.pings, socket.isDestroyed]).toEqual([1, false]);
      // The next one leaves at once, and is not answered.
      await pass(house, 24_000);
      expect(socket.isDestroyed).toBe(false);
      await pass(house, 1_000);
      expect([socket.pings, socket.isDestroyed]).toEqual([2, true]);
    });

    test('[LM3] finds who takes nothing from one judgement to the next', async () => {
      const { house, socket, emit, reasons } = await stalled();
      await pass(house, 40_000);
      emit();
      await pass(house, 19_000);
      expect(socket.isDestroyed).toBe(false);
      await pass(house, 1_000);
      expect(socket.isDestroyed).toBe(true);
      expect(reasons).toMatchObject([{ code: 1006, text: 'no answer to a ping' }]);
    });

    test('[LM3] keeps who takes something, though its queue is always as long', async () => {
      const { house, socket, emit, size } = await stalled();
      for (let round = 0; round < 8; round++) {
        await pass(house, 25_000);
        emit();
        socket.backlog -= size;
        expect([socket.backlog, socket.isDestroyed]).toEqual([size, false]);
      }
      await pass(house, 60_000);
      expect(socket.isDestroyed).toBe(true);
    });

    test('[LM3] keeps who sends something', async () => {
      const { house, socket } = await stalled();
      for (let round = 0; round < 8; round++) {
        await pass(house, 25_000);
        socket.say(';n;;unknown;0;0;');
      }
      expect(socket.isDestroyed).toBe(false);
    });

    test('[LM3] is forgotten when the queue is empty: whoever has taken all of it is there', async () => {
      const { house, guests } = open({ limits: { highWaterMark: 10, slowConsumerTimeout: 500_000 } });
      const [guest] = guests('slow');
      const socket = guest?.socket;
      if (socket) socket.isMute = true;
      await pass(house, 26_000);
      socket?.stall();
      guest?.conn?.namespace('n')?.emit('news', 'far too much');
      await pass(house, 8_000);
      house.clock.advance(1_000);
      socket?.drain();
      await house.rest();
      expect([socket?.pings, socket?.isDestroyed]).toEqual([1, false]);
      await pass(house, 25_000);
      expect([socket?.pings, socket?.isDestroyed]).toEqual([2, true]);
    });
  });

  test('[LM3] [SV3] it has one timer while somebody is there, and none when nobody is', async () => {
    const { house, guests } = open();
    expect(house.clock.timers).toBe(0);
    guests('a', 'b');
    expect(house.clock.timers).toBe(timersAtRest);
    await pass(house, 26_000);
    expect(house.clock.timers).toBe(timersAtRest);
    await house.empty();
    expect(house.clock.timers).toBe(0);
    guests('c');
    await pass(house, 25_000);
    expect(house.guests[2]?.socket.pings).toBe(1);
  });

  test('[LM3] a patience longer than the interval puts the next round off', async () => {
    const { house, guests } = open({ limits: { pingInterval: 5_000, pingTimeout: 20_000 } });
    const [well] = guests('well');
    await pass(house, 24_000);
    expect(well?.socket.pings).toBe(1);
    await pass(house, 3_000);
    expect(well?.socket.pings).toBe(2);
  });
});
