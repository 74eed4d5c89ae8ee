import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Conn, ErrWrite, HandlerTimeout, type NSConn, reply } from '../../src/index.js';
import { gate, watch } from '../support/async/promises.js';
import { type Guest, House, nothing, settled, timersAtRest } from '../support/server/supervisorHarness.js';

const chat = { echo: (_: NSConn, { body }: { readonly body: string | Uint8Array }) => reply(body) };
const inChat = { namespaces: { chat } };

const people = (house: House, count: number): Guest[] =>
  Array.from({ length: count }, (_, n) => house.seat(`guest${n}`, 'chat'));

describe('a walk over all connections', () => {
  test('[DO1] visits each once, in order of registration, unacknowledged ones too', async () => {
    const house = new House(inChat);
    people(house, 3);
    house.connect('knocks');
    const visited: string[] = [];
    await Promise.all([house.server.do(({ id }) => visited.push(id)), house.rest()]);
    expect(visited).toEqual(['guest0', 'guest1', 'guest2', 'knocks']);
  });

  test('[DO1] does nothing at all in the call itself, and ends with nobody there', async () => {
    const house = new House(inChat);
    const [ann] = people(house, 1);
    const visited: string[] = [];
    const walk = house.server.do(({ id }) => visited.push(id));
    expect(visited).toEqual([]);
    ann?.socket.hangUp();
    await house.rest();
    await walk;
    expect(visited).toEqual([]);
  });

  test('[DO1] does not visit who has closed meanwhile, nor anybody twice', async () => {
    const house = new House(inChat);
    const guests = people(house, 5);
    const visited: string[] = [];
    const walk = house.server.do(({ id }) => {
      visited.push(id);
      if (id === 'guest1') guests[0]?.conn?.close();
      if (id === 'guest1') guests[2]?.conn?.close();
      if (id === 'guest1') guests[3]?.socket.hangUp();
    });
    await house.rest();
    await walk;
    expect(visited).toEqual(['guest0', 'guest1', 'guest4']);
  });

  test('[DO1] waits for an asynchronous visitor before it goes on', async () => {
    const house = new House(inChat);
    people(house, 3);
    const visits: { readonly id: string; readonly open: () => void }[] = [];
    const walk = watch(
      house.server.do(({ id }) => {
        const { promise, open } = gate();
        visits.push({ id, open });
        return promise;
      }),
    );
    for (const count of [1, 2, 3]) {
      await house.rest();
      expect(visits.map(({ id }) => id)).toEqual(['guest0', 'guest1', 'guest2'].slice(0, count));
      expect(walk.state).toBe('pending');
      visits.at(-1)?.open();
    }
    await house.rest();
    expect(walk.state).toBe('resolved');
  });

  test('[DO1] [BC5] goes in slices, between which frames come in and broadcasts go out', async () => {
    const house = new House({ ...inChat, perLook: 1, sliceMs: 2 });
    const guests = people(house, 12);
    const visited: string[] = [];
    const walk = watch(house.server.do(({ id }) => visited.push(id)));
    house.clock.tick();
    const first = visited.length;
    expect(first).toBeGreaterThan(0);
    expect(first).toBeLessThan(12);
    guests[11]?.socket.say('$1;chat;;echo;0;0;meanwhile');
    expect(guests[11]?.socket.payloads).toEqual(['$1;chat;;echo;0;0;meanwhile']);
    expect(visited).toHaveLength(first);
    await house.rest();
    expect(walk.state).toBe('resolved');
    expect(visited).toEqual(guests.map(({ id }) => id));
  });
});

