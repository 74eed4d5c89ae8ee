import type { Client, NSConn } from '../client/handles.js';

/** How a namespace or room is entered and left. */
export interface Membership<Handle> {
  /** The client. */
  readonly client: Client;
  /** The lifecycle events after which it may be entered or left. */
  readonly events: readonly string[];
  /** Returns the handle, if the client is there or will be. */
  find(): Handle | undefined;
  /** Returns whether the client is there. */
  isIn(handle: Handle): boolean;
  /** Asks for it, and waits until it is entered. */
  enter(): Promise<unknown>;
  /** Leaves it. */
  leave(handle: Handle): Promise<void>;
  /** Returns the namespace, whose handlers are told lifecycle events. */
  namespace(): NSConn | undefined;
  /**
   * Shows it to the components: its handle, while the client is there or will be; whether the client is there now; why
   * it is not, if it was refused; and the function that asks once more.
   */
  show(handle: Handle | undefined, isIn: boolean, error: unknown, retry: () => void): void;
}

/** The handles that components are leaving. */
const leaving = new WeakSet<object>();

/** Enters a namespace or room, shows it, and returns the function that leaves it (RC4, RC5). */
export const enter = <Handle extends object>(membership: Membership<Handle>): (() => void) => {
  const { client, find } = membership;
  const before = find();
  // What the program had entered itself is not left when the components go.
  const isOurs = !before || leaving.has(before);
  let shown: readonly [handle: Handle | undefined, isIn: boolean, error: unknown] | undefined;
  let error: unknown;
  let isAwaited = false;

  const update = (): void => {
    const handle = find();
    const next = [handle, handle !== undefined && membership.isIn(handle), error] as const;
    if (shown?.every((part, at) => part === next[at])) return;
    shown = next;
    membership.show(...next, ask);
  };
  /** Asks, or waits for what the client asks by itself after a reconnect: either tells a refusal. */
  const ask = (): void => {
    if (isAwaited) return;
    isAwaited = true;
    error = undefined;
    const settle = (refusal?: unknown): void => {
      isAwaited = false;
      error = refusal;
      update();
    };
    membership.enter().then(() => settle(), settle);
    update();
  };

  ask();
  const stops = [
    ...membership.events.map((event) => membership.namespace()?.on(event, update)),
    client.subscribe((state) => {
      update();
      if (state !== 'online' && shown?.[0] && !shown[1]) ask();
    }),
  ];

  return () => {
    for (const stop of stops) stop?.();
    const last = find();
    if (!last || !isOurs) return;
    const settle = (): unknown => leaving.delete(last);
    leaving.add(last);
    membership.leave(last).then(settle, settle);
  };
};
