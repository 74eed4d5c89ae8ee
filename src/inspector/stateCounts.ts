import type { AnyActorRef, AnyMachineSnapshot, AnyStateMachine, AnyStateNode } from 'xstate';

/** What is known of one state of the connection's chart. */
export interface StateCount {
  /** The id of its node, as it stands in the chart. */
  readonly state: string;
  /** How many are in it. */
  readonly count: number;
  /** How many come and go, a second. */
  readonly came: number;
  readonly went: number;
  /** How long one stays, on average, in milliseconds; `null` while too few have gone again. */
  readonly stay: number | null;
}

/** What is counted of one state, since the census began. */
interface Tally {
  count: number;
  came: number;
  went: number;
  /** Milliseconds that all have spent in it together, until `since`. */
  spent: number;
  since: number;
}

type Totals = Readonly<Pick<Tally, 'came' | 'went' | 'spent'>>;

/** How it stood at some time: what a rate is measured from. */
interface Sample {
  readonly at: number;
  readonly totals: ReadonlyMap<string, Totals>;
}

/** How often it is noted how things stand, how far back a rate looks, and how far back the time spent does. */
const sampleEvery = 1_000;
const rateOver = 10_000;
const stayOver = 60_000;
const fewest = 10;

const nothing: Totals = { came: 0, went: 0, spent: 0 };

/** Is this the actor of a connection? */
const isConnection = ({ src }: AnyActorRef): boolean => src === 'connection';

/**
 * How many connections are in each state of their chart. It counts who comes into a state and who goes, so it costs
 * something for each step and each state, and nothing for each connection: the time that one spends in a state is what
 * all spend in it together, by how many have left it.
 */
export class StateCounts {
  readonly #tallies = new Map<string, Tally>();
  readonly #samples: Sample[] = [];

  constructor(
    machine: AnyStateMachine,
    private readonly now: () => number,
  ) {
    const at = now();
    const list = (node: AnyStateNode): void => {
      this.#tallies.set(node.id, { count: 0, came: 0, went: 0, spent: 0, since: at });
      for (const child of Object.values(node.states)) list(child);
    };
    list(machine.root);
    this.#samples.push({ at, totals: new Map() });
  }

  /** An actor is there: it has just begun, or is one of those that live when the census begins. */
  began(actor: AnyActorRef): void {
    if (!isConnection(actor)) return;
    const snapshot: AnyMachineSnapshot = actor.getSnapshot();
    if (snapshot.status !== 'active') return;
    for (const { id } of snapshot._nodes) this.#change(id, 1);
  }

  stepped(actor: AnyActorRef, before: AnyMachineSnapshot, after: AnyMachineSnapshot): void {
    if (before === after || before.status !== 'active' || !isConnection(actor)) return;
    for (const node of before._nodes) if (!after._nodes.includes(node)) this.#change(node.id, -1);
    for (const node of after._nodes) if (!before._nodes.includes(node)) this.#change(node.id, 1);
    // It has ended, or failed, or was stopped: it is in no state any more.
    if (after.status !== 'active') for (const { id } of after._nodes) this.#change(id, -1);
  }

  /** Those who were there already have not come now. */
  begin(): void {
    for (const tally of this.#tallies.values()) tally.came = 0;
  }

  /** How it stands, in the order of the chart. */
  read(): StateCount[] {
    const at = this.now();
    this.#sample(at);
    const forRate = this.#sampleAt(at - rateOver);
    const forStay = this.#sampleAt(at - stayOver);
    const seconds = Math.max(at - forRate.at, sampleEvery) / 1_000;
    return Array.from(this.#tallies, ([state, tally]) => {
      const { count, came, went, spent, since } = tally;
      const rate = forRate.totals.get(state) ?? nothing;
      const stay = forStay.totals.get(state) ?? nothing;
      const gone = went - stay.went;
      const mean = (spent + count * (at - since) - stay.spent) / gone;
      // Few who went say little of a time that is longer than it was looked at.
      const isKnown = gone > 0 && (gone >= fewest || mean <= at - forStay.at);
      return {
        state,
        count,
        came: (came - rate.came) / seconds,
        went: (went - rate.went) / seconds,
        stay: isKnown ? mean : null,
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
    if (by > 0) tally.came++;
    else tally.went++;
  }

  #sample(at: number): void {
    const last = this.#samples.at(-1);
    if (last && at - last.at < sampleEvery) return;
    const totals = new Map<string, Totals>();
    for (const [state, { count, came, went, spent, since }] of this.#tallies) {
      totals.set(state, { came, went, spent: spent + count * (at - since) });
    }
    this.#samples.push({ at, totals });
    // The first one that is kept is at the edge, or beyond it.
    while ((this.#samples[1]?.at ?? at) < at - stayOver) this.#samples.shift();
  }

  /** The newest sample that is at least as old. */
  #sampleAt(at: number): Sample {
    const found = this.#samples.findLast((sample) => sample.at <= at) ?? this.#samples[0];
    return found ?? { at, totals: new Map() };
  }
}
