import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Conn, ErrWrite, HandlerTimeout, type NSConn, reply } from '../../src/index.js';
import { deferred, watch } from '../support/async/promises.js';
import {
  type FakeClient,
  idleTimers,
  noResources,
  SupervisorHarness,
  settled,
} from '../support/server/supervisorHarness.js';

const chat = { echo: (_: NSConn, { body }: { readonly body: string | Uint8Array }) => reply(body) };
const inChat = { namespaces: { chat } };

const people = (harness: SupervisorHarness, count: number): FakeClient[] =>
  Array.from({ length: count }, (_, n) => harness.open(`client${n}`, 'chat'));

describe('a do over all connections', () => {
  test('[DO1] visits each once, in order of registration, unacknowledged ones too', async () => {
    const harness = new SupervisorHarness(inChat);
    people(harness, 3);
    harness.connect('knocks');
    const visited: string[] = [];
    await Promise.all([harness.server.do(({ id }) => visited.push(id)), harness.settle()]);
    expect(visited).toEqual(['client0', 'client1', 'client2', 'knocks']);
  });

  test('[DO1] does nothing within the call, and ends without connections', async () => {
    const harness = new SupervisorHarness(inChat);
    const [ann] = people(harness, 1);
    const visited: string[] = [];
    const pending = harness.server.do(({ id }) => visited.push(id));
    expect(visited).toEqual([]);
    ann?.socket.disconnect();
    await harness.settle();
    await pending;
    expect(visited).toEqual([]);
  });

  test('[DO1] visits neither connections that have closed meanwhile, nor any of them twice', async () => {
    const harness = new SupervisorHarness(inChat);
    const clients = people(harness, 5);
    const visited: string[] = [];
    const pending = harness.server.do(({ id }) => {
      visited.push(id);
      if (id === 'client1') clients[0]?.conn?.close();
      if (id === 'client1') clients[2]?.conn?.close();
      if (id === 'client1') clients[3]?.socket.disconnect();
    });
    await harness.settle();
    await pending;
    expect(visited).toEqual(['client0', 'client1', 'client4']);
  });

  test('[DO1] awaits an asynchronous visitor before the next visit', async () => {
    const harness = new SupervisorHarness(inChat);
    people(harness, 3);
    const visits: { readonly id: string; readonly open: () => void }[] = [];
    const pending = watch(
      harness.server.do(({ id }) => {
        const { promise, open } = deferred();
        visits.push({ id, open });
        return promise;
      }),
    );
    for (const count of [1, 2, 3]) {
      await harness.settle();
      expect(visits.map(({ id }) => id)).toEqual(['client0', 'client1', 'client2'].slice(0, count));
      expect(pending.state).toBe('pending');
      visits.at(-1)?.open();
    }
    await harness.settle();
    expect(pending.state).toBe('resolved');
  });

  test('[DO1] [BC5] runs in slices, between which frames arrive and broadcasts go out', async () => {
    const harness = new SupervisorHarness({ ...inChat, msPerRead: 1, sliceMs: 2 });
    const clients = people(harness, 12);
    const visited: string[] = [];
    const pending = watch(harness.server.do(({ id }) => visited.push(id)));
    harness.clock.tick();
    const first = visited.length;
    expect(first).toBeGreaterThan(0);
    expect(first).toBeLessThan(12);
    clients[11]?.socket.receive('$1;chat;;echo;0;0;meanwhile');
    expect(clients[11]?.socket.payloads).toEqual(['$1;chat;;echo;0;0;meanwhile']);
    expect(visited).toHaveLength(first);
    await harness.settle();
    expect(pending.state).toBe('resolved');
    expect(visited).toEqual(clients.map(({ id }) => id));
  });
});

