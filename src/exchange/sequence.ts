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

/** Numbers what this server sends, channel by channel. A count that was given up goes on as a new epoch. */
export class Numbering {
  readonly #last = new Map<string, Position>();
  #epochs = 0;

  next(channel: string): Position {
    const last = this.#last.get(channel);
    const position = last ? { epoch: last.epoch, number: last.number + 1 } : { epoch: ++this.#epochs, number: 1 };
    keep(this.#last, mostNumbered, channel, position);
    return position;
  }
}

/** Where the counts of the other servers are, as this one has heard them: what is skipped was lost (EX9). */
export class Positions {
  readonly #byChannel = new Map<string, Map<string, Position>>();

  /** How many messages of this server are missing before this one. */
  missingBefore(channel: string, node: string, { epoch, number }: Position): number {
    const byNode = this.#byChannel.get(channel) ?? new Map<string, Position>();
    this.#byChannel.set(channel, byNode);
    const last = byNode.get(node);
    keep(byNode, mostFollowed, node, { epoch, number });
    return last?.epoch === epoch ? Math.max(0, number - last.number - 1) : 0;
  }

  /** It is listened to no more, so that what it skips is no loss. */
  forget(channel: string): void {
    this.#byChannel.delete(channel);
  }
}
