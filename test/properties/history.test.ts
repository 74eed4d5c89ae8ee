import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type CloseKind, firstAnswer, type IssueAddress, Ledger, nobody } from '../support/history/deliveryLog.js';
import { type FaultKind, faultKinds, tell } from '../support/history/diagnosis.js';
import { judge, type LineEnd, type Sighting } from '../support/history/history.js';

const runs = Number(process.env['MUSTER_RUNS'] ?? 200);

// A world that is told step by step, and delivers as it should: each connection is asked whether a thing is for it.

const topicCount = 4;
const userCount = 4;

interface Soul {
  readonly user: number;
  readonly topics: Set<number>;
  /** Every topic it was ever in. */
  readonly stays: Set<number>;
  readonly seen: number[];
  close: CloseKind | undefined;
  answers: number;
}

/** What a step is made of; what a number means depends on the step. */
const step = fc.record({
  act: fc.constantFrom(
    ...(['arrive', 'arrive', 'join', 'join', 'join', 'leave', 'close', 'emit', 'answer'] as const),
    ...Array.from({ length: 8 }, () => 'issue' as const),
  ),
  who: fc.nat(11),
  other: fc.nat(11),
  topic: fc.nat(topicCount - 1),
  user: fc.nat(userCount - 1),
  manner: fc.nat(5),
});
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

class World {
  readonly ledger = new Ledger();
  readonly souls: Soul[] = [];
  /** By number: whom it would be for, wherever they are, and where they would have to be. */
  readonly meant: { readonly topic: number; readonly suits: (connection: number) => boolean }[] = [];

  constructor(steps: readonly Step[]) {
    for (const one of steps) this.#take(one);
  }

  sightings(end: (soul: Soul) => LineEnd = ({ close }) => (close === undefined ? 'open' : 'ended')): Sighting[] {
    return this.souls.map((soul) => ({ numbers: Uint32Array.from(soul.seen), end: end(soul) }));
  }

  #take({ act, who, other, topic, user, manner }: Step): void {
    if (act === 'arrive') return this.#arrive(user);
    const connection = who % Math.max(1, this.souls.length);
    const soul = this.souls[connection];
    if (!soul) return;
    if (act === 'issue') return this.#issue(this.#address(topic, user, manner, other % this.souls.length));
    if (act === 'join' && soul.close === undefined) {
      this.ledger.joins(connection, topic);
      soul.topics.add(topic);
      soul.stays.add(topic);
    } else if (act === 'leave') {
      this.ledger.leaves(connection, topic);
      soul.topics.delete(topic);
    } else if (act === 'close' && manner < 3) {
      const kind = (['flowing', 'congested', 'gone'] as const)[manner] ?? 'gone';
      this.ledger.closes(connection, kind);
      soul.close ??= kind;
    } else if (act === 'emit') {
      const number = this.ledger.emits(connection, topic);
      this.meant[number] = { topic, suits: (one) => one === connection };
      if (soul.close === undefined && soul.topics.has(topic)) soul.seen.push(number);
    } else if (act === 'answer' && soul.close === undefined) {
      this.ledger.answers(connection);
      soul.seen.push(firstAnswer + soul.answers++);
    }
  }

  #arrive(user: number): void {
    this.ledger.arrives(this.souls.length, user);
    this.souls.push({ user, topics: new Set(), stays: new Set(), seen: [], close: undefined, answers: 0 });
  }

  #address(topic: number, user: number, manner: number, other: number): IssueAddress {
    if (manner === 0) return { topic, to: user };
    if (manner === 1) return { topic, except: other };
    if (manner === 2) return { topic, exceptUser: user };
    if (manner === 3) return { topic, to: user, except: other };
    return { topic };
  }

  #issue(address: IssueAddress): void {
    const { topic, to = nobody, except = nobody, exceptUser = nobody } = address;
    const number = this.ledger.issues(address);
    const suits = (connection: number): boolean => {
      const user = this.souls[connection]?.user;
      return connection !== except && user !== exceptUser && (to === nobody || to === user);
    };
    this.meant[number] = { topic, suits };
    for (const [connection, { close, topics, seen }] of this.souls.entries()) {
      if (close === undefined && topics.has(topic) && suits(connection)) seen.push(number);
    }
  }
}

