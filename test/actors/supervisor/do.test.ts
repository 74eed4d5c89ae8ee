import type { Socket } from 'node:net';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { type DisconnectReason, ErrWrite, HandlerTimeout, type NSConn, reply } from '../../../src/index.js';
import { deferred, watch } from '../../support/async/promises.js';
import { dialTcp, frame, upgrade, useTcpClients } from '../../support/peers/tcpClient.js';
import {
  type FakeClient,
  type HarnessOptions,
  idleTimers,
  SupervisorHarness,
} from '../../support/server/supervisorHarness.js';
import { useServers } from '../../support/server/testServer.js';

const start = useServers();
useTcpClients();

const chat = { echo: (_: NSConn, { body }: { readonly body: string | Uint8Array }) => reply(body) };

const open = (count: number, options: Partial<HarnessOptions> = {}) => {
  const disconnects: { readonly id: string; readonly reason: DisconnectReason }[] = [];
  const harness = new SupervisorHarness({
    namespaces: { chat },
    fireDisconnectAlways: true,
    onDisconnect: ({ id }, reason) => void disconnects.push({ id, reason }),
    ...options,
  });
  const clients = Array.from({ length: count }, (_, n): FakeClient => harness.open(`client${n}`, 'chat'));
  return { harness, clients, disconnects };
};

/** Time passes, and what comes of it. */
const pass = async (harness: SupervisorHarness, ms: number): Promise<void> => {
  harness.clock.advance(ms);
  await harness.settle();
};

describe('an arrival that waits for a do', () => {
  test('[DO2] has no deadline but the limit of waiting: neither for M nor for onConnect', async () => {
    const admitted: string[] = [];
    const { harness } = open(1, { onConnect: ({ id }) => void admitted.push(id) });
    const { promise, open: end } = deferred();
    void harness.server.do(() => promise);
    await harness.settle();
    const silent = harness.connect('silent');
    await pass(harness, 29_000);
    expect([admitted, silent.socket.lines]).toEqual([['client0'], []]);
    end();
    await harness.settle();
    expect(admitted).toEqual(['client0', 'silent']);
    // Only now its 5 s begin.
    await pass(harness, 4_999);
    expect(silent.socket.lines).toEqual([]);
    await pass(harness, 1);
    expect(silent.socket.lines).toEqual(['close 1008 not acknowledged in time']);
  });

  test('[DO2] is closed with 1013 after exactly 30 s, is read until its close frame, and no handler runs', async () => {
    const admitted: string[] = [];
    const { harness, disconnects } = open(1, {
      limits: { handlerTimeout: 1_000_000 },
      onConnect: ({ id }) => void admitted.push(id),
    });
    const { promise, open: end } = deferred();
    const pending = watch(harness.server.do(() => promise));
    await harness.settle();
    const { socket } = harness.connect('late');
    socket.receive('M', '$1;chat;;_OnNamespaceConnect;0;0;', '$2;chat;;echo;0;0;hi');
    await pass(harness, 29_999);
    expect([socket.lines, socket.isPaused]).toEqual([[], true]);
    await pass(harness, 1);
    expect([socket.lines, socket.isPaused]).toEqual([['close 1013 retry=1000'], false]);
    expect(harness.supervisor.counters.refusedArrivals).toBe(1);
    end();
    await harness.settle();
    expect([pending.state, admitted, disconnects, harness.server.totalConnections]).toEqual([
      'resolved',
      ['client0'],
      [],
      1,
    ]);
    // It does not answer the close frame, and loses its socket all the same.
    await pass(harness, 5_000);
    expect([socket.isDestroyed, socket.lines]).toEqual([true, ['close 1013 retry=1000']]);
    expect(harness.clock.timers).toBe(idleTimers);
  });

  test('[DO2] is dropped when its socket ends: it holds nothing until the do ends', async () => {
    const { harness } = open(1, { limits: { handlerTimeout: 1_000_000 } });
    const { promise, open: end } = deferred();
    void harness.server.do(() => promise);
    await harness.settle();
    const { socket } = harness.connect('gone');
    socket.receive('M');
    socket.destroy();
    await harness.settle();
    await pass(harness, 40_000);
    expect([harness.supervisor.counters.refusedArrivals, socket.lines, harness.server.totalConnections]).toEqual([
      0,
      [],
      1,
    ]);
    end();
    await harness.settle();
    expect(harness.server.totalConnections).toBe(1);
  });

  test('[DO2] waits for the first of several dos only', async () => {
    const { harness } = open(1);
    const [first, second] = [deferred(), deferred()];
    void harness.server.do(() => first.promise);
    void harness.server.do(({ id }) => (id === 'client0' ? second.promise : undefined));
    await harness.settle();
    const late = harness.connect('late');
    late.socket.receive('M');
    first.open();
    await harness.settle();
    expect([late.conn?.id, late.socket.lines, harness.server.totalConnections]).toEqual(['late', ['t Alate'], 2]);
    const later = harness.connect('later');
    await harness.settle();
    expect([later.conn, harness.server.totalConnections]).toEqual([undefined, 2]);
    second.open();
    await harness.settle();
    expect(later.conn?.id).toBe('later');
  });
});

