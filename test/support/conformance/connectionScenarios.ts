import { expect } from 'vitest';
import { type HarnessOptions, SupervisorHarness, settled } from '../server/supervisorHarness.js';
import { ask, connOf, framesOf, never, nsOf, open, refuse, type Scenario, scenario } from './scenario.js';

export const handshakeScenarios: readonly Scenario[] = [
  scenario('HS4', 'early frames wait for A', async (machines) => {
    const { harness } = open(machines, {}, { onConnect: () => settled() });
    const client = harness.connect('a');
    client.socket.receive(ask('_OnNamespaceConnect'), 'M', 'M');
    expect(client.socket.lines).toEqual([]);
    await harness.settle();
    expect(framesOf(client)).toEqual(['Aa', '$1;;;;;;']);
    expect(harness.supervisor.counters.invalidFrames).toBe(1);
  }),
  scenario('HS5', 'too many early frames close the connection', async (machines) => {
    for (const frame of ['x', 'M']) {
      const { harness } = open(machines, {}, { onConnect: never });
      const client = harness.connect('a');
      for (let sent = 0; sent < 18; sent++) client.socket.receive(frame);
      expect(client.socket.lines).toEqual(['close 1008 too many frames before the acknowledgement']);
    }
  }),
  scenario('HS6', 'a missing M closes the connection', async (machines) => {
    const { harness } = open(machines, {});
    const client = harness.connect('a');
    harness.clock.advance(5_001);
    expect(client.socket.lines).toEqual(['close 1008 not acknowledged in time']);
  }),
  scenario('HS8', 'an onConnect that does not settle refuses the connection', async (machines) => {
    const { harness } = open(machines, {}, { onConnect: never });
    const client = harness.connect('a');
    client.socket.receive('M');
    harness.clock.advance(5_001);
    expect(framesOf(client)).toEqual(['Hnot accepted in time', 'close 1008 not accepted in time']);
  }),
  scenario('HS7', 'a refusal is calls at once', async (machines) => {
    const { harness } = open(machines, {}, { onConnect: refuse });
    const client = harness.connect('a');
    expect(framesOf(client)).toEqual(['Hno', 'close 1008 no']);
  }),
  scenario('HS9', 'a throw after acceptance closes without H, before and after M', async (machines) => {
    const onConnect: HarnessOptions['onConnect'] = async (conn) => {
      conn.connect('n').catch(() => {});
      await settled();
      throw new Error('changed my mind');
    };
    const before = open(machines, {}, { onConnect }).harness;
    const late = before.connect('a');
    await before.settle();
    expect(framesOf(late)).toEqual(['close 1008 changed my mind']);
    const after = open(machines, {}, { onConnect }).harness;
    const prompt = after.connect('a');
    prompt.socket.receive('M');
    expect(framesOf(prompt)[0]).toBe('Aa');
    await after.settle();
    expect(framesOf(prompt).at(-1)).toBe('close 1008 changed my mind');
  }),
  scenario('HS10', 'native-only mode needs no M', async (machines) => {
    const messages: unknown[] = [];
    const harness = new SupervisorHarness({
      events: { _OnNativeMessage: (_, { body }) => void messages.push(body) },
      machines,
    });
    harness.connect('a').socket.receive('hello');
    await harness.settle();
    expect(messages).toEqual(['hello']);
  }),
];

export const connectionScenarios: readonly Scenario[] = [
  scenario('SV5', 'close sends a close frame, before the connection is open too', async (machines) => {
    const { harness } = open(machines, {});
    const early = harness.connect('a');
    connOf(early).close(3_000, 'early');
    expect(early.socket.lines).toEqual(['close 3000 early']);
    const client = harness.open('b', 'n');
    connOf(client).close(3_001, 'bye');
    expect(connOf(client).isClosed).toBe(true);
    expect(framesOf(client)).toEqual(['close 3001 bye']);
    harness.clock.advance(5_001);
    expect(client.socket.isDestroyed).toBe(true);
  }),
  scenario('SV3', 'a lost socket ends every membership', async (machines) => {
    const { harness } = open(machines, {});
    const client = harness.open('a', 'n', ['r']);
    client.socket.disconnect();
    await harness.settle();
    expect(harness.supervisor.total).toBe(0);
    expect(harness.supervisor.roomNames('n')).toEqual([]);
  }),
  scenario('BP1', 'a congested socket gets no more until it drains', async (machines) => {
    const { harness } = open(machines, {}, { limits: { highWaterMark: 10 } });
    const client = harness.open('a', 'n');
    client.socket.stall();
    nsOf(client).emit('one');
    nsOf(client).emit('two');
    expect(framesOf(client)).toEqual([';n;;one;0;0;']);
    client.socket.drain();
    nsOf(client).emit('three');
    expect(framesOf(client)).toEqual([';n;;one;0;0;', ';n;;two;0;0;', ';n;;three;0;0;']);
  }),
  scenario('BP2', 'a slow consumer that misses too much is evicted', async (machines) => {
    const { harness } = open(machines, {}, { limits: { highWaterMark: 10, slowConsumerMessages: 2 } });
    const client = harness.open('a', 'n');
    client.socket.stall();
    for (const event of ['1', '2', '3', '4']) nsOf(client).emit(event);
    expect(client.socket.isDestroyed).toBe(false);
    await harness.settle();
    expect(client.socket.isDestroyed).toBe(true);
    expect(harness.supervisor.counters.evictions).toBe(1);
  }),
  scenario('BP2', 'a slow consumer that stays congested too long is evicted', async (machines) => {
    const { harness } = open(machines, {}, { limits: { highWaterMark: 10 } });
    const client = harness.open('a', 'n');
    client.socket.stall();
    nsOf(client).emit('one');
    harness.clock.advance(10_001);
    expect(client.socket.isDestroyed).toBe(true);
    expect(harness.supervisor.counters.evictions).toBe(1);
  }),
];
