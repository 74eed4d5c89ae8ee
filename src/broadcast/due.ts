import type { Seat } from './audience.js';
import type { Tempo } from './tempo.js';

/** Those who are owed messages that were issued to them alone, in order of issue: a walk finds them without a topic. */
export class Due {
  /** Bytes that were issued to them since there was nobody the last time. */
  bytes = 0;
  readonly #seats: Seat[] = [];

  get isEmpty(): boolean {
    return this.#seats.length === 0;
  }

  /** Since when the first of them waits. */
  get since(): number {
    return this.#seats.find(({ isDue }) => isDue)?.dueSince ?? Number.POSITIVE_INFINITY;
  }

  add(seat: Seat, now: number): void {
    seat.isDue = true;
    seat.dueSince = now;
    this.#seats.push(seat);
  }

  /** Has the time run out, with work left? */
  walk(serve: (seat: Seat) => void, tempo: Tempo): boolean {
    const seats = this.#seats;
    for (let at = 0; at < seats.length; at++) {
      const seat = seats[at];
      if (!seat?.isDue) continue;
      serve(seat);
      if (!tempo.isUp(1)) continue;
      seats.splice(0, at + 1);
      if (seats.length > 0) return true;
    }
    seats.length = 0;
    this.bytes = 0;
    return false;
  }
}
