import type { Guest } from '../churn/churnRecorder.js';
import { firstAnswer } from '../history/deliveryLog.js';
import { tell } from '../history/diagnosis.js';
import { judge, type Sighting } from '../history/history.js';
import { type ClusterTalk, type Issue, span } from './workload.js';

/** Something for one id that another server owes: somebody with that id was there when it was said. */
interface Owed {
  readonly number: number;
  readonly witness: Guest;
}

const notIssued = span - 1;

/** What one server has heard of another. */
class Crossing {
  last = 0;
  /** Messages to everybody in the namespace, or a room: each of them comes. */
  readonly dueToAll: number[] = [];
  heardToAll = 0;
  owed: Owed[] = [];
  readonly faults: string[] = [];

  constructor(private readonly name: string) {}

  heard(number: number, isToAll: boolean): void {
    if (number <= this.last) this.faults.push(`${this.name}: ${number} came behind ${this.last}`);
    this.last = number;
    if (isToAll) {
      const due = this.dueToAll[this.heardToAll++];
      if (due !== number) this.faults.push(`${this.name}: ${due} was due, ${number} came`);
    }
    // What was said earlier comes no more: all that is behind its time is lost to whoever still waits for it.
    for (const one of this.owed.filter((one) => one.number < number && !one.witness.isClosed)) {
      if (one.witness.ns) this.faults.push(`${this.name}: ${one.number} never came to u${one.witness.user}`);
    }
    this.owed = this.owed.filter((one) => one.number > number);
  }
}

/**
 * The book of what goes between servers. What comes from another one is written into the book of the server that it
 * comes to, at that moment: so each of these books says exactly what its clients have to see, in which order (EX5).
 */
export class Crossings {
  readonly #issues = new Map<number, Issue>();
  /** By server: number of another one's issue -> number in this one's book. */
  readonly #here: Map<number, number>[];
  readonly #crossings: Crossing[][];
  /** Published once, and by whom it was issued. */
  readonly #handed = new Set<number>();
  readonly faults: string[] = [];
  crossed = 0;

  constructor(private readonly talks: readonly ClusterTalk[]) {
    this.#here = talks.map(() => new Map());
    this.#crossings = talks.map(({ index: to }) => talks.map(({ index: from }) => new Crossing(`${from} to ${to}`)));
  }

  get issued(): number {
    return this.#issues.size;
  }

  /** Told before it is broadcast. */
  announce(issue: Issue): void {
    this.#issues.set(issue.number, issue);
    const { to } = issue.address;
    for (const { index, witness } of this.#others(issue.speaker, to)) {
      const crossing = this.#crossing(index, issue.speaker);
      if (to === undefined) crossing.dueToAll.push(issue.number);
      else if (witness) crossing.owed.push({ number: issue.number, witness });
    }
  }

  handed(speaker: number, number: number): void {
    const isIts = this.#issues.get(number)?.speaker === speaker;
    if (!isIts || this.#handed.has(number)) this.faults.push(`${speaker} has published ${number} once more`);
    this.#handed.add(number);
  }

  /** Told before the server does anything about it. */
  heard(listener: number, number: number): void {
    const issue = this.#issues.get(number);
    const talk = this.talks[listener];
    if (!issue || !talk) {
      this.faults.push(`${listener} has heard ${number}, which nobody has said`);
      return;
    }
    if (issue.speaker === listener) return;
    this.crossed++;
    this.#crossing(listener, issue.speaker).heard(number, issue.address.to === undefined);
    this.#here[listener]?.set(number, talk.house.ledger.issues(issue.address));
  }

  /** Has all that is for everybody come to all others? */
  get isQuiet(): boolean {
    return this.#crossings.flat().every(({ heardToAll, dueToAll }) => heardToAll >= dueToAll.length);
  }

  /** What is wrong with what came from other servers, at the end, when everybody has said a last word. */
  get allFaults(): string[] {
    const silent = this.#crossings.flat().flatMap(({ owed, faults, dueToAll, heardToAll }) => {
      const lost = owed
        .filter(({ witness }) => !witness.isClosed && witness.ns)
        .map(({ number }) => `${number} is lost`);
      return [...faults, ...lost, ...(heardToAll < dueToAll.length ? ['a tail is lost'] : [])];
    });
    const unsaid = this.#issues.size - this.#handed.size;
    return [...this.faults, ...silent, ...(unsaid === 0 ? [] : [`${unsaid} were never published`])];
  }

  /** What the clients of one server have seen, against its book (BC1–BC4). */
  judge(server: ClusterTalk, seen: readonly Sighting[]) {
    const here = this.#here[server.index] ?? new Map<number, number>();
    const own = (server.index + 1) * span;
    const numberHere = (number: number): number => {
      if (number >= firstAnswer) return number;
      return number > own && number < own + span ? number - own : (here.get(number) ?? notIssued);
    };
    const sightings = seen.map(({ numbers, end }) => ({ numbers: numbers.map(numberHere), end }));
    const verdict = judge(server.house.ledger, sightings);
    return { ...verdict, told: verdict.faults.slice(0, 5).map(tell) };
  }

  #others(speaker: number, to: number | undefined) {
    return this.talks
      .filter(({ index }) => index !== speaker)
      .map((talk) => ({ index: talk.index, witness: to === undefined ? undefined : talk.witness(to) }));
  }

  #crossing(listener: number, speaker: number): Crossing {
    const crossing = this.#crossings[listener]?.[speaker];
    if (!crossing) throw new RangeError(`there are no servers ${listener} and ${speaker}`);
    return crossing;
  }
}
