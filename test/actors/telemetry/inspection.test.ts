import { fc, test as given } from '@fast-check/vitest';
import { describe, expect, test } from 'vitest';
import type { InspectionEvent } from 'xstate';
import type { DeliverEvent } from '../../../src/actors/telemetry/inspection.js';
import { connectionConfig, connectionSetup, Server } from '../../../src/index.js';
import { memoryBroker } from '../../support/exchange/memoryExchange.js';
import { readFrames } from '../../support/server/fakeSocket.js';
import {
  checkedMachines,
  type FakeClient,
  type HarnessOptions,
  SupervisorHarness,
  settled,
} from '../../support/server/supervisorHarness.js';

/** What an observer was shown, a line each: which actor, what, and the state after it. */
const makeLog = () => {
  const lines: string[] = [];
  const observe = (event: InspectionEvent): void => {
    const id = 'id' in event.actorRef ? event.actorRef.id : '';
    if (event.type === '@xstate.actor') lines.push(`${id} lives`);
    else if (event.type === '@xstate.event') lines.push(`${id} < ${event.event.type}`);
    else if (event.type === '@xstate.snapshot') {
      lines.push(`${id} = ${'value' in event.snapshot ? JSON.stringify(event.snapshot.value) : event.snapshot.status}`);
    }
  };
  return { lines, observe };
};

