import { useCallback, useInsertionEffect, useRef, useSyncExternalStore } from 'react';
import { systemParts } from '../client/line/parts.js';

/** A value that is replaced by each render. */
export interface Latest<T> {
  /** The value of the last render that the page shows. */
  readonly current: T;
}

/** One thing to be opened, and how it is shown. */
export interface Opening<Owner, View, Input> {
  /** What it belongs to. */
  readonly owner: Owner;
  /** Its name there. */
  readonly key: string;
  /** Shows a new view of it to the components. */
  show(view: View): void;
  /** Returns what the component that came last has given. */
  newest(): Input;
}

interface Entry<View, Input> {
  view: View;
  close: () => void;
  readonly users: Map<() => void, Latest<Input>>;
}

/**
 * What components share, by owner and key. It is opened for the first component, closed one macrotask after the last
 * (RC1, RC4).
 */
export class Sharing<Owner extends object, View, Input = unknown> {
  readonly #owners = new WeakMap<Owner, Map<string, Entry<View, Input>>>();

  constructor(
    /** The view of what is not open. */
    readonly idle: View,
    /** Opens it. Returns the function that closes it. */
    private readonly open: (opening: Opening<Owner, View, Input>) => () => void,
  ) {}

  /** Returns the present view. */
  view(owner: Owner | undefined, key: string): View {
    return (owner && this.#owners.get(owner)?.get(key)?.view) ?? this.idle;
  }

  /** Adds a component, and calls `onChange` at each change of the view. Returns a function that removes it. */
  use(owner: Owner, key: string, input: Latest<Input>, onChange: () => void): () => void {
    const entries = this.#owners.get(owner) ?? new Map<string, Entry<View, Input>>();
    this.#owners.set(owner, entries);
    let entry = entries.get(key);
    if (!entry) {
      const users = new Map<() => void, Latest<Input>>();
      const made: Entry<View, Input> = { view: this.idle, close: () => {}, users };
      made.close = this.open({
        owner,
        key,
        show: (view) => {
          made.view = view;
          for (const tell of [...users.keys()]) tell();
        },
        newest: () => ([...users.values()].at(-1) ?? input).current,
      });
      entry = made;
      entries.set(key, made);
    }
    const { users } = entry;
    const used = entry;
    users.set(onChange, input);
    return () => {
      users.delete(onChange);
      // StrictMode, or a component in another place of the page, comes back within this macrotask.
      systemParts.clock.defer(() => {
        if (users.size > 0 || entries.get(key) !== used) return;
        entries.delete(key);
        used.close();
      });
    };
  }
}

/** Returns a holder of the newest value. Effects and events read it. */
export const useLatest = <T>(value: T): Latest<T> => {
  const ref = useRef(value);
  // It runs before every other effect of the same render.
  useInsertionEffect(() => {
    ref.current = value;
  });
  return ref;
};

/** Returns the view of what is shared, and renders again when it changes. Without an owner: the idle one. */
export const useShared = <Owner extends object, View, Input>(
  sharing: Sharing<Owner, View, Input>,
  owner: Owner | undefined,
  key: string,
  input: Input,
): View => {
  const latest = useLatest(input);
  const subscribe = useCallback(
    (onChange: () => void) => (owner ? sharing.use(owner, key, latest, onChange) : () => {}),
    [sharing, owner, key, latest],
  );
  return useSyncExternalStore(
    subscribe,
    () => sharing.view(owner, key),
    // A server shows what a browser shows first, so that hydration finds what it expects (RC8).
    () => sharing.idle,
  );
};
