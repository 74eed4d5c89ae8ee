import { describe, expect, test } from 'vitest';
import { connectionMachine, supervisorMachine } from '../../src/index.js';
import { House } from '../support/house.js';

describe("charts of the program's own", () => {
  test('[SV11] what it provides the supervisor with runs as well', async () => {
    const told: string[] = [];
    const supervisor = supervisorMachine.provide({
      actions: { admit: ({ event }) => void told.push(event.type), beginVisit: () => void told.push('visit') },
    });
    const house = new House({ namespaces: { n: {} }, machines: { supervisor } });
    house.connect('a');
    const walk = house.supervisor.do(() => {});
    await house.rest();
    await walk;
    expect(house.supervisor.total).toBe(1);
    expect(told).toEqual(['CONNECT', 'visit']);
  });

  test('[SV1] a supervisor whose action throws goes on as it was', () => {
    const supervisor = supervisorMachine.provide({
      actions: {
        admit: () => {
          throw new Error('broken chart');
        },
      },
    });
    const house = new House({ namespaces: { n: {} }, machines: { supervisor } });
    house.connect('a');
    house.connect('b');
    expect(house.errors.map(({ error }) => String(error))).toEqual(['Error: broken chart', 'Error: broken chart']);
    expect(house.supervisor.isAccepting).toBe(true);
  });
});

describe('draining', () => {
  test('[DR1] does not wait for a connection whose chart has failed on its way out', async () => {
    const connection = connectionMachine.provide({
      actions: {
        release: () => {
          throw new Error('broken chart');
        },
      },
    });
    const house = new House({ namespaces: { n: {} }, machines: { connection } });
    const guest = house.seat('a', 'n');
    const closing = house.supervisor.drain(10_000);
    await house.rest();
    guest.socket.hangUp();
    await house.rest();
    await closing;
    expect(house.supervisor.counters.failures).toBe(1);
  });

  test('[DR1] [NS7] what a hanging handler keeps back still comes in its time', async () => {
    const told: string[] = [];
    const house = new House({
      namespaces: { n: { _OnNamespaceDisconnect: () => new Promise(() => {}) } },
      onDisconnect: (conn, { code, wasAccepted }) => void told.push(`${conn.id} ${code} ${wasAccepted}`),
    });
    house.seat('a', 'n');
    const closing = house.supervisor.drain(50);
    await house.rest();
    house.clock.advance(60);
    await closing;
    expect(told).toEqual([]);
    house.clock.advance(30_000);
    await house.rest();
    expect(told).toEqual(['a 1001 true']);
  });

  test('[DR1] closes who has not been let in, and who waits for a do, as well', async () => {
    const house = new House({ namespaces: { n: {} }, onConnect: () => new Promise(() => {}) });
    const waiting = house.connect('a');
    void house.supervisor.do(() => new Promise(() => {}));
    await house.rest();
    const held = house.connect('b');
    const closing = house.supervisor.drain(50);
    await house.rest();
    expect(waiting.socket.lines).toEqual(['close 1001 retry=1000']);
    expect(held.socket.isDestroyed).toBe(true);
    waiting.socket.hangUp();
    await house.rest();
    await closing;
  });
});

describe('an ask of an audience', () => {
  test('[BC8] [AK5] goes out at once where every broadcast does', () => {
    const house = new House({ namespaces: { n: {} }, syncBroadcaster: true });
    const { socket } = house.seat('a', 'n');
    void house.supervisor.ask({ namespace: 'n', event: 'q' }, {});
    expect(socket.lines).toHaveLength(1);
  });

  test('[AK6] [SV3] keeps no room in the lists that its last member has left', () => {
    const house = new House({ namespaces: { n: {} } });
    const { socket } = house.seat('a', 'n', ['r']);
    void house.supervisor.ask({ namespace: 'n', room: 'r', event: 'q' }, {});
    socket.say('$1;n;r;_OnRoomLeave;0;0;');
    expect(house.supervisor.roomNames('n')).toEqual([]);
    expect(house.supervisor.members('n', 'r')).toEqual([]);
  });
});