describe('who arrives during a walk', () => {
  test('[DO2] is not visited, not counted, not heard, and let in right after, first come first', async () => {
    const admitted: string[] = [];
    const house = new House({ ...inChat, onConnect: ({ id }) => void admitted.push(id) });
    people(house, 2);
    const { promise, open } = gate();
    const visited: string[] = [];
    const walk = watch(
      house.server.do(({ id }) => {
        visited.push(id);
        return promise;
      }),
    );
    await house.rest();
    const late = ['late0', 'late1', 'late2'].map((id) => house.connect(id));
    for (const { socket } of late) socket.say('M', '$1;chat;;_OnNamespaceConnect;0;0;');
    await house.rest();
    expect(late.map(({ socket }) => [socket.isPaused, socket.sent.length])).toEqual([
      [true, 0],
      [true, 0],
      [true, 0],
    ]);
    expect(admitted).toEqual(['guest0', 'guest1']);
    expect(house.server.totalConnections).toBe(2);
    expect(house.server.connections()).toHaveLength(2);
    expect(walk.state).toBe('pending');
    open();
    await house.rest();
    expect(walk.state).toBe('resolved');
    expect(visited).toEqual(['guest0', 'guest1']);
    expect(admitted.slice(2)).toEqual(['late0', 'late1', 'late2']);
    expect(house.server.totalConnections).toBe(5);
    for (const { id, socket } of late) expect(socket.lines).toEqual([`t A${id}`, 't $1;;;;;;']);
    expect(house.clock.timers).toBe(timersAtRest);
  });

  test('[DO2] [DO4] waits also when a visitor itself lets it arrive, and when a next walk waits already', async () => {
    const house = new House(inChat);
    people(house, 2);
    const first: string[] = [];
    const second: string[] = [];
    const one = house.server.do(({ id }) => {
      first.push(id);
      house.connect(`friend of ${id}`);
    });
    const two = house.server.do(({ id }) => second.push(id));
    await house.rest();
    await Promise.all([one, two]);
    expect(first).toEqual(['guest0', 'guest1']);
    expect(second).toEqual(['guest0', 'guest1', 'friend of guest0', 'friend of guest1']);
  });

  test('[DO2] is let in before the promise of the walk settles', async () => {
    const house = new House(inChat);
    people(house, 1);
    const counts: number[] = [];
    const walk = house.server
      .do(() => void house.connect('late'))
      .then(() => counts.push(house.server.totalConnections));
    await house.rest();
    await walk;
    expect(counts).toEqual([2]);
  });

  test('[DO2] that waits for over 30 s is closed with 1013 and never let in', async () => {
    const house = new House({ ...inChat, limits: { handlerTimeout: 100_000 } });
    people(house, 1);
    const { promise, open } = gate();
    const walk = watch(house.server.do(() => promise));
    await house.rest();
    const early = house.connect('early');
    house.clock.advance(15_000);
    const late = house.connect('late');
    house.clock.advance(15_000);
    await house.rest();
    expect(early.socket.lines).toEqual([expect.stringMatching(/^close 1013 /)]);
    expect(late.socket.lines).toEqual([]);
    open();
    await house.rest();
    expect(walk.state).toBe('resolved');
    expect([early.conn, late.conn?.id]).toEqual([undefined, 'late']);
    expect(house.server.totalConnections).toBe(2);
  });

  test('[DO2] and goes away again is never let in', async () => {
    const house = new House(inChat);
    people(house, 1);
    const { promise, open } = gate();
    void house.server.do(() => promise);
    await house.rest();
    const [gone, stays] = [house.connect('gone'), house.connect('stays')];
    gone.socket.hangUp();
    open();
    await house.rest();
    expect([gone.conn, stays.conn?.id]).toEqual([undefined, 'stays']);
    expect(house.server.totalConnections).toBe(2);
    await house.empty();
    expect(house.remains).toEqual(nothing);
  });

  test('[DO1] [DO2] [DO4] whatever happens in whatever order, those are visited that were there and stayed', async () => {
    type Happening = 'arrive' | 'speak' | 'hangUp' | 'close' | 'do';
    const happening = fc.constantFrom<Happening>('arrive', 'arrive', 'speak', 'hangUp', 'close', 'do');
    const property = fc.asyncProperty(
      fc.scheduler(),
      fc.nat(5),
      fc.array(fc.tuple(happening, fc.nat(20)), { maxLength: 12 }),
      async (scheduler, count, happenings) => {
        const admitted: string[] = [];
        const house = new House({ ...inChat, onConnect: ({ id }) => void admitted.push(id) });
        people(house, count);
        const arrivals = house.guests.map(({ id }) => id);
        const isThere = (guest: Guest | undefined): boolean =>
          guest?.conn !== undefined && !guest.conn.isClosed && guest.socket.isOpen;
        const walks: { readonly visited: Guest[]; expected: Guest[] | undefined }[] = [];
        let isWalking = false;
        const begin = (): void => {
          const walk: (typeof walks)[number] = { visited: [], expected: undefined };
          walks.push(walk);
          const visit = (conn: Conn): Promise<void> => {
            walk.expected ??= house.server.connections().map((other) => house.guestOf(other));
            expect(isWalking).toBe(false);
            isWalking = true;
            const guest = house.guestOf(conn);
            expect(isThere(guest)).toBe(true);
            walk.visited.push(guest);
            return scheduler.schedule(Promise.resolve(), `visit of ${conn.id}`).then(() => {
              isWalking = false;
            });
          };
          house.server.do(visit).catch((error: unknown) => house.errors.push({ error, where: { during: 'do' } }));
        };
        const happen: Readonly<Record<Happening, (guest: Guest | undefined) => void>> = {
          arrive: () => {
            const late = house.connect(`late${house.guests.length}`);
            arrivals.push(late.id);
            late.socket.say('M');
          },
          speak: (guest) => {
            if (!guest || !isThere(guest)) return;
            guest.socket.say('$1;chat;;echo;0;0;hi');
            house.server.broadcast(null, { namespace: 'chat', event: 'news' });
          },
          hangUp: (guest) => guest?.socket.hangUp(),
          close: (guest) => guest?.conn?.close(),
          do: begin,
        };
        begin();
        for (const [what, who] of happenings) {
          void scheduler
            .schedule(Promise.resolve(), what)
            .then(() => happen[what](house.guests[who % Math.max(1, house.guests.length)]));
        }
        await house.rest();
        while (scheduler.count() > 0) {
          await scheduler.waitNext(1);
          await house.rest();
        }
        expect(house.errors).toEqual([]);
        for (const { visited, expected = [] } of walks) {
          // In order, each once, and nobody who was not there when it began.
          expect(new Set(visited).size).toBe(visited.length);
          expect(visited).toEqual(expected.filter((guest) => visited.includes(guest)));
          const missed = expected.filter((guest) => !visited.includes(guest));
          expect(missed.filter(isThere)).toEqual([]);
        }
        expect(admitted).toEqual(arrivals.filter((id) => admitted.includes(id)));
        const waiting = house.guests.filter(({ conn, socket }) => conn === undefined && socket.isOpen);
        expect(waiting).toEqual([]);
        expect(house.server.totalConnections).toBe(house.guests.filter(isThere).length);
        await house.empty();
        expect(house.remains).toEqual(nothing);
      },
    );
    await fc.assert(property, { numRuns: Number(process.env['MUSTER_RUNS'] ?? 200) });
  });
});

