import { gate } from '../async/promises.js';

/** Hears what a session hears. */
export class Ear {
  readonly heard: { readonly channel: string; readonly payload: Uint8Array }[] = [];
  readonly losses: unknown[] = [];
  readonly #waiting = new Set<{ readonly isThere: () => boolean; open(): void }>();

  readonly listener = {
    received: (channel: string, payload: Uint8Array): void => {
      this.heard.push({ channel, payload });
      this.#look();
    },
    lost: (error: unknown): void => {
      this.losses.push(error);
      this.#look();
    },
  };

  get texts(): string[] {
    return this.heard.map(({ payload }) => Buffer.from(payload).toString());
  }

  /** Resolves when so many messages have come. */
  hears(count: number): Promise<void> {
    return this.#until(() => this.heard.length >= count);
  }

  isLost(): Promise<void> {
    return this.#until(() => this.losses.length > 0);
  }

  #until(isThere: () => boolean): Promise<void> {
    if (isThere()) return Promise.resolve();
    const { promise, open } = gate();
    this.#waiting.add({ isThere, open });
    return promise;
  }

  #look(): void {
    for (const waiting of this.#waiting) if (waiting.isThere()) waiting.open();
  }
}
