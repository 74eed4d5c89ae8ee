import type { ClientClock } from './parts.js';

/** A timer that fires later than this has been held up: by sleep, by a stopped process, or in a hidden page. */
const lateness = 1_000;
/** Maximum time until a ping is answered, in ms. */
const pongTimeout = 10_000;
/** Maximum time until the ping of a page that has become visible is answered, in ms. */
const probeTimeout = 3_000;

/** Pings the server of an aware line, and notices when it is silent (CL6). */
export class Heartbeat {
  #interval = 0;
  #pingTimer: unknown;
  #answerTimer: unknown;

  constructor(
    private readonly clock: ClientClock,
    /** Sends a ping. */
    private readonly ping: () => void,
    /** The server is silent. */
    private readonly onSilent: () => void,
  ) {}

  /** Starts to ping every `interval` ms. */
  start(interval: number): void {
    this.#interval = interval;
    this.#schedule();
  }

  /** Pings at once, with a short time to answer. Before `start` it does nothing. */
  probe(): void {
    if (this.#interval > 0) this.#beat(probeTimeout);
  }

  /** Something has come from the server: it is not silent. */
  heard(): void {
    this.clock.clearTimeout(this.#answerTimer);
    this.#answerTimer = undefined;
  }

  /** Ends all timers. */
  stop(): void {
    this.#interval = 0;
    this.heard();
    this.clock.clearTimeout(this.#pingTimer);
  }

  #schedule(): void {
    this.clock.clearTimeout(this.#pingTimer);
    this.#pingTimer = this.clock.setTimeout(() => this.#beat(pongTimeout), this.#interval);
  }

  #beat(timeout: number): void {
    this.#schedule();
    this.ping();
    // An answer that is due already stays due: it is no later because of another ping.
    if (this.#answerTimer !== undefined && timeout === pongTimeout) return;
    this.heard();
    this.#expect(timeout);
  }

  /** Waits for an answer. Time in which the program did not run does not count (CL6). */
  #expect(timeout: number): void {
    const due = this.clock.now() + timeout;
    const timer = this.clock.setTimeout(() => {
      if (this.clock.now() - due <= lateness) return this.onSilent();
      this.clock.defer(() => {
        if (this.#answerTimer === timer) this.#expect(lateness);
      });
    }, timeout);
    this.#answerTimer = timer;
  }
}
