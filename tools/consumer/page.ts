// A component's hook, typed by a contract. The schema library is any: `bytes` is our own.
import { bytes, contract, event, fromServer } from 'musterjs/contract';
import { type ClientView, useClient, useEvent, useNamespace, useRoom } from 'musterjs/react';

const app = contract({ board: { edit: event(bytes()), edited: fromServer(bytes()) } });

/** Returns what a page needs of the board. */
export const useBoard = (room: string, show: (bytes: Uint8Array) => void) => {
  const view: ClientView<typeof app, never> = useClient('/live', { contract: app, auth: () => 'token', key: 'ann' });
  const { ns, isConnected, error, retry } = useNamespace(view.client, 'board');
  const { room: joined, isJoined } = useRoom(ns, room);
  useEvent(joined, 'edited', ({ data }) => show(data));
  // @ts-expect-error no such event
  useEvent(joined, 'edits', () => {});
  return {
    state: view.state,
    isConnected,
    isJoined,
    error,
    retry,
    edit: (data: Uint8Array) => joined?.emit('edit', data),
  };
};
