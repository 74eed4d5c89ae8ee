/** Maximum size of unconfirmed publications, in bytes. A small window leaves few of them unconfirmed at a loss. */
const maxBytes = 1_048_576;
/** The size for a new uplink, whose broker has confirmed nothing yet, in bytes. */
const firstBytes = 65_536;
/** Minimum size, in bytes. */
const minBytes = 16_384;
/** Time in which the broker is to confirm a full window, in ms. A ping waits behind it for no longer. */
const drainTime = 1_000;

/** A publication on its way to the broker. */
export interface SentPublication {
  /** The bytes under way once it was sent, its own included. */
  readonly underWay: number;
  /** When it was sent. */
  readonly at: number;
  /** The number of changes of the window until then. */
  readonly changes: number;
}

/**
 * Bounds the size of unconfirmed publications by how fast the broker confirms: about as much as it confirms in a second
 * (EX19). Belongs to one uplink.
 */
export class SendWindow {
  #bytes = firstBytes;
  #changes = 0;

  constructor(private readonly now: () => number) {}

  /** The size of the window, in bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Records that a publication was sent. `underWay` counts its own bytes. */
  sent(underWay: number): SentPublication {
    return { underWay, at: this.now(), changes: this.#changes };
  }

  /** Records that the broker confirmed a publication, and changes the window if it took long, or little time. */
  confirmed({ underWay, at, changes }: SentPublication): void {
    const passed = this.now() - at;
    const perDrain = (underWay * drainTime) / passed;
    if (passed > drainTime) this.#resize(Math.min(this.#bytes, perDrain));
    // What was sent before the last change does not say whether the present size is too small.
    else if (changes === this.#changes && underWay >= this.#bytes / 2 && perDrain >= this.#bytes * 2) {
      this.#resize(this.#bytes * 2);
    }
  }

  #resize(bytes: number): void {
    const next = Math.max(minBytes, Math.min(maxBytes, Math.floor(bytes)));
    if (next === this.#bytes) return;
    this.#bytes = next;
    this.#changes++;
  }
}
