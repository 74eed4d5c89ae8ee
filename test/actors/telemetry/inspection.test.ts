import { fc, test as given } from '@fast-check/vitest';
import { describe, expect, test } from 'vitest';
import type { InspectionEvent } from 'xstate';
import type { DeliverEvent } from '../../../src/actors/telemetry/inspection.js';
import { connectionConfig, connectionSetup, Server } from '../../../src/index.js';
import { memoryBroker } from '../../support/exchange/memoryExchange.js';
import { readFrames } from '../../support/server/fakeSocket.js';
import { type Guest, House, type HouseOptions, kept, settled } from '../../support/server/supervisorHarness.js';

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
    const house = new House({ namespaces: { n: {} }, inspect: observe });
    const guest = house.connect('a');
    guest.socket.say('M');
    guest.socket.say(';n;;e;0;0;x');
    guest.socket.hangUp();
    await house.rest();
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

  test('[IN1] [IN4] one that comes later is shown who lives, and only what it asks for', async () => {
    const broker = memoryBroker();
    const house = new House({ namespaces: { n: {} } });
    await house.supervisor.useExchange(broker.exchange());
    const guests = [house.connect('a'), house.connect('b')];
    await house.rest();
    const { lines, observe } = makeLog();
    const end = house.supervisor.introspection.inspect(observe, ({ id }) => id === 'b');
    expect(lines).toEqual(['supervisor lives', 'exchange lives', 'connection-2 lives']);
    lines.length = 0;
    for (const { socket } of guests) socket.say('M');
    expect(lines).toEqual(['connection-2 < ACK', 'connection-2 = {"open":{"flow":"flowing"}}']);
    lines.length = 0;
    house.supervisor.broadcast(null, [{ namespace: 'n', event: 'e' }]);
    house.supervisor.actor.send({ type: 'COUNT', reply: () => {} });
    await settled();
    expect(lines).toEqual(['supervisor < BROADCAST', 'supervisor < COUNT']);
    broker.lose();
    await settled();
    expect(lines.slice(2)).toEqual(['exchange < LOST', 'exchange = {"degraded":"waiting"}']);
    lines.length = 0;
    end();
    guests[1]?.socket.hangUp();
    await house.rest();
    expect(lines).toEqual([]);
    await house.empty();
  });

  test('[IN3] one that throws is told of, and everybody else goes on', async () => {
    const house = new House({
      namespaces: { n: {} },
      inspect: {
        next: () => {
          throw new Error('I cannot look');
        },
      },
    });
    const { lines, observe } = makeLog();
    house.supervisor.introspection.inspect(observe);
    const guest = house.connect('a');
    guest.socket.say('M');
    await house.rest();
    expect(guest.socket.lines).toEqual(['t Aa']);
    expect(lines).toContain('connection-1 = {"open":{"flow":"flowing"}}');
    expect(new Set(house.errors.map(({ error, where }) => `${where.during}: ${String(error)}`))).toEqual(
      new Set(['inspect: Error: I cannot look']),
    );
    await house.empty();
  });

  test('[IN3] one that has enough hears nothing more, not even what is under way', async () => {
    const house = new House({ namespaces: { n: {} } });
    const heard: string[] = [];
    let end = (): void => {};
    end = house.supervisor.introspection.inspect(({ type }) => {
      heard.push(type);
      if (type === '@xstate.event') end();
    });
    house.seat('a', 'n');
    await house.rest();
    expect(heard).toEqual(['@xstate.actor', '@xstate.event']);
    await house.empty();
  });

  test('[IN3] one that fails later, and a filter that throws, are told of, and everybody else goes on', async () => {
    const house = new House({
      namespaces: { n: {} },
      inspect: async () => {
        throw new Error('I cannot look');
      },
    });
    house.supervisor.introspection.inspect(
      () => {},
      () => {
        throw new Error('I cannot choose');
      },
    );
    const guests = [house.seat('a', 'n'), house.seat('b', 'n')];
    guests[0]?.conn?.actor.subscribe(async () => {
      throw new Error('I cannot follow');
    });
    expect(guests[0]?.conn?.namespace('n')?.emit('direct')).toBe(true);
    house.server.broadcast(null, { namespace: 'n', event: 'e' });
    await house.rest();
    for (const { socket } of guests) expect(socket.lines.at(-1)).toBe('t ;n;;e;0;0;');
    guests[0]?.conn?.close();
    await house.rest();
    expect(new Set(house.errors.map(({ error }) => String(error)))).toEqual(
      new Set(['Error: I cannot look', 'Error: I cannot choose', 'Error: I cannot follow']),
    );
    await house.empty();
  });

  test('[IN2] what one does about an event, others are told after that event', async () => {
    const house = new House({ namespaces: { n: {} } });
    house.supervisor.introspection.inspect((shown) => {
      if (shown.type !== '@xstate.event' || shown.event.type !== 'FRAME') return;
      house.supervisor.broadcast(null, [{ namespace: 'n', event: 'e' }]);
    });
    const { lines, observe } = makeLog();
    const guest = house.seat('a', 'n');
    await house.rest();
    house.supervisor.introspection.inspect(observe);
    lines.length = 0;
    guest.socket.say(';n;;x;0;0;');
    await house.rest();
    expect(lines).toEqual(['connection-1 < FRAME', 'supervisor < BROADCAST', 'connection-1 < DELIVER']);
  });

  test('[IN3] one that causes what it is told of does not hold the event loop', async () => {
    const house = new House({ namespaces: { n: {} } });
    house.seat('a', 'n');
    await house.rest();
    let heard = 0;
    const end = house.supervisor.introspection.inspect((shown) => {
      heard++;
      if (shown.type === '@xstate.event') house.supervisor.broadcast(null, [{ namespace: 'n', event: 'e' }]);
    });
    house.supervisor.broadcast(null, [{ namespace: 'n', event: 'e' }]);
    await settled();
    const inOneTurn = heard;
    expect(inOneTurn).toBeLessThan(1_000);
    house.clock.tick();
    await settled();
    expect(heard).toBeGreaterThan(inOneTurn);
    end();
    await house.rest();
    await house.empty();
  });

  test('[IN2] [BC8] a broadcast that is written at once is told of before what is written', async () => {
    const { lines, observe } = makeLog();
    const house = new House({ namespaces: { n: {} }, syncBroadcaster: true });
    house.seat('a', 'n');
    await house.rest();
    house.supervisor.introspection.inspect(observe);
    lines.length = 0;
    house.supervisor.broadcast(null, [{ namespace: 'n', event: 'e' }]);
    await house.rest();
    expect(lines).toEqual(['supervisor < BROADCAST', 'connection-1 < DELIVER']);
  });

  test('[IN1] what a late one does about those who live it is told of', async () => {
    const house = new House({ namespaces: { n: {} } });
    const guest = house.seat('a', 'n');
    await house.rest();
    const { lines, observe } = makeLog();
    house.supervisor.introspection.inspect((shown) => {
      observe(shown);
      if (shown.type === '@xstate.actor' && lines.at(-1) === 'connection-1 lives') guest.conn?.close(4_000, '');
    });
    await house.rest();
    expect(lines.slice(0, 3)).toEqual(['supervisor lives', 'connection-1 lives', 'connection-1 < CLOSE']);
  });

  test('[IN1] whoever is wanted later only is introduced first', async () => {
    const house = new House({ namespaces: { n: { vip: (ns) => ns.conn.set('vip', true) } } });
    const { lines, observe } = makeLog();
    house.supervisor.introspection.inspect(observe, (conn) => conn.get('vip') === true);
    const guest = house.seat('a', 'n');
    await house.rest();
    expect(lines.filter((line) => line.startsWith('connection'))).toEqual([]);
    for (const event of ['vip', 'x', 'y']) guest.socket.say(`;n;;${event};0;0;`);
    await house.rest();
    expect(lines.filter((line) => line.startsWith('connection'))).toEqual([
      'connection-1 lives',
      'connection-1 < FRAME',
      'connection-1 < FRAME',
    ]);
  });

  test('[IN2] one that does something itself does it outside of every mailbox', async () => {
    const seen: number[] = [];
    const house: House = new House({
      namespaces: { n: {} },
      inspect: ({ type, actorRef }) => {
        if (type !== '@xstate.snapshot' || !('id' in actorRef) || actorRef.id !== 'connection-1') return;
        house.supervisor.actor.send({ type: 'COUNT', reply: (count: number) => seen.push(count) });
        house.supervisor.broadcast(null, [{ namespace: 'n', event: 'e' }]);
      },
    });
    house.seat('a', 'n');
    await house.rest();
    expect(seen.length).toBeGreaterThan(1);
    expect(new Set(seen)).toEqual(new Set([1]));
    await house.empty();
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
const watchDeliveries = (house: House, id: string) => {
  const seen: DeliverEvent[] = [];
  const end = house.supervisor.introspection.inspect(
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
  test('[IN4] who watches a connection is shown what it is given, one write at a time, and nobody else’s', async () => {
    const house = new House({ namespaces: { n: {} } });
    const guests = [house.seat('a', 'n'), house.seat('b', 'n')];
    const { seen, end } = watchDeliveries(house, 'b');
    const { lines, observe } = makeLog();
    house.supervisor.introspection.inspect(observe, ({ id }) => id === 'b');
    for (const { socket } of guests) socket.say(';n;;x;0;0;');
    for (const body of ['one', 'two']) house.server.broadcast(null, { namespace: 'n', event: 'e', body });
    await house.rest();
    guests[1]?.conn?.namespace('n')?.emit('direct');
    await house.rest();
    expect(seen.map(({ messages }) => messages)).toEqual([2, 1]);
    expect(lines.filter((line) => line.startsWith('connection'))).toEqual([
      'connection-2 lives',
      'connection-2 < FRAME',
      'connection-2 < DELIVER',
      'connection-2 < DELIVER',
    ]);
    expect(whole(seen)).toEqual(['t ;n;;e;0;0;one', 't ;n;;e;0;0;two', 't ;n;;direct;0;0;']);
    end();
    house.server.broadcast(null, { namespace: 'n', event: 'e' });
    await house.rest();
    expect([seen.length, guests[1]?.socket.lines.length]).toEqual([2, 4]);
    await house.empty();
  });

  test('[IN2] [BC3] whatever the observer does about a delivery comes after it', async () => {
    const house: House = new House({ namespaces: { n: {} } });
    const guest = house.seat('a', 'n');
    house.supervisor.introspection.inspect((shown) => {
      if (shown.type !== '@xstate.event' || shown.event.type !== 'DELIVER') return;
      guest.conn?.namespace('n')?.emit('told');
      guest.conn?.close(4000, 'enough');
    });
    for (const event of ['e', 'f']) house.server.broadcast(null, { namespace: 'n', event });
    await house.rest();
    expect(guest.socket.lines).toEqual(['t ;n;;e;0;0;', 't ;n;;f;0;0;', 't ;n;;told;0;0;', 'close 4000 enough']);
    expect(house.errors).toEqual([]);
  });

  test('[IN4] a chart that has deliveries to itself shows each once', async () => {
    const { open } = connectionConfig.states;
    const connection = connectionSetup.createMachine({
      ...connectionConfig,
      states: { ...connectionConfig.states, open: { ...open, on: { ...open.on, DELIVER: { actions: 'deliver' } } } },
    });
    const house = new House({ namespaces: { n: {} }, machines: kept({ connection }) });
    house.seat('a', 'n');
    const { seen } = watchDeliveries(house, 'a');
    house.server.broadcast(null, { namespace: 'n', event: 'e' });
    await house.rest();
    expect(whole(seen)).toEqual(['t ;n;;e;0;0;']);
    await house.empty();
  });

  const deed = fc.constantFrom('broadcast', 'emit', 'stall', 'drain', 'walk', 'to', 'leave', 'enter');
  given.prop([fc.array(deed, { maxLength: 60 })])(
    '[IN4] what was shown is what was written, byte by byte, whatever comes between',
    async (deeds) => {
      const options: HouseOptions = { namespaces: { n: {} }, limits: { highWaterMark: 40 } };
      const house = new House(options);
      const guest: Guest = house.seat('a', 'n');
      house.seat('b', 'n');
      const { seen } = watchDeliveries(house, 'a');
      let nth = 0;
      for (const what of deeds) {
        const body = String(++nth);
        if (what === 'broadcast') house.server.broadcast(null, { namespace: 'n', event: 'e', body });
        else if (what === 'to') house.server.broadcast(null, { namespace: 'n', event: 'e', body, to: 'a' });
        else if (what === 'emit') guest.conn?.namespace('n')?.emit('direct', body);
        else if (what === 'stall') guest.socket.stall();
        else if (what === 'drain') guest.socket.drain();
        else if (what === 'leave') guest.socket.say(`$${nth};n;;_OnNamespaceDisconnect;0;0;`);
        else if (what === 'enter') guest.socket.say(`$${nth};n;;_OnNamespaceConnect;0;0;`);
        else await house.rest();
      }
      guest.socket.drain();
      await house.rest();
      expect(whole(seen)).toEqual(guest.socket.lines);
      await house.empty();
    },
  );
});
