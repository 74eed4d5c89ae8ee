import { expect } from 'vitest';
import { defaultLimits, type Machines } from '../../../src/index.js';
import { deferred, watch } from '../async/promises.js';
import { memoryBroker } from '../exchange/memoryExchange.js';
import { SupervisorHarness, settled } from '../server/supervisorHarness.js';
import type { Scenario } from './conformance.js';

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
  /** Until somebody tries to connect again, but well before an attempt that is silent is given up. */
  const retry = async () => {
    const before = broker.connects;
    for (let passed = 0; passed < exchangeTimeout / 2 && broker.connects === before; passed += 10) await advance(10);
    return broker.connects - before;
  };
  return { harness, broker, state, use, advance, retry };
};

/** What SPEC.md asks of the way to the broker, played to whatever charts it is given. */
export const clusterScenarios: readonly Scenario[] = [
  {
    rule: 'EX1',
    name: 'a broker that is not there, or says nothing, is none',
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
      expect([state(), broker.sessions]).toEqual(['online', 1]);
      await harness.disconnectAll();
    },
  },
  {
    rule: 'EX10',
    name: 'a broker that is lost is got back, however often that fails',
    async run(machines) {
      const { harness, broker, state, use, advance, retry } = open(machines);
      await use();
      broker.stop();
      await settled();
      expect(state()).toBe('degraded');
      for (let tries = 0; tries < 3; tries++) expect([await retry(), state()]).toEqual([1, 'degraded']);
      broker.start();
      const release = broker.hold('taking');
      expect([await retry(), state(), broker.sessions]).toEqual([1, 'degraded', 1]);
      await advance(exchangeTimeout);
      release();
      // It is back, but the others may not be.
      expect([await retry(), state(), broker.sessions]).toEqual([1, 'degraded', 1]);
      broker.lose();
      await settled();
      expect([await retry(), state(), broker.sessions]).toEqual([1, 'degraded', 1]);
      await advance(2 * exchangeRetryDelay);
      expect([broker.connects, state()]).toEqual([7, 'online']);
      await harness.disconnectAll();
    },
  },
  {
    rule: 'EX3',
    name: 'a connection is let in when the broker carries to it',
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
    name: 'the broker may be quicker than onConnect',
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
    name: 'a server that closes lets go of the broker',
    async run(machines) {
      const { harness, broker, state, use } = open(machines);
      await use();
      const closing = watch(harness.supervisor.drain(1_000));
      await settled();
      expect([closing.state, state(), broker.sessions]).toEqual(['resolved', 'closed', 0]);
    },
  },
];
