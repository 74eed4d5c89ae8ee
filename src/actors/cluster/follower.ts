import type { Position } from './sequence.js';

/** Maximum number of messages that count as missing between two. A higher number begins a sequence of its own. */
const maxGap = 65_536;
/** Time for which a sequence makes lower numbers late, in ms, counted from its last message. */
const lateWindow = 30_000;
/** Time after which late messages that follow each other are a sequence of their own, in ms. */
const maxMuted = 1_000;
/** Maximum number of sequences that are followed, and of runs of late messages. */
const maxSequences = 4;
const maxRuns = 8;
/** Maximum number of gaps that are known of a sequence. */
const maxGaps = 8;

/** What a message says about those before it. */
export interface Placement {
  /** The number of messages that have not arrived, between this one and the one before it. */
  readonly missing: number;
  /** Whether it comes again, or after later ones. An abandoned connection can deliver after its successor is up. */
  readonly isLate: boolean;
  /** Whether its number does not follow from the numbers before it, so that what is missing is not known. */
  readonly isRenumbered: boolean;
}

const inOrder: Placement = { missing: 0, isLate: false, isRenumbered: false };
const late: Placement = { missing: 0, isLate: true, isRenumbered: false };
const renumbered: Placement = { missing: 0, isLate: false, isRenumbered: true };

/** Numbers that a sequence has skipped: from the first to the last, both included. */
interface Gap {
  readonly from: number;
  readonly to: number;
}

/** Messages whose numbers follow each other, but for gaps. */
class Sequence {
  /** When its last message arrived. */
  at: number;
  /** The number of its messages. */
  messages = 1;
  readonly #gaps: Gap[] = [];
  /** Its first number. */
  readonly #began: number;

  constructor(
    readonly epoch: number,
    /** The lowest number that counts as part of it. */
    private readonly first: number,
    /** The number of its last message. */
    public last: number,
    /** When its first message arrived. */
    readonly since: number,
  ) {
    this.at = since;
    this.#began = last;
    if (first < last) this.#gaps.push({ from: first, to: last - 1 });
  }

  /** Whether gaps in it are lost messages: its first number was no jump, or the next number has come as well. */
  get isTrusted(): boolean {
    return this.messages > 1 || this.first < this.#began;
  }

  isFollowedBy({ epoch, number }: Position): boolean {
    return epoch === this.epoch && number === this.last + 1;
  }

  /** Whether the number is not above its last one. */
  includes(number: number): boolean {
    return this.first <= number && number <= this.last;
  }

  /** Whether no message with this number has come. */
  lacks(number: number): boolean {
    return this.#gaps.some(({ from, to }) => from <= number && number <= to);
  }

  /** Adds a message. Returns how many numbers it skips. */
  add(number: number, at: number): number {
    const missing = number - this.last - 1;
    if (missing > 0) this.#skip({ from: this.last + 1, to: number - 1 });
    this.last = number;
    this.at = at;
    this.messages++;
    return missing;
  }

  #skip(gap: Gap): void {
    const gaps = this.#gaps;
    gaps.push(gap);
    if (gaps.length <= maxGaps) return;
    const between = (index: number): number => (gaps[index + 1]?.from ?? 0) - (gaps[index]?.to ?? 0);
    let nearest = 0;
    for (let index = 1; index < gaps.length - 1; index++) if (between(index) < between(nearest)) nearest = index;
    // What has come between the two then counts as skipped too, so that no number is muted for want of memory.
    const [one, other] = gaps.slice(nearest, nearest + 2);
    if (one && other) gaps.splice(nearest, 2, { from: one.from, to: other.to });
  }
}

/** Adds a sequence. Beyond `most`, it takes the place of the one with the fewest messages, and of the oldest of these. */
const put = (sequences: Sequence[], sequence: Sequence, most: number): void => {
  if (sequences.length >= most) {
    const least = sequences.reduce((one, other) => {
      if (one.messages !== other.messages) return one.messages < other.messages ? one : other;
      return one.at <= other.at ? one : other;
    });
    sequences.splice(sequences.indexOf(least), 1);
  }
  sequences.push(sequence);
};

/** Returns the sequence that this message is next in. */
const followedBy = (sequences: readonly Sequence[], position: Position): Sequence | undefined => {
  for (const sequence of sequences) if (sequence.isFollowedBy(position)) return sequence;
  return undefined;
};

/**
 * Follows the numbers of one server on one channel (EX9). Any program with access to the broker can forge a number. So a
 * number that does not follow from the others takes nothing away from them: each sequence goes on by itself.
 */
export class Follower {
  readonly #sequences: Sequence[] = [];
  /** Late messages that follow each other, where none has come before. */
  readonly #runs: Sequence[] = [];

  /** The number of sequences and runs, for a bound on memory. */
  get size(): number {
    return this.#sequences.length + this.#runs.length;
  }

  /** Records the arrival of a message. */
  arrive(position: Position, at: number): Placement {
    const { epoch, number } = position;
    const next = followedBy(this.#sequences, position);
    if (next) {
      next.add(number, at);
      return inOrder;
    }
    const run = followedBy(this.#runs, position);
    if (run) return this.#continueRun(run, number, at);
    const known = this.#sequences.filter((one) => one.epoch === epoch);
    const behind = known.filter((one) => one.includes(number) && at - one.at < lateWindow);
    if (behind.length > 0) {
      const isNew = behind.every((one) => one.lacks(number));
      const isRunning = this.#runs.some((one) => one.epoch === epoch && one.includes(number));
      if (isNew && !isRunning) put(this.#runs, new Sequence(epoch, number, number, at), maxRuns);
      return late;
    }
    const before = known
      .filter(({ last, isTrusted }) => isTrusted && last < number && number - last <= maxGap)
      .reduce<Sequence | undefined>((one, other) => (one && one.last > other.last ? one : other), undefined);
    if (before) return { ...inOrder, missing: before.add(number, at) };
    // What a server sent before the first message that arrived here may still come, and is late then.
    const first = known.length > 0 ? number : number - maxGap;
    put(this.#sequences, new Sequence(epoch, first, number, at), maxSequences);
    return known.length > 0 ? renumbered : inOrder;
  }

  /** Continues a run. One that lasts too long is the real sequence: what made it late was forged. */
  #continueRun(run: Sequence, number: number, at: number): Placement {
    run.add(number, at);
    if (at - run.since < maxMuted) return late;
    this.#runs.splice(this.#runs.indexOf(run), 1);
    put(this.#sequences, run, maxSequences);
    return renumbered;
  }
}