describe('inspection', () => {
  test('[IN1] [IN2] the option shows everything from the beginning, in order', async () => {
    const { lines, observe } = makeLog();
    const harness = new SupervisorHarness({ namespaces: { n: {} }, inspect: observe });
    const client = harness.connect('a');
    client.socket.receive('M');
    client.socket.receive(';n;;e;0;0;x');
    client.socket.disconnect();
    await harness.settle();
    expect(lines.slice(0, 4)).toEqual([
      'supervisor lives',
      'supervisor < CONNECT',
      'supervisor = "accepting"',
      'connection-1 lives',
    ]);
    expect(lines).toContain('connection-1 < AGREED');
    expect(lines).toContain('connection-1 = {"open":{"flow":"flowing"}}');
    expect(lines).toContain('connection-1 < FRAME');
    expect(lines.slice(-2)).toEqual(['supervisor < xstate.done.actor.connection-1', 'supervisor = "accepting"']);
  });

  test('[IN1] [IN4] a late observer is shown the live actors, and only what it asks for', async () => {
    const broker = memoryBroker();
    const harness = new SupervisorHarness({ namespaces: { n: {} } });
    await harness.supervisor.useExchange(broker.exchange());
    const clients = [harness.connect('a'), harness.connect('b')];
    await harness.settle();
    const { lines, observe } = makeLog();
    const end = harness.supervisor.introspection.inspect(observe, ({ id }) => id === 'b');
    expect(lines).toEqual(['supervisor lives', 'exchange lives', 'connection-2 lives']);
    lines.length = 0;
    for (const { socket } of clients) socket.receive('M');
    expect(lines).toEqual(['connection-2 < ACK', 'connection-2 = {"open":{"flow":"flowing"}}']);
    lines.length = 0;
    harness.supervisor.broadcast(null, [{ namespace: 'n', event: 'e' }]);
    harness.supervisor.actor.send({ type: 'COUNT', reply: () => {} });
    await settled();
    expect(lines).toEqual(['supervisor < BROADCAST', 'supervisor < COUNT']);
    broker.lose();
    await settled();
    expect(lines.slice(2)).toEqual(['exchange < LOST', 'exchange = {"degraded":"waiting"}']);
    lines.length = 0;
    end();
    clients[1]?.socket.disconnect();
    await harness.settle();
    expect(lines).toEqual([]);
    await harness.disconnectAll();
  });

  test('[IN3] an observer that throws is reported, and the others are called', async () => {
    const harness = new SupervisorHarness({
      namespaces: { n: {} },
      inspect: {
        next: () => {
          throw new Error('I cannot look');
        },
      },
    });
    const { lines, observe } = makeLog();
    harness.supervisor.introspection.inspect(observe);
    const client = harness.connect('a');
    client.socket.receive('M');
    await harness.settle();
    expect(client.socket.lines).toEqual(['t Aa']);
    expect(lines).toContain('connection-1 = {"open":{"flow":"flowing"}}');
    expect(new Set(harness.errors.map(({ error, where }) => `${where.during}: ${String(error)}`))).toEqual(
      new Set(['inspect: Error: I cannot look']),
    );
    await harness.disconnectAll();
  });

  test('[IN3] an unsubscribed observer is called no more, not even for the current event', async () => {
    const harness = new SupervisorHarness({ namespaces: { n: {} } });
    const heard: string[] = [];
    let end = (): void => {};
    end = harness.supervisor.introspection.inspect(({ type }) => {
      heard.push(type);
      if (type === '@xstate.event') end();
    });
    harness.open('a', 'n');
    await harness.settle();
    expect(heard).toEqual(['@xstate.actor', '@xstate.event']);
    await harness.disconnectAll();
  });

  test('[IN3] an observer that rejects later and a filter that throws are reported, and the others are called', async () => {
    const harness = new SupervisorHarness({
      namespaces: { n: {} },
      inspect: async () => {
        throw new Error('I cannot look');
      },
    });
    harness.supervisor.introspection.inspect(
      () => {},
      () => {
        throw new Error('I cannot choose');
      },
    );
    const clients = [harness.open('a', 'n'), harness.open('b', 'n')];
    clients[0]?.conn?.actor.subscribe(async () => {
      throw new Error('I cannot follow');
    });
    expect(clients[0]?.conn?.namespace('n')?.emit('direct')).toBe(true);
    harness.server.broadcast(null, { namespace: 'n', event: 'e' });
    await harness.settle();
    for (const { socket } of clients) expect(socket.lines.at(-1)).toBe('t ;n;;e;0;0;');
    clients[0]?.conn?.close();
    await harness.settle();
    expect(new Set(harness.errors.map(({ error }) => String(error)))).toEqual(
      new Set(['Error: I cannot look', 'Error: I cannot choose', 'Error: I cannot follow']),
    );
    await harness.disconnectAll();
  });

  test('[IN2] other observers see what an observer causes after its event', async () => {
    const harness = new SupervisorHarness({ namespaces: { n: {} } });
    harness.supervisor.introspection.inspect((shown) => {
      if (shown.type !== '@xstate.event' || shown.event.type !== 'FRAME') return;
      harness.supervisor.broadcast(null, [{ namespace: 'n', event: 'e' }]);
    });
    const { lines, observe } = makeLog();
    const client = harness.open('a', 'n');
    await harness.settle();
    harness.supervisor.introspection.inspect(observe);
    lines.length = 0;
    client.socket.receive(';n;;x;0;0;');
    await harness.settle();
    expect(lines).toEqual(['connection-1 < FRAME', 'supervisor < BROADCAST', 'connection-1 < DELIVER']);
  });

  test('[IN3] an observer that causes the events it observes does not block the event loop', async () => {
    const harness = new SupervisorHarness({ namespaces: { n: {} } });
    harness.open('a', 'n');
    await harness.settle();
    let heard = 0;
    const end = harness.supervisor.introspection.inspect((shown) => {
      heard++;
      if (shown.type === '@xstate.event') harness.supervisor.broadcast(null, [{ namespace: 'n', event: 'e' }]);
    });
    harness.supervisor.broadcast(null, [{ namespace: 'n', event: 'e' }]);
    await settled();
    const inOneTurn = heard;
    expect(inOneTurn).toBeLessThan(1_000);
    harness.clock.tick();
    await settled();
    expect(heard).toBeGreaterThan(inOneTurn);
    end();
    await harness.settle();
    await harness.disconnectAll();
  });

  test('[IN2] [BC8] a synchronous broadcast is observed before its writes', async () => {
    const { lines, observe } = makeLog();
    const harness = new SupervisorHarness({ namespaces: { n: {} }, syncBroadcaster: true });
    harness.open('a', 'n');
    await harness.settle();
    harness.supervisor.introspection.inspect(observe);
    lines.length = 0;
    harness.supervisor.broadcast(null, [{ namespace: 'n', event: 'e' }]);
    await harness.settle();
    expect(lines).toEqual(['supervisor < BROADCAST', 'connection-1 < DELIVER']);
  });

  test('[IN1] what a late observer does during the introduction is observed', async () => {
    const harness = new SupervisorHarness({ namespaces: { n: {} } });
    const client = harness.open('a', 'n');
    await harness.settle();
    const { lines, observe } = makeLog();
    harness.supervisor.introspection.inspect((shown) => {
      observe(shown);
      if (shown.type === '@xstate.actor' && lines.at(-1) === 'connection-1 lives') client.conn?.close(4_000, '');
    });
    await harness.settle();
    expect(lines.slice(0, 3)).toEqual(['supervisor lives', 'connection-1 lives', 'connection-1 < CLOSE']);
  });

  test('[IN1] an actor that matches only later is introduced first', async () => {
    const harness = new SupervisorHarness({ namespaces: { n: { vip: (ns) => ns.conn.set('vip', true) } } });
    const { lines, observe } = makeLog();
    harness.supervisor.introspection.inspect(observe, (conn) => conn.get('vip') === true);
    const client = harness.open('a', 'n');
    await harness.settle();
    expect(lines.filter((line) => line.startsWith('connection'))).toEqual([]);
    for (const event of ['vip', 'x', 'y']) client.socket.receive(`;n;;${event};0;0;`);
    await harness.settle();
    expect(lines.filter((line) => line.startsWith('connection'))).toEqual([
      'connection-1 lives',
      'connection-1 < FRAME',
      'connection-1 < FRAME',
    ]);
  });

  test('[IN2] one that does something itself does it outside of every mailbox', async () => {
    const seen: number[] = [];
    const harness: SupervisorHarness = new SupervisorHarness({
      namespaces: { n: {} },
      inspect: ({ type, actorRef }) => {
        if (type !== '@xstate.snapshot' || !('id' in actorRef) || actorRef.id !== 'connection-1') return;
        harness.supervisor.actor.send({ type: 'COUNT', reply: (count: number) => seen.push(count) });
        harness.supervisor.broadcast(null, [{ namespace: 'n', event: 'e' }]);
      },
    });
    harness.open('a', 'n');
    await harness.settle();
    expect(seen.length).toBeGreaterThan(1);
    expect(new Set(seen)).toEqual(new Set([1]));
    await harness.disconnectAll();
  });

  test.each([null, 'console', {}, { next: 1 }])('[IN1] [LM2] %j is no observer', async (given) => {
    // A program without types may give anything.
    expect(() => new Server({ namespaces: { n: {} }, inspect: given as never })).toThrow(/an observer is a function/);
    const server = new Server({ namespaces: { n: {} } });
    expect(() => server.inspect(given as never)).toThrow(/an observer is a function/);
    await server.close();
  });

  test('[IN1] [IN4] a program watches one connection, for a while', async () => {
    const { lines, observe } = makeLog();
    const server = new Server({ namespaces: { n: {} } });
    const { unsubscribe } = server.inspect(observe, { actors: () => false });
    expect(lines).toEqual(['supervisor lives']);
    unsubscribe();
    await server.close();
    expect(lines).toEqual(['supervisor lives']);
  });
});

