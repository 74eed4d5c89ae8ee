import { describe, expect, test } from 'vitest';
import type { DisconnectReason } from '../../../src/index.js';
import { House } from '../../support/server/supervisorHarness.js';

const open = (limits: { readTimeout?: number; writeTimeout?: number; inboxMessages?: number }) => {
  const reasons: DisconnectReason[] = [];
  const house = new House({
    namespaces: { n: { hang: () => new Promise<void>(() => {}) } },
    onDisconnect: (_, reason) => void reasons.push(reason),
    limits: { pingInterval: 1_000_000, handlerTimeout: 1_000_000, slowConsumerTimeout: 1_000_000, ...limits },
  });
  return { house, reasons, guest: house.seat('a', 'n') };
};

describe('readTimeout', () => {
  test('[LM4] a client that sends no message for so long is closed, others are not', async () => {
    const { house, reasons, guest } = open({ readTimeout: 1_000 });
    const other = house.seat('b', 'n');
    house.clock.advance(900);
    other.socket.say(';n;;x;0;0;');
    guest.socket.received += 6;
    house.clock.advance(200);
    expect(guest.socket.lines).toEqual(['close 1001 read timeout']);
    expect(other.socket.lines).toEqual([]);
    guest.socket.hangUp(1001, 'read timeout');
    await house.rest();
    expect(reasons).toMatchObject([{ code: 1001, text: 'read timeout' }]);
  });

  test('[LM4] who is not read cannot be heard', () => {
    const { house, guest } = open({ readTimeout: 1_000, inboxMessages: 1 });
    guest.socket.say('$1;n;;hang;0;0;', ';n;;x;0;0;', ';n;;x;0;0;');
    expect(guest.socket.isReading).toBe(false);
    house.clock.advance(5_000);
    expect(guest.socket.lines).toEqual([]);
  });

  test('[LM4] [SV3] without it nobody is closed, and at the end no timer is left', async () => {
    const patient = open({});
    patient.house.clock.advance(900_000);
    expect(patient.guest.socket.lines).toEqual([]);
    const { house } = open({ readTimeout: 1_000, writeTimeout: 1_000 });
    await house.empty();
    expect(house.clock.timers).toBe(0);
  });
});

describe('writeTimeout', () => {
  test('[LM5] what was written has to leave in time', async () => {
    const { house, reasons, guest } = open({ writeTimeout: 1_000 });
    guest.socket.stall();
    guest.conn?.namespace('n')?.emit('x');
    house.clock.advance(999);
    expect(guest.socket.isDestroyed).toBe(false);
    house.clock.advance(1);
    expect(guest.socket.isDestroyed).toBe(true);
    await house.rest();
    expect(reasons).toMatchObject([{ code: 1006, text: 'write timeout' }]);
  });

  test('[LM5] a socket that is never empty, and always on the move, is well', () => {
    const { house, guest } = open({ writeTimeout: 1_000 });
    guest.socket.stall();
    for (let written = 0; written < 10; written++) {
      guest.conn?.namespace('n')?.emit('x');
      house.clock.advance(600);
      guest.socket.drain(true);
      guest.conn?.namespace('n')?.emit('y');
      house.clock.advance(300);
    }
    expect(guest.socket.isDestroyed).toBe(false);
    house.clock.advance(2_000);
    expect(guest.socket.isDestroyed).toBe(true);
  });
});
