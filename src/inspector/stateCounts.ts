import type { AnyActorRef, AnyMachineSnapshot, AnyStateMachine, AnyStateNode } from 'xstate';

/** The figures of one state of the connection's chart. */
export interface StateCount {
  /** The id of the state. */
  readonly state: string;
  /** Number of connections in the state. */
  readonly count: number;
  /** Connections that enter it, per second. */
  readonly entered: number;
  /** Connections that leave it, per second. */
  readonly left: number;
  /** Mean time in the state, in ms; `null` while too few connections have left it. */
  readonly meanMs: number | null;
}

/** Totals of one state since counting began. */
interface Tally {
  count: number;
  entered: number;
  left: number;
  /** The time that all connections have spent in the state together until `since`, in ms. */
  spent: number;
  since: number;
}

type Totals = Readonly<Pick<Tally, 'entered' | 'left' | 'spent'>>;

/** The totals at one moment. Rates are differences between two samples. */
interface Sample {
  readonly at: number;
  readonly totals: ReadonlyMap<string, Totals>;
}

/** Time between samples, and the periods that rates and mean times cover, in ms. */
const sampleEvery = 1_000;
const ratePeriod = 10_000;
const meanPeriod = 60_000;
/** From so many departures on, a mean may exceed the time observed. */
const minLeft = 10;

const zero: Totals = { entered: 0, left: 0, spent: 0 };

/** Returns whether an actor is that of a connection. */
const isConnection = ({ src }: AnyActorRef): boolean => src === 'connection';

/**
 * Counts the connections in each state of their chart (IN12). Each step costs a little, and so does each state; a
 * connection costs nothing. The mean time in a state is the time that all connections have spent in it, per connection
 * that has left it.
 */
export class StateCounts {
  readonly #tallies = new Map<string, Tally>();
  readonly #samples: Sample[] = [];

  constructor(
    machine: AnyStateMachine,
    private readonly now: () => number,
  ) {
    const at = now();
    const add = (node: AnyStateNode): void => {
      this.#tallies.set(node.id, { count: 0, entered: 0, left: 0, spent: 0, since: at });
      for (const child of Object.values(node.states)) add(child);
    };
    add(machine.root);
    this.#samples.push({ at, totals: new Map() });
  }

  /** Counts an actor in its present states: one that has just started, or was alive when counting began. */
  began(actor: AnyActorRef): void {
    if (!isConnection(actor)) return;
    const snapshot: AnyMachineSnapshot = actor.getSnapshot();
    if (snapshot.status !== 'active') return;
    for (const { id } of snapshot._nodes) this.#change(id, 1);
  }

  /** Counts a step of an actor. */
  stepped(actor: AnyActorRef, before: AnyMachineSnapshot, after: AnyMachineSnapshot): void {
    if (before === after || before.status !== 'active' || !isConnection(actor)) return;
    for (const node of before._nodes) if (!after._nodes.includes(node)) this.#change(node.id, -1);
    for (const node of after._nodes) if (!before._nodes.includes(node)) this.#change(node.id, 1);
    // An actor that is done, failed or stopped is in no state, although its snapshot still names some.
    if (after.status !== 'active') for (const { id } of after._nodes) this.#change(id, -1);
  }

  /** Begins the rates. Connections counted so far were present already and do not count as entered. */
  begin(): void {
    for (const tally of this.#tallies.values()) tally.entered = 0;
  }

  /** Returns the figures of all states, in the order of the chart. */
  read(): StateCount[] {
    const at = this.now();
    this.#sample(at);
    const forRate = this.#sampleAt(at - ratePeriod);
    const forMean = this.#sampleAt(at - meanPeriod);
    const seconds = Math.max(at - forRate.at, sampleEvery) / 1_000;
    return Array.from(this.#tallies, ([state, tally]) => {
      const { count, entered, left, spent, since } = tally;
      const rate = forRate.totals.get(state) ?? zero;
      const base = forMean.totals.get(state) ?? zero;
      const departures = left - base.left;
      const mean = (spent + count * (at - since) - base.spent) / departures;
      // Few departures cannot give a mean that is longer than the time observed.
      const isKnown = departures > 0 && (departures >= minLeft || mean <= at - forMean.at);
      return {
        state,
        count,
        entered: (entered - rate.entered) / seconds,
        left: (left - rate.left) / seconds,
        meanMs: isKnown ? mean : null,
      };
    });
  }

  #change(state: string, by: 1 | -1): void {
    const tally = this.#tallies.get(state);
    if (!tally) return;
    const at = this.now();
    tally.spent += tally.count * (at - tally.since);
    tally.since = at;
    tally.count += by;
    if (by > 0) tally.entered++;
    else tally.left++;
  }

  #sample(at: number): void {
    const last = this.#samples.at(-1);
    if (last && at - last.at < sampleEvery) return;
    const totals = new Map<string, Totals>();
    for (const [state, { count, entered, left, spent, since }] of this.#tallies) {
      totals.set(state, { entered, left, spent: spent + count * (at - since) });
    }
    this.#samples.push({ at, totals });
    // The oldest kept sample lies at the beginning of the longest period, or before it.
    while ((this.#samples[1]?.at ?? at) < at - meanPeriod) this.#samples.shift();
  }

  /** Returns the newest sample of that time or earlier; the oldest one if there is none. */
  #sampleAt(at: number): Sample {
    const found = this.#samples.findLast((sample) => sample.at <= at) ?? this.#samples[0];
    return found ?? { at, totals: new Map() };
  }
}
