import { describe, expect, test, vi } from 'vitest';
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
import { checkedMachines, SupervisorHarness } from '../../support/server/supervisorHarness.js';

describe("charts of the program's own", () => {
  test('[SV11] provided actions of the supervisor run as well', async () => {
    const calls: string[] = [];
    const supervisor = supervisorMachine.provide({
      actions: { admit: ({ event }) => void calls.push(event.type), beginVisit: () => void calls.push('visit') },
    });
    const harness = new SupervisorHarness({ namespaces: { n: {} }, machines: { supervisor } });
    harness.connect('a');
    const pending = harness.supervisor.do(() => {});
    await harness.settle();
    await pending;
    expect(harness.supervisor.total).toBe(1);
    expect(calls).toEqual(['CONNECT', 'visit']);
  });

  test('[SV11] [BC3] a chart that handles BROADCAST and COUNT itself sends the same bytes', async () => {
    const seen: string[] = [];
    const note = ({ event }: { readonly event: { readonly type: string } }): void => void seen.push(event.type);
    const supervisor = supervisorSetup
      .createMachine({
        ...supervisorConfig,
        on: { ...supervisorConfig.on, BROADCAST: { actions: 'publish' }, COUNT: { actions: 'count' } },
      })
      .provide({ actions: { publish: note, count: note } });
    const play = async (machines: Partial<Machines>): Promise<unknown> => {
      const harness: SupervisorHarness = new SupervisorHarness({
        namespaces: {
          n: {
            say(ns) {
              ns.emit('before');
              ns.broadcast({ event: 'said' });
              ns.emit('behind');
              harness.supervisor.broadcast(ns, [{ namespace: 'n', event: 'others' }]);
            },
          },
        },
        machines,
      });
      const [a, b] = [harness.open('a', 'n'), harness.open('b', 'n')];
      a.socket.receive(';n;;say;0;0;');
      const pending = harness.supervisor.do(({ id }) =>
        harness.supervisor.broadcast(null, [{ namespace: 'n', event: 'walked', to: id }]),
      );
      await harness.settle();
      await pending;
      const counts: number[] = [];
      harness.supervisor.actor.send({ type: 'COUNT', reply: (count: number) => counts.push(count) });
      await harness.settle();
      return { lines: [a.socket.lines, b.socket.lines], counts };
    };
    const usual = await play({});
    expect(seen).toEqual([]);
    expect(await play(checkedMachines({ supervisor }))).toEqual(usual);
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

  test("[SV11] [BC2] a broadcast during the chart's last transitions is not lost", async () => {
    const harness: SupervisorHarness = new SupervisorHarness({
      namespaces: { n: {} },
      machines: checkedMachines({
        supervisor: owner.provide({
          actions: { beginDrain: () => harness.supervisor.broadcast(null, [{ namespace: 'n', event: 'bye' }]) },
        }),
      }),
    });
    const client = harness.open('a', 'n');
    const closing = harness.supervisor.drain(1_000);
    await harness.settle();
    expect(client.socket.lines[0]).toBe('t ;n;;bye;0;0;');
    client.socket.disconnect();
    await harness.settle();
    await closing;
  });

  test('[SV11] [BC3] the callback of COUNT runs outside of every mailbox, and its errors go to the caller', async () => {
    const play = async (machines: Partial<Machines>): Promise<readonly string[]> => {
      const harness = new SupervisorHarness({ namespaces: { n: {} }, machines });
      const client = harness.open('a', 'n');
      const reply = (): void => {
        harness.supervisor.broadcast(null, [{ namespace: 'n', event: 'first' }]);
        client.conn?.namespace('n')?.emit('second');
      };
      harness.supervisor.actor.send({ type: 'COUNT', reply });
      expect(() => harness.supervisor.broadcast(null, [{ namespace: 'nowhere', event: 'e' }])).toThrow(/not declared/);
      await harness.settle();
      return client.socket.lines;
    };
    expect(await play({})).toEqual(['t ;n;;first;0;0;', 't ;n;;second;0;0;']);
    expect(await play(checkedMachines({ supervisor: owner }))).toEqual(await play({}));
  });

  const failing: Readonly<Record<string, () => unknown>> = {
    throws: () => {
      throw new Error('broken');
    },
    rejects: () => Promise.reject(new Error('broken')),
  };

  test.each(Object.entries(failing))(
    '[DO6] a reply to COUNT that %s goes to onError and to nothing else',
    async (_, reply) => {
      for (const machines of [{}, checkedMachines({ supervisor: owner })]) {
        const harness = new SupervisorHarness({ namespaces: { n: {} }, machines });
        expect(() => harness.supervisor.actor.send({ type: 'COUNT', reply })).not.toThrow();
        await harness.settle();
        expect(harness.errors).toMatchObject([{ error: { message: 'broken' }, where: { during: 'count' } }]);
      }
    },
  );

  test('[DO6] a COUNT without a reply throws', () => {
    const harness = new SupervisorHarness({ namespaces: { n: {} } });
    expect(() => harness.supervisor.actor.send({ type: 'COUNT' })).toThrow(/a function reply \(count\), got undefined/);
  });

  test.each(Object.entries(failing))(
    '[DO6] a done of DO that %s goes to onError and to nothing else',
    async (_, done) => {
      const harness = new SupervisorHarness({ namespaces: { n: {} } });
      const broken = { error: { message: 'broken' }, where: { during: 'do' } };
      const visit = (): void => {};
      harness.open('a', 'n');
      harness.supervisor.actor.send({ type: 'DO', visit, done });
      await harness.settle();
      expect(harness.errors).toMatchObject([broken]);
      const drained = harness.supervisor.drain(1_000);
      harness.supervisor.actor.send({ type: 'DO', visit, done });
      await harness.settle();
      expect(harness.errors).toMatchObject([broken, broken]);
      harness.clients[0]?.socket.disconnect(1001);
      await harness.settle();
      await drained;

      const stopped = new SupervisorHarness({ namespaces: { n: {} } });
      stopped.supervisor.actor.send({ type: 'DO', visit, done });
      stopped.supervisor.actor.stop();
      await stopped.settle();
      expect(stopped.errors).toMatchObject([{ error: ErrWrite }, broken]);
    },
  );

  test('[SV1] a supervisor whose action throws keeps its state', () => {
    const supervisor = supervisorMachine.provide({
      actions: {
        admit: () => {
          throw new Error('broken chart');
        },
      },
    });
    const harness = new SupervisorHarness({ namespaces: { n: {} }, machines: { supervisor } });
    harness.connect('a');
    harness.connect('b');
    expect(harness.errors.map(({ error }) => String(error))).toEqual(['Error: broken chart', 'Error: broken chart']);
    expect(harness.supervisor.isAccepting).toBe(true);
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
  ])('[SV11] is reported to onError, and affects no connection: %s', async (_, machines) => {
    const harness = new SupervisorHarness({ namespaces: { n: {} }, machines });
    harness.open('a', 'n', ['r']);
    await harness.settle();
    expect(harness.errors.map(({ error }) => String(error))).toEqual(['Error: failed later']);
    expect(harness.supervisor.members('n', 'r')).toHaveLength(1);
  });
});

describe('draining', () => {
  test('[DR1] does not wait for a connection whose chart has failed while closing', async () => {
    const connection = connectionMachine.provide({
      actions: {
        destroySocket: () => {
          throw new Error('broken chart');
        },
      },
    });
    const harness = new SupervisorHarness({ namespaces: { n: {} }, machines: { connection } });
    const client = harness.open('a', 'n');
    const closing = harness.supervisor.drain(10_000);
    await harness.settle();
    client.socket.disconnect();
    await harness.settle();
    await closing;
    expect(harness.supervisor.counters.failures).toBe(1);
  });

  test('[DR1] does not wait for a socket that stays open after its close frame', async () => {
    const harness = new SupervisorHarness({
      namespaces: { n: {} },
      limits: { doWaitTimeout: 10, handlerTimeout: 1_000 },
    });
    harness.open('a', 'n');
    const pending = harness.supervisor.do(() => new Promise(() => {}));
    await harness.settle();
    const held = harness.connect('late');
    harness.clock.advance(20);
    expect(held.socket.lines).toEqual(['close 1013 retry=1000']);
    expect(held.socket.isDestroyed).toBe(false);
    harness.clients[0]?.socket.disconnect();
    const closing = harness.supervisor.drain(50);
    await harness.settle();
    harness.clock.advance(60);
    await closing;
    await expect(pending).rejects.toThrow();
    expect(held.socket.isDestroyed).toBe(true);
  });

  test('[DO2] what comes by such a socket is not kept', async () => {
    const harness = new SupervisorHarness({ namespaces: { n: {} }, limits: { doWaitTimeout: 10 } });
    harness.open('a', 'n');
    void harness.supervisor.do(() => new Promise(() => {}));
    await harness.settle();
    const held = harness.connect('late');
    const decode = vi.spyOn(Buffer.prototype, 'toString');
    harness.clock.advance(10);
    decode.mockClear();
    held.socket.receive('a message', 'and another');
    // What is kept is decoded.
    expect(decode).not.toHaveBeenCalled();
    decode.mockRestore();
    expect(held.socket.received).toBeGreaterThan(0);
  });

  test('[DO2] such a socket is destroyed in the end', async () => {
    const harness = new SupervisorHarness({ namespaces: { n: {} }, limits: { doWaitTimeout: 10, closeTimeout: 50 } });
    harness.open('a', 'n');
    void harness.supervisor.do(() => new Promise(() => {}));
    await harness.settle();
    const held = harness.connect('late');
    harness.clock.advance(10);
    harness.clock.advance(50);
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
    const harness = new SupervisorHarness({ namespaces: { n: {} }, machines: { connection } });
    const client = harness.open('a', 'n');
    client.conn?.actor.send({ type: 'CONGESTED' });
    await harness.settle();
    expect([client.socket.lines, client.socket.isDestroyed]).toEqual([['close 1011 internal error'], false]);
    await harness.supervisor.drain(10_000);
    expect(client.socket.isDestroyed).toBe(true);
  });

  test('[DR1] a stop of the root actor by the program ends every connection', async () => {
    const harness = new SupervisorHarness({ namespaces: { n: {} } });
    const client = harness.open('a', 'n');
    harness.supervisor.actor.stop();
    await harness.settle();
    expect(client.socket.isDestroyed).toBe(true);
    expect(harness.supervisor.isAccepting).toBe(false);
    await harness.supervisor.drain(10_000);
  });

  test('[AK9] asks of audiences have a bound as well', async () => {
    const harness = new SupervisorHarness({ namespaces: { n: {} }, limits: { asks: 3 } });
    const client = harness.open('a', 'n');
    const asked = [1, 2, 3].map(() => harness.supervisor.ask({ namespace: 'n', event: 'q' }, {}));
    await expect(harness.supervisor.ask({ namespace: 'n', event: 'q' }, {})).rejects.toThrow(TooManyAsks);
    client.socket.disconnect();
    for (const ask of asked) await expect(ask).rejects.toBe(ErrWrite);
    harness.open('b', 'n');
    void harness.supervisor.ask({ namespace: 'n', event: 'q' }, {});
    await harness.settle();
    expect(harness.clients[1]?.socket.payloads).toHaveLength(1);
  });

  test('[DR1] the end of the timeout does not wait for a hanging handler: onDisconnect runs', async () => {
    const ended: string[] = [];
    const harness = new SupervisorHarness({
      namespaces: { n: { hang: () => new Promise(() => {}) } },
      onDisconnect: (conn, { code }) => void ended.push(`${conn.id} ${code}`),
    });
    harness.open('a', 'n').socket.receive(';n;;hang;0;0;');
    const closing = harness.supervisor.drain(50);
    await harness.settle();
    expect(ended).toEqual([]);
    harness.clock.advance(60);
    await closing;
    await harness.settle();
    expect(ended).toEqual(['a 1006']);
  });

  test('[DR1] [NS7] events behind a hanging handler still run in order', async () => {
    const calls: string[] = [];
    const harness = new SupervisorHarness({
      namespaces: { n: { _OnNamespaceDisconnect: () => new Promise(() => {}) } },
      onDisconnect: (conn, { code, wasAccepted }) => void calls.push(`${conn.id} ${code} ${wasAccepted}`),
    });
    harness.open('a', 'n');
    const closing = harness.supervisor.drain(50);
    await harness.settle();
    harness.clock.advance(60);
    await closing;
    expect(calls).toEqual([]);
    harness.clock.advance(30_000);
    await harness.settle();
    expect(calls).toEqual(['a 1001 true']);
  });

  test('[DR1] closes connections that are not accepted and arrivals that wait for a do', async () => {
    const harness = new SupervisorHarness({ namespaces: { n: {} }, onConnect: () => new Promise(() => {}) });
    const waiting = harness.connect('a');
    void harness.supervisor.do(() => new Promise(() => {}));
    await harness.settle();
    const held = harness.connect('b');
    const closing = harness.supervisor.drain(50);
    await harness.settle();
    expect(waiting.socket.lines).toEqual(['close 1001 retry=1000']);
    expect(held.socket.isDestroyed).toBe(true);
    waiting.socket.disconnect();
    await harness.settle();
    await closing;
  });
});

describe('an ask of an audience', () => {
  test('[BC8] [AK5] goes out at once with synchronous broadcasts', () => {
    const harness = new SupervisorHarness({ namespaces: { n: {} }, syncBroadcaster: true });
    const { socket } = harness.open('a', 'n');
    void harness.supervisor.ask({ namespace: 'n', event: 'q' }, {});
    expect(socket.lines).toHaveLength(1);
  });

  test('[AK6] [SV3] drops a room whose last member has left from its lists', () => {
    const harness = new SupervisorHarness({ namespaces: { n: {} } });
    const { socket } = harness.open('a', 'n', ['r']);
    void harness.supervisor.ask({ namespace: 'n', room: 'r', event: 'q' }, {});
    socket.receive('$1;n;r;_OnRoomLeave;0;0;');
    expect(harness.supervisor.roomNames('n')).toEqual([]);
    expect(harness.supervisor.members('n', 'r')).toEqual([]);
  });
});
