import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { createMachine, fromPromise } from 'xstate';
import { connection as awayConnection } from '../../examples/machines/away/connection.js';
import { connectionMachine as loginConnection } from '../../examples/machines/login/connection.js';
import { connection as mutedConnection } from '../../examples/machines/muted/connection.js';
import { namespace as guardedNamespace, connection as hastyConnection } from '../../examples/machines/role/charts.js';
import { connectionConfig, connectionSetup, defaultLimits, type Machines, reply } from '../../src/index.js';
import { deferred } from '../support/async/promises.js';
import { linkScenarios } from '../support/conformance/linkScenarios.js';
import type { Scenario } from '../support/conformance/scenario.js';
import { scenarios as local } from '../support/conformance/scenarios.js';
import { withoutTokens } from '../support/server/fakeSocket.js';
import {
  checkedMachines,
  type FakeClient,
  idleTimers,
  noResources,
  SupervisorHarness,
  settled,
} from '../support/server/supervisorHarness.js';

// The examples import what a program would; here that is what the tests run.
vi.mock('musterjs', () => import('../../src/index.js'));

const scenarios: readonly Scenario[] = [...local, ...linkScenarios];

/** A login service that accepts all, and answers as it is asked. */
const atOnce = createMachine({ initial: 'known', states: { known: { type: 'final' } }, output: 'joe' });
const loginAtOnce = loginConnection.provide({
  // It stands for a promise, which could only answer later.
  actors: { login: atOnce as unknown as ReturnType<typeof fromPromise<string, { id: string }>> },
});

interface Extension {
  readonly machines: Partial<Machines>;
  /** Scenarios that the chart changes on purpose, by rule and name; its own tests below say how. */
  readonly changes: readonly string[];
}

const extensions: Readonly<Record<string, Extension>> = {
  role: {
    machines: checkedMachines({ namespace: guardedNamespace, connection: hastyConnection }),
    changes: ['HS6 a missing M closes the connection'],
  },
  away: { machines: checkedMachines({ connection: awayConnection }), changes: [] },
  muted: { machines: checkedMachines({ connection: mutedConnection }), changes: [] },
  // That a connection is not open before the service has answered is no scenario: here it answers at once.
  login: { machines: checkedMachines({ connection: loginAtOnce }), changes: [] },
};

const idOf = ({ rule, name }: Scenario): string => `${rule} ${name}`;
const played = Object.entries(extensions).flatMap(([chart, { machines, changes }]) =>
  scenarios
    .filter((scenario) => !changes.includes(idOf(scenario)))
    .map((scenario) => ({ chart, machines, scenario, what: idOf(scenario) })),
);

const stateOf = (client: FakeClient): unknown => client.conn?.actor.getSnapshot().value;
const presenceOf = (client: FakeClient): unknown => client.conn?.actor.getSnapshot().value.open?.presence;

describe("the usual suite, on a program's own charts", () => {
  test.each(played)('[SV20] $chart: $what', async ({ machines, scenario }) => {
    await scenario.run(machines);
  });

  test('[SV20] the changes of the charts are present', () => {
    const known = scenarios.map(idOf);
    const changed = Object.values(extensions).flatMap(({ changes }) => changes);
    expect(changed.filter((id) => !known.includes(id))).toEqual([]);
    expect(played.length).toBe(4 * scenarios.length - changed.length);
  });
});

describe('changes: role', () => {
  test('[SV11] [HS6] a client without M has the time of the chart', () => {
    const harness = new SupervisorHarness({ namespaces: { n: {} }, machines: extensions['role']?.machines ?? {} });
    const client = harness.connect('a');
    harness.clock.advance(299);
    expect(client.socket.lines).toEqual([]);
    harness.clock.advance(2);
    expect(client.socket.lines).toEqual(['close 1008 not acknowledged in time']);
  });

  test("[SV19] only a client with the role connects, for either side's connect, by its role at that moment", async () => {
    const harness = new SupervisorHarness({
      namespaces: { n: {}, staff: {} },
      machines: extensions['role']?.machines ?? {},
    });
    const client = harness.open('a', 'n');
    const enter = '$1;staff;;_OnNamespaceConnect;0;0;';
    client.socket.receive(enter);
    await expect(client.conn?.connect('staff')).rejects.toThrow('bad namespace');
    client.conn?.set('role', 'staff');
    client.socket.receive(enter);
    expect(client.socket.lines).toEqual(['t $1;staff;;_OnNamespaceConnect;1;0;bad namespace', 't $1;;;;;;']);
    expect(client.conn?.namespace('staff')).toBeDefined();
    await harness.disconnectAll();
    expect(harness.resources).toEqual({ ...noResources, timers: 0 });
  });
});

