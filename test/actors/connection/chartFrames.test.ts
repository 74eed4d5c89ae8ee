import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { connectionConfig, connectionSetup, decodeFrame, OnNativeMessage, reply } from '../../../src/index.js';
import { checkedMachines, SupervisorHarness } from '../../support/server/supervisorHarness.js';

const { open } = connectionConfig.states;

/** What a region does with each frame. */
type Deed = 'receive' | 'refuse' | { readonly type: 'refuse'; readonly params: { readonly text: string } };

const setup = connectionSetup.extend({
  types: { events: {} as { readonly type: 'TAKE' } },
  guards: { isHi: ({ event }) => event.type === 'FRAME' && decodeFrame(event.data)?.event === 'hi' },
});

/** Returns the state of a region that bypasses frames until TAKE, and then does this with them. */
const region = (deed: Deed | undefined, guard?: 'isHi') => ({
  initial: 'off',
  states: {
    off: { on: { TAKE: { target: 'on' } } },
    on: { on: { FRAME: { ...(guard && { guard }), ...(deed && { actions: deed }) } } },
  },
});

const chartOf = (...regions: readonly ReturnType<typeof region>[]) =>
  setup.createMachine({
    ...connectionConfig,
    states: {
      ...connectionConfig.states,
      open: { ...open, states: { ...open.states, ...Object.fromEntries(regions.entries()) } },
    },
  });

/** Returns a client in a namespace, whose chart takes its frames from now on. */
const taking = (...regions: readonly ReturnType<typeof region>[]) => {
  const handled: unknown[] = [];
  const harness = new SupervisorHarness({
    namespaces: { n: { hi: (_, { body }) => void handled.push(body), ask: () => reply('answer') } },
    events: { [OnNativeMessage]: (_, { body }) => void handled.push(body) },
    machines: checkedMachines({ connection: chartOf(...regions) }),
  });
  const client = harness.open('a', 'n', ['r']);
  client.conn?.actor.send({ type: 'TAKE' });
  const before = { ...harness.supervisor.counters };
  const counted = () => {
    const { framesIn, bytesIn, chartDrops, chartRefusals } = harness.supervisor.counters;
    return { framesIn: framesIn - before.framesIn, bytesIn: bytesIn - before.bytesIn, chartDrops, chartRefusals };
  };
  return { harness, client, handled, counted };
};

const hi = ';n;;hi;0;0;1';
const ask = '$1;n;;ask;0;0;';

describe('a frame that a chart takes', () => {
  test('[SV23] is received once, by one region or by several', () => {
    const { client, handled, counted } = taking(region('receive'), region('receive'), region('receive', 'isHi'));
    client.socket.receive(hi, ask);
    expect([handled, client.socket.lines]).toEqual([['1'], ['t $1;n;;ask;0;0;answer']]);
    expect(counted()).toEqual({ framesIn: 2, bytesIn: hi.length + ask.length, chartDrops: 0, chartRefusals: 0 });
  });

  test('[SV23] is received as often as it is sent, by one connection and by others', () => {
    const { harness, client, handled } = taking(region('receive'));
    const other = harness.open('b', 'n', ['r']);
    other.conn?.actor.send({ type: 'TAKE' });
    const event = { type: 'FRAME', data: hi };
    for (const { conn } of [client, client, other]) conn?.actor.send(event);
    expect(handled).toEqual(['1', '1', '1']);
  });

  test('[SV23] [SV17] is counted where the chart does nothing with it, or no guard allows it', () => {
    for (const regions of [[region(undefined)], [region('receive', 'isHi')]]) {
      const { client, handled, counted } = taking(...regions);
      client.socket.receive(ask);
      expect([handled, client.socket.lines]).toEqual([[], []]);
      expect(counted()).toEqual({ framesIn: 1, bytesIn: ask.length, chartDrops: 1, chartRefusals: 0 });
    }
  });

  test('[SV23] without data, as a program may send it, is none', () => {
    const { client, counted } = taking(region(undefined));
    client.conn?.actor.send({ type: 'FRAME' });
    expect([counted(), client.conn?.isClosed]).toMatchObject([{ framesIn: 0, chartDrops: 0 }, false]);
  });

  test('[SV23] is no drop while it bypasses the chart, or before the connection is open', () => {
    const harness = new SupervisorHarness({
      namespaces: { n: {} },
      machines: checkedMachines({ connection: chartOf(region(undefined)) }),
    });
    const client = harness.connect('a');
    client.socket.receive('$1;n;;_OnNamespaceConnect;0;0;', 'M', hi);
    expect(client.socket.lines).toEqual(['t Aa', 't $1;;;;;;']);
    expect(harness.supervisor.counters).toMatchObject({ chartDrops: 0, chartRefusals: 0, unhandledEvents: 1 });
  });
});

describe('a frame that a chart refuses', () => {
  const muted: Deed = { type: 'refuse', params: { text: 'muted' } };

  test('[SV23] is answered with the text, an ask always, an event where the client is', () => {
    const { client, handled, counted } = taking(region(muted));
    client.socket.receive('$1;n;;hi;0;0;', '$2;other;;hi;0;0;', hi, ';n;r;hi;0;0;', ';other;;hi;0;0;', 'native');
    expect(client.socket.lines).toEqual([
      't $1;n;;hi;1;0;muted',
      't $2;other;;hi;1;0;muted',
      't ;n;;hi;1;0;muted',
      't ;n;r;hi;1;0;muted',
    ]);
    expect(handled).toEqual([]);
    expect(counted()).toMatchObject({ framesIn: 6, chartDrops: 0, chartRefusals: 6 });
  });

  test('[SV23] is answered with "refused" by default', () => {
    const { client } = taking(region('refuse'));
    client.socket.receive(ask);
    expect(client.socket.lines).toEqual(['t $1;n;;ask;1;0;refused']);
  });

  test.each([
    ['before', [region(muted), region('receive')]],
    ['after', [region('receive'), region(muted)]],
    ['twice before', [region(muted), region('refuse'), region('receive')]],
  ])('[SV23] does not reach a handler, %s another region receives it', (_, regions) => {
    const { client, handled, counted } = taking(...regions);
    client.socket.receive(hi, ask);
    expect(handled).toEqual([]);
    expect(client.socket.lines).toEqual(['t ;n;;hi;1;0;muted', 't $1;n;;ask;1;0;muted']);
    expect(counted()).toMatchObject({ framesIn: 2, chartDrops: 0, chartRefusals: 2 });
  });

  test('[SV23] settles the ask of the server nevertheless, if it is an answer', async () => {
    const { client, counted } = taking(region(muted));
    const answer = client.conn?.namespace('n')?.ask('version');
    client.socket.receive(`${client.socket.tokens.at(-1) ?? ''};n;;version;0;0;7`);
    await expect(answer).resolves.toMatchObject({ body: '7' });
    expect(counted()).toMatchObject({ framesIn: 1, chartRefusals: 0, chartDrops: 0 });
  });

  test('[SV23] of any bytes is refused, and nothing else happens', () => {
    const { harness, client, handled } = taking(region(muted));
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.uint8Array()), (data) => {
        client.socket.receive(data);
      }),
    );
    expect([handled, harness.errors]).toEqual([[], []]);
    expect(client.conn?.isClosed).toBe(false);
  });
});