describe('an arrival during a do', () => {
  test('[DO2] is not visited, counted or read, and is registered right after it, in order', async () => {
    const admitted: string[] = [];
    const harness = new SupervisorHarness({ ...inChat, onConnect: ({ id }) => void admitted.push(id) });
    people(harness, 2);
    const { promise, open } = deferred();
    const visited: string[] = [];
    const pending = watch(
      harness.server.do(({ id }) => {
        visited.push(id);
        return promise;
      }),
    );
    await harness.settle();
    const late = ['late0', 'late1', 'late2'].map((id) => harness.connect(id));
    for (const { socket } of late) socket.receive('M', '$1;chat;;_OnNamespaceConnect;0;0;');
    await harness.settle();
    expect(late.map(({ socket }) => [socket.isPaused, socket.sent.length])).toEqual([
      [true, 0],
      [true, 0],
      [true, 0],
    ]);
    expect(admitted).toEqual(['client0', 'client1']);
    expect(harness.server.totalConnections).toBe(2);
    expect(harness.server.connections()).toHaveLength(2);
    expect(pending.state).toBe('pending');
    open();
    await harness.settle();
    expect(pending.state).toBe('resolved');
    expect(visited).toEqual(['client0', 'client1']);
    expect(admitted.slice(2)).toEqual(['late0', 'late1', 'late2']);
    expect(harness.server.totalConnections).toBe(5);
    for (const { id, socket } of late) expect(socket.lines).toEqual([`t A${id}`, 't $1;;;;;;']);
    expect(harness.clock.timers).toBe(idleTimers);
  });

  test('[DO2] [DO4] waits also when a visitor causes it, and when a further do waits', async () => {
    const harness = new SupervisorHarness(inChat);
    people(harness, 2);
    const first: string[] = [];
    const second: string[] = [];
    const one = harness.server.do(({ id }) => {
      first.push(id);
      harness.connect(`friend of ${id}`);
    });
    const two = harness.server.do(({ id }) => second.push(id));
    await harness.settle();
    await Promise.all([one, two]);
    expect(first).toEqual(['client0', 'client1']);
    expect(second).toEqual(['client0', 'client1', 'friend of client0', 'friend of client1']);
  });

  test('[DO2] is registered before the promise of the do settles', async () => {
    const harness = new SupervisorHarness(inChat);
    people(harness, 1);
    const counts: number[] = [];
    const pending = harness.server
      .do(() => void harness.connect('late'))
      .then(() => counts.push(harness.server.totalConnections));
    await harness.settle();
    await pending;
    expect(counts).toEqual([2]);
  });

  test('[DO2] that waits for over 30 s is closed with 1013 and never registered', async () => {
    const harness = new SupervisorHarness({ ...inChat, limits: { handlerTimeout: 100_000 } });
    people(harness, 1);
    const { promise, open } = deferred();
    const pending = watch(harness.server.do(() => promise));
    await harness.settle();
    const early = harness.connect('early');
    harness.clock.advance(15_000);
    const late = harness.connect('late');
    harness.clock.advance(15_000);
    await harness.settle();
    expect(early.socket.lines).toEqual([expect.stringMatching(/^close 1013 /)]);
    expect(late.socket.lines).toEqual([]);
    open();
    await harness.settle();
    expect(pending.state).toBe('resolved');
    expect([early.conn, late.conn?.id]).toEqual([undefined, 'late']);
    expect(harness.server.totalConnections).toBe(2);
  });

  test('[DO2] that disconnects is never registered', async () => {
    const harness = new SupervisorHarness(inChat);
    people(harness, 1);
    const { promise, open } = deferred();
    void harness.server.do(() => promise);
    await harness.settle();
    const [gone, stays] = [harness.connect('gone'), harness.connect('stays')];
    gone.socket.disconnect();
    open();
    await harness.settle();
    expect([gone.conn, stays.conn?.id]).toEqual([undefined, 'stays']);
    expect(harness.server.totalConnections).toBe(2);
    await harness.disconnectAll();
    expect(harness.resources).toEqual(noResources);
  });

  test('[DO1] [DO2] [DO4] random runs visit the connections that were there and stayed', async () => {
    type Happening = 'arrive' | 'speak' | 'hangUp' | 'close' | 'do';
    const happening = fc.constantFrom<Happening>('arrive', 'arrive', 'speak', 'hangUp', 'close', 'do');
    const property = fc.asyncProperty(
      fc.scheduler(),
      fc.nat(5),
      fc.array(fc.tuple(happening, fc.nat(20)), { maxLength: 12 }),
      async (scheduler, count, happenings) => {
        const admitted: string[] = [];
        const harness = new SupervisorHarness({ ...inChat, onConnect: ({ id }) => void admitted.push(id) });
        people(harness, count);
        const arrivals = harness.clients.map(({ id }) => id);
        const isThere = (client: FakeClient | undefined): boolean =>
          client?.conn !== undefined && !client.conn.isClosed && client.socket.isOpen;
        const walks: { readonly visited: FakeClient[]; expected: FakeClient[] | undefined }[] = [];
        let isWalking = false;
        const begin = (): void => {
          const walk: (typeof walks)[number] = { visited: [], expected: undefined };
          walks.push(walk);
          const visit = (conn: Conn): Promise<void> => {
            walk.expected ??= harness.server.connections().map((other) => harness.clientOf(other));
            expect(isWalking).toBe(false);
            isWalking = true;
            const client = harness.clientOf(conn);
            expect(isThere(client)).toBe(true);
            walk.visited.push(client);
            return scheduler.schedule(Promise.resolve(), `visit of ${conn.id}`).then(() => {
              isWalking = false;
            });
          };
          harness.server.do(visit).catch((error: unknown) => harness.errors.push({ error, where: { during: 'do' } }));
        };
        const happen: Readonly<Record<Happening, (client: FakeClient | undefined) => void>> = {
          arrive: () => {
            const late = harness.connect(`late${harness.clients.length}`);
            arrivals.push(late.id);
            late.socket.receive('M');
          },
          speak: (client) => {
            if (!client || !isThere(client)) return;
            client.socket.receive('$1;chat;;echo;0;0;hi');
            harness.server.broadcast(null, { namespace: 'chat', event: 'news' });
          },
          hangUp: (client) => client?.socket.disconnect(),
          close: (client) => client?.conn?.close(),
          do: begin,
        };
        begin();
        for (const [what, who] of happenings) {
          void scheduler
            .schedule(Promise.resolve(), what)
            .then(() => happen[what](harness.clients[who % Math.max(1, harness.clients.length)]));
        }
        await harness.settle();
        while (scheduler.count() > 0) {
          await scheduler.waitNext(1);
          await harness.settle();
        }
        expect(harness.errors).toEqual([]);
        for (const { visited, expected = [] } of walks) {
          // In order, each once, and only connections registered when it began.
          expect(new Set(visited).size).toBe(visited.length);
          expect(visited).toEqual(expected.filter((client) => visited.includes(client)));
          const missed = expected.filter((client) => !visited.includes(client));
          expect(missed.filter(isThere)).toEqual([]);
        }
        expect(admitted).toEqual(arrivals.filter((id) => admitted.includes(id)));
        const waiting = harness.clients.filter(({ conn, socket }) => conn === undefined && socket.isOpen);
        expect(waiting).toEqual([]);
        expect(harness.server.totalConnections).toBe(harness.clients.filter(isThere).length);
        await harness.disconnectAll();
        expect(harness.resources).toEqual(noResources);
      },
    );
    await fc.assert(property, { numRuns: Number(process.env['MUSTER_RUNS'] ?? 200) });
  });
});

