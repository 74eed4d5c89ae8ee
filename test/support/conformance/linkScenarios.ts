import { expect } from 'vitest';
import { defaultLimits, type Machines } from '../../../src/index.js';
import { deferred, watch } from '../async/promises.js';
import { memoryBroker } from '../exchange/memoryExchange.js';
import { SupervisorHarness, settled } from '../server/supervisorHarness.js';
import type { Scenario } from './scenario.js';

const { exchangeTimeout, exchangeRetryDelay } = defaultLimits;

const open = (machines: Partial<Machines>, onConnect?: () => unknown) => {
  const harness = new SupervisorHarness({ namespaces: { n: {} }, machines, ...(onConnect && { onConnect }) });
  const broker = memoryBroker();
  const state = () => harness.supervisor.exchange?.status.state;
  const use = async () => {
    const used = watch(harness.supervisor.useExchange(broker.exchange()));
    await settled();
    return used;
  };
  const advance = async (ms: number) => {
    harness.clock.advance(ms);
    await settled();
  };
  /** Advances until the next connect, or half of its timeout. */
  const retry = async () => {
    const before = broker.connects;
    for (let passed = 0; passed < exchangeTimeout / 2 && broker.connects === before; passed += 10) await advance(10);
    return broker.connects - before;
  };
  return { harness, broker, state, use, advance, retry };
};

/** Scenarios of the link to the broker. */
export const linkScenarios: readonly Scenario[] = [
  {
    rule: 'EX1',
    name: 'a broker that refuses, or does not answer, rejects',
    async run(machines) {
      const { harness, broker, state, use, advance } = open(machines);
      broker.stop();
      const refused = await use();
      expect([refused.state, state()]).toEqual(['rejected', undefined]);
      broker.start();
      const release = broker.hold('taking');
      const silent = await use();
      expect([silent.state, state()]).toEqual(['pending', 'connecting']);
      await advance(exchangeTimeout);
      expect([silent.state, state()]).toEqual(['rejected', undefined]);
      release();
      expect((await use()).state).toBe('resolved');
      expect([state(), broker.uplinks]).toEqual(['online', 1]);
      await harness.disconnectAll();
    },
  },
  {
    rule: 'EX10',
    name: 'a lost broker is reconnected, however often that fails',
    async run(machines) {
      const { harness, broker, state, use, advance, retry } = open(machines);
      await use();
      broker.stop();
      await settled();
      expect(state()).toBe('degraded');
      for (let tries = 0; tries < 3; tries++) expect([await retry(), state()]).toEqual([1, 'degraded']);
      broker.start();
      const release = broker.hold('taking');
      expect([await retry(), state(), broker.uplinks]).toEqual([1, 'degraded', 1]);
      await advance(exchangeTimeout);
      release();
      // It is connected again, but other servers may not be.
      expect([await retry(), state(), broker.uplinks]).toEqual([1, 'degraded', 1]);
      broker.lose();
      await settled();
      expect([await retry(), state(), broker.uplinks]).toEqual([1, 'degraded', 1]);
      await advance(2 * exchangeRetryDelay);
      expect([broker.connects, state()]).toEqual([7, 'online']);
      await harness.disconnectAll();
    },
  },
  {
    rule: 'EX3',
    name: 'a connection is accepted when the broker delivers to it',
    async run(machines) {
      const { harness, broker, use } = open(machines);
      await use();
      const release = broker.hold('confirming');
      const client = harness.connect('a');
      client.socket.receive('M');
      await settled();
      expect(client.socket.lines).toEqual([]);
      release();
      await settled();
      expect(client.socket.lines).toEqual(['t Aa']);
      await harness.disconnectAll();
    },
  },
  {
    rule: 'EX3',
    name: 'the broker may confirm before onConnect settles',
    async run(machines) {
      const decision = deferred();
      const { harness, use } = open(machines, () => decision.promise);
      await use();
      const client = harness.connect('a');
      client.socket.receive('M');
      await settled();
      expect(client.socket.lines).toEqual([]);
      decision.open();
      await settled();
      expect(client.socket.lines).toEqual(['t Aa']);
      await harness.disconnectAll();
    },
  },
  {
    rule: 'EX16',
    name: 'a server that closes ends its uplink',
    async run(machines) {
      const { harness, broker, state, use } = open(machines);
      await use();
      const closing = watch(harness.supervisor.drain(1_000));
      await settled();
      expect([closing.state, state(), broker.uplinks]).toEqual(['resolved', 'closed', 0]);
    },
  },
];
