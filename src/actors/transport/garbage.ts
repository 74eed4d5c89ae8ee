import type { Limits } from '../../limits.js';
import type { Clock } from '../runtime/clock.js';

/** Messages that no client sends on purpose, by the counter of each kind. */
export type Garbage = 'emptyFrames' | 'invalidFrames' | 'strayAnswers';

/**
 * Meters the garbage that one client sends (LM10). Made with the first of it, so that a connection without garbage has
 * none. A window begins with the first garbage after the last window, so that no timer runs.
 */
export class GarbageMeter {
  #since = Number.NEGATIVE_INFINITY;
  #count = 0;
  #strays = 0;

  constructor(
    private readonly limits: Pick<Limits, 'garbageFrames' | 'garbageWindow'>,
    private readonly clock: Pick<Clock, 'now'>,
  ) {}

  /**
   * Notes one message. Returns whether it is too much. `asked` is the number of asks that the client may have been sent:
   * so many stray answers may be late ones, and are no garbage.
   */
  note(kind: Garbage, asked: number): boolean {
    if (kind === 'strayAnswers' && ++this.#strays <= asked) return false;
    const { garbageFrames, garbageWindow } = this.limits;
    const now = this.clock.now();
    if (now - this.#since >= garbageWindow) {
      this.#since = now;
      this.#count = 0;
    }
    this.#count++;
    return garbageFrames > 0 && this.#count > garbageFrames;
  }
}
