import type { Random } from '../runtime/random.js';

/** Maximum number of channels on which this server numbers its messages. */
const maxNumberedChannels = 10_000;
/** Maximum number of other servers whose positions are kept on one channel. */
const maxNodesPerChannel = 1_000;

/** The position of a message in the numbering of its server on its channel (EX9). */
export interface Position {
  /** Identifies the numbering. A new one begins when the server has given up the last one. */
  readonly epoch: number;
  /** The number of the message in its epoch, from 1. */
  readonly number: number;
}

/** Sets an entry as the most recent one. Beyond `most` entries, removes the least recent. */
const setRecent = <Value>(map: Map<string, Value>, most: number, key: string, value: Value): void => {
  map.delete(key);
  map.set(key, value);
  if (map.size <= most) return;
  for (const oldest of map.keys()) {
    map.delete(oldest);
    return;
  }
};

/** Returns a random epoch of 45 bits, so that a forger cannot guess it. Later epochs fit into a safe integer. */
export const firstEpoch = (random: Pick<Random, 'fill'>): number => {
  const [high = 0, low = 0] = random.fill(new Uint32Array(2));
  return (high >>> 19) * 2 ** 32 + low;
};

/** Numbers the messages of this server on each channel. A channel whose position was dropped gets a new epoch. */
export class Numbering {
  readonly #last = new Map<string, Position>();

  constructor(private epochs: number) {}

  /** Returns the position of the next message on a channel. */
  next(channel: string): Position {
    const last = this.#last.get(channel);
    const position = last ? { epoch: last.epoch, number: last.number + 1 } : { epoch: ++this.epochs, number: 1 };
    setRecent(this.#last, maxNumberedChannels, channel, position);
    return position;
  }
}

/** Time for which a lower number than the last one counts as late, in ms. Later it begins a new numbering. */
const lateWindow = 30_000;
/** Maximum number of positions over all channels. */
const maxPositions = 100_000;

/** The place of a message behind the last one of its server on its channel. */
export interface Arrival {
  /** The number of messages between the two that have not arrived. */
  readonly missing: number;
  /** Whether a later message arrived first. An abandoned connection can deliver after its successor is up. */
  readonly isLate: boolean;
}

interface Seen extends Position {
  /** When it arrived. */
  readonly at: number;
}

/** The last position of each other server on each channel. A skipped number is a lost message (EX9). */
export class Positions {
  readonly #byChannel = new Map<string, Map<string, Seen>>();
  #size = 0;

  constructor(private readonly now: () => number) {}

  /** Records the arrival of a message. Returns how many before it are missing, and whether it is late itself. */
  arrive(channel: string, node: string, { epoch, number }: Position): Arrival {
    const last = this.#byChannel.get(channel)?.get(node);
    const step = last?.epoch === epoch ? number - last.number : 1;
    const at = this.now();
    // The window bounds how long a forged high number can block the messages after it.
    const isLate = step <= 0 && at - (last?.at ?? 0) < lateWindow;
    if (!isLate) this.#record(channel, node, { epoch, number, at });
    return { missing: Math.max(0, step - 1), isLate };
  }

  /** Removes the positions of a channel, so that a gap after a new subscription is no loss. */
  forget(channel: string): void {
    this.#size -= this.#byChannel.get(channel)?.size ?? 0;
    this.#byChannel.delete(channel);
  }

  #record(channel: string, node: string, seen: Seen): void {
    const isNew = !this.#byChannel.get(channel)?.has(node);
    if (isNew && this.#size >= maxPositions) {
      this.#byChannel.clear();
      this.#size = 0;
    }
    const byNode = this.#byChannel.get(channel) ?? new Map<string, Seen>();
    this.#byChannel.set(channel, byNode);
    const before = byNode.size;
    setRecent(byNode, maxNodesPerChannel, node, seen);
    this.#size += byNode.size - before;
  }
}
