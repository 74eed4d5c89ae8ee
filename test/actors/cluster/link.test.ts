import { describe, expect, test } from 'vitest';
import type { InspectionEvent } from 'xstate';
import type { StackExchange } from '../../../src/exchange/exchange.js';
import { defaultLimits, ExchangeLoss, type Limits, Server } from '../../../src/index.js';
import { writeTag } from '../../../src/protocol/tag.js';
import { watch } from '../../support/async/promises.js';
import { memoryBroker } from '../../support/exchange/memoryExchange.js';
import { SupervisorHarness, settled } from '../../support/server/supervisorHarness.js';

const open = async (limits: Partial<Limits> = {}) => {
  const broker = memoryBroker();
  const harness = new SupervisorHarness({ namespaces: { n: {} }, limits });
  const exchange = await harness.supervisor.useExchange(broker.exchange());
  const say = (body: string): void => harness.supervisor.broadcast(null, [{ namespace: 'n', event: 'e', body }]);
  /** What the broker has taken, by the body. */
  const carried = (): string[] =>
    broker.published.map(({ payload }) => Buffer.from(payload).toString().split(';').at(-1) ?? '');
  const advance = async (ms: number): Promise<void> => {
    harness.clock.advance(ms);
    await settled();
  };
  /** The broker is there again, and has been noticed. */
  const back = async (): Promise<void> => {
    broker.start();
    for (let tries = 0; tries < 1_000 && exchange.status.state !== 'online'; tries++) await advance(10);
    expect(exchange.status.state).toBe('online');
  };
  const losses = (): string[] =>
    harness.errors.flatMap(({ error }) => (error instanceof ExchangeLoss ? [`${error.count} ${error.loss}`] : []));
  return { broker, harness, exchange, say, carried, advance, back, losses };
};

