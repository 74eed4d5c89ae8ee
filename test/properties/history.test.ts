import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type BroadcastAddress,
  type CloseKind,
  DeliveryLog,
  firstReply,
  none,
} from '../support/history/deliveryLog.js';
import { describeFault, type FaultKind, faultKinds } from '../support/history/diagnosis.js';
import { type ClientRecord, type ConnectionEnd, verifyDelivery } from '../support/history/history.js';

const runs = Number(process.env['MUSTER_RUNS'] ?? 200);

// A simulated server that takes steps and delivers correctly: each message goes to the connections that it is for.

const topicCount = 4;
const userCount = 4;

interface SimulatedClient {
  readonly user: number;
  readonly topics: Set<number>;
  /** Every topic that it was ever in. */
  readonly stays: Set<number>;
  readonly received: number[];
  close: CloseKind | undefined;
  replies: number;
}

/** One step. What its numbers mean depends on the act. */
const step = fc.record({
  act: fc.constantFrom(
    ...(['arrive', 'arrive', 'join', 'join', 'join', 'leave', 'close', 'emit', 'reply'] as const),
    ...Array.from({ length: 8 }, () => 'broadcast' as const),
  ),
  which: fc.nat(11),
  other: fc.nat(11),
  topic: fc.nat(topicCount - 1),
  user: fc.nat(userCount - 1),
  manner: fc.nat(5),
});
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

class Simulation {
  readonly log = new DeliveryLog();
  readonly clients: SimulatedClient[] = [];
  /** By number: the topic, and the connections that it is for if they are in the topic. */
  readonly messages: { readonly topic: number; readonly suits: (connection: number) => boolean }[] = [];

  constructor(steps: readonly Step[]) {
    for (const one of steps) this.#take(one);
  }

  records(
    end: (client: SimulatedClient) => ConnectionEnd = ({ close }) => (close === undefined ? 'open' : 'ended'),
  ): ClientRecord[] {
    return this.clients.map((client) => ({ numbers: Uint32Array.from(client.received), end: end(client) }));
  }

  #take({ act, which, other, topic, user, manner }: Step): void {
    if (act === 'arrive') return this.#arrive(user);
    const connection = which % Math.max(1, this.clients.length);
    const client = this.clients[connection];
    if (!client) return;
    if (act === 'broadcast') return this.#broadcast(this.#address(topic, user, manner, other % this.clients.length));
    if (act === 'join' && client.close === undefined) {
      this.log.addJoin(connection, topic);
      client.topics.add(topic);
      client.stays.add(topic);
    } else if (act === 'leave') {
      this.log.addLeave(connection, topic);
      client.topics.delete(topic);
    } else if (act === 'close' && manner < 3) {
      const kind = (['flowing', 'congested', 'gone'] as const)[manner] ?? 'gone';
      this.log.addClose(connection, kind);
      client.close ??= kind;
    } else if (act === 'emit') {
      const number = this.log.addEmit(connection, topic);
      this.messages[number] = { topic, suits: (one) => one === connection };
      if (client.close === undefined && client.topics.has(topic)) client.received.push(number);
    } else if (act === 'reply' && client.close === undefined) {
      this.log.addReply(connection);
      client.received.push(firstReply + client.replies++);
    }
  }

  #arrive(user: number): void {
    this.log.addArrival(this.clients.length, user);
    this.clients.push({ user, topics: new Set(), stays: new Set(), received: [], close: undefined, replies: 0 });
  }

  #address(topic: number, user: number, manner: number, other: number): BroadcastAddress {
    if (manner === 0) return { topic, to: user };
    if (manner === 1) return { topic, except: other };
    if (manner === 2) return { topic, exceptUser: user };
    if (manner === 3) return { topic, to: user, except: other };
    return { topic };
  }

  #broadcast(address: BroadcastAddress): void {
    const { topic, to = none, except = none, exceptUser = none } = address;
    const number = this.log.addBroadcast(address);
    const suits = (connection: number): boolean => {
      const user = this.clients[connection]?.user;
      return connection !== except && user !== exceptUser && (to === none || to === user);
    };
    this.messages[number] = { topic, suits };
    for (const [connection, { close, topics, received }] of this.clients.entries()) {
      if (close === undefined && topics.has(topic) && suits(connection)) received.push(number);
    }
  }
}

