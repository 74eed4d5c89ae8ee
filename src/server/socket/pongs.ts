import type { Clock } from '../../actors/runtime/clock.js';
import type { Counters } from '../../actors/telemetry/counters.js';
import { type FrameSink, joined, pong } from '../../protocol/frame.js';

/** What the pongs of all sockets of one server share. */
export interface PongContext {
  /** Tells how long a pong has waited. */
  readonly clock: Pick<Clock, 'now'>;
  /** Maximum time that a pong waits while more pings come, in ms. */
  readonly slowConsumerTimeout: number;
  /** Counts pings and pongs of clients, and pings without an answer. */
  readonly counters: Pick<Counters, 'pings' | 'pongs' | 'skippedPings'>;
}

/**
 * The pongs that one client is due (LM7). The pings of one read are answered in one write. While the socket is full,
 * only the latest ping is kept, as RFC 6455 allows, and answered once the socket has drained.
 */
export class Pongs {
  /** The pings of the present read: views of the read buffer. */
  #pings: Uint8Array[] = [];
  /** The latest ping that the socket had no room to answer, and since when one has waited. */
  #waiting: { readonly data: Uint8Array; readonly since: number } | undefined;

  constructor(
    private readonly outlet: FrameSink & { readonly writableNeedDrain: boolean },
    private readonly context: PongContext,
  ) {}

  /** Takes a ping. */
  take(data: Uint8Array): void {
    this.#pings.push(data);
  }

  /** Answers the pings of a read, or keeps the latest. Returns false once a pong has waited too long. */
  answer(): boolean {
    const pings = this.#pings;
    const latest = pings.at(-1);
    if (!latest) return true;
    this.#pings = [];
    if (!this.outlet.writableNeedDrain) {
      this.outlet.write(joined(pings.map(pong)));
      return true;
    }
    const { clock, slowConsumerTimeout, counters } = this.context;
    counters.skippedPings += this.#waiting ? pings.length : pings.length - 1;
    const now = clock.now();
    const since = this.#waiting?.since ?? now;
    // A view would keep the whole read buffer alive.
    this.#waiting = { data: new Uint8Array(latest), since };
    return now - since < slowConsumerTimeout;
  }

  /** Answers the ping that has waited for room. */
  drained(): void {
    if (!this.#waiting) return;
    this.#pings = [this.#waiting.data];
    this.#waiting = undefined;
    this.answer();
  }
}
