import type { ClientParts } from './parts.js';

/** The largest delay of a timer, in ms. */
const maxDelay = 2_147_483_647;

/** Asks for a new token before the present one expires (CL7). */
export class TokenRefresh {
  #timer: unknown;
  #failures = 0;
  #line: object | undefined;

  constructor(
    private readonly parts: ClientParts,
    private readonly auth: () => string | Promise<string>,
    /** Sends a token. */
    private readonly send: (token: string) => void,
    /** Tells the program an error of `auth`. */
    private readonly onError: (error: unknown) => void,
  ) {}

  /** The present token lasts `ttl` ms more. The next one is asked for at 70 % to 90 % of that. */
  start(ttl: number): void {
    this.#failures = 0;
    this.#after(ttl * (0.7 + 0.2 * this.parts.random()));
  }

  /** The server did not take the token, or there is none: the next one is asked for soon, later each time. */
  retry(): void {
    this.#after(Math.min(20_000, 1_000 * 2 ** this.#failures++));
  }

  /** Ends the timer and forgets an answer of `auth` that is under way. */
  stop(): void {
    this.#line = undefined;
    this.parts.clock.clearTimeout(this.#timer);
  }

  #after(ms: number): void {
    this.stop();
    const line = {};
    this.#line = line;
    this.#timer = this.parts.clock.setTimeout(() => void this.#refresh(line), Math.min(ms, maxDelay));
  }

  async #refresh(line: object): Promise<void> {
    try {
      const token = await this.auth();
      if (line === this.#line) this.send(token);
    } catch (error) {
      if (line !== this.#line) return;
      this.onError(error);
      this.retry();
    }
  }
}
