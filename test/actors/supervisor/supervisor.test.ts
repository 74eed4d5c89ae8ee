import { describe, expect, test } from 'vitest';
import {
  connectionMachine,
  ErrWrite,
  type Machines,
  namespaceMachine,
  roomMachine,
  supervisorConfig,
  supervisorMachine,
  supervisorSetup,
  TooManyAsks,
} from '../../../src/index.js';
import { House, kept } from '../../support/server/supervisorHarness.js';

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

  test('[SV11] [BC3] one that handles BROADCAST and COUNT itself comes to the same bytes', async () => {
    const seen: string[] = [];
    const note = ({ event }: { readonly event: { readonly type: string } }): void => void seen.push(event.type);
    const supervisor = supervisorSetup
      .createMachine({
        ...supervisorConfig,
        on: { ...supervisorConfig.on, BROADCAST: { actions: 'publish' }, COUNT: { actions: 'count' } },
      })
      .provide({ actions: { publish: note, count: note } });
    const play = async (machines: Partial<Machines>): Promise<unknown> => {
      const house: House = new House({
        namespaces: {
          n: {
            say(ns) {
              ns.emit('before');
              ns.broadcast({ event: 'said' });
              ns.emit('behind');
              house.supervisor.broadcast(ns, [{ namespace: 'n', event: 'others' }]);
            },
          },
        },
        machines,
      });
      const [a, b] = [house.seat('a', 'n'), house.seat('b', 'n')];
      a.socket.say(';n;;say;0;0;');
      const walk = house.supervisor.do(({ id }) =>
        house.supervisor.broadcast(null, [{ namespace: 'n', event: 'walked', to: id }]),
      );
      await house.rest();
      await walk;
      const counts: number[] = [];
      house.supervisor.actor.send({ type: 'COUNT', reply: (count: number) => counts.push(count) });
      await house.rest();
      return { lines: [a.socket.lines, b.socket.lines], counts };
    };
    const usual = await play({});
    expect(seen).toEqual([]);
    expect(await play(kept({ supervisor }))).toEqual(usual);
    expect(seen).toEqual(['BROADCAST', 'BROADCAST', 'BROADCAST', 'BROADCAST', 'COUNT']);
  });

  const owner = supervisorSetup.createMachine({
    ...supervisorConfig,
    states: {
      ...supervisorConfig.states,
      accepting: {
        ...supervisorConfig.states.accepting,
        on: {
          ...supervisorConfig.states.accepting.on,
          BROADCAST: { actions: 'publish' },
          COUNT: { actions: 'count' },
        },
      },
    },
  });

  test('[SV11] [BC2] what is sent while its chart goes on to where it takes it no more is not lost', async () => {
    const house: House = new House({
      namespaces: { n: {} },
      machines: kept({
        supervisor: owner.provide({
          actions: { beginDrain: () => house.supervisor.broadcast(null, [{ namespace: 'n', event: 'bye' }]) },
        }),
      }),
    });
    const guest = house.seat('a', 'n');
    const closing = house.supervisor.drain(1_000);
    await house.rest();
    expect(guest.socket.lines[0]).toBe('t ;n;;bye;0;0;');
    guest.socket.hangUp();
    await house.rest();
    await closing;
  });

  test('[SV11] [BC3] whoever is told a count goes on outside of every mailbox, and errors are the caller’s', async () => {
    const play = async (machines: Partial<Machines>): Promise<readonly string[]> => {
      const house = new House({ namespaces: { n: {} }, machines });
      const guest = house.seat('a', 'n');
      const reply = (): void => {
        house.supervisor.broadcast(null, [{ namespace: 'n', event: 'first' }]);
        guest.conn?.namespace('n')?.emit('second');
      };
      house.supervisor.actor.send({ type: 'COUNT', reply });
      expect(() => house.supervisor.broadcast(null, [{ namespace: 'nowhere', event: 'e' }])).toThrow(/not declared/);
      await house.rest();
      return guest.socket.lines;
    };
    expect(await play({})).toEqual(['t ;n;;first;0;0;', 't ;n;;second;0;0;']);
    expect(await play(kept({ supervisor: owner }))).toEqual(await play({}));
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

describe('an action of the program that fails later', () => {
  const fail = async (): Promise<never> => {
    throw new Error('failed later');
  };

  test.each<[string, Partial<Machines>]>([
    ['the supervisor', { supervisor: supervisorMachine.provide({ actions: { admit: fail } }) }],
    ['a connection', { connection: connectionMachine.provide({ actions: { sendAccept: fail } }) }],
    ['a namespace', { namespace: namespaceMachine.provide({ actions: { enter: fail } }) }],
    ['a room', { room: roomMachine.provide({ actions: { enter: fail } }) }],
  ])('[SV11] is told to onError, and harms nobody: %s', async (_, machines) => {
    const house = new House({ namespaces: { n: {} }, machines });
    house.seat('a', 'n', ['r']);
    await house.rest();
    expect(house.errors.map(({ error }) => String(error))).toEqual(['Error: failed later']);
    expect(house.supervisor.members('n', 'r')).toHaveLength(1);
  });
});

describe('draining', () => {
  test('[DR1] does not wait for a connection whose chart has failed on its way out', async () => {
    const connection = connectionMachine.provide({
      actions: {
        destroySocket: () => {
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

  test('[DR1] does not wait for a socket that was told goodbye and stays', async () => {
    const house = new House({ namespaces: { n: {} }, limits: { doWaitTimeout: 10, handlerTimeout: 1_000 } });
    house.seat('a', 'n');
    const walk = house.supervisor.do(() => new Promise(() => {}));
    await house.rest();
    const held = house.connect('late');
    house.clock.advance(20);
    expect(held.socket.lines).toEqual(['close 1013 retry=1000']);
    expect(held.socket.isDestroyed).toBe(false);
    house.guests[0]?.socket.hangUp();
    const closing = house.supervisor.drain(50);
    await house.rest();
    house.clock.advance(60);
    await closing;
    await expect(walk).rejects.toThrow();
    expect(held.socket.isDestroyed).toBe(true);
  });

  test('[DO2] nor does such a socket stay for ever', async () => {
    const house = new House({ namespaces: { n: {} }, limits: { doWaitTimeout: 10, closeTimeout: 50 } });
    house.seat('a', 'n');
    void house.supervisor.do(() => new Promise(() => {}));
    await house.rest();
    const held = house.connect('late');
    house.clock.advance(10);
    house.clock.advance(50);
    expect(held.socket.isDestroyed).toBe(true);
  });

  test('[DR1] [SV1] does not wait for the socket of a chart that has failed', async () => {
    const connection = connectionMachine.provide({
      actions: {
        countCongestion: () => {
          throw new Error('broken chart');
        },
      },
    });
    const house = new House({ namespaces: { n: {} }, machines: { connection } });
    const guest = house.seat('a', 'n');
    guest.conn?.actor.send({ type: 'CONGESTED' });
    await house.rest();
    expect([guest.socket.lines, guest.socket.isDestroyed]).toEqual([['close 1011 internal error'], false]);
    await house.supervisor.drain(10_000);
    expect(guest.socket.isDestroyed).toBe(true);
  });

  test('[DR1] a root actor that is stopped by hand takes everybody with it', async () => {
    const house = new House({ namespaces: { n: {} } });
    const guest = house.seat('a', 'n');
    house.supervisor.actor.stop();
    await house.rest();
    expect(guest.socket.isDestroyed).toBe(true);
    expect(house.supervisor.isAccepting).toBe(false);
    await house.supervisor.drain(10_000);
  });

  test('[AK9] asks of audiences have a bound as well', async () => {
    const house = new House({ namespaces: { n: {} }, limits: { asks: 3 } });
    const guest = house.seat('a', 'n');
    const asked = [1, 2, 3].map(() => house.supervisor.ask({ namespace: 'n', event: 'q' }, {}));
    await expect(house.supervisor.ask({ namespace: 'n', event: 'q' }, {})).rejects.toThrow(TooManyAsks);
    guest.socket.hangUp();
    for (const ask of asked) await expect(ask).rejects.toBe(ErrWrite);
    house.seat('b', 'n');
    void house.supervisor.ask({ namespace: 'n', event: 'q' }, {});
    await house.rest();
    expect(house.guests[1]?.socket.payloads).toHaveLength(1);
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
