import { describe, expect, test } from 'vitest';
import type { StackExchange } from '../../../src/exchange/exchange.js';
import { connectionMachine, defaultLimits, ErrNoAudience, ErrWrite, type NSConn } from '../../../src/index.js';
import { gate, watch } from '../../support/async/promises.js';
import { type MemoryBroker, memoryBroker } from '../../support/exchange/memoryExchange.js';
import { openTwo } from '../../support/server/harnessCluster.js';
import { House, type HouseOptions, settled } from '../../support/server/supervisorHarness.js';

const e = { namespace: 'n', event: 'e' };

const two = async (options: HouseOptions = { namespaces: { n: {} } }) => {
  const houses = await openTwo(options);
  const until = async (state: string, house: House) => {
    for (let tries = 0; tries < 2_000 && house.supervisor.exchange?.status.state !== state; tries++) {
      await houses.pass(5);
    }
    expect(house.supervisor.exchange?.status.state).toBe(state);
  };
  return { ...houses, until };
};

/** An exchange of which one thing is different. */
const but = (broker: MemoryBroker, other: (channel: string) => Promise<void> | undefined): StackExchange => {
  const inner = broker.exchange();
  return {
    ...inner,
    connect: async (listener) => {
      const session = await inner.connect(listener);
      return {
        subscribe: (channels) => channels.map(other).find((one) => one !== undefined) ?? session.subscribe(channels),
        unsubscribe: (channels) => session.unsubscribe(channels),
        publish: (channel, payload) => session.publish(channel, payload),
        ping: () => session.ping(),
        close: () => session.close(),
      };
    },
  };
};

describe('a link that is lost', () => {
  test('[EX11] [EX12] what waits behind an ask waits for the next session, and is in no doubt', async () => {
    const { a, b, broker, seat, rest, until, empty } = await two();
    const there = await seat(b, 'y');
    const release = broker.hold('taking');
    a.supervisor.ask({ ...e, event: 'q' }, { timeout: 60_000 });
    for (const body of ['1', '2', '3']) a.supervisor.broadcast(null, [{ ...e, body }]);
    await rest();
    broker.lose({ count: 1 });
    release();
    await rest();
    expect(a.supervisor.exchange?.status).toMatchObject({ waiting: { messages: 4 }, lost: { unconfirmed: 0 } });
    await until('online', a);
    expect(there.socket.lines.map((line) => line.split(';').at(-1))).toEqual(['', '1', '2', '3']);
    await empty();
  });

  test('[EX11] [EX3] whoever it lets in may speak at once, and is heard when it is back', async () => {
    const say = (ns: NSConn): void => ns.broadcast({ event: 'e', body: 'hello' });
    const { a, b, broker, seat, rest, until, empty } = await two({ namespaces: { n: { say } } });
    const there = await seat(b, 'y');
    const release = broker.hold('taking');
    const { socket } = a.connect('x');
    for (const frame of ['M', '$0;n;;_OnNamespaceConnect;0;0;', ';n;;say;0;0;']) socket.say(frame);
    await rest();
    broker.lose({ count: 1 });
    release();
    await rest();
    expect(socket.lines).toEqual(['t Ax', 't $0;;;;;;', 't ;n;;e;0;0;hello']);
    await until('online', a);
    expect([a.supervisor.exchange?.status.lost.unconfirmed, there.socket.lines]).toEqual([0, ['t ;n;;e;0;0;hello']]);
    await empty();
  });

  test('[EX16] one that is back already sends what waits when its server closes, and does not wait for the others', async () => {
    const { a, b, broker, seat, rest, pass, empty } = await two();
    const there = await seat(b, 'y');
    broker.lose({ count: 1 });
    await rest();
    a.supervisor.broadcast(null, [{ ...e, body: 'late' }]);
    for (let tries = 0; tries < 100 && broker.sessions < 2; tries++) await pass(10);
    expect(a.supervisor.exchange?.status).toMatchObject({ state: 'degraded', waiting: { messages: 1 } });
    const closed = watch(a.supervisor.drain(10_000));
    await rest();
    expect([closed.state, a.supervisor.exchange?.status.lost.abandoned]).toEqual(['resolved', 0]);
    expect(there.socket.lines).toEqual(['t ;n;;e;0;0;late']);
    await empty();
  });
});

describe('asks that nobody will answer', () => {
  test('[EX7] [AK6] [DR1] end with their server', async () => {
    const { a, seat, rest } = await two();
    const here = await seat(a, 'x');
    const [asked, again] = [watch(a.supervisor.ask(e, {})), watch(a.supervisor.ask({ ...e, to: 'y' }, {}))];
    await rest();
    const closed = watch(a.supervisor.drain(1_000));
    await rest();
    here.socket.hangUp();
    await rest();
    expect([closed.state, asked.error, again.error]).toEqual(['resolved', ErrWrite, ErrWrite]);
    const late = watch(a.supervisor.ask(e, {}));
    await rest();
    expect([late.error, a.supervisor.exchange?.status.waiting.messages]).toEqual([ErrNoAudience, 0]);
  });

  test('[EX7] [DR1] end with a root actor that is stopped by hand', async () => {
    const { a, rest } = await two();
    const asked = watch(a.supervisor.ask(e, {}));
    await rest();
    a.supervisor.actor.stop();
    await rest();
    expect([asked.error, a.clock.timers]).toEqual([ErrWrite, 0]);
  });

  test('[EX7] reject at once when they cannot be sent, and nobody is here', async () => {
    const { a, seat, rest, empty } = await two({ namespaces: { n: {} }, limits: { exchangePayload: 100 } });
    const big = { ...e, body: 'x'.repeat(200) };
    const alone = watch(a.supervisor.ask(big, {}));
    await rest();
    expect([alone.error, a.supervisor.exchange?.status.lost.refused]).toEqual([ErrNoAudience, 1]);
    const here = await seat(a, 'x');
    const asked = a.supervisor.ask(big, {});
    await rest();
    here.socket.say(`${here.socket.tokens[0]};n;;e;0;0;fine`);
    expect((await asked).body).toBe('fine');
    await empty();
  });
});

