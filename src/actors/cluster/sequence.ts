import type { Random } from '../runtime/random.js';

/** The most channels for which a server numbers what it sends, and the most servers that are followed on one channel. */
const mostNumbered = 10_000;
const mostFollowed = 1_000;

/** A place in the count of one server on one channel. */
export interface Position {
  readonly epoch: number;
  readonly number: number;
}

/** Keeps at most so many, those that were used last. */
const keep = <Value>(map: Map<string, Value>, most: number, key: string, value: Value): void => {
  map.delete(key);
  map.set(key, value);
  if (map.size <= most) return;
  for (const oldest of map.keys()) {
    map.delete(oldest);
    return;
  }
};

/** Returns an epoch that cannot be guessed, so that a forged number is not believed. Of 2 ** 45 there is room for all that follow. */
export const firstEpoch = (random: Pick<Random, 'fill'>): number => {
  const [high = 0, low = 0] = random.fill(new Uint32Array(2));
  return (high >>> 19) * 2 ** 32 + low;
};

/** Numbers what this server sends, channel by channel. A count that was given up goes on as a new epoch. */
export class Numbering {
  readonly #last = new Map<string, Position>();

  constructor(private epochs: number) {}

  next(channel: string): Position {
    const last = this.#last.get(channel);
    const position = last ? { epoch: last.epoch, number: last.number + 1 } : { epoch: ++this.epochs, number: 1 };
    keep(this.#last, mostNumbered, channel, position);
    return position;
  }
}

/** Milliseconds for which a lower number than the last is one that was overtaken; after that the count begins anew. */
const lateFor = 30_000;
/** The most counts that are followed in all. */
const mostCounts = 100_000;

/** How a message stands to the one before it of the same server. */
export interface Arrival {
  /** So many that should have come between them have not. */
  readonly missing: number;
  /** It has been overtaken: a connection that was given up may still bring something when its successor is up. */
  readonly isLate: boolean;
}

interface Heard extends Position {
  /** When. */
  readonly at: number;
}

/** Where the counts of the other servers are, as this one has heard them: what is skipped was lost (EX9). */
export class Positions {
  readonly #byChannel = new Map<string, Map<string, Heard>>();
  #counts = 0;

  constructor(private readonly now: () => number) {}

  arrive(channel: string, node: string, { epoch, number }: Position): Arrival {
    const last = this.#byChannel.get(channel)?.get(node);
    const step = last?.epoch === epoch ? number - last.number : 1;
    const at = this.now();
    // Whoever makes up a number keeps what comes then from coming for so long, and no longer.
    const isLate = step <= 0 && at - (last?.at ?? 0) < lateFor;
    if (!isLate) this.#follow(channel, node, { epoch, number, at });
    return { missing: Math.max(0, step - 1), isLate };
  }

  /** It is listened to no more, so that what it skips is no loss. */
  forget(channel: string): void {
    this.#counts -= this.#byChannel.get(channel)?.size ?? 0;
    this.#byChannel.delete(channel);
  }

  #follow(channel: string, node: string, heard: Heard): void {
    const isNew = !this.#byChannel.get(channel)?.has(node);
    if (isNew && this.#counts >= mostCounts) {
      this.#byChannel.clear();
      this.#counts = 0;
    }
    const byNode = this.#byChannel.get(channel) ?? new Map<string, Heard>();
    this.#byChannel.set(channel, byNode);
    const before = byNode.size;
    keep(byNode, mostFollowed, node, heard);
    this.#counts += byNode.size - before;
  }
}
