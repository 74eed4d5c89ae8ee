/** Returns several frames as one buffer. */
export type Join = (frames: readonly Uint8Array[]) => Uint8Array;

/** A published message, framed once for all its subscribers. */
export interface Entry {
  /** Its number in the order of all messages. */
  readonly number: number;
  /** The frame. */
  readonly bytes: Uint8Array;
  /** Whether it was published to one id. It is then in outboxes only, and not in the log of a topic. */
  readonly isDirect?: boolean;
}

/** Maximum size of frames joined into one write: 256 KiB (BC6). A larger frame is a write of its own. */
export const writeLimit = 256 * 1024;

/** Returns the total size of these entries, in bytes. */
export const bytesOf = (entries: readonly Entry[]): number => {
  let sum = 0;
  for (const { bytes } of entries) sum += bytes.length;
  return sum;
};

/** Returns how many of these entries, from the first on, fit into one write: at least one. */
const countInOneWrite = (entries: readonly Entry[]): number => {
  let bytes = 0;
  for (let at = 0; at < entries.length; at++) {
    bytes += entries[at]?.bytes.length ?? 0;
    if (at > 0 && bytes > writeLimit) return at;
  }
  return entries.length;
};

/** Removes the entries that do not fit into one write, and returns them. */
export const cutToOneWrite = (batch: Entry[]): readonly Entry[] => {
  const count = countInOneWrite(batch);
  return count < batch.length ? batch.splice(count) : none;
};
const none: readonly Entry[] = [];

/** Maximum number of cached buffers: several are in use when the pending messages take several writes. */
const maxCached = 8;

/** Buffers of recent writes. Each is made once for all subscribers with the same list of entries (BC7). */
export class WriteCache {
  /** By the number of the first entry. */
  readonly #cached = new Map<number, { readonly entries: readonly Entry[]; readonly bytes: Uint8Array }>();

  constructor(private readonly join: Join) {}

  /** Returns the bytes of these entries, joined. */
  bytes(batch: readonly Entry[]): Uint8Array {
    const [first] = batch;
    if (!first || batch.length === 1) return first?.bytes ?? nothing;
    const known = this.#cached.get(first.number);
    if (known && areIdentical(known.entries, batch)) return known.bytes;
    const bytes = this.join(batch.map((entry) => entry.bytes));
    if (this.#cached.size >= maxCached) this.#cached.clear();
    this.#cached.set(first.number, { entries: batch.slice(), bytes });
    return bytes;
  }

  /** Removes all buffers. Once every message is delivered, none is needed again. */
  clear(): void {
    this.#cached.clear();
  }
}
const nothing = new Uint8Array();

const areIdentical = (some: readonly Entry[], others: readonly Entry[]): boolean => {
  if (some.length !== others.length) return false;
  for (let at = 0; at < some.length; at++) if (some[at] !== others[at]) return false;
  return true;
};

/** Entries that wait for one connection, by reference, in the order of publication. Normally empty. */
export class Outbox {
  /** The entries, the oldest first. */
  readonly entries: Entry[] = [];
  /** The total size of the entries, in bytes. */
  bytes = 0;

  /** Whether no entry waits. */
  get isEmpty(): boolean {
    return this.entries.length === 0;
  }

  /** Appends an entry. */
  add(entry: Entry): void {
    this.entries.push(entry);
    this.bytes += entry.bytes.length;
  }

  /** Moves the entries with a higher number than this to `into`, to be merged with those of topics. */
  takeAfter(number: number, into: Entry[]): void {
    const { entries } = this;
    let from = entries.length;
    for (let last = entries[from - 1]; last && last.number > number; last = entries[from - 1]) from--;
    for (let at = from; at < entries.length; at++) {
      const entry = entries[at];
      if (!entry) continue;
      this.bytes -= entry.bytes.length;
      into.push(entry);
    }
    for (let count = entries.length - from; count > 0; count--) entries.pop();
  }

  /** Removes and returns the oldest entries, as many as fit into one write. */
  takeOldest(): Entry[] {
    const oldest = this.entries.splice(0, countInOneWrite(this.entries));
    this.bytes -= bytesOf(oldest);
    return oldest;
  }
}
