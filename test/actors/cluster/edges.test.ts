import { describe, expect, test } from 'vitest';
import type { StackExchange } from '../../../src/exchange/exchange.js';
import { connectionMachine, defaultLimits, ErrNoAudience, ErrWrite, type NSConn } from '../../../src/index.js';
import { deferred, watch } from '../../support/async/promises.js';
import { type MemoryBroker, memoryBroker } from '../../support/exchange/memoryExchange.js';
import { openPair } from '../../support/server/harnessCluster.js';
import { type HarnessOptions, SupervisorHarness, settled } from '../../support/server/supervisorHarness.js';

const e = { namespace: 'n', event: 'e' };

const two = async (options: HarnessOptions = { namespaces: { n: {} } }) => {
  const cluster = await openPair(options);
  const until = async (state: string, harness: SupervisorHarness) => {
    for (let tries = 0; tries < 2_000 && harness.supervisor.exchange?.status.state !== state; tries++) {
      await cluster.advance(5);
    }
    expect(harness.supervisor.exchange?.status.state).toBe(state);
  };
  return { ...cluster, until };
};

/** An exchange of which one thing is different. */
const but = (broker: MemoryBroker, other: (channel: string) => Promise<void> | undefined): StackExchange => {
  const inner = broker.exchange();
  return {
    ...inner,
    connect: async (listener) => {
      const uplink = await inner.connect(listener);
      return {
        subscribe: (channels) => channels.map(other).find((one) => one !== undefined) ?? uplink.subscribe(channels),
        unsubscribe: (channels) => uplink.unsubscribe(channels),
        publish: (channel, payload) => uplink.publish(channel, payload),
        ping: () => uplink.ping(),
        close: () => uplink.close(),
      };
    },
  };
};

describe('a link that is lost', () => {
  test('[EX11] [EX12] messages behind an ask wait for the next uplink, and are not unconfirmed', async () => {
    const { a, b, broker, open, settle, until, disconnectAll } = await two();
    const there = await open(b, 'y');
    const release = broker.hold('taking');
    a.supervisor.ask({ ...e, event: 'q' }, { timeout: 60_000 });
    for (const body of ['1', '2', '3']) a.supervisor.broadcast(null, [{ ...e, body }]);
    await settle();
    broker.lose({ count: 1 });
    release();
    await settle();
    expect(a.supervisor.exchange?.status).toMatchObject({ waiting: { messages: 4 }, lost: { unconfirmed: 0 } });
    await until('online', a);
    expect(there.socket.lines.map((line) => line.split(';').at(-1))).toEqual(['', '1', '2', '3']);
    await disconnectAll();
  });

  test('[EX11] [EX3] a connection accepted meanwhile may broadcast at once, and its messages arrive after the reconnect', async () => {
    const say = (ns: NSConn): void => ns.broadcast({ event: 'e', body: 'hello' });
    const { a, b, broker, open, settle, until, disconnectAll } = await two({ namespaces: { n: { say } } });
    const there = await open(b, 'y');
    const release = broker.hold('taking');
    const { socket } = a.connect('x');
    for (const frame of ['M', '$0;n;;_OnNamespaceConnect;0;0;', ';n;;say;0;0;']) socket.receive(frame);
    await settle();
    broker.lose({ count: 1 });
    release();
    await settle();
    expect(socket.lines).toEqual(['t Ax', 't $0;;;;;;', 't ;n;;e;0;0;hello']);
    await until('online', a);
    expect([a.supervisor.exchange?.status.lost.unconfirmed, there.socket.lines]).toEqual([0, ['t ;n;;e;0;0;hello']]);
    await disconnectAll();
  });

  test('[EX16] a link that has reconnected publishes its queue at the close of its server, without waiting for other servers', async () => {
    const { a, b, broker, open, settle, advance, disconnectAll } = await two();
    const there = await open(b, 'y');
    broker.lose({ count: 1 });
    await settle();
    a.supervisor.broadcast(null, [{ ...e, body: 'late' }]);
    for (let tries = 0; tries < 100 && broker.uplinks < 2; tries++) await advance(10);
    expect(a.supervisor.exchange?.status).toMatchObject({ state: 'degraded', waiting: { messages: 1 } });
    const closed = watch(a.supervisor.drain(10_000));
    await settle();
    expect([closed.state, a.supervisor.exchange?.status.lost.abandoned]).toEqual(['resolved', 0]);
    expect(there.socket.lines).toEqual(['t ;n;;e;0;0;late']);
    await disconnectAll();
  });
});

