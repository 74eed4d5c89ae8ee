import { fc, test as property } from '@fast-check/vitest';
import { describe, expect, test } from 'vitest';
import { AdmissionQueue, type Slot } from '../../../src/server/admission/admissionQueue.js';
import { FakeClock } from '../../support/server/fakeClock.js';

interface Bounds {
  readonly admission: number;
  readonly perAddress?: number;
  /** The address of a request by its name. Default: all have the same. */
  readonly addressOf?: (name: string) => string | undefined;
}

/** A queue, and what became of the requests in it. */
const open = ({ admission, perAddress = 0, addressOf = () => '10.0.0.1' }: Bounds) => {
  const clock = new FakeClock();
  const queue = new AdmissionQueue({ admission, admissionPerAddress: perAddress, admissionTimeout: 1_000 }, clock);
  const outcomes: string[] = [];
  const slots = new Map<string, Slot>();
  const enter = (...names: string[]): void => {
    for (const name of names) {
      const onTimeout = (): void => void outcomes.push(`${name} away`);
      slots.set(
        name,
        queue.enter(addressOf(name), () => void outcomes.push(name), onTimeout),
      );
    }
  };
  const leave = (...names: string[]): void => {
    for (const name of names) slots.get(name)?.release();
  };
  return { clock, queue, outcomes, enter, leave };
};

/** A queue in which the first letter of a request is its address. */
const openByLetter = (admission: number, perAddress: number) =>
  open({ admission, perAddress, addressOf: ([letter]) => letter });

describe('admission slots', () => {
  test('[HS15] a free slot is taken at once', () => {
    const { clock, outcomes, enter } = open({ admission: 2 });
    enter('a', 'b');
    expect(outcomes).toEqual(['a', 'b']);
    expect(clock.timers).toBe(0);
  });

  test('[HS15] further arrivals wait in order', () => {
    const { clock, outcomes, enter, leave } = open({ admission: 2 });
    enter('a', 'b', 'c', 'd');
    expect(outcomes).toEqual(['a', 'b']);
    leave('a');
    expect(outcomes).toEqual(['a', 'b', 'c']);
    leave('c');
    expect(outcomes).toEqual(['a', 'b', 'c', 'd']);
    expect(clock.timers).toBe(0);
  });

  test('[HS15] a slot is released once, even if release is called again', () => {
    const { outcomes, enter, leave } = open({ admission: 1 });
    enter('a', 'b');
    leave('a');
    leave('a');
    enter('c');
    expect(outcomes).toEqual(['a', 'b']);
  });

  test('[HS15] a wait ends at its timeout, without a slot', () => {
    const { clock, outcomes, enter, leave } = open({ admission: 1 });
    enter('a', 'b');
    clock.advance(999);
    expect(outcomes).toEqual(['a']);
    clock.advance(1);
    expect(outcomes).toEqual(['a', 'b away']);
    leave('b');
    leave('a');
    enter('c');
    expect(outcomes).toEqual(['a', 'b away', 'c']);
  });

  test('[HS15] as many wait as there are places', () => {
    const { outcomes, enter } = open({ admission: 2 });
    enter('a', 'b', 'c', 'd', 'e');
    expect(outcomes).toEqual(['a', 'b', 'e away']);
  });

  test('[HS15] an arrival that leaves the queue makes room for the next', () => {
    const { clock, outcomes, enter, leave } = open({ admission: 1 });
    enter('a', 'b');
    leave('b');
    enter('c');
    leave('a');
    expect(outcomes).toEqual(['a', 'c']);
    expect(clock.timers).toBe(0);
  });
});

