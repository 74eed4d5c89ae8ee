import { deferred } from '../async/promises.js';

/** Records what an uplink receives. */
export class RecordingListener {
  readonly received: { readonly channel: string; readonly payload: Uint8Array }[] = [];
  readonly losses: unknown[] = [];
  readonly #waiting = new Set<{ readonly isMet: () => boolean; open(): void }>();

  readonly listener = {
    received: (channel: string, payload: Uint8Array): void => {
      this.received.push({ channel, payload });
      this.#check();
    },
    lost: (error: unknown): void => {
      this.losses.push(error);
      this.#check();
    },
  };

  get texts(): string[] {
    return this.received.map(({ payload }) => Buffer.from(payload).toString());
  }

  /** Resolves when this many messages have arrived. */
  waitForCount(count: number): Promise<void> {
    return this.#until(() => this.received.length >= count);
  }

  waitForLoss(): Promise<void> {
    return this.#until(() => this.losses.length > 0);
  }

  #until(isMet: () => boolean): Promise<void> {
    if (isMet()) return Promise.resolve();
    const { promise, open } = deferred();
    this.#waiting.add({ isMet, open });
    return promise;
  }

  #check(): void {
    for (const waiting of this.#waiting) if (waiting.isMet()) waiting.open();
  }
}
