import type { NSConn, Room } from '../client/handles.js';
import { typed } from '../client/vocabulary.js';
import { OnRoomJoined, OnRoomLeft } from '../protocol/message.js';
import { enter } from './membership.js';
import { Sharing, useShared } from './shared.js';

/** A room as a component sees it. */
export interface RoomView<V> {
  /** The room: what is emitted in it waits until the client is there. `undefined` if it is not and will not be. */
  readonly room: Room<V> | undefined;
  /** Whether the client is in the room now. */
  readonly isJoined: boolean;
  /** The refusal of either side, or why the client closed. `undefined` if there is none. */
  readonly error: unknown;
  /** Asks the server once more after a refusal. */
  readonly retry: () => void;
}

const idle: RoomView<never> = { room: undefined, isJoined: false, error: undefined, retry: () => {} };

const rooms = new Sharing<NSConn, RoomView<never>>(idle, ({ owner: ns, key, show }) =>
  enter<Room>({
    client: ns.client,
    // A room that is left and joined again has another handle. That of its namespace stays.
    events: [OnRoomJoined, OnRoomLeft],
    find: () => ns.room(key),
    namespace: () => ns,
    isIn: (room) => room.isJoined,
    enter: () => ns.joinRoom(key),
    leave: (room) => room.leave(),
    show: (room, isJoined, error, retry) => show({ room: typed(room), isJoined, error, retry }),
  }),
);

/**
 * Keeps the client in a room while a component uses it, and returns the room (RC4). Components share it, and the last
 * of them leaves it. Without a namespace or a name it asks for nothing.
 *
 * @example
 * const { room, isJoined } = useRoom(board, 'alpha');
 * useEvent(room, 'edited', ({ data }) => show(data));
 */
export function useRoom<V>(ns: NSConn<V> | undefined, name: string | null | undefined): RoomView<V> {
  return typed(useShared(rooms, name ? typed<NSConn | undefined>(ns) : undefined, name ?? '', undefined));
}
