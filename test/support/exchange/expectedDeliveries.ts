import { Follower } from '../../../src/actors/cluster/follower.js';
import { isSystemEvent } from '../../../src/index.js';
import { readTag, type SenderTag } from '../../../src/protocol/tag.js';
import { readForeignToken } from '../../../src/protocol/token.js';
import type { Publication } from './recordedPublications.js';

/** A client with its namespaces and rooms. */
export interface PlacedClient {
  readonly id: string;
  readonly namespaces: readonly string[];
  readonly rooms: readonly string[];
}

/** The purpose of a channel. */
export type Place = { readonly kind: 'namespace' | 'connection'; readonly name: string } | { readonly kind: 'answers' };

interface FrameFields {
  readonly wait: string;
  readonly namespace: string;
  readonly room: string;
  readonly event: string;
  readonly isError: boolean;
  readonly isNoOp: boolean;
  readonly hasBody: boolean;
}

const fieldsOf = (payload: Uint8Array): FrameFields | undefined => {
  let at = -1;
  for (let fields = 0; fields < 6; fields++) {
    at = payload.indexOf(0x3b, at + 1);
    if (at === -1) return undefined;
  }
  const head = Buffer.from(payload.subarray(0, at));
  // Invalid UTF-8 does not survive the round trip.
  if (!Buffer.from(head.toString()).equals(head)) return undefined;
  const [wait = '', ...rest] = head.toString().split(';');
  const [namespace = '', room = '', event = ''] = rest.map((field) => field.replaceAll('@%!semicolon@%!', ';'));
  const [isError, isNoOp] = rest.slice(3).map((field) => field === '1');
  return {
    wait,
    namespace,
    room,
    event,
    isError: isError === true,
    isNoOp: isNoOp === true,
    hasBody: payload.length > at + 1,
  };
};

/** What one server has to do with each payload: the rules restated without the server. */
export class ExpectedDeliveries {
  broken = 0;
  missing = 0;
  late = 0;
  renumbered = 0;
  unasked = 0;
  received = 0;
  /** How many frames of other servers each client should receive. */
  readonly due = new Map<string, number>();
  /** Pending asks of other servers, and whether each token carries a marker. */
  readonly open = new Map<string, boolean>();
  /** What is late and missing, by channel and server: its own tests say how. */
  readonly #followers = new Map<string, Follower>();

  constructor(
    private readonly node: string,
    /** How this server's own tokens end. */
    private readonly ending: string,
    private readonly places: ReadonlyMap<string, Place>,
    private readonly members: readonly PlacedClient[],
    private readonly namespaces: readonly string[],
  ) {}

  take({ channel, payload }: Publication): void {
    const place = this.places.get(channel);
    if (!place) return;
    this.received++;
    const parts = payload.length > 1_048_576 ? undefined : fieldsOf(payload);
    if (!parts) this.broken++;
    else if (place.kind !== 'answers') this.#receive(channel, place.kind, place.name, parts);
  }

  #receive(channel: string, kind: 'namespace' | 'connection', name: string, parts: FrameFields): void {
    const { wait, namespace, event, isNoOp, isError, hasBody } = parts;
    const isTagged = wait.startsWith('neffos(0x');
    const tag = isTagged ? readTag(wait) : undefined;
    const foreign = wait === '' || isTagged ? undefined : readForeignToken(wait);
    if (tag?.node === this.node || foreign?.token.endsWith(this.ending)) return;
    if (tag && this.#isLate(`${channel} ${tag.node}`, tag)) return;
    const isInPlace = kind === 'connection' || name === namespace;
    const isMessage = event !== '' && !isSystemEvent(event) && !isNoOp;
    const isAsk = foreign !== undefined && !(isError && hasBody);
    if (!isInPlace || !isMessage || !this.namespaces.includes(namespace) || !(wait === '' || isTagged || isAsk)) {
      this.broken++;
      return;
    }
    const placed = this.members.filter(
      ({ id, namespaces, rooms }) =>
        namespaces.includes(namespace) &&
        (parts.room === '' || rooms.includes(`${namespace}/${parts.room}`)) &&
        (kind === 'namespace' || id === name) &&
        (!tag?.exceptId || id !== tag.exceptId),
    );
    if (!foreign) this.#deliver(placed);
    else if (placed.length > 0 && !this.open.has(foreign.token)) {
      if (this.open.size >= 1_000) {
        this.unasked++;
        return;
      }
      this.open.set(foreign.token, foreign.isMarked);
      this.#deliver(placed);
    }
  }

  #deliver(placed: readonly PlacedClient[]): void {
    for (const { id } of placed) this.due.set(id, (this.due.get(id) ?? 0) + 1);
  }

  #isLate(of: string, tag: SenderTag): boolean {
    const follower = this.#followers.get(of) ?? new Follower();
    this.#followers.set(of, follower);
    const { missing, isLate, isRenumbered } = follower.arrive(tag, 0);
    this.missing += missing;
    if (isRenumbered) this.renumbered++;
    if (isLate) this.late++;
    return isLate;
  }
}

/** Returns why a frame of another server must not reach this client, or undefined. */
export const faultOf = (
  frame: string | Uint8Array,
  { namespaces, rooms }: PlacedClient,
  open: ReadonlyMap<string, boolean>,
) => {
  const text = typeof frame === 'string' ? frame : Buffer.from(frame).toString();
  if (text.startsWith('native '))
    return namespaces.includes(text.slice(7)) ? undefined : 'a native message of another namespace';
  const parts = fieldsOf(Buffer.from(frame));
  if (!parts) return 'not a frame';
  const { wait, namespace, room, event, isNoOp } = parts;
  if (wait !== '' && !open.has(wait)) return 'an unknown token';
  if (!namespaces.includes(namespace)) return 'a namespace that it is not in';
  if (room !== '' && !rooms.includes(`${namespace}/${room}`)) return 'a room that it is not in';
  return event === '' || isSystemEvent(event) || isNoOp ? 'no event' : undefined;
};
