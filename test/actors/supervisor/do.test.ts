import type { Socket } from 'node:net';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { type DisconnectReason, ErrWrite, HandlerTimeout, type NSConn, reply } from '../../../src/index.js';
import { gate, watch } from '../../support/async/promises.js';
import { dialPlain, frame, upgrade, usePlainLines } from '../../support/peers/tcpClient.js';
import { type Guest, House, type HouseOptions, timersAtRest } from '../../support/server/supervisorHarness.js';
import { useServers } from '../../support/server/testServer.js';

const start = useServers();
usePlainLines();

const chat = { echo: (_: NSConn, { body }: { readonly body: string | Uint8Array }) => reply(body) };

const open = (count: number, options: Partial<HouseOptions> = {}) => {
  const departures: { readonly id: string; readonly reason: DisconnectReason }[] = [];
  const house = new House({
    namespaces: { chat },
    fireDisconnectAlways: true,
    onDisconnect: ({ id }, reason) => void departures.push({ id, reason }),
    ...options,
  });
  const guests = Array.from({ length: count }, (_, n): Guest => house.seat(`guest${n}`, 'chat'));
  return { house, guests, departures };
};

/** Time passes, and what comes of it. */
const pass = async (house: House, ms: number): Promise<void> => {
  house.clock.advance(ms);
  await house.rest();
};

describe('who waits for the end of a walk', () => {
  test('[DO2] has no deadline but that of waiting: neither for M nor for onConnect', async () => {
    const admitted: string[] = [];
    const { house } = open(1, { onConnect: ({ id }) => void admitted.push(id) });
    const { promise, open: end } = gate();
    void house.server.do(() => promise);
    await house.rest();
    const silent = house.connect('silent');
    await pass(house, 29_000);
    expect([admitted, silent.socket.lines]).toEqual([['guest0'], []]);
    end();
    await house.rest();
    expect(admitted).toEqual(['guest0', 'silent']);
    // Only now its 5 s begin.
    await pass(house, 4_999);
    expect(silent.socket.lines).toEqual([]);
    await pass(house, 1);
    expect(silent.socket.lines).toEqual(['close 1008 not acknowledged in time']);
  });

  test('[DO2] is closed with 1013 after exactly 30 s, is read again to hear the goodbye, and nobody is told', async () => {
    const admitted: string[] = [];
    const { house, departures } = open(1, {
      limits: { handlerTimeout: 1_000_000 },
      onConnect: ({ id }) => void admitted.push(id),
    });
    const { promise, open: end } = gate();
    const walk = watch(house.server.do(() => promise));
    await house.rest();
    const { socket } = house.connect('late');
    socket.say('M', '$1;chat;;_OnNamespaceConnect;0;0;', '$2;chat;;echo;0;0;hi');
    await pass(house, 29_999);
    expect([socket.lines, socket.isPaused]).toEqual([[], true]);
    await pass(house, 1);
    expect([socket.lines, socket.isPaused]).toEqual([['close 1013 retry=1000'], false]);
    expect(house.supervisor.counters.refusedArrivals).toBe(1);
    end();
    await house.rest();
    expect([walk.state, admitted, departures, house.server.totalConnections]).toEqual(['resolved', ['guest0'], [], 1]);
    // It does not answer the close frame, and loses its socket all the same.
    await pass(house, 5_000);
    expect([socket.isDestroyed, socket.lines]).toEqual([true, ['close 1013 retry=1000']]);
    expect(house.clock.timers).toBe(timersAtRest);
  });

  test('[DO2] is forgotten when its socket is gone: it holds nothing until the walk ends', async () => {
    const { house } = open(1, { limits: { handlerTimeout: 1_000_000 } });
    const { promise, open: end } = gate();
    void house.server.do(() => promise);
    await house.rest();
    const { socket } = house.connect('gone');
    socket.say('M');
    socket.destroy();
    await house.rest();
    await pass(house, 40_000);
    expect([house.supervisor.counters.refusedArrivals, socket.lines, house.server.totalConnections]).toEqual([
      0,
      [],
      1,
    ]);
    end();
    await house.rest();
    expect(house.server.totalConnections).toBe(1);
  });

  test('[DO2] waits on from walk to walk only until the first of them has ended', async () => {
    const { house } = open(1);
    const [first, second] = [gate(), gate()];
    void house.server.do(() => first.promise);
    void house.server.do(({ id }) => (id === 'guest0' ? second.promise : undefined));
    await house.rest();
    const late = house.connect('late');
    late.socket.say('M');
    first.open();
    await house.rest();
    expect([late.conn?.id, late.socket.lines, house.server.totalConnections]).toEqual(['late', ['t Alate'], 2]);
    const later = house.connect('later');
    await house.rest();
    expect([later.conn, house.server.totalConnections]).toEqual([undefined, 2]);
    second.open();
    await house.rest();
    expect(later.conn?.id).toBe('later');
  });
});