const worlds = fc.array(step, { minLength: 60, maxLength: 200, size: 'max' }).map((steps) => new World(steps));
/** Where to break: fractions of whatever there is to choose from. */
const aim = fc.record({
  who: fc.double({ min: 0, max: 0.999, noNaN: true }),
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

/** Breaks what one connection saw; says which and where, or nothing when there is nothing to break. */
type Break = (world: World, aim: Aim) => { readonly connection: number; readonly after: number };

const soulsWith = (world: World, suits: (soul: Soul) => boolean): [number, Soul][] =>
  [...world.souls.entries()].filter(([, soul]) => suits(soul));

/** Numbers that this connection should not have seen, with or without a stay in their topic at another time. */
const foreign = (world: World, [connection, soul]: [number, Soul], isMissedStay: boolean): number[] => {
  const wasHere = (number: number): boolean => {
    const { topic, suits } = world.meant[number] ?? { topic: 0, suits: () => false };
    return soul.stays.has(topic) && suits(connection);
  };
  return [...world.meant.keys()]
    .slice(1)
    .filter((number) => !soul.seen.includes(number) && wasHere(number) === isMissedStay);
};

const intrude =
  (isMissedStay: boolean): Break =>
  (world, { who, from, to }) => {
    const victims = soulsWith(world, () => true).filter((one) => foreign(world, one, isMissedStay).length > 0);
    const victim = pick(victims, who);
    const [connection, { seen }] = victim;
    const after = between(0, seen.length + 1, to);
    seen.splice(after, 0, pick(foreign(world, victim, isMissedStay), from));
    return { connection, after };
  };

const breaks: Readonly<Record<FaultKind, Break>> = {
  duplicate(world, { who, from, to }) {
    const [connection, { seen }] = pick(
      soulsWith(world, ({ seen }) => seen.length > 0),
      who,
    );
    const at = between(0, seen.length, from);
    const after = between(at + 1, seen.length + 1, to);
    seen.splice(after, 0, seen[at] ?? 0);
    return { connection, after };
  },
  reorder(world, { who, from, to }) {
    const [connection, { seen }] = pick(
      soulsWith(world, ({ seen }) => seen.length > 1),
      who,
    );
    const after = between(0, seen.length - 1, from);
    const later = between(after + 1, seen.length, to);
    const [first = 0, second = 0] = [seen[after], seen[later]];
    seen[after] = second;
    seen[later] = first;
    return { connection, after };
  },
  hole(world, { who, from, to }) {
    const [connection, { seen }] = pick(
      soulsWith(world, ({ seen }) => seen.length > 1),
      who,
    );
    const after = between(0, seen.length - 1, from);
    seen.splice(after, between(1, seen.length - after, to));
    return { connection, after };
  },
  stranger: intrude(false),
  'after-leave': intrude(true),
  'silent tail'(world, { who, from }) {
    const [connection, { seen }] = pick(
      soulsWith(world, ({ seen, close }) => seen.length > 0 && close !== 'congested'),
      who,
    );
    const after = between(0, seen.length, from);
    seen.length = after;
    return { connection, after };
  },
};

describe('the checker of histories', () => {
  test('[BC1] [BC2] [BC3] [BC4] a correct history passes, however its connections have ended', () => {
    let deliveries = 0;
    const passes = fc.property(worlds, fc.constantFrom<LineEnd>('open', 'left', 'ended'), (world, end) => {
      const seen = world.sightings(() => end);
      const { due, delivered, cutOff, faults } = judge(world.ledger, seen);
      deliveries += delivered;
      expect(faults.map(tell)).toEqual([]);
      expect([due, cutOff]).toEqual([seen.reduce((sum, { numbers }) => sum + numbers.length, 0), 0]);
    });
    fc.assert(passes, { numRuns: runs });
    expect(deliveries).toBeGreaterThan(10 * runs);
  });

  test.each(faultKinds)('[BC1] [BC2] [BC3] [BC4] one %s is found where it is, and called by its name', (kind) => {
    const isFound = fc.property(worlds, aim, (world, where) => {
      const { connection, after } = breaks[kind](world, where);
      const { faults, byKind } = judge(world.ledger, world.sightings());
      expect(faults.map(({ kind, connection, after }) => ({ kind, connection, after }))).toEqual([
        { kind, connection, after },
      ]);
      expect(byKind[kind]).toBe(1);
    });
    fc.assert(isFound, { numRuns: runs });
  });

  test('[BC2] of a connection that its client or the network gave up, any tail may be missing, and only that', () => {
    const isJust = fc.property(worlds, aim, (world, where) => {
      const { connection, after } = breaks['silent tail'](world, where);
      const lost = judge(world.ledger, world.sightings());
      const given = world.sightings().map((one, at) => (at === connection ? { ...one, end: 'left' as const } : one));
      const { faults, cutOff } = judge(world.ledger, given);
      expect([lost.faults.length, faults]).toEqual([1, []]);
      expect(cutOff).toBe(lost.cutOff);
      const numbers = given[connection]?.numbers ?? new Uint32Array();
      fc.pre(after > 1);
      given[connection] = { numbers: numbers.filter((_, at) => at !== 0), end: 'left' };
      expect(judge(world.ledger, given).byKind.hole).toBe(1);
    });
    fc.assert(isJust, { numRuns: runs });
  });

  test.each([
    ['flowing', 'silent tail'],
    ['gone', 'silent tail'],
    ['congested', undefined],
  ] as const)('[BC2] a tail lost when the server closes a connection that is %s: %s', (kind, named) => {
    const ledger = new Ledger();
    ledger.arrives(0, 0);
    ledger.joins(0, 0);
    const numbers = Uint32Array.from([ledger.issues({ topic: 0 }), ledger.issues({ topic: 0 })]);
    ledger.closes(0, kind);
    ledger.issues({ topic: 0 });
    const { faults, byKind } = judge(ledger, [{ numbers: numbers.subarray(0, 1), end: 'ended' }]);
    expect(faults.map((fault) => fault.kind)).toEqual(named === undefined ? [] : [named]);
    if (named) expect(byKind[named]).toBe(1);
    expect(judge(ledger, [{ numbers, end: 'ended' }]).faults).toEqual([]);
  });

  test('[BC1] a connection that nobody has logged, and a number that nobody has issued, are faults', () => {
    const ledger = new Ledger();
    ledger.arrives(0, 0);
    ledger.joins(0, 0);
    const number = ledger.issues({ topic: 0 });
    const seen = (...numbers: number[]): Sighting => ({ numbers: Uint32Array.from(numbers), end: 'open' });
    const faults = judge(ledger, [seen(number, 99), seen(number)]).faults.map(tell);
    expect(faults).toEqual([
      'stranger: connection 0, after 1 numbers: nothing was due, 99 came',
      'stranger: connection 1, after 0 numbers: nothing was due, 1 came',
    ]);
    expect(judge(ledger, []).faults.map(({ kind }) => kind)).toEqual(['silent tail']);
  });
});
