import type { FollowedConnection } from './followed.js';

/** What a stream is written to: the response to a request. */
export interface Line {
  readonly writableNeedDrain: boolean;
  write(text: string): unknown;
  end(): unknown;
  destroy(): unknown;
}

/** How long a viewer may leave unread what it was sent, in milliseconds. */
const patience = 10_000;

/** A page that is open: a stream of server-sent events. */
export class Viewer {
  #fullSince: number | undefined;
  #isOver = false;

  constructor(
    private readonly line: Line,
    /** The one that it follows, if any. */
    readonly subject: FollowedConnection | undefined,
    /** May it still look? */
    readonly mayStay: () => Promise<boolean>,
  ) {
    line.write('retry: 1000\n\n');
  }

  /** Whoever does not read misses this one, as the next says how things stand then. False when it has been let go. */
  tell(json: string, now: number): boolean {
    if (this.#isOver) return false;
    if (!this.line.writableNeedDrain) {
      this.#fullSince = undefined;
      this.line.write(`data: ${json}\n\n`);
      return true;
    }
    this.#fullSince ??= now;
    if (now - this.#fullSince < patience) return true;
    this.#isOver = true;
    this.line.destroy();
    return false;
  }

  /** It is told nothing more: one that does not read may never be rid of what it was told. */
  end(): void {
    this.#isOver = true;
    this.line.end();
  }
}