describe('while a visitor has not settled', () => {
  test('[DO4] frames of others and of the visited one, broadcasts, joins and ends go on', async () => {
    const { house, guests, departures } = open(3);
    const [ann, bob, cid] = guests;
    const { promise, open: end } = gate();
    const walk = watch(house.server.do(({ id }) => (id === 'guest0' ? promise : undefined)));
    await house.rest();
    for (const guest of guests) guest.socket.say('$1;chat;;echo;0;0;hi', '$2;chat;r;_OnRoomJoin;0;0;');
    house.server.broadcast(null, { namespace: 'chat', room: 'r', event: 'news' });
    bob?.conn?.close(4000, 'out');
    cid?.socket.hangUp(1001, 'gone');
    await house.rest();
    expect(walk.state).toBe('pending');
    const heard = ['$1;chat;;echo;0;0;hi', '$2;;;;;;', ';chat;r;news;0;0;'];
    expect(ann?.socket.payloads).toEqual(heard);
    expect(bob?.socket.payloads).toEqual([...heard, 'close 4000 out']);
    expect(departures.map(({ id, reason }) => [id, reason.text])).toEqual([
      ['guest1', 'out'],
      ['guest2', 'gone'],
    ]);
    expect(house.server.totalConnections).toBe(1);
    end();
    await house.rest();
    expect(walk.state).toBe('resolved');
  });

  test('[DO1] whoever is visited may end meanwhile: its visitor is waited for all the same', async () => {
    const { house, guests, departures } = open(2);
    const visited: string[] = [];
    const { promise, open: end } = gate();
    const walk = watch(
      house.server.do(({ id }) => {
        visited.push(id);
        return id === 'guest0' ? promise : undefined;
      }),
    );
    await house.rest();
    guests[0]?.socket.hangUp();
    await house.rest();
    expect([departures.map(({ id }) => id), visited, walk.state]).toEqual([['guest0'], ['guest0'], 'pending']);
    end();
    await house.rest();
    expect([visited, walk.state]).toEqual([['guest0', 'guest1'], 'resolved']);
  });

  test('[DO1] the order is that of registration, whoever said M first', async () => {
    const { house } = open(0);
    const guests = ['a', 'b', 'c'].map((id) => house.connect(id));
    for (const { socket } of guests.toReversed()) socket.say('M');
    const visited: string[] = [];
    void house.server.do(({ id }) => visited.push(id));
    await house.rest();
    expect(visited).toEqual(['a', 'b', 'c']);
  });
});

