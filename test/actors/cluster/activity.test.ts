import { describe, expect, test } from 'vitest';
import { Activity } from '../../../src/exchange/activity.js';
import { Batch } from '../../../src/exchange/batch.js';
import type { StackExchange } from '../../../src/exchange/exchange.js';
import { defaultLimits } from '../../../src/index.js';
import { deferred, watch } from '../../support/async/promises.js';
import { memoryBroker } from '../../support/exchange/memoryExchange.js';
import { SupervisorHarness, settled } from '../../support/server/supervisorHarness.js';

const { exchangeInterval, exchangeTimeout } = defaultLimits;

/** A server whose broker does not confirm the channel of `a`, and shows that it is there when a test says so. */
const open = async () => {
  const broker = memoryBroker();
  const inner = broker.exchange();
  const activity = new Activity();
  const confirmed = deferred();
  const exchange: StackExchange = {
    ...inner,
    connect: async (listener) => {
      const uplink = await inner.connect(listener);
      return {
        subscribe: (channels) => (channels.includes('memory.a.') ? confirmed.promise : uplink.subscribe(channels)),
        unsubscribe: (channels) => uplink.unsubscribe(channels),
        publish: (channel, payload) => uplink.publish(channel, payload),
        ping: () => uplink.ping(),
        active: () => activity.next(),
        close: () => uplink.close(),
      };
    },
  };
  const harness = new SupervisorHarness({ namespaces: { n: {} } });
  const { status } = await harness.supervisor.useExchange(exchange);
  expect(status.state).toBe('online');
  const state = () => harness.supervisor.exchange?.status.state;
  /** Passes this time, in which the broker sends something or not. */
  const pass = async (ms: number, isActive: boolean): Promise<void> => {
    harness.clock.advance(ms / 2);
    await settled();
    if (isActive) activity.note();
    await settled();
    harness.clock.advance(ms - ms / 2);
    harness.clock.tick();
    await settled();
  };
  return { broker, harness, confirmed, pass, state };
};

test('[EX15] something that came before is no activity, and all that wait see the next', async () => {
  const activity = new Activity();
  activity.note();
  const [one, other] = [watch(activity.next()), watch(activity.next())];
  await settled();
  expect([one.state, other.state]).toEqual(['pending', 'pending']);
  activity.note();
  await settled();
  expect([one.state, other.state, watch(activity.next()).state]).toEqual(['resolved', 'resolved', 'pending']);
});

test('[EX19] NATS confirms at most 16 KiB at a time', () => {
  const batch = new Batch();
  batch.bytes = 16_383;
  expect(batch.isFull).toBe(false);
  batch.bytes++;
  expect(batch.isFull).toBe(true);
});

describe('a broker that is busy', () => {
  test('[EX15] is not lost while it sends other things than the answer to a ping, and is lost after the last', async () => {
    const { broker, harness, pass, state } = await open();
    broker.hold('confirming');
    for (let beats = 0; beats < 5; beats++) {
      await pass(exchangeInterval, false);
      expect(state()).toBe('online');
      await pass(exchangeTimeout - 1, true);
      expect(state()).toBe('online');
      // The next ping is due its interval after the activity.
      harness.clock.advance(0);
    }
    await pass(exchangeInterval + exchangeTimeout, false);
    expect(state()).toBe('degraded');
    await harness.disconnectAll();
  });

  test('[EX15] may confirm a channel late, as long as it sends other things and no later answer', async () => {
    const { broker, harness, confirmed, pass, state } = await open();
    const release = broker.hold('confirming');
    const client = harness.connect('a');
    client.socket.receive('M');
    await settled();
    for (let times = 0; times < 20; times++) await pass(exchangeTimeout / 2, true);
    expect([client.socket.lines, state()]).toEqual([[], 'online']);
    confirmed.open();
    await settled();
    expect(client.socket.lines).toEqual(['t Aa']);
    release();
    await harness.disconnectAll();
  });

  test.each(['silent', 'answering a later ping'])('[EX15] must confirm it before it is %s', async (how) => {
    const { broker, harness, pass, state } = await open();
    const release = broker.hold('confirming');
    const client = harness.connect('a');
    client.socket.receive('M');
    await settled();
    for (let times = 0; times < 10; times++) await pass(exchangeTimeout / 2, true);
    expect([client.socket.lines, state()]).toEqual([[], 'online']);
    if (how !== 'silent') release();
    for (let times = 0; times < 4; times++) await pass(exchangeTimeout / 2, how !== 'silent');
    expect([client.socket.lines, state()]).toEqual([['t Aa'], 'degraded']);
    await harness.disconnectAll();
  });
});
