import { joined } from '../protocol/frame.js';

/** One message as it was issued: framed once, shared by everybody who gets it. */
export interface Entry {
  /** Its place in the order of all issues. */
  readonly number: number;
  readonly bytes: Uint8Array;
  /** It is for this connection alone, and stands in no log but its outbox. */
  readonly isOwn?: boolean;
}

/** More bytes than this are never joined into one write (BC6). */
export const writeLimit = 256 * 1024;

export const bytesOf = (entries: readonly Entry[]): number => {
  let sum = 0;
  for (const { bytes } of entries) sum += bytes.length;
  return sum;
};

/** How many of these entries, from the first on, go out in one write; at least one. */
const oneWrite = (owed: readonly Entry[]): number => {
  let bytes = 0;
  for (let at = 0; at < owed.length; at++) {
    bytes += owed[at]?.bytes.length ?? 0;
    if (at > 0 && bytes > writeLimit) return at;
  }
  return owed.length;
};

/** Cuts off what does not fit into one write. */
export const cutToOneWrite = (owed: Entry[]): readonly Entry[] => {
  const count = oneWrite(owed);
  return count < owed.length ? owed.splice(count) : none;
};
const none: readonly Entry[] = [];

/** Lists that are remembered: several when what is owed takes several writes. */
const mostMade = 8;

/** The bytes of one write. They are made once for all who are owed the identical list. */
export class WriteCache {
  /** By the number of the first entry. */
  readonly #made = new Map<number, { readonly entries: readonly Entry[]; readonly bytes: Uint8Array }>();

  bytes(owed: readonly Entry[]): Uint8Array {
    const [first] = owed;
    if (!first || owed.length === 1) return first?.bytes ?? nothing;
    const known = this.#made.get(first.number);
    if (known && areIdentical(known.entries, owed)) return known.bytes;
    const bytes = joined(owed.map((entry) => entry.bytes));
    if (this.#made.size >= mostMade) this.#made.clear();
    this.#made.set(first.number, { entries: owed.slice(), bytes });
    return bytes;
  }

  /** What has been given to everybody is kept for nobody. */
  forget(): void {
    this.#made.clear();
  }
}
const nothing = new Uint8Array();

const areIdentical = (some: readonly Entry[], others: readonly Entry[]): boolean => {
  if (some.length !== others.length) return false;
  for (let at = 0; at < some.length; at++) if (some[at] !== others[at]) return false;
  return true;
};

/** What one connection is still owed, by reference, in the order of issue. Normally empty. */
export class Outbox {
  readonly entries: Entry[] = [];
  bytes = 0;

  get isEmpty(): boolean {
    return this.entries.length === 0;
  }

  add(entry: Entry): void {
    this.entries.push(entry);
    this.bytes += entry.bytes.length;
  }

  /** Takes away the entries issued after `number`, so that they can be merged with others of that time. */
  takeAfter(number: number, into: Entry[]): void {
    const { entries } = this;
    let from = entries.length;
    for (let last = entries[from - 1]; last && last.number > number; last = entries[from - 1]) from--;
    for (const entry of entries.splice(from)) {
      this.bytes -= entry.bytes.length;
      into.push(entry);
    }
  }

  /** Takes away the oldest entries, as many as go out in one write. */
  takeOldest(): Entry[] {
    const oldest = this.entries.splice(0, oneWrite(this.entries));
    this.bytes -= bytesOf(oldest);
    return oldest;
  }
}
