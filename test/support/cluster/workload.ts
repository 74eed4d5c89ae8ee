import { exclude, type OutgoingMessage, reply, type Server } from '../../../src/index.js';
import { ChurnHouse, type Guest, namespace, roomName } from '../churn/churnRecorder.js';
import type { IssueAddress } from '../history/deliveryLog.js';

const digits = 8;
const event = 'e';
const kib = 1_024;
const long = 'x'.repeat(256 * kib);
/** Numbers of one server end here, and those of the next begin: eight digits tell who has said what. */
export const span = 10_000_000;
/** One connection of so many is moved about by its server alone. */
const guidedEach = 8;
/** What a client that reads nothing for a while is told by its own server: more than any kernel keeps for it. */
const flood = 24;

/** Chance that can be had again. */
export type Chance = (below: number) => number;
export const chanceFrom = (seed: number): Chance => {
  let state = seed % 2_147_483_647 || 1;
  return (below) => {
    state = (state * 48_271) % 2_147_483_647;
    return state % below;
  };
};

/** Something that a server has said to all servers. */
export interface Issue {
  readonly number: number;
  readonly speaker: number;
  /** What it means elsewhere: a connection that is left out is nowhere but with its own server. */
  readonly address: IssueAddress;
}

/** Told before a broadcast is made. */
type Announce = (issue: Issue) => void;

/** All that one server of several says in the churn, and its book. */
export class ClusterTalk {
  readonly house: ChurnHouse;
  readonly moved: Promise<void>[] = [];
  readonly counts = { to: 0, exceptUser: 0, except: 0, rooms: 0, longOnes: 0, fromHandlers: 0, moves: 0 };

  constructor(
    /** Which one of the servers. */
    readonly index: number,
    private readonly rooms: number,
    private readonly chance: Chance,
    private readonly server: () => Server,
    private readonly announce: Announce,
  ) {
    this.house = new ChurnHouse(rooms, {
      entered: (guest, topic) => this.#onOccasion(guest, topic),
      left: (guest, topic) => this.#onOccasion(guest, topic),
      asked: ({ number }) => reply(this.#text(this.house.ledger.emits(number, 0))),
      stalls: (guest) => this.#flood(guest),
    });
  }

  /** One turn's worth of talk. */
  beat(): void {
    for (let calls = 1 + this.chance(2); calls > 0; calls--) this.#call();
    if (this.chance(3) === 0) this.#move();
  }

  /** Closes somebody, with something said right before and right after. */
  closeOne(): void {
    const guest = this.#anyone();
    if (!guest) return;
    const topic = [...guest.topics].at(-1) ?? 0;
    this.say({ topic });
    this.house.close(guest);
    this.say({ topic });
    this.say({ topic: 0, to: guest.user });
  }

  /** To these, on all servers. */
  say(address: IssueAddress, bytes = 0, skipped?: Guest): void {
    this.server().broadcast(
      address.exceptUser === undefined ? (skipped?.conn ?? null) : exclude(`u${address.exceptUser}`),
      this.#message(address, bytes, skipped),
    );
  }

  /** Somebody of this server who has this id, and is in the namespace. */
  witness(user: number): Guest | undefined {
    return this.house.present.find((guest) => guest.user === user);
  }

  #call(): void {
    const guest = this.#anyone();
    const topic = this.chance(10) < 2 ? 0 : 1 + this.chance(this.rooms);
    const kind = this.chance(12);
    const bytes = this.chance(300) === 0 ? 40 * kib : this.chance(20) * 20;
    if (!guest || kind < 6) return this.say({ topic }, topic === 0 ? 0 : bytes);
    if (kind === 6) return this.say({ topic, exceptUser: guest.user });
    if (kind === 7) return this.say({ topic }, 0, guest);
    if (kind === 8) return this.say({ topic: [...guest.topics].at(-1) ?? topic, to: guest.user }, bytes);
    if (kind === 9) return this.say({ topic: 0, to: guest.user, exceptUser: this.#anyone()?.user ?? guest.user });
    if (kind === 10) return this.#batch(topic, guest);
    // Somebody who may be anywhere, or nowhere.
    return this.say({ topic: 0, to: guest.user + this.chance(3) }, bytes);
  }

  /** Of several kinds in one call. */
  #batch(topic: number, guest: Guest): void {
    const addresses: IssueAddress[] = [{ topic }, { topic: 0, to: guest.user }, { topic: 0 }];
    this.server().broadcast(null, ...addresses.map((address) => this.#message(address, 0)));
  }

  #message(address: IssueAddress, bytes: number, skipped?: Guest): OutgoingMessage {
    const { topic, to, exceptUser } = address;
    const here = this.house.ledger.issues(skipped ? { ...address, except: skipped.number } : address);
    this.announce({ number: here + (this.index + 1) * span, speaker: this.index, address });
    if (to !== undefined) this.counts.to++;
    if (exceptUser !== undefined) this.counts.exceptUser++;
    if (skipped) this.counts.except++;
    if (topic > 0) this.counts.rooms++;
    if (bytes > kib) this.counts.longOnes++;
    const message = { namespace, room: roomName(topic), event, body: this.#text(here, bytes) };
    return to === undefined ? message : { ...message, to: `u${to}` };
  }

  #text(here: number, bytes = 0): string {
    return String(here + (this.index + 1) * span) + long.slice(0, Math.max(0, bytes - digits));
  }

  #anyone(): Guest | undefined {
    const { present } = this.house;
    return present[this.chance(Math.max(1, present.length))];
  }

  /** Somebody has just come or gone: now and then the very handler that is told so speaks. */
  #onOccasion({ user }: Guest, topic: number): void {
    if (topic === 0 || this.chance(3) > 0) return;
    this.counts.fromHandlers++;
    this.say({ topic });
    this.say({ topic: 0, to: user });
  }

  #flood(guest: Guest): void {
    if (this.chance(4) > 0) return;
    for (let count = 0; count < flood; count++) {
      if (count % 12 === 0) this.say({ topic: 0, to: guest.user }, long.length);
      else if (guest.ns) guest.ns.emit(event, this.#text(this.house.ledger.emits(guest.number, 0), long.length));
    }
  }

  #move(): void {
    const guest = this.#anyone();
    if (!guest || guest.number % guidedEach > 0) return;
    this.counts.moves++;
    this.moved.push(this.house.move(guest, 1 + this.chance(this.rooms)));
  }
}
