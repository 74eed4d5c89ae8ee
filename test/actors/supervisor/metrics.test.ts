import { fc, test as given } from '@fast-check/vitest';
import { describe, expect, test } from 'vitest';
import { type AnyActorRef, type AnyMachineSnapshot, assign } from 'xstate';
import { closeCause } from '../../../src/actors/connection/lifecycle.js';
import { BackgroundTasks } from '../../../src/actors/runtime/background.js';
import { Histogram } from '../../../src/actors/runtime/histogram.js';
import type { Metrics } from '../../../src/actors/supervisor/metrics.js';
import { AskTimeout, CloseError, connectionMachine, type NSConn, reply } from '../../../src/index.js';
import { closeReasons } from '../../../src/protocol/errors.js';
import { HandClock } from '../../support/server/fakeClock.js';
import { openHouses } from '../../support/server/harnessCluster.js';
import { type Guest, House, type HouseOptions, settled } from '../../support/server/supervisorHarness.js';

const metricsOf = ({ supervisor }: House): Metrics => supervisor.metrics;

/** The reasons that have been counted, and how often. */
const counted = (numbers: Readonly<Record<string, number>>): Record<string, number> =>
  Object.fromEntries(Object.entries(numbers).filter(([, count]) => count !== 0));

const sumOf = (numbers: Readonly<Record<string, number>>): number =>
  Object.values(numbers).reduce((sum, one) => sum + one, 0);

const stages = ['acknowledging', 'congested'] as const;

/** Everybody is asked where he stands, as the metrics never do. */
const task = (actors: Iterable<AnyActorRef>): Record<string, number> => {
  const found = { acknowledging: 0, flowing: 0, congested: 0, closing: 0 };
  for (const actor of actors) {
    const snapshot: AnyMachineSnapshot = actor.getSnapshot();
    if (snapshot.status === 'active')
      found[stages.find((stage) => snapshot.hasTag(stage)) ?? (snapshot.hasTag('open') ? 'flowing' : 'closing')]++;
  }
  return found;
};

/** Every connection's actor that there has been. */
const rollOf = (house: House): Set<AnyActorRef> => {
  const roll = new Set<AnyActorRef>();
  house.supervisor.introspection.subscribe({ began: (actor) => actor.id.startsWith('connection-') && roll.add(actor) });
  return roll;
};

const nsOf = (guest: Guest): NSConn => {
  const ns = guest.conn?.namespace('n');
  if (!ns) throw new Error(`${guest.id} is not in the namespace`);
  return ns;
};

const deeds: Readonly<Record<string, (house: House, guest: Guest) => unknown>> = {
  arrive: (house) => house.connect('a'),
  enter: (_, { socket }) => socket.say('M', '$1;n;;_OnNamespaceConnect;0;0;'),
  talk: (_, { socket }) => socket.say(';n;;e;0;0;x', 'no frame'),
  stall: (_, { socket }) => socket.stall(),
  drain: (_, { socket }) => socket.drain(),
  broadcast: ({ server }) => server.broadcast(null, { namespace: 'n', event: 'e', body: 'some words' }),
  burst: ({ server }) => {
    for (let nth = 0; nth < 5; nth++) server.broadcast(null, { namespace: 'n', event: 'e' });
  },
  write: (_, { conn }) => conn?.namespace('n')?.emit('e'),
  close: (_, { conn }) => conn?.close(),
  leave: (_, { socket }) => socket.hangUp(1001, 'slow consumer'),
  break: (_, { socket }) => {
    socket.destroy();
    socket.pump();
  },
  rest: (house) => house.rest(),
  wait: ({ clock }) => clock.advance(3_000),
};

const step = fc.tuple(fc.constantFrom(...Object.keys(deeds)), fc.nat({ max: 5 }));