describe('visits that fail', () => {
  test('[DO3] in every way there is, and each error is told, in the order of the visits', async () => {
    const { house } = open(7);
    const visited: string[] = [];
    const late = gate();
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
    const walk = watch(house.server.do(({ id }) => ways[visited.push(id) - 1]?.()));
    await house.rest();
    expect([visited.length, walk.state]).toEqual([3, 'pending']);
    await pass(house, 30_000);
    expect(visited).toEqual(['guest0', 'guest1', 'guest2', 'guest3', 'guest4', 'guest5', 'guest6']);
    expect(walk.error).toBeInstanceOf(AggregateError);
    expect(walk.error).toMatchObject({ errors: [thrown, rejected, expect.any(HandlerTimeout), returned, thenable] });
    expect(house.errors.map(({ where }) => where.during)).toEqual(['do']);
    // What settles when it has been given up changes nothing, and is nobody's unhandled rejection.
    late.jam(new Error('late'));
    await house.rest();
    expect([house.errors.length, house.clock.timers]).toEqual([1, timersAtRest]);
  });

  const awaitItself = async () => {
    const { house } = open(2);
    const said: string[] = [];
    const outer = watch(
      house.server.do(async ({ id }) => {
        said.push(`outer ${id}`);
        if (id === 'guest0') await house.server.do((conn) => said.push(`inner ${conn.id}`));
      }),
    );
    await house.rest();
    await pass(house, 29_999);
    expect([said, outer.state]).toEqual([['outer guest0'], 'pending']);
    await pass(house, 1);
    expect(said).toEqual(['outer guest0', 'outer guest1', 'inner guest0', 'inner guest1']);
    return outer;
  };

  test('[DO4] [DO3] a do that its own visitor awaits fails that visit after handlerTimeout, and no other', async () => {
    const { error } = await awaitItself();
    expect(error).toBeInstanceOf(AggregateError);
    expect(error).toMatchObject({ errors: [expect.any(HandlerTimeout)] });
  });

  test('[DO4] and the error says that it waits for itself', async () => {
    const { error } = await awaitItself();
    const said = /a do awaited by its own visitor waits for itself/;
    expect(error).toMatchObject({ errors: [{ message: expect.stringMatching(said) }] });
  });
});

describe('when there will be no walk', () => {
  test('[DO4] [DR1] while it drains, and when it has, it rejects at once and nobody is visited', async () => {
    const { promise, open: end } = gate();
    const { house, guests } = open(2, { namespaces: { chat: { wait: () => promise } } });
    guests[0]?.socket.say(';chat;;wait;0;0;');
    const visited: string[] = [];
    const walk = () => watch(house.server.do(({ id }) => visited.push(id)));
    const drained = house.server.close();
    const atOnce = walk();
    await house.rest();
    const draining = walk();
    await house.rest();
    expect(house.server.totalConnections).toBeGreaterThan(0);
    end();
    await house.rest();
    for (const { socket } of guests) socket.hangUp();
    await house.rest();
    await drained;
    const closed = walk();
    await house.rest();
    for (const { state, error } of [atOnce, draining, closed]) {
      expect([state, error]).toEqual(['rejected', ErrWrite]);
    }
    expect(visited).toEqual([]);
  });

  /** Two walks, the first under way, when the root actor is stopped. */
  const stopByHand = async () => {
    const { house } = open(2);
    const present = watch(house.server.do(() => new Promise(() => {})));
    const next = watch(house.server.do(() => {}));
    await house.rest();
    const late = house.connect('late');
    house.supervisor.actor.stop();
    await house.rest();
    return { house, late, present, next };
  };

  test('[DO2] [DR1] who waits when the root actor is stopped by hand is turned away', async () => {
    const { late, house } = await stopByHand();
    expect([late.conn, late.socket.isDestroyed, house.server.totalConnections]).toEqual([undefined, true, 0]);
  });

  test('[DO4] [DR1] walks reject when the root actor is stopped by hand', async () => {
    const { present, next } = await stopByHand();
    expect([present.state, next.state]).toEqual(['rejected', 'rejected']);
    expect([present.error, next.error]).toEqual([ErrWrite, ErrWrite]);
  });

  test('[DO4] [DR1] a visitor that stops the root actor is the last, and nothing is sent to that any more', async () => {
    const warned = vi.spyOn(console, 'warn').mockImplementation(() => {});
    onTestFinished(() => warned.mockRestore());
    const { house } = open(2);
    const visited: string[] = [];
    const walk = watch(
      house.server.do(({ id }) => {
        visited.push(id);
        house.supervisor.actor.stop();
      }),
    );
    await house.rest();
    expect([visited, walk.state, walk.error]).toEqual([['guest0'], 'rejected', ErrWrite]);
    expect(warned.mock.calls).toEqual([]);
  });

  test('[DR1] [DO2] who arrives when it is over is turned away and counted, and nothing is sent to the root actor', async () => {
    const { house } = await stopByHand();
    const warned = vi.spyOn(console, 'warn').mockImplementation(() => {});
    onTestFinished(() => warned.mockRestore());
    const before = house.supervisor.counters.refusedArrivals;
    const { socket } = house.connect('too late');
    await house.rest();
    expect([socket.isDestroyed, house.supervisor.counters.refusedArrivals]).toEqual([true, before + 1]);
    expect(warned.mock.calls).toEqual([]);
  });
});

