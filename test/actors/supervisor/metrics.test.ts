import { fc, test as given } from '@fast-check/vitest';
import { describe, expect, test } from 'vitest';
import { type AnyActorRef, type AnyMachineSnapshot, assign } from 'xstate';
import { closeCause } from '../../../src/actors/connection/lifecycle.js';
import { BackgroundTasks } from '../../../src/actors/runtime/background.js';
import { Histogram } from '../../../src/actors/runtime/histogram.js';
import type { Metrics } from '../../../src/actors/supervisor/metrics.js';
import { AskTimeout, CloseError, connectionMachine, type NSConn, reply } from '../../../src/index.js';
import { closeReasons } from '../../../src/protocol/errors.js';
import { FakeClock } from '../../support/server/fakeClock.js';
import { openCluster } from '../../support/server/harnessCluster.js';
import {
  type FakeClient,
  type HarnessOptions,
  SupervisorHarness,
  settled,
} from '../../support/server/supervisorHarness.js';

const metricsOf = ({ supervisor }: SupervisorHarness): Metrics => supervisor.metrics;

/** The reasons that have been counted, and how often. */
const counted = (numbers: Readonly<Record<string, number>>): Record<string, number> =>
  Object.fromEntries(Object.entries(numbers).filter(([, count]) => count !== 0));

const sumOf = (numbers: Readonly<Record<string, number>>): number =>
  Object.values(numbers).reduce((sum, one) => sum + one, 0);

const stages = ['acknowledging', 'congested'] as const;

/** Counts states by reading every connection, as the metrics never do. */
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
const rollOf = (harness: SupervisorHarness): Set<AnyActorRef> => {
  const roll = new Set<AnyActorRef>();
  harness.supervisor.introspection.subscribe({
    began: (actor) => actor.id.startsWith('connection-') && roll.add(actor),
  });
  return roll;
};

const nsOf = (client: FakeClient): NSConn => {
  const ns = client.conn?.namespace('n');
  if (!ns) throw new Error(`${client.id} is not in the namespace`);
  return ns;
};

const deeds: Readonly<Record<string, (harness: SupervisorHarness, client: FakeClient) => unknown>> = {
  arrive: (harness) => harness.connect('a'),
  enter: (_, { socket }) => socket.receive('M', '$1;n;;_OnNamespaceConnect;0;0;'),
  talk: (_, { socket }) => socket.receive(';n;;e;0;0;x', 'no frame'),
  stall: (_, { socket }) => socket.stall(),
  drain: (_, { socket }) => socket.drain(),
  broadcast: ({ server }) => server.broadcast(null, { namespace: 'n', event: 'e', body: 'some words' }),
  burst: ({ server }) => {
    for (let nth = 0; nth < 5; nth++) server.broadcast(null, { namespace: 'n', event: 'e' });
  },
  write: (_, { conn }) => conn?.namespace('n')?.emit('e'),
  close: (_, { conn }) => conn?.close(),
  leave: (_, { socket }) => socket.disconnect(1001, 'slow consumer'),
  break: (_, { socket }) => {
    socket.destroy();
    socket.pump();
  },
  rest: (harness) => harness.settle(),
  wait: ({ clock }) => clock.advance(3_000),
};

const step = fc.tuple(fc.constantFrom(...Object.keys(deeds)), fc.nat({ max: 5 }));