describe('a visitor that fails', () => {
  test('[DO3] fails its own visit only; the promise rejects when the walk has ended', async () => {
    const house = new House(inChat);
    people(house, 4);
    const visited: string[] = [];
    const [thrown, rejected] = [new Error('thrown'), new Error('rejected')];
    const walk = watch(
      house.server.do(({ id }) => {
        visited.push(id);
        if (id === 'guest0') throw thrown;
        return id === 'guest2' ? Promise.reject(rejected) : undefined;
      }),
    );
    await house.rest();
    expect(visited).toEqual(['guest0', 'guest1', 'guest2', 'guest3']);
    expect(walk.state).toBe('rejected');
    expect(walk.error).toBeInstanceOf(AggregateError);
    expect(walk.error).toMatchObject({ errors: [thrown, rejected] });
  });

  test('[DO3] that does not settle within handlerTimeout fails, and the walk goes on', async () => {
    const house = new House(inChat);
    people(house, 2);
    const visited: string[] = [];
    const walk = watch(
      house.server.do(({ id }) => {
        visited.push(id);
        return id === 'guest0' ? new Promise(() => {}) : undefined;
      }),
    );
    await house.rest();
    house.clock.advance(29_999);
    await house.rest();
    expect([visited, walk.state]).toEqual([['guest0'], 'pending']);
    house.clock.advance(1);
    await house.rest();
    expect([visited, walk.state]).toEqual([['guest0', 'guest1'], 'rejected']);
    expect(walk.error).toMatchObject({ errors: [expect.any(HandlerTimeout)] });
    expect(house.clock.timers).toBe(timersAtRest);
  });

  test('[DO3] [DO2] does not keep those out who wait', async () => {
    const house = new House(inChat);
    people(house, 1);
    const walk = watch(
      house.server.do(() => {
        house.connect('late');
        throw new Error('no');
      }),
    );
    await house.rest();
    expect([walk.state, house.server.totalConnections]).toEqual(['rejected', 2]);
  });

  test('[DO1] a visitor that is no function is refused at once', () => {
    const house = new House(inChat);
    expect(() => house.server.do(JSON.parse('"visit"'))).toThrow(TypeError);
  });
});