describe('addresses', () => {
  test('[HS15] of one address a number of requests have a slot, and the others wait, in order', () => {
    const { outcomes, enter, leave } = openByLetter(4, 2);
    enter('a1', 'a2', 'a3', 'a4', 'b1', 'b2', 'b3');
    expect(outcomes).toEqual(['a1', 'a2', 'b1', 'b2']);
    leave('a2');
    expect(outcomes.slice(4)).toEqual(['a3']);
    leave('a1', 'b1');
    expect(outcomes.slice(5)).toEqual(['a4', 'b3']);
  });

  test('[HS15] while less than a quarter of the slots is taken, an address may have more than its number', () => {
    const { outcomes, enter, leave } = openByLetter(16, 1);
    enter('a1', 'a2', 'a3', 'a4', 'a5', 'a6', 'b1', 'b2');
    expect(outcomes).toEqual(['a1', 'a2', 'a3', 'a4', 'b1']);
    leave('b1');
    expect(outcomes.slice(5)).toEqual(['b2']);
    leave('a1');
    expect(outcomes.slice(6)).toEqual([]);
    leave('a2');
    expect(outcomes.slice(6)).toEqual(['a5']);
    enter('c1', 'c2');
    expect(outcomes.slice(7)).toEqual(['c1']);
    leave('b2', 'c1');
    expect(outcomes.slice(8)).toEqual(['c2']);
    leave('a3', 'a4');
    expect(outcomes.slice(9)).toEqual(['a6']);
  });

  test('[HS15] addresses that wait are served in turn', () => {
    const { outcomes, enter, leave } = openByLetter(6, 9);
    enter('a1', 'a2', 'a3', 'a4', 'a5', 'a6', 'a7', 'a8', 'a9', 'b1', 'c1', 'b2');
    expect(outcomes).toEqual(['a1', 'a2', 'a3', 'a4', 'a5', 'a6']);
    leave('a1', 'a2', 'a3', 'a4', 'a5', 'a6');
    expect(outcomes.slice(6)).toEqual(['a7', 'b1', 'c1', 'a8', 'b2', 'a9']);
  });

  test('[HS15] one at its bound loses its turn, and has it again once a slot of its own is free', () => {
    const { outcomes, enter, leave } = openByLetter(4, 1);
    enter('a1', 'b1', 'a2', 'b2', 'c1', 'd1', 'e1');
    expect(outcomes).toEqual(['a1', 'b1', 'c1', 'd1']);
    leave('c1');
    expect(outcomes.slice(4)).toEqual(['e1']);
    leave('d1');
    expect(outcomes.slice(5)).toEqual([]);
    leave('b1', 'a1');
    expect(outcomes.slice(5)).toEqual(['b2', 'a2']);
  });

  test('[HS15] in a full queue the last of the longest line makes room for a shorter one', () => {
    const { outcomes, enter, leave, clock } = openByLetter(4, 4);
    enter('a1', 'a2', 'a3', 'a4', 'a5', 'a6', 'a7', 'a8', 'a9');
    expect(outcomes.slice(4)).toEqual(['a9 away']);
    enter('b1', 'b2', 'c1', 'b3', 'c2');
    // One for b3 or c2 would only make another line the longest.
    expect(outcomes.slice(5)).toEqual(['a8 away', 'a7 away', 'a6 away', 'b3 away', 'c2 away']);
    expect(clock.timers).toBe(4);
    leave('a1', 'a2', 'a3', 'a4');
    expect(outcomes.slice(10)).toEqual(['b1', 'c1', 'a5', 'b2']);
    expect(clock.timers).toBe(0);
  });

  test('[HS15] without a bound an address has every slot, and without an address there is no bound', () => {
    const off = openByLetter(4, 0);
    off.enter('a1', 'a2', 'a3', 'a4', 'a5');
    expect(off.outcomes).toEqual(['a1', 'a2', 'a3', 'a4']);
    const unknown = open({ admission: 4, perAddress: 1, addressOf: () => undefined });
    unknown.enter('a1', 'a2', 'a3', 'a4', 'a5');
    expect(unknown.outcomes).toEqual(['a1', 'a2', 'a3', 'a4']);
  });

  test('[HS15] it knows an address only as long as there is something of it', () => {
    const { queue, enter, leave, clock } = openByLetter(2, 1);
    enter('a1', 'a2', 'b1', 'c1', 'd1', 'e1');
    expect(queue.addresses).toBe(3);
    leave('a1', 'c1', 'a2', 'b1');
    expect(queue.addresses).toBe(0);
    enter('a1', 'a2');
    clock.advance(1_000);
    leave('a2', 'a1', 'a1');
    expect([queue.addresses, clock.timers]).toEqual([0, 0]);
  });
});

/** The same in as few words as possible: lists that are searched from the beginning. */
class NaiveQueue {
  readonly outcomes: string[] = [];
  taken: string[] = [];
  waiting: string[] = [];
  /** Addresses, in the order in which their turn comes. */
  turns: string[] = [];
  /** The same of those that have as many slots as their number says, for when slots are not scarce. */
  crowded: string[] = [];

