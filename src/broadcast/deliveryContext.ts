import { type Entry, type Join, WriteCache } from './outbox.js';
import type { Pacer } from './pacer.js';
import type { Topic, Topics } from './topics.js';

/** What the broadcaster and all its subscribers share. */
export class DeliveryContext {
  /** Number of the newest message. 0 before the first. */
  last = 0;
  /**
   * Scratch list of the entries that are about to be delivered to one subscriber. All deliveries share it: it is empty
   * again before a socket is written to, so two deliveries never use it at once.
   */
  readonly batch: Entry[] = [];
  /** Scratch list of the topics that one delivery gathers from, as `batch` is one of entries. */
  readonly sources: Topic[] = [];
  /** The topics with pending messages, in the order of their passes' beginnings. */
  readonly pending = new Set<Topic>();
  /** Buffers of recent writes, shared by subscribers with the same pending entries. */
  readonly writes: WriteCache;

  constructor(
    /** The index that subscribers join and leave, and the counters of their deliveries. */
    readonly topics: Topics,
    /** Measures deliveries, and decides when a slice is over. */
    readonly pacer: Pacer,
    /** Joins frames for one write. */
    readonly join: Join,
  ) {
    this.writes = new WriteCache(join);
  }
}