const simulations = fc
  .array(step, { minLength: 60, maxLength: 200, size: 'max' })
  .map((steps) => new Simulation(steps));
/** Where to break: fractions of what there is to choose from. */
const aim = fc.record({
  which: fc.double({ min: 0, max: 0.999, noNaN: true }),
  from: fc.double({ min: 0, max: 0.999, noNaN: true }),
  to: fc.double({ min: 0, max: 0.999, noNaN: true }),
});
type Aim = typeof aim extends fc.Arbitrary<infer T> ? T : never;

const pick = <T>(items: readonly T[], fraction: number): T => {
  const item = items[Math.floor(fraction * items.length)];
  fc.pre(item !== undefined);
  // `pre` has given this case up when there is none.
  return item as T;
};
/** A place between these two, the first included. */
const between = (least: number, beyond: number, fraction: number): number =>
  least + Math.floor(fraction * (beyond - least));

/** Breaks what one connection received, and returns which one and where. */
type Break = (simulation: Simulation, aim: Aim) => { readonly connection: number; readonly after: number };

const clientsWith = (
  simulation: Simulation,
  suits: (client: SimulatedClient) => boolean,
): [number, SimulatedClient][] => [...simulation.clients.entries()].filter(([, client]) => suits(client));

/** Returns numbers that this connection must not receive, with or without a membership at another time. */
const foreign = (
  simulation: Simulation,
  [connection, client]: [number, SimulatedClient],
  isMissedStay: boolean,
): number[] => {
  const wasHere = (number: number): boolean => {
    const { topic, suits } = simulation.messages[number] ?? { topic: 0, suits: () => false };
    return client.stays.has(topic) && suits(connection);
  };
  return [...simulation.messages.keys()]
    .slice(1)
    .filter((number) => !client.received.includes(number) && wasHere(number) === isMissedStay);
};

const intrude =
  (isMissedStay: boolean): Break =>
  (simulation, { which, from, to }) => {
    const victims = clientsWith(simulation, () => true).filter(
      (one) => foreign(simulation, one, isMissedStay).length > 0,
    );
    const victim = pick(victims, which);
    const [connection, { received }] = victim;
    const after = between(0, received.length + 1, to);
    received.splice(after, 0, pick(foreign(simulation, victim, isMissedStay), from));
    return { connection, after };
  };

const breaks: Readonly<Record<FaultKind, Break>> = {
  duplicate(simulation, { which, from, to }) {
    const [connection, { received }] = pick(
      clientsWith(simulation, ({ received }) => received.length > 0),
      which,
    );
    const at = between(0, received.length, from);
    const after = between(at + 1, received.length + 1, to);
    received.splice(after, 0, received[at] ?? 0);
    return { connection, after };
  },
  reorder(simulation, { which, from, to }) {
    const [connection, { received }] = pick(
      clientsWith(simulation, ({ received }) => received.length > 1),
      which,
    );
    const after = between(0, received.length - 1, from);
    const later = between(after + 1, received.length, to);
    const [first = 0, second = 0] = [received[after], received[later]];
    received[after] = second;
    received[later] = first;
    return { connection, after };
  },
  gap(simulation, { which, from, to }) {
    const [connection, { received }] = pick(
      clientsWith(simulation, ({ received }) => received.length > 1),
      which,
    );
    const after = between(0, received.length - 1, from);
    received.splice(after, between(1, received.length - after, to));
    return { connection, after };
  },
  unexpected: intrude(false),
  'after-leave': intrude(true),
  'missing tail'(simulation, { which, from }) {
    const [connection, { received }] = pick(
      clientsWith(simulation, ({ received, close }) => received.length > 0 && close !== 'congested'),
      which,
    );
    const after = between(0, received.length, from);
    received.length = after;
    return { connection, after };
  },
};