describe('a walk within a walk', () => {
  test('[DO4] waits its turn', async () => {
    const house = new House(inChat);
    people(house, 2);
    const said: string[] = [];
    const inner: Promise<void>[] = [];
    const outer = house.server.do(({ id }) => {
      said.push(`outer ${id}`);
      if (id === 'guest0') inner.push(house.server.do((conn) => said.push(`inner ${conn.id}`)));
    });
    await house.rest();
    await Promise.all([outer, ...inner]);
    expect(said).toEqual(['outer guest0', 'outer guest1', 'inner guest0', 'inner guest1']);
  });

  test('[DO4] [DO3] fails the visitor that awaits it, and takes place after all', async () => {
    const house = new House(inChat);
    people(house, 1);
    const said: string[] = [];
    const outer = watch(
      house.server.do(async () => {
        said.push('outer');
        await house.server.do(() => said.push('inner'));
        said.push('over');
      }),
    );
    await house.rest();
    house.clock.advance(30_000);
    await house.rest();
    expect(outer.error).toMatchObject({ errors: [expect.any(HandlerTimeout)] });
    expect(said).toEqual(['outer', 'inner', 'over']);
  });
});

describe('what goes on during a walk', () => {
  test('[DO4] broadcasts and emits of visitors arrive as called, those of others as well', async () => {
    const house = new House(inChat);
    const guests = people(house, 3);
    const walk = house.server.do(async (conn) => {
      conn.server.broadcast(null, { namespace: 'chat', event: `from ${conn.id}` });
      conn.namespace('chat')?.emit('direct');
      await settled();
      conn.namespace('chat')?.broadcastOthers({ event: `later ${conn.id}` });
    });
    await house.rest();
    for (let turn = 0; turn < 10; turn++) await house.rest();
    await walk;
    const from = (n: number) => `;chat;;from guest${n};0;0;`;
    const later = (n: number) => `;chat;;later guest${n};0;0;`;
    const direct = ';chat;;direct;0;0;';
    expect(guests.map(({ socket }) => socket.payloads)).toEqual([
      [from(0), direct, from(1), later(1), from(2), later(2)],
      [from(0), later(0), from(1), direct, from(2), later(2)],
      [from(0), later(0), from(1), later(1), from(2), direct],
    ]);
  });

  test('[DO4] [SV5] closes: the visited one, those before and those behind', async () => {
    const house = new House(inChat);
    const guests = people(house, 4);
    const visited: string[] = [];
    const walk = house.server.do((conn) => {
      visited.push(conn.id);
      if (conn.id !== 'guest1') return;
      house.server.broadcast(null, { namespace: 'chat', event: 'before' });
      for (const { conn: other } of guests) if (other?.id !== 'guest3') other?.close(4000, 'out');
      house.server.broadcast(null, { namespace: 'chat', event: 'after' });
    });
    await house.rest();
    await walk;
    expect(visited).toEqual(['guest0', 'guest1', 'guest3']);
    expect(house.server.totalConnections).toBe(1);
    expect(guests.map(({ socket }) => socket.payloads)).toEqual([
      [';chat;;before;0;0;', 'close 4000 out'],
      [';chat;;before;0;0;', 'close 4000 out'],
      [';chat;;before;0;0;', 'close 4000 out'],
      [';chat;;before;0;0;', ';chat;;after;0;0;'],
    ]);
  });

  test('[DO4] [DR1] a drain ends the walk, refuses those that wait, and turns away who was held', async () => {
    const house = new House(inChat);
    const [ann] = people(house, 1);
    const walk = watch(house.server.do(() => new Promise(() => {})));
    const next = watch(house.server.do(() => {}));
    await house.rest();
    const late = house.connect('late');
    const drained = house.server.close();
    await house.rest();
    expect([walk.error, next.error]).toEqual([ErrWrite, ErrWrite]);
    expect([late.conn, late.socket.isDestroyed]).toEqual([undefined, true]);
    ann?.socket.hangUp();
    await house.rest();
    await drained;
    await expect(house.server.do(() => {})).rejects.toBe(ErrWrite);
    expect(house.server.totalConnections).toBe(0);
  });
});