describe('while a visitor has not settled', () => {
  test('[DO4] frames of others and of the visited one, broadcasts, joins and ends go on', async () => {
    const { harness, clients, disconnects } = open(3);
    const [ann, bob, cid] = clients;
    const { promise, open: end } = deferred();
    const pending = watch(harness.server.do(({ id }) => (id === 'client0' ? promise : undefined)));
    await harness.settle();
    for (const client of clients) client.socket.receive('$1;chat;;echo;0;0;hi', '$2;chat;r;_OnRoomJoin;0;0;');
    harness.server.broadcast(null, { namespace: 'chat', room: 'r', event: 'news' });
    bob?.conn?.close(4000, 'out');
    cid?.socket.disconnect(1001, 'gone');
    await harness.settle();
    expect(pending.state).toBe('pending');
    const heard = ['$1;chat;;echo;0;0;hi', '$2;;;;;;', ';chat;r;news;0;0;'];
    expect(ann?.socket.payloads).toEqual(heard);
    expect(bob?.socket.payloads).toEqual([...heard, 'close 4000 out']);
    expect(disconnects.map(({ id, reason }) => [id, reason.text])).toEqual([
      ['client1', 'out'],
      ['client2', 'gone'],
    ]);
    expect(harness.server.totalConnections).toBe(1);
    end();
    await harness.settle();
    expect(pending.state).toBe('resolved');
  });

  test('[DO1] a connection may end during its visit: the do still waits for its visitor', async () => {
    const { harness, clients, disconnects } = open(2);
    const visited: string[] = [];
    const { promise, open: end } = deferred();
    const pending = watch(
      harness.server.do(({ id }) => {
        visited.push(id);
        return id === 'client0' ? promise : undefined;
      }),
    );
    await harness.settle();
    clients[0]?.socket.disconnect();
    await harness.settle();
    expect([disconnects.map(({ id }) => id), visited, pending.state]).toEqual([['client0'], ['client0'], 'pending']);
    end();
    await harness.settle();
    expect([visited, pending.state]).toEqual([['client0', 'client1'], 'resolved']);
  });

  test('[DO1] the order is that of registration, not of M', async () => {
    const { harness } = open(0);
    const clients = ['a', 'b', 'c'].map((id) => harness.connect(id));
    for (const { socket } of clients.toReversed()) socket.receive('M');
    const visited: string[] = [];
    void harness.server.do(({ id }) => visited.push(id));
    await harness.settle();
    expect(visited).toEqual(['a', 'b', 'c']);
  });
});