describe('a visitor that fails', () => {
  test('[DO3] fails its own visit only; the promise rejects when the do has ended', async () => {
    const harness = new SupervisorHarness(inChat);
    people(harness, 4);
    const visited: string[] = [];
    const [thrown, rejected] = [new Error('thrown'), new Error('rejected')];
    const pending = watch(
      harness.server.do(({ id }) => {
        visited.push(id);
        if (id === 'client0') throw thrown;
        return id === 'client2' ? Promise.reject(rejected) : undefined;
      }),
    );
    await harness.settle();
    expect(visited).toEqual(['client0', 'client1', 'client2', 'client3']);
    expect(pending.state).toBe('rejected');
    expect(pending.error).toBeInstanceOf(AggregateError);
    expect(pending.error).toMatchObject({ errors: [thrown, rejected] });
  });

  test('[DO3] that does not settle within handlerTimeout fails, and the do continues', async () => {
    const harness = new SupervisorHarness(inChat);
    people(harness, 2);
    const visited: string[] = [];
    const pending = watch(
      harness.server.do(({ id }) => {
        visited.push(id);
        return id === 'client0' ? new Promise(() => {}) : undefined;
      }),
    );
    await harness.settle();
    harness.clock.advance(29_999);
    await harness.settle();
    expect([visited, pending.state]).toEqual([['client0'], 'pending']);
    harness.clock.advance(1);
    await harness.settle();
    expect([visited, pending.state]).toEqual([['client0', 'client1'], 'rejected']);
    expect(pending.error).toMatchObject({ errors: [expect.any(HandlerTimeout)] });
    expect(harness.clock.timers).toBe(idleTimers);
  });

  test('[DO3] [DO2] does not keep waiting arrivals from being registered', async () => {
    const harness = new SupervisorHarness(inChat);
    people(harness, 1);
    const pending = watch(
      harness.server.do(() => {
        harness.connect('late');
        throw new Error('no');
      }),
    );
    await harness.settle();
    expect([pending.state, harness.server.totalConnections]).toEqual(['rejected', 2]);
  });

  test('[DO1] a visitor that is no function is refused at once', () => {
    const harness = new SupervisorHarness(inChat);
    expect(() => harness.server.do(JSON.parse('"visit"'))).toThrow(TypeError);
  });
});