describe('a broker that refuses', () => {
  test('[EX3] [EX18] the channel of an id: the connection is let in all the same, and it is counted', async () => {
    const broker = memoryBroker();
    const house = new House({ namespaces: { n: {} } });
    const refuse = (channel: string) =>
      channel === 'memory.a.' ? Promise.reject(new Error('no permission')) : undefined;
    await house.supervisor.useExchange(but(broker, refuse));
    const guests = [house.connect('a'), house.connect('b')];
    for (const { socket } of guests) socket.say('M');
    await house.rest();
    expect(guests.map(({ socket }) => socket.lines)).toEqual([['t Aa'], ['t Ab']]);
    const { state, lost } = house.supervisor.exchange?.status ?? {};
    expect([state, lost?.unheard, broker.subscriptions]).toEqual(['online', 1, ['memory.b.', 'memory.n.']]);
    expect(house.errors).toMatchObject([{ error: { loss: 'unheard', cause: { message: 'no permission' } } }]);
    await house.empty();
  });

  test('[EX1] the channel of a namespace: there is no exchange', async () => {
    const house = new House({ namespaces: { n: {} } });
    const refuse = (channel: string) =>
      channel === 'memory.n.' ? Promise.reject(new Error('no permission')) : undefined;
    await expect(house.supervisor.useExchange(but(memoryBroker(), refuse))).rejects.toThrow('no permission');
    expect(house.supervisor.exchange).toBeUndefined();
  });

  test('[EX15] one that never confirms, although it answers, is lost', async () => {
    const broker = memoryBroker();
    const house = new House({ namespaces: { n: {} } });
    let isMute = true;
    const forget = (channel: string) => (isMute && channel === 'memory.a.' ? gate().promise : undefined);
    await house.supervisor.useExchange(but(broker, forget));
    const guest = house.connect('a');
    guest.socket.say('M');
    await house.rest();
    house.clock.advance(defaultLimits.exchangeTimeout - 1);
    await house.rest();
    expect(guest.socket.lines).toEqual([]);
    isMute = false;
    house.clock.advance(1);
    await house.rest();
    expect([guest.socket.lines, house.supervisor.exchange?.status.state]).toEqual([['t Aa'], 'degraded']);
    await house.empty();
  });
});

test('[EX3] [SV3] a connection that its own chart ends at once leaves no channel behind', async () => {
  const runOnConnect = ({
    self,
  }: {
    self: { send(event: { type: 'CLOSE'; code: number; text: string }): void };
  }): void => self.send({ type: 'CLOSE', code: 1000, text: '' });
  const broker = memoryBroker();
  const machines = { connection: connectionMachine.provide({ actions: { runOnConnect } }) };
  const house = new House({ namespaces: { n: {} }, machines });
  await house.supervisor.useExchange(broker.exchange());
  const guest = house.connect('a');
  await house.rest();
  guest.socket.hangUp();
  await house.rest();
  expect([house.supervisor.total, broker.subscriptions]).toEqual([0, ['memory.n.']]);
});

test('[BC10] what others broadcast is no doing of a client whose handler waits meanwhile', async () => {
  const slow = gate();
  const got: unknown[] = [];
  const handlers = { slow: () => slow.promise, fast: (_: NSConn, { body }: { body: unknown }) => void got.push(body) };
  const { a, b, seat, rest, empty } = await two({ namespaces: { n: handlers }, limits: { maxLog: 200 } });
  const there = await seat(b, 'y');
  there.socket.say(';n;;slow;0;0;');
  a.supervisor.broadcast(null, [e]);
  await rest();
  slow.open();
  await rest();
  for (let times = 0; times < 10; times++) a.supervisor.broadcast(null, [{ ...e, body: 'x'.repeat(40) }]);
  await settled();
  expect(b.supervisor.pressure.isThrottling).toBe(true);
  there.socket.say(';n;;fast;0;0;1');
  expect([there.socket.isReading, got]).toEqual([true, ['1']]);
  await rest();
  await empty();
});

test('[EX14] our own ask that comes back into a flood is no loss', async () => {
  const { a, b, seat, rest, empty } = await two({ namespaces: { n: {} }, limits: { maxLog: 100 } });
  await seat(a, 'x');
  a.supervisor.ask(e, {});
  for (let times = 0; times < 20; times++) a.supervisor.broadcast(null, [{ ...e, body: 'x'.repeat(40) }]);
  await settled();
  expect(a.supervisor.exchange?.status.lost.flooded).toBe(0);
  await rest();
  expect(b.supervisor.exchange?.status.received).toBeGreaterThan(0);
  await empty();
});