describe('use', () => {
  test.each([null, undefined, {}, { name: 'x' }, 'redis://'])('[EX1] %j is no exchange', async (given) => {
    const server = new Server({ namespaces: { n: {} } });
    // A program without types may give anything.
    const used = server.useStackExchange(given as never);
    await expect(used).rejects.toThrow(/^useStackExchange takes an exchange \{ name, channelOf/);
    await server.close();
  });

  test('[EX1] a server has one exchange, also while that is not there yet', async () => {
    const broker = memoryBroker();
    const server = new Server({ namespaces: { n: {} } });
    const first = server.useStackExchange(broker.exchange());
    await expect(server.useStackExchange(broker.exchange())).rejects.toThrow(/one exchange.*"memory"/);
    expect(server.exchange).toBe(await first);
    await expect(server.useStackExchange(broker.exchange())).rejects.toThrow(/one exchange/);
    expect(broker.uplinks).toBe(1);
    await server.close();
    await expect(server.useStackExchange(broker.exchange())).rejects.toThrow('this server is closed');
  });

  test('[EX1] an unreachable broker rejects with its error, and may be used later', async () => {
    const broker = memoryBroker();
    const server = new Server({ namespaces: { n: {} } });
    broker.failConnect(new Error('wrong password'));
    await expect(server.useStackExchange(broker.exchange())).rejects.toThrow('wrong password');
    expect(server.exchange).toBeUndefined();
    await server.useStackExchange(broker.exchange());
    expect(server.exchange?.status.state).toBe('online');
    await server.close();
  });

  test('[EX1] a server that is closed meanwhile uses none', async () => {
    const broker = memoryBroker();
    broker.hold('taking');
    const server = new Server({ namespaces: { n: {} } });
    const used = watch(server.useStackExchange(broker.exchange()));
    await server.close();
    await settled();
    expect([used.state, used.error, broker.uplinks]).toEqual(['rejected', new Error('the server was closed'), 0]);
  });

  test('[EX1] [EX3] existing connections are subscribed as well', async () => {
    const broker = memoryBroker();
    const harness = new SupervisorHarness({ namespaces: { n: {}, other: {} } });
    for (const id of ['a', 'a', 'b']) harness.open(id, 'n');
    await harness.supervisor.useExchange(broker.exchange());
    expect(broker.subscriptions).toEqual(['memory.a.', 'memory.b.', 'memory.n.', 'memory.other.']);
    await harness.disconnectAll();
    await settled();
    expect(broker.subscriptions).toEqual(['memory.n.', 'memory.other.']);
  });
});

test('[EX9] [EX18] a number far above the last one is delivered, counted and reported, and nothing is missing', async () => {
  const { broker, harness, exchange, losses } = await open();
  const client = harness.open('a', 'n');
  const forger = await broker.exchange().connect({ received: () => {}, lost: () => {} });
  const tag = {
    node: '00000000-0000-4000-8000-000000000000',
    epoch: 1,
    isBinary: false,
    isNative: false,
    exceptId: '',
  };
  for (const number of [1, 999_999_999_999_999, 2]) {
    await forger.publish('memory.n.', Buffer.from(`${writeTag({ ...tag, number })};n;;e;0;0;${number}`));
  }
  await harness.settle();
  expect(exchange.status).toMatchObject({ received: 3, lost: { missing: 0, late: 0, renumbered: 1 } });
  expect(losses()).toEqual(['1 renumbered']);
  client.socket.disconnect();
  await harness.disconnectAll();
});

describe('ids', () => {
  test('[EX3] stay subscribed while a connection has them', async () => {
    const { harness, broker } = await open();
    const first = harness.open('a');
    await settled();
    const second = harness.open('a');
    await settled();
    expect(broker.subscriptions).toContain('memory.a.');
    first.socket.disconnect();
    await harness.settle();
    expect(broker.subscriptions).toContain('memory.a.');
    second.socket.disconnect();
    await harness.settle();
    expect(broker.subscriptions).toEqual(['memory.n.']);
  });

  test('[EX3] no connection waits for a lost broker, or for one that is lost meanwhile', async () => {
    const { harness, broker, back } = await open();
    broker.hold('taking');
    const waiting = harness.connect('a');
    waiting.socket.receive('M');
    await settled();
    expect(waiting.socket.lines).toEqual([]);
    broker.stop();
    await settled();
    expect(waiting.socket.lines).toEqual(['t Aa']);
    const late = harness.connect('b');
    late.socket.receive('M');
    await settled();
    expect(late.socket.lines).toEqual(['t Ab']);
    broker.hold('taking')();
    await back();
    expect(broker.subscriptions).toEqual(['memory.a.', 'memory.b.', 'memory.n.']);
    await harness.disconnectAll();
  });
});

describe('the link', () => {
  test('[EX10] is an actor that an observer of the system sees', async () => {
    const seen: string[] = [];
    const broker = memoryBroker();
    const harness = new SupervisorHarness({ namespaces: { n: {} } });
    harness.supervisor.actor.system.inspect((event: InspectionEvent) => {
      if (event.type !== '@xstate.snapshot' || !('id' in event.actorRef) || event.actorRef.id !== 'exchange') return;
      const state = 'value' in event.snapshot ? JSON.stringify(event.snapshot.value) : '';
      if (state !== seen.at(-1)) seen.push(state);
    });
    await harness.supervisor.useExchange(broker.exchange());
    broker.stop();
    await settled();
    expect(seen).toEqual(['"connecting"', '"online"', '{"degraded":"waiting"}']);
    await harness.supervisor.drain(100);
    expect(seen.at(-1)).toBe('"closed"');
  });

  test('[EX10] [EX15] a broker that does not answer a ping is lost, and its uplink with it', async () => {
    const { harness, broker, exchange, advance, back } = await open();
    for (let beats = 0; beats < 3; beats++) await advance(defaultLimits.exchangeInterval);
    expect(exchange.status.state).toBe('online');
    const release = broker.hold('confirming');
    await advance(defaultLimits.exchangeInterval);
    await advance(defaultLimits.exchangeTimeout - 1);
    expect(exchange.status.state).toBe('online');
    await advance(1);
    // The answer might be there and not have been read.
    expect(exchange.status.state).toBe('online');
    harness.clock.tick();
    await settled();
    expect([exchange.status.state, broker.uplinks]).toEqual(['degraded', 0]);
    expect(exchange.status.trouble).toBe(`no answer to a ping within ${defaultLimits.exchangeTimeout} ms`);
    expect(harness.errors).toMatchObject([{ where: { during: 'exchange' } }]);
    release();
    await back();
    expect(exchange.status.trouble).toBeUndefined();
    await harness.disconnectAll();
  });

  test('[EX10] local delivery continues in every state', async () => {
    const { harness, broker, say, back } = await open();
    const client = harness.open('a', 'n');
    await settled();
    client.socket.receive('$0;n;;_OnNamespaceConnect;0;0;');
    client.socket.sent.length = 0;
    say('1');
    broker.stop();
    say('2');
    await settled();
    say('3');
    await back();
    say('4');
    await harness.settle();
    expect(client.socket.lines).toEqual(['1', '2', '3', '4'].map((body) => `t ;n;;e;0;0;${body}`));
    await harness.disconnectAll();
  });

  test('[EX10] a stop of the root actor by the program ends it', async () => {
    const { harness, broker, exchange } = await open();
    harness.supervisor.actor.stop();
    await settled();
    expect([exchange.status.state, broker.uplinks]).toEqual(['closed', 0]);
    expect(harness.clock.timers).toBe(0);
  });
});

describe('the exchange queue', () => {
  test('[EX11] is published in order after a reconnect, behind earlier messages', async () => {
    const { broker, say, carried, back, exchange, losses } = await open();
    say('1');
    await settled();
    broker.stop();
    await settled();
    for (const body of ['2', '3', '4']) say(body);
    expect(exchange.status.waiting.messages).toBe(3);
    await back();
    say('5');
    await settled();
    expect(carried()).toEqual(['1', '2', '3', '4', '5']);
    expect([exchange.status.waiting, losses()]).toEqual([{ messages: 0, bytes: 0 }, []]);
  });

  test('[EX11] [EX18] has a limit of time and size', async () => {
    const { broker, say, carried, advance, back, exchange, losses } = await open({
      exchangeQueueBytes: 400,
      exchangeQueueTimeout: 1_000,
      exchangeRetryDelay: 50,
    });
    broker.stop();
    await settled();
    say('old');
    await advance(999);
    say('young');
    await advance(1);
    expect(losses()).toEqual(['1 expired']);
    for (let more = 0; more < 10; more++) say(`more ${more}`);
    const { overflowed } = exchange.status.lost;
    expect(overflowed).toBeGreaterThan(5);
    expect(losses()).toEqual(['1 expired', '1 overflowed']);
    await back();
    await advance(1_000);
    expect(losses()).toEqual(['1 expired', '1 overflowed', `${overflowed - 1} overflowed`]);
    expect(carried().slice(0, 2)).toEqual(['young', 'more 0']);
    expect(carried()).toHaveLength(11 - overflowed);
  });

  test('[EX12] [EX18] does not publish again what the broker had when it was lost', async () => {
    for (const taken of [true, false]) {
      const { broker, say, carried, back, exchange, losses } = await open();
      broker.hold('taking');
      say('doubtful');
      say('too');
      await settled();
      broker.stop();
      broker.lose({ taken });
      await settled();
      say('certain');
      broker.hold('taking')();
      await back();
      await settled();
      expect(carried().filter((body) => body === 'certain')).toEqual(['certain']);
      expect(carried().length).toBeLessThanOrEqual(3);
      expect(exchange.status.lost.unconfirmed).toBe(2);
      expect(losses()).toEqual(['2 unconfirmed']);
    }
  });

  test('[EX16] is sent before a server that closes lets go, and counted when that takes too long', async () => {
    const quick = await open();
    const release = quick.broker.hold('taking');
    quick.say('last');
    const closing = watch(quick.harness.supervisor.drain(1_000));
    await settled();
    expect([closing.state, quick.broker.uplinks]).toEqual(['pending', 1]);
    release();
    await settled();
    expect([closing.state, quick.broker.uplinks, quick.carried()]).toEqual(['resolved', 0, ['last']]);

    const slow = await open();
    slow.broker.hold('taking');
    slow.say('never');
    const cut = watch(slow.harness.supervisor.drain(1_000));
    await settled();
    await slow.advance(1_000);
    expect([cut.state, slow.broker.uplinks, slow.exchange.status.lost.unconfirmed]).toEqual(['resolved', 0, 1]);

    const away = await open();
    away.broker.stop();
    await settled();
    away.say('nobody');
    const alone = watch(away.harness.supervisor.drain(1_000));
    await settled();
    expect([alone.state, away.losses()]).toEqual(['resolved', ['1 abandoned']]);
  });
});

describe('a custom exchange', () => {
  const failing = (where: 'ping' | 'close' | 'unsubscribe' | 'publish') => {
    const broker = memoryBroker();
    const inner = broker.exchange();
    const fail = (): never => {
      throw new Error(`${where} throws`);
    };
    const exchange: StackExchange = {
      ...inner,
      connect: async (listener) => {
        const uplink = await inner.connect(listener);
        return {
          subscribe: (channels) => uplink.subscribe(channels),
          unsubscribe: (channels) => uplink.unsubscribe(channels),
          ping: () => uplink.ping(),
          close: () => uplink.close(),
          publish: (channel, payload) => uplink.publish(channel, payload),
          [where]: fail,
        };
      },
    };
    return { broker, exchange };
  };

  test.each(['ping', 'close', 'unsubscribe', 'publish'] as const)(
    '[EX10] [EX18] that throws in %s affects no connection, and is reported',
    async (where) => {
      const { broker, exchange } = failing(where);
      const harness = new SupervisorHarness({ namespaces: { n: {} } });
      await harness.supervisor.useExchange(exchange);
      const client = harness.connect('a');
      client.socket.receive('M');
      await settled();
      client.socket.receive('$0;n;;_OnNamespaceConnect;0;0;');
      harness.supervisor.broadcast(null, [{ namespace: 'n', event: 'e' }]);
      harness.clock.advance(defaultLimits.exchangeInterval);
      await harness.settle();
      expect(client.socket.lines.at(-1)).toBe('t ;n;;e;0;0;');
      client.socket.disconnect();
      await harness.settle();
      broker.lose();
      await harness.settle();
      const drained = watch(harness.supervisor.drain(1_000));
      await settled();
      harness.clock.advance(1_000);
      await settled();
      expect([drained.state, harness.supervisor.exchange?.status.state]).toEqual(['resolved', 'closed']);
      const calls = harness.errors.map(({ error }) => String(error instanceof Error && (error.cause ?? error)));
      expect(calls).toContain(`Error: ${where} throws`);
    },
  );
});