describe('visits that fail', () => {
  test('[DO3] with any error are reported, in the order of the visits', async () => {
    const { harness } = open(7);
    const visited: string[] = [];
    const late = deferred();
    const errors = ['thrown', 'rejected', 'returned', 'thenable'].map((text) => new Error(text));
    const [thrown, rejected, returned, thenable] = errors;
    const ways: readonly (() => unknown)[] = [
      () => {
        throw thrown;
      },
      () => Promise.reject(rejected),
      () => late.promise,
      () => returned,
      () => 'well',
      // biome-ignore lint/suspicious/noThenProperty: no promise, and yet it is waited for like one
      () => ({ then: (_: unknown, fail: (error: unknown) => void) => fail(thenable) }),
      async () => 'well',
    ];
    const pending = watch(harness.server.do(({ id }) => ways[visited.push(id) - 1]?.()));
    await harness.settle();
    expect([visited.length, pending.state]).toEqual([3, 'pending']);
    await pass(harness, 30_000);
    expect(visited).toEqual(['client0', 'client1', 'client2', 'client3', 'client4', 'client5', 'client6']);
    expect(pending.error).toBeInstanceOf(AggregateError);
    expect(pending.error).toMatchObject({ errors: [thrown, rejected, expect.any(HandlerTimeout), returned, thenable] });
    expect(harness.errors.map(({ where }) => where.during)).toEqual(['do']);
    // A late rejection changes nothing, and is not unhandled.
    late.jam(new Error('late'));
    await harness.settle();
    expect([harness.errors.length, harness.clock.timers]).toEqual([1, idleTimers]);
  });

  const awaitItself = async () => {
    const { harness } = open(2);
    const said: string[] = [];
    const outer = watch(
      harness.server.do(async ({ id }) => {
        said.push(`outer ${id}`);
        if (id === 'client0') await harness.server.do((conn) => said.push(`inner ${conn.id}`));
      }),
    );
    await harness.settle();
    await pass(harness, 29_999);
    expect([said, outer.state]).toEqual([['outer client0'], 'pending']);
    await pass(harness, 1);
    expect(said).toEqual(['outer client0', 'outer client1', 'inner client0', 'inner client1']);
    return outer;
  };

  test('[DO4] [DO3] a do that its own visitor awaits fails that visit after handlerTimeout, and no other', async () => {
    const { error } = await awaitItself();
    expect(error).toBeInstanceOf(AggregateError);
    expect(error).toMatchObject({ errors: [expect.any(HandlerTimeout)] });
  });

  test('[DO4] the error says that the do waits for itself', async () => {
    const { error } = await awaitItself();
    const said = /a do awaited by its own visitor waits for itself/;
    expect(error).toMatchObject({ errors: [{ message: expect.stringMatching(said) }] });
  });
});

describe('without a do', () => {
  test('[DO4] [DR1] during and after a drain it rejects at once and visits no connection', async () => {
    const { promise, open: end } = deferred();
    const { harness, clients } = open(2, { namespaces: { chat: { wait: () => promise } } });
    clients[0]?.socket.receive(';chat;;wait;0;0;');
    const visited: string[] = [];
    const pending = () => watch(harness.server.do(({ id }) => visited.push(id)));
    const drained = harness.server.close();
    const atOnce = pending();
    await harness.settle();
    const draining = pending();
    await harness.settle();
    expect(harness.server.totalConnections).toBeGreaterThan(0);
    end();
    await harness.settle();
    for (const { socket } of clients) socket.disconnect();
    await harness.settle();
    await drained;
    const closed = pending();
    await harness.settle();
    for (const { state, error } of [atOnce, draining, closed]) {
      expect([state, error]).toEqual(['rejected', ErrWrite]);
    }
    expect(visited).toEqual([]);
  });

  /** Two walks, the first under way, when the root actor is stopped. */
  const stopByHand = async () => {
    const { harness } = open(2);
    const present = watch(harness.server.do(() => new Promise(() => {})));
    const next = watch(harness.server.do(() => {}));
    await harness.settle();
    const late = harness.connect('late');
    harness.supervisor.actor.stop();
    await harness.settle();
    return { harness, late, present, next };
  };

  test('[DO2] [DR1] a waiting arrival is refused when the program stops the root actor', async () => {
    const { late, harness } = await stopByHand();
    expect([late.conn, late.socket.isDestroyed, harness.server.totalConnections]).toEqual([undefined, true, 0]);
  });

  test('[DO4] [DR1] pending dos reject when the program stops the root actor', async () => {
    const { present, next } = await stopByHand();
    expect([present.state, next.state]).toEqual(['rejected', 'rejected']);
    expect([present.error, next.error]).toEqual([ErrWrite, ErrWrite]);
  });

  test('[DO4] [DR1] a visitor that stops the root actor is the last, and nothing is sent to that any more', async () => {
    const warned = vi.spyOn(console, 'warn').mockImplementation(() => {});
    onTestFinished(() => warned.mockRestore());
    const { harness } = open(2);
    const visited: string[] = [];
    const pending = watch(
      harness.server.do(({ id }) => {
        visited.push(id);
        harness.supervisor.actor.stop();
      }),
    );
    await harness.settle();
    expect([visited, pending.state, pending.error]).toEqual([['client0'], 'rejected', ErrWrite]);
    expect(warned.mock.calls).toEqual([]);
  });

  test('[DR1] [DO2] an arrival after the end is refused and counted, and the root actor gets no event', async () => {
    const { harness } = await stopByHand();
    const warned = vi.spyOn(console, 'warn').mockImplementation(() => {});
    onTestFinished(() => warned.mockRestore());
    const before = harness.supervisor.counters.refusedArrivals;
    const { socket } = harness.connect('too late');
    await harness.settle();
    expect([socket.isDestroyed, harness.supervisor.counters.refusedArrivals]).toEqual([true, before + 1]);
    expect(warned.mock.calls).toEqual([]);
  });
});

