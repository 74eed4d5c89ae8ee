import type { Client, NSConn } from '../client/handles.js';

/** A namespace or room as components see it, by its handle. */
export interface MembershipView<Handle> {
  /** The handle, while the client is there or will be. */
  readonly handle: Handle | undefined;
  /** Whether the client is there now. */
  readonly isIn: boolean;
  /** Why it is not, if it was refused. */
  readonly error: unknown;
  /** Asks once more. */
  readonly retry: () => void;
}

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
  /** Shows it to the components. */
  show(view: MembershipView<Handle>): void;
  /** Returns whether components use it again. */
  isOpen(): boolean;
}

/** The handles that components have asked for. The program's own are not left when components go. */
const owned = new WeakSet<object>();

/** Enters a namespace or room, shows it, and returns the function that leaves it (RC4, RC5). */
export const enter = <Handle extends object>(membership: Membership<Handle>): (() => void) => {
  const { client, find } = membership;
  const before = find();
  const isOurs = !before || owned.has(before);
  let view: MembershipView<Handle> | undefined;
  let error: unknown;
  let isAwaited = false;

  const update = (): void => {
    const handle = find();
    const isIn = handle !== undefined && membership.isIn(handle);
    if (view && view.handle === handle && view.isIn === isIn && view.error === error) return;
    view = { handle, isIn, error, retry: ask };
    membership.show(view);
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
    const handle = find();
    if (isOurs && handle) owned.add(handle);
    update();
  };

  ask();
  const stops = [
    ...membership.events.map((event) => membership.namespace()?.on(event, update)),
    client.subscribe((state) => {
      update();
      if (state !== 'online' && view?.handle && !view.isIn) ask();
    }),
  ];

  return () => {
    for (const stop of stops) stop?.();
    const last = find();
    if (!last || !owned.has(last)) return;
    const forget = (): void => {
      if (!membership.isOpen()) owned.delete(last);
    };
    membership.leave(last).then(forget, forget);
  };
};
