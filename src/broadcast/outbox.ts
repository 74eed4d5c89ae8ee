import { joined } from '../protocol/frame.js';

/** One message as it was issued: framed once, shared by everybody who gets it. */
export interface Entry {
  /** Its place in the order of all issues. */
  readonly number: number;
  readonly bytes: Uint8Array;
}

/** More bytes than this are never joined into one write (BC6). */
export const writeLimit = 256 * 1024;

/** The entries as buffers of one write each. */
export const inWrites = (owed: readonly Entry[]): Uint8Array[] => {
  const writes: Uint8Array[][] = [];
  let room = 0;
  for (const { bytes } of owed) {
    const last = writes.at(-1);
    if (last && bytes.length <= room) last.push(bytes);
    else writes.push([bytes]);
    room = (last && bytes.length <= room ? room : writeLimit) - bytes.length;
  }
  return writes.map(joined);
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

  /** Takes away the oldest entries, as many as fit one write of `limit` bytes, but at least one. */
  takeOldest(limit: number): Entry[] {
    const { entries } = this;
    let count = 0;
    let bytes = 0;
    for (const entry of entries) {
      if (count > 0 && bytes + entry.bytes.length > limit) break;
      bytes += entry.bytes.length;
      count++;
    }
    this.bytes -= bytes;
    return entries.splice(0, count);
  }
}