describe('on a TCP connection', () => {
  test('[DO2] frames sent with the upgrade are read after the do, in order, and not before', async () => {
    const admitted: string[] = [];
    const testServer = await start({ namespaces: { chat }, onConnect: ({ id }) => void admitted.push(id) });
    await (await testServer.dial('first')).acknowledge();
    const { promise, open: end } = deferred();
    const pending = testServer.server.do(() => promise);
    const client = dialTcp(testServer);
    const sent = ['M', '$1;chat;;_OnNamespaceConnect;0;0;', '$2;chat;;echo;0;0;hi'];
    client.socket.write(Buffer.concat([Buffer.from(upgrade('/?id=late')), ...sent.map((text) => frame(text))]));
    await client.waitFor('\r\n\r\n');
    // As long as it takes a second client to be upgraded, and others to be answered.
    const other = await testServer.dial('other');
    expect([admitted, testServer.server.totalConnections]).toEqual([['first'], 1]);
    expect(client.text().split('\r\n\r\n')[1]).toBe('');
    end();
    await pending;
    await client.waitFor('$2;chat;;echo;0;0;hi');
    const [, told = ''] = client.text().split('\r\n\r\n');
    expect(told.replace(/[^\x20-\x7e]./g, '|')).toBe('|Alate|$1;;;;;;|$2;chat;;echo;0;0;hi');
    expect(await other.acknowledge()).toBe('other');
    expect(admitted).toEqual(['first', 'late', 'other']);
  });

  test('[DO2] [HS15] waiting and unacknowledged connections share one limit; the next upgrade waits in the queue', async () => {
    const testServer = await start({ namespaces: { chat }, limits: { admission: 3 } });
    await (await testServer.dial('first')).acknowledge();
    const silent = await testServer.dial('silent');
    const { promise, open: end } = deferred();
    const pending = testServer.server.do(() => promise);
    const held = [await testServer.dial('held0'), await testServer.dial('held1')];
    const inLine = dialTcp(testServer);
    inLine.socket.write(upgrade('/?id=in line'));
    const probe = dialTcp(testServer);
    probe.socket.write('HEAD / HTTP/1.1\r\nHost: loopback\r\n\r\n');
    // An accepted client is answered; those two are not.
    await silent.ping();
    expect([inLine.text(), probe.text(), testServer.server.totalConnections]).toEqual(['', '', 2]);
    // A place that comes free is theirs, though the walk goes on: the one is upgraded, and waits paused.
    expect(await silent.acknowledge()).toBe('silent');
    end();
    await pending;
    for (const client of held) await client.acknowledge();
    await Promise.all([inLine.waitFor('\r\n\r\n'), probe.waitFor('302')]);
  });

  test('[DO2] [HS15] a waiting arrival whose client disconnects makes room for the next', async () => {
    const testServer = await start({ namespaces: { chat }, limits: { admission: 1, admissionTimeout: 3_000 } });
    await (await testServer.dial('first')).acknowledge();
    const { promise, open: end } = deferred();
    const pending = testServer.server.do(() => promise);
    (await testServer.dial('gone')).terminate();
    const next = dialTcp(testServer);
    next.socket.write(upgrade('/?id=next'));
    await next.waitFor('\r\n\r\n');
    end();
    await pending;
  });

  test('[DO2] [HS15] a waiting arrival with unread frames whose socket breaks makes room as well', async () => {
    const sockets: Socket[] = [];
    const testServer = await start({
      namespaces: { chat },
      limits: { admission: 1, admissionTimeout: 3_000 },
      onUpgrade: ({ socket }) => void sockets.push(socket),
    });
    await (await testServer.dial('first')).acknowledge();
    const { promise, open: end } = deferred();
    const pending = testServer.server.do(() => promise);
    const gone = dialTcp(testServer);
    gone.socket.write(upgrade('/?id=gone'));
    await gone.waitFor('\r\n\r\n');
    const next = dialTcp(testServer);
    next.socket.write(upgrade('/?id=next'));
    const sent = frame('M');
    gone.socket.write(sent);
    // An end that comes together with it would be hidden behind it.
    await expect.poll(() => sockets[1]?.readableLength).toBe(sent.length);
    gone.socket.resetAndDestroy();
    await next.waitFor('\r\n\r\n');
    end();
    await pending;
  });
});
