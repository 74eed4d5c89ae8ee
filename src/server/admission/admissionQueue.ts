import type { Clock } from '../../actors/runtime/clock.js';
import type { Limits } from '../../limits.js';

/** A request's slot: taken, or waited for. */
export interface Slot {
  /** Releases the slot, or stops the wait for it. Further calls do nothing. */
  release(): void;
}

/** A request: it waits for a slot, has it, or is over. */
class Place implements Slot {
  /** Whether it waits, or has its slot. */
  state: 'waiting' | 'taken' | 'over' = 'over';
  /** The timer of its wait. */
  timer: unknown;

  constructor(
    /** The requests of its address. */
    readonly line: Line,
    /** Called with the place once it has its slot. */
    readonly admit: (slot: Slot) => void,
    /** Called when it gets none. */
    readonly refuse: () => void,
    private readonly leave: (place: Place) => void,
  ) {}

  release(): void {
    this.leave(this);
  }
}

/** The requests of one address. */
interface Line {
  /** The address. */
  readonly address: string | undefined;
  /** Maximum number of slots that it has at once, while slots are scarce. */
  readonly bound: number;
  /** The number of slots that it has. */
  taken: number;
  /** Its requests that wait, in order of arrival. */
  readonly waiting: Place[];
}

/**
 * Requests that wait for one of a fixed number of admission slots (HS15). Those of an address are served in order of
 * arrival, and addresses in turn. Slots are scarce once a quarter of them is taken: the rest is for addresses that have few.
 * As many requests may wait as there are slots. Of an address that has neither a slot nor a request that waits, it knows
 * nothing.
 */
export class AdmissionQueue {
  #taken = 0;
  #waiting = 0;
  readonly #lines = new Map<string | undefined, Line>();
  /** The lines below their bound with requests that wait, in turn. While a slot is free there is none. */
  readonly #ready = new Set<Line>();
  /** Those at their bound, in turn. While slots are not scarce there is none. */
  readonly #crowded = new Set<Line>();
  /** The lines with as many waiting requests as the index says. The last set has lines. */
  readonly #byLength: Set<Line>[] = [];

  /** Creates a queue with these bounds. */
  constructor(
    private readonly limits: Pick<Limits, 'admission' | 'admissionPerAddress' | 'admissionTimeout'>,
    private readonly clock: Pick<Clock, 'setTimeout' | 'clearTimeout'>,
  ) {}

  /** The number of addresses that have a slot or wait for one. */
  get addresses(): number {
    return this.#lines.size;
  }

  /** Returns whether an address has as many slots as it may have now. */
  isAtBound(address: string | undefined): boolean {
    const line = this.#lines.get(address);
    return line !== undefined && this.#isScarce && line.taken >= line.bound;
  }

  /**
   * Requests a slot. Calls `admit` at once or later, or `refuse` if too many wait, or the wait is too long. Without an
   * address the number of slots at once is not bounded.
   */
  enter(address: string | undefined, admit: (slot: Slot) => void, refuse: () => void): Slot {
    const line = this.#lineOf(address);
    const place = new Place(line, admit, refuse, this.#leave);
    if (this.#hasSlotFor(line)) this.#begin(place);
    else if (this.#hasRoomFor(line)) this.#wait(place);
    else {
      this.#review(line);
      refuse();
    }
    return place;
  }

  #begin(place: Place): void {
    this.#taken++;
    place.line.taken++;
    place.state = 'taken';
    place.admit(place);
  }

  readonly #leave = (place: Place): void => {
    const { state, line } = place;
    if (state === 'over') return;
    if (state === 'waiting') this.#endWait(place);
    else {
      this.#taken--;
      line.taken--;
    }
    place.state = 'over';
    this.#review(line);
  };

  get #isScarce(): boolean {
    return this.#taken * 4 >= this.limits.admission;
  }

  #hasSlotFor({ taken, bound }: Line): boolean {
    return this.#taken < this.limits.admission && (taken < bound || !this.#isScarce);
  }

  #lineOf(address: string | undefined): Line {
    const { admissionPerAddress } = this.limits;
    const isBounded = admissionPerAddress > 0 && address !== undefined;
    const bound = isBounded ? admissionPerAddress : Number.POSITIVE_INFINITY;
    const line = this.#lines.get(address) ?? { address, bound, taken: 0, waiting: [] };
    this.#lines.set(address, line);
    return line;
  }

  /** Returns whether one more may wait. In a full queue the last request of the longest line makes room for it. */
  #hasRoomFor({ waiting }: Line): boolean {
    if (this.#waiting < this.limits.admission) return true;
    const [longest] = this.#byLength.at(-1) ?? [];
    if (!longest || longest.waiting.length < waiting.length + 2) return false;
    const last = longest.waiting.at(-1);
    if (last) this.#giveUp(last);
    return true;
  }

  #wait(place: Place): void {
    const { line } = place;
    place.state = 'waiting';
    place.timer = this.clock.setTimeout(() => this.#giveUp(place), this.limits.admissionTimeout);
    this.#resize(line, () => line.waiting.push(place));
    this.#waiting++;
    this.#rank(line);
  }

  #endWait(place: Place): void {
    const { line, timer } = place;
    this.clock.clearTimeout(timer);
    this.#resize(line, () => line.waiting.splice(line.waiting.indexOf(place), 1));
    this.#waiting--;
  }

  #giveUp(place: Place): void {
    this.#leave(place);
    place.refuse();
  }

  /** Changes the length of a line. */
  #resize(line: Line, change: () => void): void {
    this.#byLength[line.waiting.length]?.delete(line);
    change();
    const { length } = line.waiting;
    if (length > 0) {
      this.#byLength[length] ??= new Set();
      this.#byLength[length].add(line);
    }
    while (this.#byLength.at(-1)?.size === 0) this.#byLength.pop();
  }

  /** Puts a line among its like, behind the others, unless it is there already. */
  #rank(line: Line): void {
    const [lines, others] = line.taken < line.bound ? [this.#ready, this.#crowded] : [this.#crowded, this.#ready];
    others.delete(line);
    if (line.waiting.length > 0) lines.add(line);
    else lines.delete(line);
  }

  /** Gives away what has become free, and forgets a line of which nothing is left. */
  #review(line: Line): void {
    this.#rank(line);
    this.#admitNext();
    if (line.taken === 0 && line.waiting.length === 0) this.#lines.delete(line.address);
  }

  #admitNext(): void {
    for (let line = this.#next(); line; line = this.#next()) {
      // It loses its turn, and comes behind the others.
      this.#ready.delete(line);
      this.#crowded.delete(line);
      const first = line.waiting[0];
      if (first) {
        this.#endWait(first);
        this.#begin(first);
      }
      this.#rank(line);
    }
  }

  /** Returns the line whose turn it is, if there is a slot for it. */
  #next(): Line | undefined {
    const [line] = this.#ready.size > 0 ? this.#ready : this.#crowded;
    return line && this.#hasSlotFor(line) ? line : undefined;
  }
}
