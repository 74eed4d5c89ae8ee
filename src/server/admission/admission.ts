import type { Duplex } from 'node:stream';
import type { Clock } from '../../actors/runtime/clock.js';
import { soon } from '../../actors/runtime/soon.js';
import type { Limits } from '../../limits.js';
import { networkOf } from './addresses.js';
import { AdmissionQueue } from './admissionQueue.js';

/** What the admission of one server works with. */
export interface AdmissionParts {
  /** How many sockets may be on the way in, and how long one waits for that. */
  readonly limits: Pick<Limits, 'admission' | 'admissionPerAddress' | 'admissionTimeout'>;
  /** The source of timers. */
  readonly clock: Clock;
  /** Counts sockets that are dropped. */
  readonly counters: { refusedArrivals: number };
}

/** The sockets on their way in: each has a slot, or waits for one (HS15). */
export class Admission {
  readonly #queue: AdmissionQueue;
  /** Sockets that have a slot or wait for one, and are not WebSockets yet. */
  readonly #pending = new Set<Duplex>();

  /** Creates the admission of one server. */
  constructor(private readonly parts: AdmissionParts) {
    this.#queue = new AdmissionQueue(parts.limits, parts.clock);
  }

  /** Returns whether a further socket of this address has to wait for those of the same address. */
  isCrowded(address: string | undefined): boolean {
    return this.#queue.isAtBound(address && networkOf(address));
  }

  /**
   * Calls `proceed` with the function that releases the slot, once one is free for this address. A closed socket
   * releases it too.
   */
  whenFree(address: string | undefined, socket: Duplex, proceed: (done: () => void) => void): void {
    // A socket is in the queue at most once, however many requests it pipelines (HS15).
    if (this.#pending.has(socket)) return this.drop(socket);
    // One that has closed would never release its slot.
    if (socket.destroyed) return undefined;
    this.#pending.add(socket);
    const done = (): void => {
      socket.off('close', done);
      this.#pending.delete(socket);
      slot.release();
    };
    socket.on('close', done);
    const slot = this.#queue.enter(
      address && networkOf(address),
      () => soon(() => !socket.destroyed && proceed(done)),
      () => this.drop(socket),
    );
  }

  /** Leaves a socket to the WebSocket that it has become. Its slot stays taken. */
  handOver(socket: Duplex): void {
    this.#pending.delete(socket);
  }

  /** Destroys a socket without an answer, so that its client tries again. */
  drop(socket: Duplex): void {
    this.parts.counters.refusedArrivals++;
    socket.destroy();
  }

  /** Drops every socket that is not a WebSocket yet. */
  close(): void {
    for (const socket of this.#pending) this.drop(socket);
  }
}
