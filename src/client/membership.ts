import type { NSConn, Room } from './handles.js';
import type { AskOptions, Asks } from './line/asks.js';
import type { Listener } from './options.js';

/** Where a client stands with a namespace or room. */
export type Presence = 'out' | 'entering' | 'in' | 'leaving';

interface Waiter {
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
  readonly cancel: () => void;
}

/** The default of how long the server has to answer, in ms. */
export const entryTimeout = 10_000;

/** One namespace or room, over all lines. */
export class Membership<Handle = NSConn | Room> {
  /** Where the client stands on the present line. */
  presence: Presence = 'out';
  /** Whether the program has asked for it. The client then enters it on each line. */
  isWished = false;
  /** Whether the server had put the client there when the line was lost. */
  awaitsServer = false;
  /** How long the server has to answer the next entry, in ms. */
  timeout = entryTimeout;
  /** The present attempt to enter it. A later one, or the loss of the line, makes it void. */
  attempt: object | undefined;
  /** Token of the pending entry, or `''`. */
  token = '';
  /** The handlers added by `on`, by event. */
  readonly listeners = new Map<string, Set<Listener>>();
  /** The calls that wait for the entry. */
  readonly entrants = new Set<Waiter>();
  /** The calls that wait for the end. */
  readonly leavers = new Set<Waiter>();

  constructor(
    /** The namespace. */
    readonly namespace: string,
    /** The room, or `''`. */
    readonly room: string,
    /** The handle. */
    readonly handle: Handle,
  ) {}

  /** Whether the program may use the handle: the client is there, or will be. */
  get isKept(): boolean {
    return this.isWished || this.awaitsServer || this.presence !== 'out';
  }

  /** Whether the client is there, or will be by its own doing. */
  get isExpected(): boolean {
    return this.isWished || this.presence === 'in';
  }

  /** Lets a call wait for the entry. `onGone` is called if its signal ends it. */
  async awaitEntry(asks: Asks, options: AskOptions, onGone: () => void): Promise<Handle> {
    await waitIn(this.entrants, asks, options, onGone);
    return this.handle;
  }
  /** Lets a call wait for the end. */
  awaitLeave(asks: Asks, options: AskOptions): Promise<void> {
    return waitIn(this.leavers, asks, options, () => {});
  }
}

/** A namespace, with its rooms in the order in which they were joined. */
export class NamespaceMembership extends Membership<NSConn> {
  /** The rooms. */
  readonly rooms = new Map<string, Membership<Room>>();
}

const waitIn = (waiters: Set<Waiter>, asks: Asks, options: AskOptions, onGone: () => void): Promise<void> =>
  new Promise((resolve, reject) => {
    options.signal?.throwIfAborted();
    const cancel = asks.limit(options, (error) => {
      waiters.delete(waiter);
      cancel();
      reject(error);
      onGone();
    });
    const waiter: Waiter = { resolve, reject, cancel };
    waiters.add(waiter);
  });

/** Settles all calls that wait: with an error, if there is one. */
export const settle = (waiters: Set<Waiter>, failure?: { readonly error: unknown }): void => {
  for (const { resolve, reject, cancel } of waiters) {
    cancel();
    if (failure) reject(failure.error);
    else resolve();
  }
  waiters.clear();
};
