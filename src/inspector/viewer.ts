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

  constructor(
    private readonly line: Line,
    /** The actor that it follows, if any. */
    readonly follows: string,
    /** May it still look? */
    readonly mayStay: () => Promise<boolean>,
  ) {
    line.write('retry: 1000\n\n');
  }

  /** Whoever does not read misses this one, as the next says how things stand then; and is let go in the end. */
  tell(json: string, now: number): void {
    if (!this.line.writableNeedDrain) {
      this.#fullSince = undefined;
      this.line.write(`data: ${json}\n\n`);
      return;
    }
    this.#fullSince ??= now;
    if (now - this.#fullSince >= patience) this.line.destroy();
  }

  end(): void {
    this.line.end();
  }
}