describe('metrics', () => {
  given.prop([fc.array(step, { maxLength: 80 })], { numRuns: 200 })(
    '[IN7] connections are where the metrics say, whatever happens to them',
    async (steps) => {
      const house = new House({
        namespaces: { n: { e() {} } },
        limits: { highWaterMark: 10, slowConsumerMessages: 4 },
      });
      const roll = rollOf(house);
      const check = (): void => {
        const { connections, closes, arrivals } = metricsOf(house);
        expect(connections).toEqual(task(roll));
        expect(connections.acknowledging + connections.flowing + connections.congested).toBe(
          house.server.totalConnections,
        );
        expect(arrivals.admitted).toBe(roll.size);
        expect(sumOf(closes)).toBe(arrivals.admitted - house.server.totalConnections);
      };
      for (const [name, whom] of steps) {
        const guest = house.guests[whom] ?? house.connect('a');
        await deeds[name]?.(house, guest);
        check();
      }
      await house.empty();
      house.clock.advance(10_000);
      check();
      expect(sumOf(metricsOf(house).connections)).toBe(0);
      expect(metricsOf(house).closes.slowConsumer).toBe(house.supervisor.counters.evictions);
    },
  );

  const endings: Readonly<
    Record<string, readonly [options: HouseOptions, end: (house: House, guest: Guest) => unknown]>
  > = {
    client: [{}, (_, { socket }) => socket.hangUp(1013, 'slow consumer')],
    connectionLost: [{}, deeds['break'] ?? (() => {})],
    normal: [{}, (_, { conn }) => conn?.close()],
    program: [{}, (_, { conn }) => conn?.close(4_000, 'bored')],
    slowConsumer: [
      { limits: { highWaterMark: 0 } },
      (house, guest) => {
        guest.socket.stall();
        nsOf(guest).emit('e');
        house.clock.advance(10_000);
      },
    ],
    floodedInbox: [
      { limits: { inboxMessages: 1 }, namespaces: { n: { ask: async (ns) => void (await ns.ask('q')) } } },
      (_, { socket }) => socket.say(';n;;ask;0;0;', ...Array.from({ length: 5 }, () => ';n;;e;0;0;')),
    ],
    draining: [{}, (house) => void house.supervisor.drain(1_000)],
    lost: [
      { namespaces: { n: { hang: () => new Promise<void>(() => {}) } } },
      async (house, { socket }) => {
        socket.say(';n;;hang;0;0;');
        void house.supervisor.drain(1_000);
        await house.rest();
        house.clock.advance(1_000);
      },
    ],
    pingTimeout: [
      {},
      async (house, { socket }) => {
        socket.isMute = true;
        house.clock.advance(25_000);
        await house.rest();
        house.clock.advance(10_000);
      },
    ],
    silent: [{ limits: { readTimeout: 1_000 } }, ({ clock }) => clock.advance(1_000)],
    stuck: [
      { limits: { writeTimeout: 1_000 } },
      ({ clock }, guest) => {
        guest.socket.stall();
        nsOf(guest).emit('e');
        clock.advance(1_000);
      },
    ],
    failed: [
      {
        machines: {
          connection: connectionMachine.provide({
            actions: {
              countCongestion: () => {
                throw new Error('a bad day');
              },
            },
          }),
        },
        limits: { highWaterMark: 0 },
      },
      (_, guest) => {
        guest.socket.stall();
        nsOf(guest).emit('e');
      },
    ],
  };

  test.each(Object.entries(endings))(
    '[IN7] [IN9] what ends a connection is counted: %s',
    async (cause, [options, end]) => {
      const house = new House({ namespaces: { n: {} }, ...options });
      const guest = house.seat('a', 'n');
      expect(counted(metricsOf(house).closes)).toEqual({});
      await end(house, guest);
      await house.rest();
      expect(counted(metricsOf(house).closes)).toEqual({ [cause]: 1 });
    },
  );

  test('[IN7] so is what ends those who were never let in', async () => {
    const early = (house: House): void => house.connect('a').socket.say(...Array.from({ length: 17 }, () => 'x'));
    const house = new House({
      namespaces: { n: {} },
      onConnect: ({ id }) => {
        if (id === 'refused') throw new Error('slow consumer');
        return id === 'undecided' ? new Promise(() => {}) : undefined;
      },
    });
    early(house);
    house.connect('refused').socket.say('M');
    house.connect('undecided').socket.say('M');
    house.connect('silent');
    house.clock.advance(5_000);
    await house.rest();
    expect(counted(metricsOf(house).closes)).toEqual({ earlyFrames: 1, refused: 1, connectTimeout: 1, ackTimeout: 1 });
  });

  test('[IN7] what takes as long as a bound is within it', () => {
    const histogram = new Histogram([1, 10]);
    for (const ms of [0, 1, 1.1, 10, 11]) histogram.note(ms);
    expect(histogram.timing).toEqual({
      count: 5,
      sum: 23.1,
      buckets: [
        { upTo: 1, count: 2 },
        { upTo: 10, count: 4 },
      ],
    });
  });

  /** Every reason that a close frame can carry, and what it counts as when Muster gives it. */
  const sendable = Object.entries(closeReasons).filter(([, { code }]) => code !== 1006);

  test.each(sendable)('[IN9] a client that closes with the words of %s counts as client', async (_, { code, text }) => {
    const house = new House({ namespaces: { n: {} } });
    house.seat('a', 'n').socket.hangUp(code, text);
    house.connect('b').socket.hangUp(code, text);
    await house.rest();
    expect(counted(metricsOf(house).closes)).toEqual({ client: 2 });
  });

  test.each(sendable)('[IN9] a program that closes with the words of %s counts as program', async (name, reason) => {
    const { code, text } = reason;
    const throws = (): never => {
      throw new CloseError(code, text);
    };
    const house = new House({
      events: { leave: throws },
      onConnect: ({ id }) => {
        if (id === 'refused') throws();
        return id === 'undecided' ? new Promise(() => {}) : undefined;
      },
    });
    house.seat('closed').conn?.close(code, text);
    house.seat('thrown', '').socket.say(';;;leave;0;0;');
    house.connect('refused').socket.say('M');
    house.connect('undecided').conn?.close(code, text);
    await house.rest();
    const { closes } = metricsOf(house);
    expect(counted(closes)).toEqual({ [name === 'normal' ? name : 'program']: 2, refused: 2 });
  });

  test('[IN9] what Muster itself closes counts under its own name', () => {
    for (const [cause, { code, text }] of Object.entries(closeReasons)) {
      expect(closeCause({ reason: { code, text, cause }, wasAccepted: true })).toBe(cause);
    }
  });

  test.each(['stuck', 'pingTimeout', 'lost'] as const)('[IN9] no close frame can say %s', async (name) => {
    const house = new House({ namespaces: { n: {} } });
    const { code, text } = closeReasons[name];
    house.seat('a', 'n').socket.hangUp(code, text);
    await house.rest();
    expect(counted(metricsOf(house).closes)).toEqual({ connectionLost: 1 });
  });

  /** A chart of a program's own that records reasons with this cause, whatever the events say. */
  const recording = (cause: string | undefined) =>
    connectionMachine.provide({
      actions: {
        recordReason: assign({
          reason: ({ context, event }, params?: { readonly code: number; readonly text: string }) => {
            const said = params ?? ('code' in event ? event : { code: 1000, text: '' });
            return context.reason ?? { code: said.code, text: said.text, cause };
          },
        }),
      },
    });

  test.each([undefined, 'made up', 'toString'])(
    '[IN9] the causes of a chart of one’s own are no labels: %s counts as the program, a refusal or a lost connection',
    async (cause) => {
      const house = new House({
        namespaces: { n: {} },
        machines: { connection: recording(cause) },
        onConnect: ({ id }) => (id === 'undecided' ? new Promise(() => {}) : undefined),
      });
      house.seat('open', 'n').conn?.close(1013, 'slow consumer');
      house.connect('undecided');
      deeds['break']?.(house, house.seat('broken', 'n'));
      house.clock.advance(5_000);
      await house.rest();
      expect(counted(metricsOf(house).closes)).toEqual({ program: 1, refused: 1, connectionLost: 1 });
    },
  );

  test('[IN9] a chart of one’s own may record a cause that there is', async () => {
    const house = new House({ namespaces: { n: {} }, machines: { connection: recording('slowConsumer') } });
    house.seat('a', 'n').conn?.close();
    await house.rest();
    expect(counted(metricsOf(house).closes)).toEqual({ slowConsumer: 1 });
  });

  test('[IN7] what is broadcast is counted once, and once for each who is given it, congested or not', async () => {
    const house = new House({ namespaces: { n: {} }, limits: { highWaterMark: 10 } });
    const guests = ['a', 'b', 'c'].map((id) => house.seat(id, 'n'));
    const [first] = guests;
    first?.socket.stall();
    const before = metricsOf(house);
    const bytesBefore = guests.map(({ socket }) => socket.sent.length);
    for (let nth = 0; nth < 10; nth++) house.server.broadcast(null, { namespace: 'n', event: 'e', body: `${nth}` });
    house.server.broadcast(null, { namespace: 'n', event: 'e', to: 'b' });
    house.server.broadcast(null, { namespace: 'n', event: 'e', to: 'nobody' });
    await house.rest();
    expect(metricsOf(house).connections).toEqual({ acknowledging: 0, flowing: 2, congested: 1, closing: 0 });
    for (const event of ['late', 'later']) house.server.broadcast(null, { namespace: 'n', event });
    await house.rest();
    const { broadcasts, sent, slices } = metricsOf(house);
    expect(broadcasts.issued - before.broadcasts.issued).toBe(14);
    // Ten to three, one to one, two to three.
    expect(broadcasts.deliveries - before.broadcasts.deliveries).toBe(37);
    expect(sent.frames - before.sent.frames).toBe(35);
    expect(slices.delay.count).toBeGreaterThan(1);
    first?.socket.drain();
    const after = metricsOf(house);
    expect(after.sent.frames - before.sent.frames).toBe(37);
    expect(after.broadcasts).toEqual(broadcasts);
    const written = guests.flatMap(({ socket }, at) => socket.sent.slice(bytesBefore[at]));
    const bytes = written.reduce((sum, one) => sum + (one.kind === 'bytes' ? one.bytes.length : 0), 0);
    expect(after.sent.bytes - before.sent.bytes).toBe(bytes);
  });

  test('[IN7] a slice is timed from when it was asked for to its turn, and from there to its end', () => {
    const clock = new HandClock();
    const turn = new BackgroundTasks(clock, 4);
    const task = (ms: number) => ({
      run: () => {
        clock.spend(ms);
        return false;
      },
    });
    turn.wake(task(7));
    clock.spend(30);
    turn.wake(task(2));
    clock.runImmediates();
    const { sum, count, buckets } = turn.tally.delays.timing;
    expect([sum, count, turn.tally.spent]).toEqual([30, 1, 9]);
    expect(buckets.filter((bucket) => bucket.count > 0).map(({ upTo }) => upTo)).toEqual([50, 100, 250, 500, 1_000]);
  });

  test('[IN7] what comes of a client is counted in bytes, and what is dropped of it by reason', async () => {
    const house = new House({ namespaces: { n: { e() {} } } });
    const { socket } = house.seat('a', 'n');
    const before = metricsOf(house);
    const said = [';n;;e;0;0;é', ';n;;nothing;0;0;', 'no frame', ';n;;_OnRoomJoined;0;0;', ';n;;e;0;0;'];
    socket.say(...said, new Uint8Array(Buffer.from(';n;;e;0;0;\x00')));
    const { received, counters } = metricsOf(house);
    expect(received.frames - before.received.frames).toBe(said.length + 1);
    expect(received.bytes - before.received.bytes).toBe(Buffer.byteLength(said.join('')) + 11);
    expect(counters).toMatchObject({ unhandledEvents: 1, invalidFrames: 1, ignoredEvents: 1 });
  });

  test('[IN7] each ask is open, and then has one outcome', async () => {
    const house = new House({ namespaces: { n: {} }, limits: { asks: 4 } });
    const guest = house.seat('a', 'n');
    const ns = nsOf(guest);
    const abort = new AbortController();
    const asks = [
      ns.ask('answered'),
      ns.ask('refused by the client'),
      ns.ask('late', '', { timeout: 10 }),
      ns.ask('given up', '', { signal: abort.signal }),
    ];
    await expect(ns.ask('one too many')).rejects.toThrow('4 asks');
    expect(metricsOf(house).asks).toEqual({ open: 4, answered: 0, timedOut: 0, failed: 0, refused: 1 });
    const [one = '', two = ''] = guest.socket.tokens;
    guest.socket.say(`${one};;;;;;`, `${two};;;;1;0;no`);
    house.clock.advance(10);
    // Whatever the program gives as its reason is no timeout of ours.
    abort.abort(new AskTimeout(1));
    await Promise.allSettled(asks);
    expect(metricsOf(house).asks).toEqual({ open: 0, answered: 2, timedOut: 1, failed: 1, refused: 1 });
    const gone = ns.ask('nobody');
    guest.socket.hangUp();
    await expect(gone).rejects.toThrow();
    expect(metricsOf(house).asks).toMatchObject({ open: 0, failed: 2 });
  });

  test('[IN7] each run of a handler is timed once it has settled', async () => {
    let open = (): void => {};
    const house = new House({
      namespaces: {
        n: {
          quick: () => reply('x'),
          bad: () => {
            throw new Error('no');
          },
          slow: () =>
            new Promise<void>((resolve) => {
              open = resolve;
            }),
        },
      },
    });
    const { socket } = house.seat('a', 'n');
    socket.say(';n;;quick;0;0;', ';n;;bad;0;0;', ';n;;slow;0;0;');
    expect(metricsOf(house).handlers).toMatchObject({ errors: 1, time: { count: 2 } });
    open();
    await settled();
    const { time } = metricsOf(house).handlers;
    expect(time.count).toBe(3);
    const bounds = time.buckets.map(({ upTo }) => upTo);
    expect(bounds).toEqual([...bounds].sort((a, b) => a - b));
    const counts = [...time.buckets.map(({ count }) => count), time.count];
    expect(counts).toEqual([...counts].sort((a, b) => a - b));
  });

  test('[IN7] they are data, with an exchange and without', async () => {
    const alone = new House({ namespaces: { n: {} } });
    expect(metricsOf(alone).exchange).toBeNull();
    const { all, rest, empty } = await openHouses(2);
    const [a, b] = all;
    if (!a || !b) throw new Error('two houses were due');
    b.seat('x', 'n');
    a.server.broadcast(null, { namespace: 'n', event: 'e' });
    await rest();
    expect(metricsOf(a).exchange).toMatchObject({ state: 'online', published: 1, lost: { missing: 0 } });
    expect(metricsOf(b).exchange).toMatchObject({ received: 1 });
    expect(metricsOf(b).exchange).not.toHaveProperty('trouble');
    for (const house of [alone, a, b]) {
      const metrics = metricsOf(house);
      expect(JSON.parse(JSON.stringify(metrics))).toEqual(metrics);
    }
    await empty();
  });

  test('[IN7] what was read stays as it was', () => {
    const house = new House({ namespaces: { n: {} } });
    const before = metricsOf(house);
    const copy = structuredClone(before);
    house.seat('a', 'n').socket.hangUp();
    expect(before).toEqual(copy);
    expect(metricsOf(house)).not.toEqual(copy);
  });
});
