import type { Outcome } from './modelOutcome.js';
import type { ScriptedLine } from './scriptedServer.js';

/** A namespace or room, as the model sees it. */
export interface ModelPlace {
  readonly namespace: string;
  readonly room: string;
  readonly rooms: Map<string, ModelPlace>;
  presence: 'out' | 'entering' | 'in' | 'leaving';
  isWished: boolean;
  attempt: object | undefined;
  token: string;
  readonly entrants: Outcome[];
  readonly leavers: Outcome[];
  /** Whether the client has been there since the wish. */
  wasEntered: boolean;
  /** The last line on which the client was there, or on its way. */
  lostLine: ScriptedLine | undefined;
}

export const events = {
  connect: '_OnNamespaceConnect',
  connected: '_OnNamespaceConnected',
  disconnect: '_OnNamespaceDisconnect',
  join: '_OnRoomJoin',
  joined: '_OnRoomJoined',
  leave: '_OnRoomLeave',
  left: '_OnRoomLeft',
} as const;

/** The namespaces whose handlers the program declares. */
export const declared: readonly string[] = ['a', 'b'];

/** What is to be entered, in the order in which it was first asked for. */
export const wishesOf = (places: ReadonlyMap<string, ModelPlace>): ModelPlace[] =>
  [...places.values()].filter(({ isWished, presence }) => isWished && presence === 'out');

export const newPlace = (namespace: string, room: string): ModelPlace => ({
  namespace,
  room,
  rooms: new Map(),
  presence: 'out',
  isWished: false,
  attempt: undefined,
  token: '',
  entrants: [],
  leavers: [],
  wasEntered: false,
  lostLine: undefined,
});