describe('asks without an answer', () => {
  test('[EX7] [AK6] [DR1] end with their server', async () => {
    const { a, open, settle } = await two();
    const here = await open(a, 'x');
    const [asked, again] = [watch(a.supervisor.ask(e, {})), watch(a.supervisor.ask({ ...e, to: 'y' }, {}))];
    await settle();
    const closed = watch(a.supervisor.drain(1_000));
    await settle();
    here.socket.disconnect();
    await settle();
    expect([closed.state, asked.error, again.error]).toEqual(['resolved', ErrWrite, ErrWrite]);
    const late = watch(a.supervisor.ask(e, {}));
    await settle();
    expect([late.error, a.supervisor.exchange?.status.waiting.messages]).toEqual([ErrNoAudience, 0]);
  });

  test('[EX7] [DR1] end with a root actor that the program stops', async () => {
    const { a, settle } = await two();
    const asked = watch(a.supervisor.ask(e, {}));
    await settle();
    a.supervisor.actor.stop();
    await settle();
    expect([asked.error, a.clock.timers]).toEqual([ErrWrite, 0]);
  });

  test('[EX7] reject at once if they cannot be sent and no local connection matches', async () => {
    const { a, open, settle, disconnectAll } = await two({ namespaces: { n: {} }, limits: { exchangePayload: 100 } });
    const big = { ...e, body: 'x'.repeat(200) };
    const alone = watch(a.supervisor.ask(big, {}));
    await settle();
    expect([alone.error, a.supervisor.exchange?.status.lost.refused]).toEqual([ErrNoAudience, 1]);
    const here = await open(a, 'x');
    const asked = a.supervisor.ask(big, {});
    await settle();
    here.socket.receive(`${here.socket.tokens[0]};n;;e;0;0;fine`);
    expect((await asked).body).toBe('fine');
    await disconnectAll();
  });
});

describe('a broker that refuses', () => {
  test('[EX3] [EX18] the channel of an id: the connection is accepted, and the refusal is counted', async () => {
    const broker = memoryBroker();
    const harness = new SupervisorHarness({ namespaces: { n: {} } });
    const refuse = (channel: string) =>
      channel === 'memory.a.' ? Promise.reject(new Error('no permission')) : undefined;
    await harness.supervisor.useExchange(but(broker, refuse));
    const clients = [harness.connect('a'), harness.connect('b')];
    for (const { socket } of clients) socket.receive('M');
    await harness.settle();
    expect(clients.map(({ socket }) => socket.lines)).toEqual([['t Aa'], ['t Ab']]);
    const { state, lost } = harness.supervisor.exchange?.status ?? {};
    expect([state, lost?.unsubscribed, broker.subscriptions]).toEqual(['online', 1, ['memory.b.', 'memory.n.']]);
    expect(harness.errors).toMatchObject([{ error: { loss: 'unsubscribed', cause: { message: 'no permission' } } }]);
    await harness.disconnectAll();
  });

  test('[EX1] the channel of a namespace: there is no exchange', async () => {
    const harness = new SupervisorHarness({ namespaces: { n: {} } });
    const refuse = (channel: string) =>
      channel === 'memory.n.' ? Promise.reject(new Error('no permission')) : undefined;
    await expect(harness.supervisor.useExchange(but(memoryBroker(), refuse))).rejects.toThrow('no permission');
    expect(harness.supervisor.exchange).toBeUndefined();
  });

  test('[EX15] one that never confirms, although it answers, is lost', async () => {
    const broker = memoryBroker();
    const harness = new SupervisorHarness({ namespaces: { n: {} } });
    let isMute = true;
    const forget = (channel: string) => (isMute && channel === 'memory.a.' ? deferred().promise : undefined);
    await harness.supervisor.useExchange(but(broker, forget));
    const client = harness.connect('a');
    client.socket.receive('M');
    await harness.settle();
    harness.clock.advance(defaultLimits.exchangeTimeout - 1);
    await harness.settle();
    expect(client.socket.lines).toEqual([]);
    isMute = false;
    harness.clock.advance(1);
    await harness.settle();
    expect([client.socket.lines, harness.supervisor.exchange?.status.state]).toEqual([['t Aa'], 'degraded']);
    await harness.disconnectAll();
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
  const harness = new SupervisorHarness({ namespaces: { n: {} }, machines });
  await harness.supervisor.useExchange(broker.exchange());
  const client = harness.connect('a');
  await harness.settle();
  client.socket.disconnect();
  await harness.settle();
  expect([harness.supervisor.total, broker.subscriptions]).toEqual([0, ['memory.n.']]);
});

test('[BC10] broadcasts of other servers do not count for a client whose handler runs', async () => {
  const slow = deferred();
  const got: unknown[] = [];
  const handlers = { slow: () => slow.promise, fast: (_: NSConn, { body }: { body: unknown }) => void got.push(body) };
  const { a, b, open, settle, disconnectAll } = await two({ namespaces: { n: handlers }, limits: { maxLog: 200 } });
  const there = await open(b, 'y');
  there.socket.receive(';n;;slow;0;0;');
  a.supervisor.broadcast(null, [e]);
  await settle();
  slow.open();
  await settle();
  for (let times = 0; times < 10; times++) a.supervisor.broadcast(null, [{ ...e, body: 'x'.repeat(40) }]);
  await settled();
  expect(b.supervisor.pressure.isThrottling).toBe(true);
  there.socket.receive(';n;;fast;0;0;1');
  expect([there.socket.isReading, got]).toEqual([true, ['1']]);
  await settle();
  await disconnectAll();
});

test("[EX14] an echo of the server's own ask in a flood is no loss", async () => {
  const { a, b, open, settle, disconnectAll } = await two({ namespaces: { n: {} }, limits: { maxLog: 100 } });
  await open(a, 'x');
  a.supervisor.ask(e, {});
  for (let times = 0; times < 20; times++) a.supervisor.broadcast(null, [{ ...e, body: 'x'.repeat(40) }]);
  await settled();
  expect(a.supervisor.exchange?.status.lost.flooded).toBe(0);
  await settle();
  expect(b.supervisor.exchange?.status.received).toBeGreaterThan(0);
  await disconnectAll();
});
