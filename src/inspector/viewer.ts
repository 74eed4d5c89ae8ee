import type { FollowedConnection } from './followed.js';

/** The response that a viewer's stream is written to. */
export interface StreamResponse {
  /** Whether the response holds more than its socket takes at the moment. */
  readonly writableNeedDrain: boolean;
  /** Writes a part of the stream. */
  write(text: string): unknown;
  /** Ends the stream. */
  end(): unknown;
  /** Destroys the socket. */
  destroy(): unknown;
}

/** How long a viewer may leave its stream unread, in ms (IN13). */
const unreadTimeout = 10_000;

/** An open page, which receives snapshots as server-sent events. */
export class Viewer {
  #unreadSince: number | undefined;
  #isOver = false;

  constructor(
    private readonly response: StreamResponse,
    /** The connection that the page follows, if any. */
    readonly followed: FollowedConnection | undefined,
    /** Resolves with whether the page is still authorized. */
    readonly isAuthorized: () => Promise<boolean>,
  ) {
    response.write('retry: 1000\n\n');
  }

  /**
   * Sends a snapshot, given as JSON. Skips it while the last one is unread, because the next one replaces it. Returns
   * false once the stream is over; a stream that stays unread for too long is destroyed.
   */
  send(json: string, now: number): boolean {
    if (this.#isOver) return false;
    if (!this.response.writableNeedDrain) {
      this.#unreadSince = undefined;
      this.response.write(`data: ${json}\n\n`);
      return true;
    }
    this.#unreadSince ??= now;
    if (now - this.#unreadSince < unreadTimeout) return true;
    this.#isOver = true;
    this.response.destroy();
    return false;
  }

  /** Ends the stream. A later `send` writes nothing, even if the last part is never read. */
  end(): void {
    this.#isOver = true;
    this.response.end();
  }
}