describe('a do within a do', () => {
  test('[DO4] waits for the outer one', async () => {
    const harness = new SupervisorHarness(inChat);
    people(harness, 2);
    const said: string[] = [];
    const inner: Promise<void>[] = [];
    const outer = harness.server.do(({ id }) => {
      said.push(`outer ${id}`);
      if (id === 'client0') inner.push(harness.server.do((conn) => said.push(`inner ${conn.id}`)));
    });
    await harness.settle();
    await Promise.all([outer, ...inner]);
    expect(said).toEqual(['outer client0', 'outer client1', 'inner client0', 'inner client1']);
  });

  test('[DO4] [DO3] fails the visitor that awaits it, and takes place after all', async () => {
    const harness = new SupervisorHarness(inChat);
    people(harness, 1);
    const said: string[] = [];
    const outer = watch(
      harness.server.do(async () => {
        said.push('outer');
        await harness.server.do(() => said.push('inner'));
        said.push('over');
      }),
    );
    await harness.settle();
    harness.clock.advance(30_000);
    await harness.settle();
    expect(outer.error).toMatchObject({ errors: [expect.any(HandlerTimeout)] });
    expect(said).toEqual(['outer', 'inner', 'over']);
  });
});

describe('other work during a do', () => {
  test('[DO4] broadcasts and emits arrive in program order, those of visitors and of others', async () => {
    const harness = new SupervisorHarness(inChat);
    const clients = people(harness, 3);
    const pending = harness.server.do(async (conn) => {
      conn.server.broadcast(null, { namespace: 'chat', event: `from ${conn.id}` });
      conn.namespace('chat')?.emit('direct');
      await settled();
      conn.namespace('chat')?.broadcastOthers({ event: `later ${conn.id}` });
    });
    await harness.settle();
    for (let turn = 0; turn < 10; turn++) await harness.settle();
    await pending;
    const from = (n: number) => `;chat;;from client${n};0;0;`;
    const later = (n: number) => `;chat;;later client${n};0;0;`;
    const direct = ';chat;;direct;0;0;';
    expect(clients.map(({ socket }) => socket.payloads)).toEqual([
      [from(0), direct, from(1), later(1), from(2), later(2)],
      [from(0), later(0), from(1), direct, from(2), later(2)],
      [from(0), later(0), from(1), later(1), from(2), direct],
    ]);
  });

  test('[DO4] [SV5] closes: the visited one, those before and those behind', async () => {
    const harness = new SupervisorHarness(inChat);
    const clients = people(harness, 4);
    const visited: string[] = [];
    const pending = harness.server.do((conn) => {
      visited.push(conn.id);
      if (conn.id !== 'client1') return;
      harness.server.broadcast(null, { namespace: 'chat', event: 'before' });
      for (const { conn: other } of clients) if (other?.id !== 'client3') other?.close(4000, 'out');
      harness.server.broadcast(null, { namespace: 'chat', event: 'after' });
    });
    await harness.settle();
    await pending;
    expect(visited).toEqual(['client0', 'client1', 'client3']);
    expect(harness.server.totalConnections).toBe(1);
    expect(clients.map(({ socket }) => socket.payloads)).toEqual([
      [';chat;;before;0;0;', 'close 4000 out'],
      [';chat;;before;0;0;', 'close 4000 out'],
      [';chat;;before;0;0;', 'close 4000 out'],
      [';chat;;before;0;0;', ';chat;;after;0;0;'],
    ]);
  });

  test('[DO4] [DR1] a drain ends the do, rejects waiting ones, and refuses waiting arrivals', async () => {
    const harness = new SupervisorHarness(inChat);
    const [ann] = people(harness, 1);
    const pending = watch(harness.server.do(() => new Promise(() => {})));
    const next = watch(harness.server.do(() => {}));
    await harness.settle();
    const late = harness.connect('late');
    const drained = harness.server.close();
    await harness.settle();
    expect([pending.error, next.error]).toEqual([ErrWrite, ErrWrite]);
    expect([late.conn, late.socket.isDestroyed]).toEqual([undefined, true]);
    ann?.socket.disconnect();
    await harness.settle();
    await drained;
    await expect(harness.server.do(() => {})).rejects.toBe(ErrWrite);
    expect(harness.server.totalConnections).toBe(0);
  });
});

