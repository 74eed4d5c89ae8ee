import { expect } from 'vitest';
import { defaultLimits, type Machines } from '../../../src/index.js';
import { gate, watch } from '../async/promises.js';
import { memoryBroker } from '../exchange/memoryExchange.js';
import { House, settled } from '../server/supervisorHarness.js';
import type { Scenario } from './conformance.js';

const { exchangeTimeout, exchangeRetryDelay } = defaultLimits;

const open = (machines: Partial<Machines>, onConnect?: () => unknown) => {
  const house = new House({ namespaces: { n: {} }, machines, ...(onConnect && { onConnect }) });
  const broker = memoryBroker();
  const state = () => house.supervisor.exchange?.status.state;
  const use = async () => {
    const used = watch(house.supervisor.useExchange(broker.exchange()));
    await settled();
    return used;
  };
  const pass = async (ms: number) => {
    house.clock.advance(ms);
    await settled();
  };
  /** Until somebody tries to connect again, but well before an attempt that is silent is given up. */
  const retry = async () => {
    const before = broker.connects;
    for (let passed = 0; passed < exchangeTimeout / 2 && broker.connects === before; passed += 10) await pass(10);
    return broker.connects - before;
  };
  return { house, broker, state, use, pass, retry };
};

/** What SPEC.md asks of the way to the broker, played to whatever charts it is given. */
export const clusterScenarios: readonly Scenario[] = [
  {
    rule: 'EX1',
    name: 'a broker that is not there, or says nothing, is none',
    async run(machines) {
      const { house, broker, state, use, pass } = open(machines);
      broker.stop();
      const refused = await use();
      expect([refused.state, state()]).toEqual(['rejected', undefined]);
      broker.start();
      const release = broker.hold('taking');
      const silent = await use();
      expect([silent.state, state()]).toEqual(['pending', 'connecting']);
      await pass(exchangeTimeout);
      expect([silent.state, state()]).toEqual(['rejected', undefined]);
      release();
      expect((await use()).state).toBe('resolved');
      expect([state(), broker.sessions]).toEqual(['online', 1]);
      await house.empty();
    },
  },
  {
    rule: 'EX10',
    name: 'a broker that is lost is got back, however often that fails',
    async run(machines) {
      const { house, broker, state, use, pass, retry } = open(machines);
      await use();
      broker.stop();
      await settled();
      expect(state()).toBe('degraded');
      for (let tries = 0; tries < 3; tries++) expect([await retry(), state()]).toEqual([1, 'degraded']);
      broker.start();
      const release = broker.hold('taking');
      expect([await retry(), state(), broker.sessions]).toEqual([1, 'degraded', 1]);
      await pass(exchangeTimeout);
      release();
      // It is back, but the others may not be.
      expect([await retry(), state(), broker.sessions]).toEqual([1, 'degraded', 1]);
      broker.lose();
      await settled();
      expect([await retry(), state(), broker.sessions]).toEqual([1, 'degraded', 1]);
      await pass(2 * exchangeRetryDelay);
      expect([broker.connects, state()]).toEqual([7, 'online']);
      await house.empty();
    },
  },
  {
    rule: 'EX3',
    name: 'a connection is let in when the broker carries to it',
    async run(machines) {
      const { house, broker, use } = open(machines);
      await use();
      const release = broker.hold('confirming');
      const guest = house.connect('a');
      guest.socket.say('M');
      await settled();
      expect(guest.socket.lines).toEqual([]);
      release();
      await settled();
      expect(guest.socket.lines).toEqual(['t Aa']);
      await house.empty();
    },
  },
  {
    rule: 'EX3',
    name: 'the broker may be quicker than onConnect',
    async run(machines) {
      const decision = gate();
      const { house, use } = open(machines, () => decision.promise);
      await use();
      const guest = house.connect('a');
      guest.socket.say('M');
      await settled();
      expect(guest.socket.lines).toEqual([]);
      decision.open();
      await settled();
      expect(guest.socket.lines).toEqual(['t Aa']);
      await house.empty();
    },
  },
  {
    rule: 'EX16',
    name: 'a server that closes lets go of the broker',
    async run(machines) {
      const { house, broker, state, use } = open(machines);
      await use();
      const closing = watch(house.supervisor.drain(1_000));
      await settled();
      expect([closing.state, state(), broker.sessions]).toEqual(['resolved', 'closed', 0]);
    },
  },
];