describe('counting', () => {
  test('[DO5] counts the registered connections: acknowledged or not, closed ones not, those that wait not', async () => {
    const house = new House(inChat);
    const [ann, bob] = people(house, 3);
    house.connect('knocks');
    const counts = [house.server.totalConnections];
    ann?.conn?.close();
    counts.push(house.server.totalConnections);
    bob?.socket.hangUp();
    counts.push(house.server.totalConnections);
    void house.server.do(() => {});
    house.connect('late');
    counts.push(house.server.totalConnections);
    await house.rest();
    counts.push(house.server.totalConnections);
    expect(counts).toEqual([4, 3, 2, 2, 3]);
  });

  test('[DO5] [DO6] COUNT is answered at once, even within a walk', async () => {
    const house = new House(inChat);
    people(house, 2);
    const counts: number[] = [];
    const count = (): void => house.supervisor.actor.send({ type: 'COUNT', reply: (n: number) => counts.push(n) });
    count();
    const walk = house.server.do(({ id }) => {
      if (id === 'guest0') house.guests[1]?.conn?.close();
      count();
    });
    await house.rest();
    await walk;
    expect(counts).toEqual([2, 1]);
  });

  test('[DO6] the root actor takes BROADCAST and DO as the methods do', async () => {
    const house = new House(inChat);
    const [ann, bob] = people(house, 2);
    const visited: string[] = [];
    const done: unknown[] = [];
    const { actor } = house.supervisor;
    actor.send({ type: 'BROADCAST', except: ann?.conn ?? null, messages: [{ namespace: 'chat', event: 'news' }] });
    actor.send({
      type: 'DO',
      visit: ({ id }: Conn) => visited.push(id),
      done: (failure?: unknown) => done.push(failure),
    });
    actor.send({ type: 'DO', visit: () => {} });
    await house.rest();
    expect([ann?.socket.payloads, bob?.socket.payloads]).toEqual([[], [';chat;;news;0;0;']]);
    expect([visited, done]).toEqual([['guest0', 'guest1'], [undefined]]);
  });
});