describe('changes: away', () => {
  const open = () => new SupervisorHarness({ namespaces: { n: { hi: () => reply('there') } }, ...extensions['away'] });
  const idle = 300_000;
  const { pingInterval } = defaultLimits;

  test('[SV20] a silent client is away until its next frame; pings do not count', async () => {
    const harness = open();
    const client = harness.open('a', 'n');
    expect(stateOf(client)).toEqual({ open: { flow: 'flowing', presence: 'here' } });
    harness.clock.advance(idle - 1);
    client.socket.receive(';n;;any;0;0;');
    for (let passed = 0; passed < idle - 1; passed += pingInterval) {
      harness.clock.advance(Math.min(pingInterval, idle - 1 - passed));
      await harness.settle();
    }
    expect(presenceOf(client)).toBe('here');
    harness.clock.advance(2);
    expect(presenceOf(client)).toBe('away');
    expect(client.socket.pings).toBeGreaterThan(0);
    client.socket.receive('$1;n;;hi;0;0;');
    expect([presenceOf(client), client.socket.lines.at(-1)]).toEqual(['here', 't $1;n;;hi;0;0;there']);
  });

  test('[SV20] [IN1] an observer sees both transitions', async () => {
    const harness = open();
    const client = harness.open('a', 'n');
    const seen: unknown[] = [];
    harness.supervisor.introspection.inspect((event) => {
      if (event.type === '@xstate.snapshot' && event.actorRef === client.conn?.actor) seen.push(presenceOf(client));
    });
    seen.length = 0;
    harness.clock.advance(idle + 1);
    client.socket.receive(';n;;any;0;0;');
    await settled();
    expect([...new Set(seen)].toSorted()).toEqual(['away', 'here']);
  });

  test('[SV20] [SV3] a client that was away leaves nothing behind', async () => {
    const harness = open();
    harness.open('a', 'n');
    harness.clock.advance(idle + 1);
    await harness.disconnectAll();
    expect(harness.resources).toEqual(noResources);
  });
});

describe('changes: muted', () => {
  const said: string[] = [];
  const open = () => {
    said.length = 0;
    const harness = new SupervisorHarness({
      namespaces: { n: { say: (_, { body }) => void said.push(String(body)), hi: () => reply('there') } },
      ...extensions['muted'],
    });
    return { harness, client: harness.open('a', 'n') };
  };

  test('[SV20] [SV23] [SV24] a muted client is told so for 30 s; its other events and asks pass', () => {
    const { harness, client } = open();
    client.socket.receive(';n;;say;0;0;1');
    client.conn?.actor.send({ type: 'MUTE' });
    expect([client.conn?.hasTag('muted'), client.conn?.matches('open.voice.muted')]).toEqual([true, true]);
    client.socket.receive('$1;n;;say;0;0;2', ';n;;say;0;0;3', '$2;n;;hi;0;0;');
    expect(client.socket.lines).toEqual([
      't $1;n;;say;1;0;you are muted',
      't ;n;;say;1;0;you are muted',
      't $2;n;;hi;0;0;there',
    ]);
    harness.clock.advance(29_999);
    client.conn?.actor.send({ type: 'MUTE' });
    harness.clock.advance(29_999);
    expect(client.conn?.hasTag('muted')).toBe(true);
    harness.clock.advance(1);
    expect(client.conn?.hasTag('muted')).toBe(false);
    client.socket.receive(';n;;say;0;0;4');
    expect(said).toEqual(['1', '4']);
    expect(harness.supervisor.counters).toMatchObject({ chartRefusals: 2, chartDrops: 0 });
  });

  test('[SV20] [SV3] a client that is muted leaves nothing behind', async () => {
    const { harness, client } = open();
    client.conn?.actor.send({ type: 'MUTE' });
    await harness.disconnectAll();
    expect(harness.resources).toEqual(noResources);
  });
});

describe('changes: login', () => {
  const open = () => {
    const asked: string[] = [];
    const { promise, open: known, jam: unknown } = deferred();
    const login = fromPromise(async ({ input }: { input: { id: string } }) => {
      asked.push(input.id);
      await promise;
      return `user of ${input.id}`;
    });
    const disconnected: unknown[] = [];
    const harness = new SupervisorHarness({
      namespaces: { n: { hi: () => reply('there') } },
      machines: checkedMachines({ connection: loginConnection.provide({ actors: { login } }) }),
      onDisconnect: (_, reason) => void disconnected.push(reason),
    });
    return { harness, asked, known, unknown, disconnected };
  };

  test('[SV20] [HS2] [HS4] A waits for the service, and early frames for A', async () => {
    const { harness, asked, known } = open();
    const client = harness.connect('a');
    client.socket.receive('M', '$1;n;;_OnNamespaceConnect;0;0;', '$2;n;;hi;0;0;');
    await harness.settle();
    expect([asked, client.socket.lines]).toEqual([['a'], []]);
    known();
    await harness.settle();
    expect(client.socket.lines).toEqual(['t Aa', 't $1;;;;;;', 't $2;n;;hi;0;0;there']);
    expect(client.conn?.actor.getSnapshot().context.user).toBe('user of a');
  });

  test('[SV20] [HS7] an unknown client is refused', async () => {
    const { harness, unknown } = open();
    const client = harness.connect('a');
    client.socket.receive('M');
    unknown(new Error('no such user'));
    await harness.settle();
    expect(client.socket.lines).toEqual(['t Hunknown user', 'close 1008 unknown user']);
    expect(harness.errors).toEqual([]);
  });

  test('[SV20] [HS8] a service that does not answer refuses, at the timeout of the chart', async () => {
    const { harness } = open();
    const client = harness.connect('a');
    client.socket.receive('M');
    await harness.settle();
    harness.clock.advance(3_001);
    expect(client.socket.lines).toEqual(['t Hnot logged in in time', 'close 1008 not logged in in time']);
  });

  test('[SV20] [SV3] a client that closes meanwhile leaves nothing behind, with any late result of the service', async () => {
    const { harness, known } = open();
    harness.connect('a').socket.receive('M');
    await harness.settle();
    expect(harness.clock.timers).toBeGreaterThan(idleTimers);
    await harness.disconnectAll();
    known();
    await harness.settle();
    expect(harness.resources).toEqual(noResources);
    expect(harness.errors).toEqual([]);
  });
});

