import type { Limits } from '../limits.js';
/** A connection whose handlers may broadcast. */
export interface Speaker {
  /** Since when it has done so, as the brake counts; 0 for never. */
  spokeIn: number;
}

/** What waits for a brake to be released. */
export interface HeldBack {
  resume(): void;
}

/** How far the broadcaster has fallen behind. */
export interface Load {
  readonly logBytes: number;
  readonly lag: number;
}

/**
 * Holds back the connections whose handlers broadcast, while more has been issued than is given out (BC10). Who broadcasts
 * is told by the turn in which it happens. After an `await` nothing tells whose code runs: whoever has such a turn under
 * way counts, which costs a bystander a pause at worst, and only under pressure.
 */
export class Brake {
  #isOn = false;
  /** What was said before the last release is forgotten by counting on. */
  #era = 1;
  #speaking: Speaker | undefined;
  #outsideTurns = 0;
  readonly #held = new Set<HeldBack>();

  constructor(
    private readonly limits: Pick<Limits, 'maxLog' | 'maxLogDelay'>,
    private readonly release: (held: HeldBack) => void,
  ) {}

  get isOn(): boolean {
    return this.#isOn;
  }

  /** Has this one to wait? */
  stops(speaker: Speaker): boolean {
    return this.#isOn && speaker.spokeIn === this.#era;
  }

  hold(held: HeldBack): void {
    this.#held.add(held);
  }

  /** A turn begins, perhaps within another's. Returns what `leave` wants back. */
  enter(speaker: Speaker): Speaker | undefined {
    const outer = this.#speaking;
    this.#speaking = speaker;
    return outer;
  }

  leave(outer: Speaker | undefined): void {
    this.#speaking = outer;
  }

  /** The rest of a turn that has begun. */
  async follow(speaker: Speaker, rest: Promise<void>): Promise<void> {
    const before = this.#outsideTurns;
    await rest;
    if (this.#outsideTurns !== before) speaker.spokeIn = this.#era;
  }

  /** Something has been issued. */
  issued(load: Load): void {
    if (this.#speaking) this.#speaking.spokeIn = this.#era;
    else this.#outsideTurns++;
    this.review(load);
  }

  /** Is it too much now, or little enough again? */
  review({ logBytes, lag }: Load): void {
    const { maxLog, maxLogDelay } = this.limits;
    if (!this.#isOn) {
      this.#isOn = logBytes > maxLog || lag > maxLogDelay;
    } else if (logBytes * 2 < maxLog && lag * 2 < maxLogDelay) {
      this.#isOn = false;
      this.#era++;
      const held = [...this.#held];
      this.#held.clear();
      for (const one of held) this.release(one);
    }
  }
}
