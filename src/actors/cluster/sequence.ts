import type { Random } from '../runtime/random.js';
import { Follower, type Placement } from './follower.js';

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

/** Sets an entry as the most recent one. Beyond `most` entries, removes the least recent and returns it. */
const setRecent = <Value>(map: Map<string, Value>, most: number, key: string, value: Value): Value | undefined => {
  map.delete(key);
  map.set(key, value);
  if (map.size <= most) return undefined;
  for (const [oldest, removed] of map) {
    map.delete(oldest);
    return removed;
  }
  return undefined;
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

/** Maximum number of sequences that are followed over all channels. */
const maxFollowed = 100_000;

/** The last positions of each other server on each channel. A skipped number is a lost message (EX9). */
export class Positions {
  readonly #byChannel = new Map<string, Map<string, Follower>>();
  #size = 0;

  constructor(private readonly now: () => number) {}

  /** Records the arrival of a message. Returns how many before it are missing, and whether it is late itself. */
  arrive(channel: string, node: string, position: Position): Placement {
    const follower = this.#byChannel.get(channel)?.get(node) ?? new Follower();
    const before = follower.size;
    const arrival = follower.arrive(position, this.now());
    this.#size += follower.size - before;
    if (this.#size > maxFollowed) {
      this.#byChannel.clear();
      this.#size = follower.size;
      this.#setRecent(channel, node, follower);
    } else if (!arrival.isLate) this.#setRecent(channel, node, follower);
    return arrival;
  }

  /** Removes the positions of a channel, so that a gap after a new subscription is no loss. */
  forget(channel: string): void {
    for (const { size } of this.#byChannel.get(channel)?.values() ?? []) this.#size -= size;
    this.#byChannel.delete(channel);
  }

  #setRecent(channel: string, node: string, follower: Follower): void {
    const byNode = this.#byChannel.get(channel) ?? new Map<string, Follower>();
    this.#byChannel.set(channel, byNode);
    this.#size -= setRecent(byNode, maxNodesPerChannel, node, follower)?.size ?? 0;
  }
}