  constructor(
    private readonly slots: number,
    private readonly bound: number,
  ) {}

  enter(name: string): void {
    if (this.#mayBegin(name)) this.#begin(name);
    else if (this.waiting.length < this.slots || this.#makesRoom(name)) this.waiting.push(name);
    else this.outcomes.push(`${name} away`);
    this.#rank();
  }

  leave(name: string): void {
    this.taken = this.taken.filter((one) => one !== name);
    this.waiting = this.waiting.filter((one) => one !== name);
    this.#rank();
    for (;;) {
      const next = this.turns[0] ?? this.crowded[0];
      const first = this.waiting.find(([letter]) => letter === next);
      if (first === undefined || !this.#mayBegin(first)) return;
      this.waiting = this.waiting.filter((one) => one !== first);
      this.turns = this.turns.filter((one) => one !== next);
      this.crowded = this.crowded.filter((one) => one !== next);
      this.#begin(first);
      this.#rank();
    }
  }

  #mayBegin(name: string): boolean {
    const isFew = this.#of(this.taken, name).length < this.bound;
    return this.taken.length < this.slots && (isFew || this.taken.length < this.slots / 4);
  }

  #begin(name: string): void {
    this.taken.push(name);
    this.outcomes.push(name);
  }

  #makesRoom(name: string): boolean {
    const longest = Math.max(...this.waiting.map((one) => this.#of(this.waiting, one).length));
    return longest >= this.#of(this.waiting, name).length + 2;
  }

  /** An address with a request that waits keeps its turn as long as it is of the same kind. */
  #rank(): void {
    const waits = [...new Set(this.waiting.map(([letter = '']) => letter))];
    const isFew = (letter: string): boolean => this.#of(this.taken, letter).length < this.bound;
    const kept = (turns: readonly string[], are: readonly string[]): string[] => [
      ...turns.filter((letter) => are.includes(letter)),
      ...are.filter((letter) => !turns.includes(letter)),
    ];
    this.turns = kept(this.turns, waits.filter(isFew));
    this.crowded = kept(
      this.crowded,
      waits.filter((letter) => !isFew(letter)),
    );
  }

  #of(names: readonly string[], [letter]: string | readonly string[]): readonly string[] {
    return names.filter((name) => name[0] === letter);
  }
}

describe('any order of events', () => {
  const step = fc.oneof(
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('enter' as const), letter: fc.constantFrom(...'abcde') }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('leave' as const), at: fc.nat() }) },
  );

  property.prop([fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 4 }), fc.array(step, { maxLength: 80 })])(
    '[HS15] the queue does what a naive one does',
    (admission, perAddress, steps) => {
      const { queue, outcomes, enter, leave, clock } = openByLetter(admission, perAddress);
      const naive = new NaiveQueue(admission, perAddress);
      const inside = (): string[] => [...naive.taken, ...naive.waiting];
      for (const [at, step] of steps.entries()) {
        if (step.kind === 'enter') {
          const name = `${step.letter}${at}`;
          // Which of the longest lines makes room is the real one's choice.
          const before = outcomes.length;
          enter(name);
          const evicted = outcomes
            .slice(before)
            .find((outcome) => outcome.endsWith(' away') && outcome !== `${name} away`);
          if (evicted) {
            const victim = evicted.replace(' away', '');
            const line = naive.waiting.filter(([letter]) => letter === victim[0]);
            const lengths = naive.waiting.map(([letter]) => naive.waiting.filter(([one]) => one === letter).length);
            expect([line.at(-1), line.length]).toEqual([victim, Math.max(...lengths)]);
            naive.outcomes.push(evicted);
            naive.waiting = naive.waiting.filter((one) => one !== victim);
          }
          naive.enter(name);
        } else {
          const name = inside()[step.at % Math.max(inside().length, 1)];
          if (name === undefined) continue;
          leave(name);
          naive.leave(name);
        }
        expect(outcomes).toEqual(naive.outcomes);
        expect(clock.timers).toBe(naive.waiting.length);
        expect(queue.addresses).toBe(new Set(inside().map(([letter]) => letter)).size);
        expect(naive.waiting.length).toBeLessThanOrEqual(admission);
      }
      for (const name of inside()) {
        leave(name);
        naive.leave(name);
      }
      for (const name of inside()) leave(name);
      expect(clock.timers).toBe(0);
    },
  );
});