describe('on a real line', () => {
  test('[DO2] what was sent with the upgrade is read when the walk has ended, in order, and nothing before', async () => {
    const admitted: string[] = [];
    const house = await start({ namespaces: { chat }, onConnect: ({ id }) => void admitted.push(id) });
    await (await house.dial('first')).ready();
    const { promise, open: end } = gate();
    const walk = house.server.do(() => promise);
    const line = dialPlain(house);
    const sent = ['M', '$1;chat;;_OnNamespaceConnect;0;0;', '$2;chat;;echo;0;0;hi'];
    line.socket.write(Buffer.concat([Buffer.from(upgrade('/?id=late')), ...sent.map((text) => frame(text))]));
    await line.has('\r\n\r\n');
    // As long as it takes a second client to be upgraded, and others to be answered.
    const other = await house.dial('other');
    expect([admitted, house.server.totalConnections]).toEqual([['first'], 1]);
    expect(line.text().split('\r\n\r\n')[1]).toBe('');
    end();
    await walk;
    await line.has('$2;chat;;echo;0;0;hi');
    const [, told = ''] = line.text().split('\r\n\r\n');
    expect(told.replace(/[^\x20-\x7e]./g, '|')).toBe('|Alate|$1;;;;;;|$2;chat;;echo;0;0;hi');
    expect(await other.ready()).toBe('other');
    expect(admitted).toEqual(['first', 'late', 'other']);
  });

  test('[DO2] [HS15] those who wait and those who have not said M are bounded together; the next one stands in line', async () => {
    const house = await start({ namespaces: { chat }, limits: { admission: 3 } });
    await (await house.dial('first')).ready();
    const silent = await house.dial('silent');
    const { promise, open: end } = gate();
    const walk = house.server.do(() => promise);
    const held = [await house.dial('held0'), await house.dial('held1')];
    const inLine = dialPlain(house);
    inLine.socket.write(upgrade('/?id=in line'));
    const probe = dialPlain(house);
    probe.socket.write('HEAD / HTTP/1.1\r\nHost: loopback\r\n\r\n');
    // Whoever is let in already is answered; those two are not.
    await silent.heard();
    expect([inLine.text(), probe.text(), house.server.totalConnections]).toEqual(['', '', 2]);
    // A place that comes free is theirs, though the walk goes on: the one is upgraded, and waits paused.
    expect(await silent.ready()).toBe('silent');
    end();
    await walk;
    for (const client of held) await client.ready();
    await Promise.all([inLine.has('\r\n\r\n'), probe.has('302')]);
  });

  test('[DO2] [HS15] who goes away without a word while it waits leaves its place to the next', async () => {
    const house = await start({ namespaces: { chat }, limits: { admission: 1, admissionTimeout: 3_000 } });
    await (await house.dial('first')).ready();
    const { promise, open: end } = gate();
    const walk = house.server.do(() => promise);
    (await house.dial('gone')).terminate();
    const next = dialPlain(house);
    next.socket.write(upgrade('/?id=next'));
    await next.has('\r\n\r\n');
    end();
    await walk;
  });

  test('[DO2] [HS15] so does one whose line breaks while what it has sent waits', async () => {
    const sockets: Socket[] = [];
    const house = await start({
      namespaces: { chat },
      limits: { admission: 1, admissionTimeout: 3_000 },
      onUpgrade: ({ socket }) => void sockets.push(socket),
    });
    await (await house.dial('first')).ready();
    const { promise, open: end } = gate();
    const walk = house.server.do(() => promise);
    const gone = dialPlain(house);
    gone.socket.write(upgrade('/?id=gone'));
    await gone.has('\r\n\r\n');
    const next = dialPlain(house);
    next.socket.write(upgrade('/?id=next'));
    const sent = frame('M');
    gone.socket.write(sent);
    // An end that comes together with it would be hidden behind it.
    await expect.poll(() => sockets[1]?.readableLength).toBe(sent.length);
    gone.socket.resetAndDestroy();
    await next.has('\r\n\r\n');
    end();
    await walk;
  });
});