/** What observers are shown of a delivery. */
const isDelivery = (event: object): event is DeliverEvent => 'type' in event && event.type === 'DELIVER';

/** Watches one connection: all that it is given, past its chart or by it. */
const watchDeliveries = (harness: SupervisorHarness, id: string) => {
  const seen: DeliverEvent[] = [];
  const end = harness.supervisor.introspection.inspect(
    (shown) => {
      if (shown.type === '@xstate.event' && isDelivery(shown.event)) seen.push(shown.event);
    },
    (conn) => conn.id === id,
  );
  return { seen, end };
};

const whole = (deliveries: readonly { readonly bytes: Uint8Array }[]): string[] =>
  deliveries.flatMap(({ bytes }) => readFrames(bytes));

describe('deliveries', () => {
  test('[IN4] an observer of a connection is shown its deliveries, one write at a time, and no others', async () => {
    const harness = new SupervisorHarness({ namespaces: { n: {} } });
    const clients = [harness.open('a', 'n'), harness.open('b', 'n')];
    const { seen, end } = watchDeliveries(harness, 'b');
    const { lines, observe } = makeLog();
    harness.supervisor.introspection.inspect(observe, ({ id }) => id === 'b');
    for (const { socket } of clients) socket.receive(';n;;x;0;0;');
    for (const body of ['one', 'two']) harness.server.broadcast(null, { namespace: 'n', event: 'e', body });
    await harness.settle();
    clients[1]?.conn?.namespace('n')?.emit('direct');
    await harness.settle();
    expect(seen.map(({ messages }) => messages)).toEqual([2, 1]);
    expect(lines.filter((line) => line.startsWith('connection'))).toEqual([
      'connection-2 lives',
      'connection-2 < FRAME',
      'connection-2 < DELIVER',
      'connection-2 < DELIVER',
    ]);
    expect(whole(seen)).toEqual(['t ;n;;e;0;0;one', 't ;n;;e;0;0;two', 't ;n;;direct;0;0;']);
    end();
    harness.server.broadcast(null, { namespace: 'n', event: 'e' });
    await harness.settle();
    expect([seen.length, clients[1]?.socket.lines.length]).toEqual([2, 4]);
    await harness.disconnectAll();
  });

  test('[IN2] [BC3] what an observer does about a delivery follows it', async () => {
    const harness: SupervisorHarness = new SupervisorHarness({ namespaces: { n: {} } });
    const client = harness.open('a', 'n');
    harness.supervisor.introspection.inspect((shown) => {
      if (shown.type !== '@xstate.event' || shown.event.type !== 'DELIVER') return;
      client.conn?.namespace('n')?.emit('told');
      client.conn?.close(4000, 'enough');
    });
    for (const event of ['e', 'f']) harness.server.broadcast(null, { namespace: 'n', event });
    await harness.settle();
    expect(client.socket.lines).toEqual(['t ;n;;e;0;0;', 't ;n;;f;0;0;', 't ;n;;told;0;0;', 'close 4000 enough']);
    expect(harness.errors).toEqual([]);
  });

  test('[IN4] a chart that has deliveries to itself shows each once', async () => {
    const { open } = connectionConfig.states;
    const connection = connectionSetup.createMachine({
      ...connectionConfig,
      states: { ...connectionConfig.states, open: { ...open, on: { ...open.on, DELIVER: { actions: 'deliver' } } } },
    });
    const harness = new SupervisorHarness({ namespaces: { n: {} }, machines: checkedMachines({ connection }) });
    harness.open('a', 'n');
    const { seen } = watchDeliveries(harness, 'a');
    harness.server.broadcast(null, { namespace: 'n', event: 'e' });
    await harness.settle();
    expect(whole(seen)).toEqual(['t ;n;;e;0;0;']);
    await harness.disconnectAll();
  });

  const deed = fc.constantFrom('broadcast', 'emit', 'stall', 'drain', 'walk', 'to', 'leave', 'enter');
  given.prop([fc.array(deed, { maxLength: 60 })])(
    '[IN4] what was shown is what was written, byte by byte, whatever comes between',
    async (deeds) => {
      const options: HarnessOptions = { namespaces: { n: {} }, limits: { highWaterMark: 40 } };
      const harness = new SupervisorHarness(options);
      const client: FakeClient = harness.open('a', 'n');
      harness.open('b', 'n');
      const { seen } = watchDeliveries(harness, 'a');
      let nth = 0;
      for (const what of deeds) {
        const body = String(++nth);
        if (what === 'broadcast') harness.server.broadcast(null, { namespace: 'n', event: 'e', body });
        else if (what === 'to') harness.server.broadcast(null, { namespace: 'n', event: 'e', body, to: 'a' });
        else if (what === 'emit') client.conn?.namespace('n')?.emit('direct', body);
        else if (what === 'stall') client.socket.stall();
        else if (what === 'drain') client.socket.drain();
        else if (what === 'leave') client.socket.receive(`$${nth};n;;_OnNamespaceDisconnect;0;0;`);
        else if (what === 'enter') client.socket.receive(`$${nth};n;;_OnNamespaceConnect;0;0;`);
        else await harness.settle();
      }
      client.socket.drain();
      await harness.settle();
      expect(whole(seen)).toEqual(client.socket.lines);
      await harness.disconnectAll();
    },
  );
});