describe('metrics', () => {
  given.prop([fc.array(step, { maxLength: 80 })], { numRuns: 200 })(
    '[IN7] connections are where the metrics say, whatever happens to them',
    async (steps) => {
      const harness = new SupervisorHarness({
        namespaces: { n: { e() {} } },
        limits: { highWaterMark: 10, slowConsumerMessages: 4 },
      });
      const roll = rollOf(harness);
      const check = (): void => {
        const { connections, closes, arrivals } = metricsOf(harness);
        expect(connections).toEqual(task(roll));
        expect(connections.acknowledging + connections.flowing + connections.congested).toBe(
          harness.server.totalConnections,
        );
        expect(arrivals.admitted).toBe(roll.size);
        expect(sumOf(closes)).toBe(arrivals.admitted - harness.server.totalConnections);
      };
      for (const [name, whom] of steps) {
        const client = harness.clients[whom] ?? harness.connect('a');
        await deeds[name]?.(harness, client);
        check();
      }
      await harness.disconnectAll();
      harness.clock.advance(10_000);
      check();
      expect(sumOf(metricsOf(harness).connections)).toBe(0);
      expect(metricsOf(harness).closes.slowConsumer).toBe(harness.supervisor.counters.evictions);
    },
  );

  const endings: Readonly<
    Record<string, readonly [options: HarnessOptions, end: (harness: SupervisorHarness, client: FakeClient) => unknown]>
  > = {
    client: [{}, (_, { socket }) => socket.disconnect(1013, 'slow consumer')],
    connectionLost: [{}, deeds['break'] ?? (() => {})],
    normal: [{}, (_, { conn }) => conn?.close()],
    program: [{}, (_, { conn }) => conn?.close(4_000, 'bored')],
    slowConsumer: [
      { limits: { highWaterMark: 0 } },
      (harness, client) => {
        client.socket.stall();
        nsOf(client).emit('e');
        harness.clock.advance(10_000);
      },
    ],
    floodedInbox: [
      { limits: { inboxMessages: 1 }, namespaces: { n: { ask: async (ns) => void (await ns.ask('q')) } } },
      (_, { socket }) => socket.receive(';n;;ask;0;0;', ...Array.from({ length: 5 }, () => ';n;;e;0;0;')),
    ],
    draining: [{}, (harness) => void harness.supervisor.drain(1_000)],
    lost: [
      { namespaces: { n: { hang: () => new Promise<void>(() => {}) } } },
      async (harness, { socket }) => {
        socket.receive(';n;;hang;0;0;');
        void harness.supervisor.drain(1_000);
        await harness.settle();
        harness.clock.advance(1_000);
      },
    ],
    pingTimeout: [
      {},
      async (harness, { socket }) => {
        socket.ignoresPings = true;
        harness.clock.advance(25_000);
        await harness.settle();
        harness.clock.advance(10_000);
      },
    ],
    silent: [{ limits: { readTimeout: 1_000 } }, ({ clock }) => clock.advance(1_000)],
    stuck: [
      { limits: { writeTimeout: 1_000 } },
      ({ clock }, client) => {
        client.socket.stall();
        nsOf(client).emit('e');
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
      (_, client) => {
        client.socket.stall();
        nsOf(client).emit('e');
      },
    ],
  };

  test.each(Object.entries(endings))(
    '[IN7] [IN9] the end of a connection is counted by cause: %s',
    async (cause, [options, end]) => {
      const harness = new SupervisorHarness({ namespaces: { n: {} }, ...options });
      const client = harness.open('a', 'n');
      expect(counted(metricsOf(harness).closes)).toEqual({});
      await end(harness, client);
      await harness.settle();
      expect(counted(metricsOf(harness).closes)).toEqual({ [cause]: 1 });
    },
  );

  test('[IN7] the end of a connection that was never accepted is counted as well', async () => {
    const early = (harness: SupervisorHarness): void =>
      harness.connect('a').socket.receive(...Array.from({ length: 17 }, () => 'x'));
    const harness = new SupervisorHarness({
      namespaces: { n: {} },
      onConnect: ({ id }) => {
        if (id === 'refused') throw new Error('slow consumer');
        return id === 'undecided' ? new Promise(() => {}) : undefined;
      },
    });
    early(harness);
    harness.connect('refused').socket.receive('M');
    harness.connect('undecided').socket.receive('M');
    harness.connect('silent');
    harness.clock.advance(5_000);
    await harness.settle();
    expect(counted(metricsOf(harness).closes)).toEqual({
      earlyFrames: 1,
      refused: 1,
      connectTimeout: 1,
      ackTimeout: 1,
    });
  });

  test('[IN7] a value equal to a bound counts within it', () => {
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

  test.each(sendable)('[IN9] a client that closes with the text of %s counts as client', async (_, { code, text }) => {
    const harness = new SupervisorHarness({ namespaces: { n: {} } });
    harness.open('a', 'n').socket.disconnect(code, text);
    harness.connect('b').socket.disconnect(code, text);
    await harness.settle();
    expect(counted(metricsOf(harness).closes)).toEqual({ client: 2 });
  });

  test.each(sendable)('[IN9] a program that closes with the text of %s counts as program', async (name, reason) => {
    const { code, text } = reason;
    const throws = (): never => {
      throw new CloseError(code, text);
    };
    const harness = new SupervisorHarness({
      events: { leave: throws },
      onConnect: ({ id }) => {
        if (id === 'refused') throws();
        return id === 'undecided' ? new Promise(() => {}) : undefined;
      },
    });
    harness.open('closed').conn?.close(code, text);
    harness.open('thrown', '').socket.receive(';;;leave;0;0;');
    harness.connect('refused').socket.receive('M');
    harness.connect('undecided').conn?.close(code, text);
    await harness.settle();
    const { closes } = metricsOf(harness);
    expect(counted(closes)).toEqual({ [name === 'normal' ? name : 'program']: 2, refused: 2 });
  });

  test('[IN9] a close by Muster counts under its own cause', () => {
    for (const [cause, { code, text }] of Object.entries(closeReasons)) {
      expect(closeCause({ reason: { code, text, cause }, wasAccepted: true })).toBe(cause);
    }
  });

  test.each(['stuck', 'pingTimeout', 'lost'] as const)('[IN9] no close frame can cause %s', async (name) => {
    const harness = new SupervisorHarness({ namespaces: { n: {} } });
    const { code, text } = closeReasons[name];
    harness.open('a', 'n').socket.disconnect(code, text);
    await harness.settle();
    expect(counted(metricsOf(harness).closes)).toEqual({ connectionLost: 1 });
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
      const harness = new SupervisorHarness({
        namespaces: { n: {} },
        machines: { connection: recording(cause) },
        onConnect: ({ id }) => (id === 'undecided' ? new Promise(() => {}) : undefined),
      });
      harness.open('open', 'n').conn?.close(1013, 'slow consumer');
      harness.connect('undecided');
      deeds['break']?.(harness, harness.open('broken', 'n'));
      harness.clock.advance(5_000);
      await harness.settle();
      expect(counted(metricsOf(harness).closes)).toEqual({ program: 1, refused: 1, connectionLost: 1 });
    },
  );

  test('[IN9] a chart of one’s own may record a cause that there is', async () => {
    const harness = new SupervisorHarness({
      namespaces: { n: {} },
      machines: { connection: recording('slowConsumer') },
    });
    harness.open('a', 'n').conn?.close();
    await harness.settle();
    expect(counted(metricsOf(harness).closes)).toEqual({ slowConsumer: 1 });
  });

  test('[IN7] a broadcast is counted once, and each delivery once, congested or not', async () => {
    const harness = new SupervisorHarness({ namespaces: { n: {} }, limits: { highWaterMark: 10 } });
    const clients = ['a', 'b', 'c'].map((id) => harness.open(id, 'n'));
    const [first] = clients;
    first?.socket.stall();
    const before = metricsOf(harness);
    const bytesBefore = clients.map(({ socket }) => socket.sent.length);
    for (let nth = 0; nth < 10; nth++) harness.server.broadcast(null, { namespace: 'n', event: 'e', body: `${nth}` });
    harness.server.broadcast(null, { namespace: 'n', event: 'e', to: 'b' });
    harness.server.broadcast(null, { namespace: 'n', event: 'e', to: 'nobody' });
    await harness.settle();
    expect(metricsOf(harness).connections).toEqual({ acknowledging: 0, flowing: 2, congested: 1, closing: 0 });
    for (const event of ['late', 'later']) harness.server.broadcast(null, { namespace: 'n', event });
    await harness.settle();
    const { broadcasts, sent, slices } = metricsOf(harness);
    expect(broadcasts.published - before.broadcasts.published).toBe(14);
    // Ten to three, one to one, two to three.
    expect(broadcasts.deliveries - before.broadcasts.deliveries).toBe(37);
    expect(sent.frames - before.sent.frames).toBe(35);
    expect(slices.delay.count).toBeGreaterThan(1);
    first?.socket.drain();
    const after = metricsOf(harness);
    expect(after.sent.frames - before.sent.frames).toBe(37);
    expect(after.broadcasts).toEqual(broadcasts);
    const written = clients.flatMap(({ socket }, at) => socket.sent.slice(bytesBefore[at]));
    const bytes = written.reduce((sum, one) => sum + (one.kind === 'bytes' ? one.bytes.length : 0), 0);
    expect(after.sent.bytes - before.sent.bytes).toBe(bytes);
  });

  test('[IN7] a slice is timed from its request to its start, and from there to its end', () => {
    const clock = new FakeClock();
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

  test('[IN7] received data is counted in bytes, and dropped frames by reason', async () => {
    const harness = new SupervisorHarness({ namespaces: { n: { e() {} } } });
    const { socket } = harness.open('a', 'n');
    const before = metricsOf(harness);
    const said = [';n;;e;0;0;é', ';n;;nothing;0;0;', 'no frame', ';n;;_OnRoomJoined;0;0;', ';n;;e;0;0;'];
    socket.receive(...said, new Uint8Array(Buffer.from(';n;;e;0;0;\x00')));
    const { received, counters } = metricsOf(harness);
    expect(received.frames - before.received.frames).toBe(said.length + 1);
    expect(received.bytes - before.received.bytes).toBe(Buffer.byteLength(said.join('')) + 11);
    expect(counters).toMatchObject({ unhandledEvents: 1, invalidFrames: 1, ignoredEvents: 1 });
  });

  test('[IN7] each ask is open, and then has one outcome', async () => {
    const harness = new SupervisorHarness({ namespaces: { n: {} }, limits: { asks: 4 } });
    const client = harness.open('a', 'n');
    const ns = nsOf(client);
    const abort = new AbortController();
    const asks = [
      ns.ask('answered'),
      ns.ask('refused by the client'),
      ns.ask('late', '', { timeout: 10 }),
      ns.ask('given up', '', { signal: abort.signal }),
    ];
    await expect(ns.ask('one too many')).rejects.toThrow('4 asks');
    expect(metricsOf(harness).asks).toEqual({ open: 4, answered: 0, timedOut: 0, failed: 0, refused: 1 });
    const [one = '', two = ''] = client.socket.tokens;
    client.socket.receive(`${one};;;;;;`, `${two};;;;1;0;no`);
    harness.clock.advance(10);
    // Whatever the program gives as its reason is no timeout of ours.
    abort.abort(new AskTimeout(1));
    await Promise.allSettled(asks);
    expect(metricsOf(harness).asks).toEqual({ open: 0, answered: 2, timedOut: 1, failed: 1, refused: 1 });
    const gone = ns.ask('nobody');
    client.socket.disconnect();
    await expect(gone).rejects.toThrow();
    expect(metricsOf(harness).asks).toMatchObject({ open: 0, failed: 2 });
  });

  test('[IN7] each run of a handler is timed once it has settled', async () => {
    let open = (): void => {};
    const harness = new SupervisorHarness({
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
    const { socket } = harness.open('a', 'n');
    socket.receive(';n;;quick;0;0;', ';n;;bad;0;0;', ';n;;slow;0;0;');
    expect(metricsOf(harness).handlers).toMatchObject({ errors: 1, time: { count: 2 } });
    open();
    await settled();
    const { time } = metricsOf(harness).handlers;
    expect(time.count).toBe(3);
    const bounds = time.buckets.map(({ upTo }) => upTo);
    expect(bounds).toEqual([...bounds].sort((a, b) => a - b));
    const counts = [...time.buckets.map(({ count }) => count), time.count];
    expect(counts).toEqual([...counts].sort((a, b) => a - b));
  });

  test('[IN7] they are data, with an exchange and without', async () => {
    const alone = new SupervisorHarness({ namespaces: { n: {} } });
    expect(metricsOf(alone).exchange).toBeNull();
    const { all, settle, disconnectAll } = await openCluster(2);
    const [a, b] = all;
    if (!a || !b) throw new Error('expected two harnesses');
    b.open('x', 'n');
    a.server.broadcast(null, { namespace: 'n', event: 'e' });
    await settle();
    expect(metricsOf(a).exchange).toMatchObject({ state: 'online', published: 1, lost: { missing: 0 } });
    expect(metricsOf(b).exchange).toMatchObject({ received: 1 });
    expect(metricsOf(b).exchange).not.toHaveProperty('trouble');
    for (const harness of [alone, a, b]) {
      const metrics = metricsOf(harness);
      expect(JSON.parse(JSON.stringify(metrics))).toEqual(metrics);
    }
    await disconnectAll();
  });

  test('[IN7] an earlier reading does not change', () => {
    const harness = new SupervisorHarness({ namespaces: { n: {} } });
    const before = metricsOf(harness);
    const copy = structuredClone(before);
    harness.open('a', 'n').socket.disconnect();
    expect(before).toEqual(copy);
    expect(metricsOf(harness)).not.toEqual(copy);
  });
});