type Command =
  | { readonly does: 'say'; readonly data: string | Uint8Array }
  | { readonly does: 'emit' | 'broadcast' | 'stall' | 'drain' | 'rest' | 'ask' | 'answer' | 'join' };

const encoder = new TextEncoder();

/** Frames of a client, the good ones and the others. */
const frames = fc.oneof(
  fc
    .record({
      wait: fc.constantFrom('', '$1', '$2'),
      place: fc.constantFrom('n;', 'n;r', 'other;', 'nobody;'),
      event: fc.constantFrom(
        'hi',
        'later',
        'fail',
        'all',
        'unknown',
        '_OnRoomJoin',
        '_OnRoomLeave',
        '_OnNamespaceConnect',
      ),
      body: fc.string({ maxLength: 5 }),
    })
    .map(({ wait, place, event, body }) => `${wait};${place};${event};0;0;${body}`),
  fc.constantFrom('M', 'x', ';;;'),
);
const commands = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: fc.record({ does: fc.constant('say' as const), data: frames }) },
    {
      weight: 1,
      arbitrary: fc.record({ does: fc.constant('say' as const), data: frames.map((text) => encoder.encode(text)) }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        does: fc.constantFrom('emit', 'broadcast', 'stall', 'drain', 'rest', 'ask', 'answer', 'join'),
      }),
    },
  ),
  { maxLength: 25 },
);

/** Takes deliveries as well: nothing of a connection goes past this chart. */
const { open } = connectionConfig.states;
const throughChart = connectionSetup.createMachine({
  ...connectionConfig,
  states: {
    ...connectionConfig.states,
    open: { ...open, on: { ...open.on, FRAME: { actions: 'receive' }, DELIVER: { actions: 'deliver' } } },
  },
});

/** Plays this to a server, and tells what the client has seen. */
const play = async (machines: Partial<Machines>, given: readonly Command[]): Promise<readonly string[]> => {
  const harness = new SupervisorHarness({
    namespaces: {
      n: {
        hi(ns) {
          ns.emit('a');
          ns.broadcast({ event: 'b' });
          return reply('c');
        },
        async later(ns) {
          await settled();
          ns.emit('late');
          return reply('d');
        },
        fail: () => {
          throw new Error('failed');
        },
        all: (ns, { body }) => ns.broadcast({ event: 'said', body }),
      },
      other: {},
    },
    limits: { highWaterMark: 64 },
    machines,
  });
  const client = harness.open('a', 'n', ['r']);
  const ns = client.conn?.namespace('n');
  const { socket } = client;
  const deeds: Readonly<Record<Exclude<Command['does'], 'say' | 'rest'>, () => unknown>> = {
    emit: () => ns?.emit('direct', 'from the server'),
    broadcast: () => harness.supervisor.broadcast(null, [{ namespace: 'n', event: 'owed' }]),
    stall: () => socket.isOpen && socket.stall(),
    drain: () => socket.drain(),
    ask: () => ns?.ask('question').catch(() => {}),
    answer: () => socket.receive(`${socket.tokens.at(-1) ?? 'none'};;;;;;`),
    join: () => ns?.joinRoom('s').catch(() => {}),
  };
  for (const command of given) {
    if (command.does === 'say') socket.receive(command.data);
    else if (command.does === 'rest') await harness.settle();
    else deeds[command.does]();
  }
  await harness.settle();
  socket.drain();
  harness.supervisor.broadcast(null, [{ namespace: 'n', event: 'owed' }]);
  client.conn?.close(1_000, 'bye');
  await harness.settle();
  return withoutTokens(socket.lines);
};

describe('hot events', () => {
  test.each([
    ['frames', checkedMachines({ connection: awayConnection })],
    ['frames and deliveries', checkedMachines({ connection: throughChart })],
  ])('[SV11] [SV20] a chart that handles %s itself sends the same bytes', async (_, machines) => {
    await fc.assert(
      fc.asyncProperty(commands, async (given) => {
        expect(await play(machines, given)).toEqual(await play({}, given));
      }),
      { numRuns: 150 },
    );
  });
});