describe('counting', () => {
  test('[DO5] counts the registered connections: acknowledged or not, closed ones not, those that wait not', async () => {
    const harness = new SupervisorHarness(inChat);
    const [ann, bob] = people(harness, 3);
    harness.connect('knocks');
    const counts = [harness.server.totalConnections];
    ann?.conn?.close();
    counts.push(harness.server.totalConnections);
    bob?.socket.disconnect();
    counts.push(harness.server.totalConnections);
    void harness.server.do(() => {});
    harness.connect('late');
    counts.push(harness.server.totalConnections);
    await harness.settle();
    counts.push(harness.server.totalConnections);
    expect(counts).toEqual([4, 3, 2, 2, 3]);
  });

  test('[DO5] [DO6] COUNT is answered at once, even during a do', async () => {
    const harness = new SupervisorHarness(inChat);
    people(harness, 2);
    const counts: number[] = [];
    const count = (): void => harness.supervisor.actor.send({ type: 'COUNT', reply: (n: number) => counts.push(n) });
    count();
    const pending = harness.server.do(({ id }) => {
      if (id === 'client0') harness.clients[1]?.conn?.close();
      count();
    });
    await harness.settle();
    await pending;
    expect(counts).toEqual([2, 1]);
  });

  test('[DO6] the root actor takes BROADCAST and DO as the methods do', async () => {
    const harness = new SupervisorHarness(inChat);
    const [ann, bob] = people(harness, 2);
    const visited: string[] = [];
    const done: unknown[] = [];
    const { actor } = harness.supervisor;
    actor.send({ type: 'BROADCAST', except: ann?.conn ?? null, messages: [{ namespace: 'chat', event: 'news' }] });
    actor.send({
      type: 'DO',
      visit: ({ id }: Conn) => visited.push(id),
      done: (failure?: unknown) => done.push(failure),
    });
    actor.send({ type: 'DO', visit: () => {} });
    await harness.settle();
    expect([ann?.socket.payloads, bob?.socket.payloads]).toEqual([[], [';chat;;news;0;0;']]);
    expect([visited, done]).toEqual([['client0', 'client1'], [undefined]]);
  });
});
