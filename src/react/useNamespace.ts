import type { Client, NSConn } from '../client/handles.js';
import { type NamespaceName, typed, type VocabularyOf } from '../client/vocabulary.js';
import { OnNamespaceConnected, OnNamespaceDisconnect } from '../protocol/message.js';
import { enter } from './membership.js';
import { Sharing, useShared } from './shared.js';

/** A namespace as a component sees it. */
export interface NamespaceView<V> {
  /** The namespace: what is emitted in it waits until the client is there. `undefined` if it is not and will not be. */
  readonly ns: NSConn<V> | undefined;
  /** Whether the client is in the namespace now. */
  readonly isConnected: boolean;
  /** The refusal of either side, or why the client closed. `undefined` if there is none. */
  readonly error: unknown;
  /** Asks the server once more after a refusal. */
  readonly retry: () => void;
}

const idle: NamespaceView<never> = { ns: undefined, isConnected: false, error: undefined, retry: () => {} };

const namespaces = new Sharing<Client, NamespaceView<never>>(idle, ({ owner: client, key, show }) => {
  const find = (): NSConn | undefined => client.namespace(key);
  return enter<NSConn>({
    client,
    events: [OnNamespaceConnected, OnNamespaceDisconnect],
    find,
    namespace: find,
    isIn: (ns) => ns.isConnected,
    enter: () => client.connect(key),
    leave: (ns) => ns.disconnect(),
    show: (ns, isConnected, error, retry) => show({ ns: typed(ns), isConnected, error, retry }),
  });
});

/**
 * Keeps the client in a namespace while a component uses it, and returns the namespace (RC4). It stays the same object
 * over reconnects. Without a client it asks for nothing.
 *
 * @example
 * const { ns: board, isConnected, error } = useNamespace(client, 'board');
 * return <button disabled={!isConnected} onClick={() => board?.emit('edit', draft)}>Save</button>;
 */
export function useNamespace<App, Names extends string, Name extends NamespaceName<App, Names>>(
  client: Client<App, Names> | undefined,
  namespace: Name,
): NamespaceView<VocabularyOf<App, Name>> {
  return typed(useShared(namespaces, typed<Client | undefined>(client), namespace, undefined));
}
