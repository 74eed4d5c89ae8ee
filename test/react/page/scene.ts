import { createElement, Fragment, type ReactNode, useState } from 'react';
import { type Client, dial } from '../../../src/client/client.js';
import { useClient, useEvent, useNamespace, useRoom } from '../../../src/react/react.js';

/** What a component in the page shows. */
export interface Pane {
  /** Id of its element. */
  readonly id: string;
  /** Tells clients apart. */
  readonly key?: string;
  /** Whether it is given the client that the page has dialed itself. */
  readonly isGiven?: boolean;
  /** The namespace. */
  readonly namespace: string;
  /** The room, if it joins any. */
  readonly room?: string;
  /** What it writes before each text that it hears. */
  readonly prefix?: string;
  /** The token that it gives the server. */
  readonly token?: string;
}

/** What the page shows. */
export interface Scene {
  /** Where the clients dial. */
  readonly url: string | null;
  /** The components. */
  readonly panes: readonly Pane[];
}

let own: Client | undefined;

/** Returns the client that the page has dialed itself. */
export const ownClient = (url: string): Client => {
  own ??= dial(url);
  return own;
};

const textOf = (error: unknown): string => (error instanceof Error ? error.message : '');

const useView = (url: string | null, { key = '', token, isGiven }: Pane) => {
  const given = useClient(isGiven && url ? ownClient(url) : null);
  const opened = useClient(isGiven ? null : url, { key, ...(token !== undefined && { auth: () => token }) });
  return isGiven ? given : opened;
};

const PaneView = ({ url, pane }: { readonly url: string | null; readonly pane: Pane }): ReactNode => {
  const { id, namespace, room: name, prefix = '' } = pane;
  const { client, state, reason } = useView(url, pane);
  const { ns, isConnected, error, retry } = useNamespace(client, namespace);
  const { room, isJoined, error: roomError, retry: retryRoom } = useRoom(ns, name);
  const [heard, setHeard] = useState<readonly string[]>([]);
  useEvent(name ? room : ns, 'said', ({ body }) => setHeard((all) => [...all, `${prefix}${String(body)}`]));
  const cell = (part: string, text: string): ReactNode => createElement('i', { className: part }, text);
  const button = (part: string, onClick: () => void): ReactNode =>
    createElement('button', { type: 'button', className: part, onClick }, part);
  return createElement(
    'div',
    { id },
    cell('state', state),
    cell('reason', reason ? `${reason.code} ${reason.text}` : ''),
    cell('connected', String(isConnected)),
    cell('joined', String(isJoined)),
    cell('handle', String((name ? room : ns) !== undefined)),
    cell('error', textOf(error)),
    cell('room-error', textOf(roomError)),
    cell('heard', heard.join(' ')),
    button('say', () => (room ?? ns)?.emit('say', id)),
    button('retry', () => (name ? retryRoom : retry)()),
  );
};

/** Shows the panes of a scene. */
export const SceneView = ({ scene: { url, panes } }: { readonly scene: Scene }): ReactNode =>
  createElement(Fragment, null, ...panes.map((pane) => createElement(PaneView, { key: pane.id, url, pane })));
