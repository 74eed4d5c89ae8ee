import type { WebSocket } from 'ws';
import { deflateExtension } from './compression.js';

type Inflated = (error: (Error & { readonly code?: unknown }) | null, data?: Buffer) => void;

/** The part of an extension of `ws` that decompresses. It is not documented. Checked against ws 8.23.0. */
interface Inflater {
  decompress(data: Buffer, isLast: boolean, done: Inflated): void;
  /** Frees the memory of zlib. The next message gets its own. */
  cleanup(): void;
}

/** The code of the error of `ws` for a message that is too big. */
const tooBig = 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH';

const isInflater = (value: unknown): value is Inflater =>
  typeof value === 'object' &&
  value !== null &&
  ['decompress', 'cleanup'].every((name) => typeof Reflect.get(value, name) === 'function');

/** Returns what decompresses the messages of a client; `undefined` if that is not where it was. */
const inflaterOf = (ws: WebSocket): Inflater | undefined => {
  const extensions: unknown = Reflect.get(ws, '_extensions');
  const found: unknown =
    typeof extensions === 'object' && extensions !== null ? Reflect.get(extensions, deflateExtension) : undefined;
  return isInflater(found) ? found : undefined;
};

/** Receives what happens while messages of a client are decompressed. */
interface InflationListener {
  /** Called after a part of a message was decompressed, and `ws` has taken what came behind it as far as it can. */
  onInflated(): void;
  /** Called before `ws` closes, as it cannot decompress a message. */
  onCorrupt(): void;
}

/**
 * Watches how `ws` decompresses the messages of one client. `ws` does so in a thread, and goes on with what it has read
 * even while the socket is paused: a read of 64 KiB may hold 60 MiB of messages.
 *
 * - While the connection is paused, the next message waits (CP4).
 * - After the last message of a read the memory of zlib is freed. `ws` would keep it for the life of the connection (CP4).
 * - Once the socket is lost, what waits is dropped, as anything is that the kernel still holds.
 *
 * State: open, held (the next part waits in `#waiting`), lost (what would wait is dropped).
 */
export class Inflation {
  #isHeld = false;
  #isLost = false;
  /** Whether a part is decompressed. The next one may begin before `ws` has returned from the last. */
  #isRunning = false;
  /** The one part that waits. */
  #waiting: { run(): void; drop(): void } | undefined;

  private constructor(inflater: Inflater, listener: InflationListener) {
    const decompress = inflater.decompress.bind(inflater);
    inflater.decompress = (data, isLast, done) => {
      const run = (): void => {
        this.#isRunning = true;
        decompress(data, isLast, (error, inflated) => {
          this.#isRunning = false;
          if (error && error.code !== tooBig) listener.onCorrupt();
          done(error, inflated);
          if (!error && isLast && !this.#isRunning) inflater.cleanup();
          listener.onInflated();
        });
      };
      if (!this.#isHeld) return run();
      this.#waiting = { run, drop: () => done(new Error('the socket is closed')) };
      if (this.#isLost) this.#drop();
    };
  }

  /** Watches a WebSocket. Returns `undefined` if `ws` has nothing to watch, and decompresses as it documents. */
  static of(ws: WebSocket, listener: InflationListener): Inflation | undefined {
    const inflater = inflaterOf(ws);
    return inflater && new Inflation(inflater, listener);
  }

  /** Makes the next part wait, or no part. */
  hold(isHeld: boolean): void {
    this.#isHeld = isHeld;
    if (isHeld) return;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.run();
  }

  /** Drops what waits, now and later: the socket is lost. */
  lose(): void {
    this.#isLost = true;
    this.#drop();
  }

  #drop(): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.drop();
  }
}
