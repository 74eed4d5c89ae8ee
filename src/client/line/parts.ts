/** A `WebSocket` class: the browser's, or that of a package such as ws. */
export type WebSocketClass = new (
  url: string,
  protocols?: string[],
  options?: { headers: Record<string, string> },
) => object;

/** The source of time and of timers. Tests give one that they advance by hand. */
export interface ClientClock {
  /** Returns a time in ms that never goes back. */
  now(): number;
  /** Calls `run` once after `ms`. Returns the handle that `clearTimeout` takes. */
  setTimeout(run: () => void, ms: number): unknown;
  /** Cancels a timer. */
  clearTimeout(handle: unknown): void;
  /** Calls `run` in a later macrotask, after the input that is ready. It is not throttled in a hidden page. */
  defer(run: () => void): void;
}

/** What the machine and the page say about themselves. */
export interface ClientEnvironment {
  /** Returns whether the machine says that it is offline. It is a hint. */
  isOffline(): boolean;
  /** Calls `listener` when the page becomes visible, or the machine goes online or offline. Returns a function that ends this. */
  listen(listener: (type: 'VISIBLE' | 'ONLINE' | 'OFFLINE') => void): () => void;
  /** Returns the URL of the page, if there is one. */
  base(): string | undefined;
}

/** The parts of a client that tests replace. */
export interface ClientParts {
  /** Time, timers and macrotasks. */
  readonly clock: ClientClock;
  /** Returns a number of at least 0 and below 1. */
  readonly random: () => number;
  /** The machine and the page. */
  readonly environment: ClientEnvironment;
  /** The `WebSocket` class where the program gives none. Headers become URL parameters. */
  readonly WebSocket: WebSocketClass | undefined;
}

/** The members of a browser's global object that are used here. Elsewhere some of them are missing. */
interface Globals {
  readonly WebSocket?: WebSocketClass;
  readonly document?: { readonly visibilityState: string };
  readonly navigator?: { readonly onLine?: boolean };
  readonly location?: { readonly href: string };
  addEventListener?(type: string, listener: () => void, capture?: boolean): void;
  removeEventListener?(type: string, listener: () => void, capture?: boolean): void;
  setImmediate?(run: () => void): unknown;
  readonly MessageChannel: new () => {
    readonly port1: { onmessage: (() => void) | null; close(): void };
    readonly port2: { postMessage(message: unknown): void };
  };
}

// Every browser, Node, Bun and Deno have a MessageChannel. The other members are optional.
const globals = globalThis as unknown as Globals;

const systemClock: ClientClock = {
  now: () => performance.now(),
  setTimeout: (run, ms) => setTimeout(run, ms),
  // The handle is from `setTimeout` above.
  clearTimeout: (handle) => clearTimeout(handle as ReturnType<typeof setTimeout>),
  defer: (run) => {
    if (globals.setImmediate) {
      globals.setImmediate(run);
      return;
    }
    // A channel of its own, closed at once, keeps no process alive.
    const { port1, port2 } = new globals.MessageChannel();
    port1.onmessage = () => {
      port1.close();
      run();
    };
    port2.postMessage(0);
  },
};

const systemEnvironment: ClientEnvironment = {
  isOffline: () => globals.navigator?.onLine === false,
  listen: (listener) => {
    const onVisible = (): void => {
      if (globals.document?.visibilityState !== 'hidden') listener('VISIBLE');
    };
    const listeners: readonly [string, () => void][] = [
      ['online', () => listener('ONLINE')],
      ['offline', () => listener('OFFLINE')],
      ['pageshow', onVisible],
      // It bubbles up from the document.
      ['visibilitychange', onVisible],
    ];
    for (const [type, run] of listeners) globals.addEventListener?.(type, run);
    return () => {
      for (const [type, run] of listeners) globals.removeEventListener?.(type, run);
    };
  },
  base: () => globals.location?.href,
};

/** The parts of the process or page. */
export const systemParts: ClientParts = {
  clock: systemClock,
  random: () => Math.random(),
  environment: systemEnvironment,
  get WebSocket() {
    return globals.WebSocket;
  },
};

const key = Symbol('parts');

/**
 * Returns options of a client that uses these parts instead of those of the process. It is not public: tests run a
 * client with a clock, random numbers, sockets and an environment of their own.
 *
 * @example
 * const client = dial('ws://test', withParts({}, { clock, random, WebSocket }));
 */
export const withParts = <Options extends object>(options: Options, parts: Partial<ClientParts>): Options => ({
  ...options,
  [key]: { ...systemParts, ...parts },
});

/** Returns the parts that these options carry, or those of the process. */
export const partsOf = (options: object & { readonly [key]?: ClientParts }): ClientParts => options[key] ?? systemParts;
