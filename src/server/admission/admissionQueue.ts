import type { Clock } from '../../actors/runtime/clock.js';
import type { Limits } from '../../limits.js';

/** A request's slot: taken, or waited for. */
export interface Slot {
  /** Releases the slot, or stops the wait for it. Further calls do nothing. */
  release(): void;
}

/** A request that waits for a slot. */
interface Waiting {
  /** Takes the slot. */
  readonly begin: () => void;
  /** Stops the wait, and refuses. */
  readonly giveUp: () => void;
}

/** The requests of one address. */
interface Line {
  /** Maximum number of slots that it has at once. */
  readonly bound: number;
  /** The number of slots that it has. */
  taken: number;
  /** Its requests that wait, in order of arrival. */
  readonly waiting: Waiting[];
}

/**
 * Requests that wait for one of a fixed number of admission slots (HS15). Those of an address are served in order of
 * arrival, and addresses in turn. As many requests may wait as there are slots. Of an address that has neither a slot
 * nor a request that waits, it knows nothing.
 */
export class AdmissionQueue {
  #taken = 0;
  #waiting = 0;
  readonly #lines = new Map<string | undefined, Line>();
  /** The lines whose first request may have the next free slot, in turn. While a slot is free there is none. */
  readonly #ready = new Set<Line>();
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

  /**
   * Requests a slot. Calls `admit` at once or later, or `refuse` if too many wait, or the wait is too long. Without an
   * address the number of slots at once is not bounded.
   */
  enter(address: string | undefined, admit: (slot: Slot) => void, refuse: () => void): Slot {
    const line = this.#lineOf(address);
    let leave = (): void => {};
    const slot: Slot = { release: () => leave() };
    const begin = (): void => {
      this.#taken++;
      line.taken++;
      leave = () => {
        leave = () => {};
        this.#taken--;
        line.taken--;
        this.#review(line, address);
      };
      admit(slot);
    };
    if (this.#taken < this.limits.admission && line.taken < line.bound) begin();
    else if (this.#hasRoomFor(line)) leave = this.#wait(line, address, begin, refuse);
    else {
      this.#review(line, address);
      refuse();
    }
    return slot;
  }

  #lineOf(address: string | undefined): Line {
    const { admissionPerAddress } = this.limits;
    const isBounded = admissionPerAddress > 0 && address !== undefined;
    const bound = isBounded ? admissionPerAddress : Number.POSITIVE_INFINITY;
    const line = this.#lines.get(address) ?? { bound, taken: 0, waiting: [] };
    this.#lines.set(address, line);
    return line;
  }

  /** Returns whether one more may wait. In a full queue the last request of the longest line makes room for it. */
  #hasRoomFor({ waiting }: Line): boolean {
    if (this.#waiting < this.limits.admission) return true;
    const [longest] = this.#byLength.at(-1) ?? [];
    if (!longest || longest.waiting.length < waiting.length + 2) return false;
    longest.waiting.at(-1)?.giveUp();
    return true;
  }

  #wait(line: Line, address: string | undefined, begin: () => void, refuse: () => void): () => void {
    let isOver = false;
    const end = (): void => {
      isOver = true;
      this.clock.clearTimeout(timer);
      this.#resize(line, () => line.waiting.splice(line.waiting.indexOf(waiting), 1));
      this.#waiting--;
    };
    const leave = (): void => {
      if (isOver) return;
      end();
      this.#review(line, address);
    };
    const giveUp = (): void => {
      leave();
      refuse();
    };
    const timer = this.clock.setTimeout(giveUp, this.limits.admissionTimeout);
    const begins = (): void => {
      end();
      begin();
    };
    const waiting: Waiting = { begin: begins, giveUp };
    this.#resize(line, () => line.waiting.push(waiting));
    this.#waiting++;
    this.#rank(line);
    return leave;
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

  /** Says whether a line may have the next slot. One that may already keeps its turn. */
  #rank(line: Line): void {
    if (line.waiting.length > 0 && line.taken < line.bound) this.#ready.add(line);
    else this.#ready.delete(line);
  }

  /** Gives away what has become free, and forgets a line of which nothing is left. */
  #review(line: Line, address: string | undefined): void {
    this.#rank(line);
    this.#admitNext();
    if (line.taken === 0 && line.waiting.length === 0) this.#lines.delete(address);
  }

  #admitNext(): void {
    for (const line of this.#ready) {
      if (this.#taken >= this.limits.admission) return;
      // Behind all others that are ready, if it still is.
      this.#ready.delete(line);
      if (line.waiting.length > 1 && line.taken + 1 < line.bound) this.#ready.add(line);
      line.waiting[0]?.begin();
    }
  }
}