describe('verifyDelivery', () => {
  test('[BC1] [BC2] [BC3] [BC4] a correct history passes, for any end of its connections', () => {
    let deliveries = 0;
    const passes = fc.property(
      simulations,
      fc.constantFrom<ConnectionEnd>('open', 'left', 'ended'),
      (simulation, end) => {
        const received = simulation.records(() => end);
        const { expected, delivered, cutOff, faults } = verifyDelivery(simulation.log, received);
        deliveries += delivered;
        expect(faults.map(describeFault)).toEqual([]);
        expect([expected, cutOff]).toEqual([received.reduce((sum, { numbers }) => sum + numbers.length, 0), 0]);
      },
    );
    fc.assert(passes, { numRuns: runs });
    expect(deliveries).toBeGreaterThan(10 * runs);
  });

  test.each(faultKinds)('[BC1] [BC2] [BC3] [BC4] one %s is found and classified', (kind) => {
    const isFound = fc.property(simulations, aim, (simulation, where) => {
      const { connection, after } = breaks[kind](simulation, where);
      const { faults, byKind } = verifyDelivery(simulation.log, simulation.records());
      expect(faults.map(({ kind, connection, after }) => ({ kind, connection, after }))).toEqual([
        { kind, connection, after },
      ]);
      expect(byKind[kind]).toBe(1);
    });
    fc.assert(isFound, { numRuns: runs });
  });

  test('[BC2] a connection ended by the client or the network may miss a tail, and nothing else', () => {
    const isJust = fc.property(simulations, aim, (simulation, where) => {
      const { connection, after } = breaks['missing tail'](simulation, where);
      const lost = verifyDelivery(simulation.log, simulation.records());
      const given = simulation.records().map((one, at) => (at === connection ? { ...one, end: 'left' as const } : one));
      const { faults, cutOff } = verifyDelivery(simulation.log, given);
      expect([lost.faults.length, faults]).toEqual([1, []]);
      expect(cutOff).toBe(lost.cutOff);
      const numbers = given[connection]?.numbers ?? new Uint32Array();
      fc.pre(after > 1);
      given[connection] = { numbers: numbers.filter((_, at) => at !== 0), end: 'left' };
      expect(verifyDelivery(simulation.log, given).byKind.gap).toBe(1);
    });
    fc.assert(isJust, { numRuns: runs });
  });

  test.each([
    ['flowing', 'missing tail'],
    ['gone', 'missing tail'],
    ['congested', undefined],
  ] as const)('[BC2] a tail lost when the server closes a connection that is %s: %s', (kind, named) => {
    const log = new DeliveryLog();
    log.addArrival(0, 0);
    log.addJoin(0, 0);
    const numbers = Uint32Array.from([log.addBroadcast({ topic: 0 }), log.addBroadcast({ topic: 0 })]);
    log.addClose(0, kind);
    log.addBroadcast({ topic: 0 });
    const { faults, byKind } = verifyDelivery(log, [{ numbers: numbers.subarray(0, 1), end: 'ended' }]);
    expect(faults.map((fault) => fault.kind)).toEqual(named === undefined ? [] : [named]);
    if (named) expect(byKind[named]).toBe(1);
    expect(verifyDelivery(log, [{ numbers, end: 'ended' }]).faults).toEqual([]);
  });

  test('[BC1] a connection without an arrival and a number without a broadcast are faults', () => {
    const log = new DeliveryLog();
    log.addArrival(0, 0);
    log.addJoin(0, 0);
    const number = log.addBroadcast({ topic: 0 });
    const received = (...numbers: number[]): ClientRecord => ({ numbers: Uint32Array.from(numbers), end: 'open' });
    const faults = verifyDelivery(log, [received(number, 99), received(number)]).faults.map(describeFault);
    expect(faults).toEqual([
      'unexpected: connection 0, after 1 numbers: expected nothing, got 99',
      'unexpected: connection 1, after 0 numbers: expected nothing, got 1',
    ]);
    expect(verifyDelivery(log, []).faults.map(({ kind }) => kind)).toEqual(['missing tail']);
  });
});
