import type { StackExchange } from '../../../src/exchange/exchange.js';
import { type Conn, type Events, ExchangeLoss, type ExchangeStatus, exclude, type Limits } from '../../../src/index.js';
import { bodyOf, type Life, overhear } from '../exchange/exchangeTap.js';
import type { RawClient } from '../peers/rawClient.js';
import type { TestNode, useNodes } from './nodes.js';

/** Whom a message is for: all in the namespace, or less. */
export interface Address {
  readonly room?: string;
  readonly to?: string;
  readonly exclude?: string;
}

/** Something that a station has said, and what has become of it on its way to the broker. */
export interface Said {
  readonly number: number;
  readonly address: Address;
  /** The channel, and the moment, of its handing over, if it was. */
  handed: { readonly channel: string; readonly at: number } | undefined;
  isConfirmed: boolean;
}

/** What is heard in one session. */
export interface Hearing {
  /** Channel -> the moment from which on it is heard. */
  readonly since: Map<string, number>;
  /** Station -> when the newest of what was heard of it had been handed over. */
  readonly upTo: Map<Station, number>;
}

/** A client, and what it has to see. */
export interface Guest {
  readonly id: string;
  readonly rooms: Set<string>;
  readonly due: string[];
  isGone: boolean;
}

export const channelKeyOf = ({ to }: Address): string => (to === undefined ? 'all' : `to ${to}`);

const frameOf = /^;default;[^;]*;e;0;0;(\w+ \d+)/;
/** What a client has seen, in order. */
export const seenBy = (client: RawClient): string[] =>
  client.frames.all.flatMap((frame) => frameOf.exec(String(frame))?.[1] ?? []);

const parse = (payload: Uint8Array): { readonly name: string; readonly number: number } => {
  const [name = '', number] = bodyOf(payload).split(' ');
  return { name, number: Number(number) };
};

/** Moments of one test, one after the other. */
export class Moments {
  #last = 0;
  next(): number {
    return ++this.#last;
  }
}

/** One server among others whose every word has a number, with a book of all that it has said and heard. */
export class Station {
  readonly said: Said[] = [];
  readonly heard = new Map<Station, number[]>();
  readonly hearings: Hearing[] = [];
  readonly guests: Guest[] = [];
  /** What must never be. */
  readonly faults: string[] = [];
  readonly clients: { readonly guest: () => Guest | undefined; readonly client: RawClient }[] = [];
  #node: TestNode | undefined;
  #handed = 0;

  constructor(
    readonly name: string,
    private readonly moments: Moments,
    private readonly others: () => readonly Station[],
  ) {}

  get node(): TestNode {
    if (!this.#node) throw new Error(`${this.name} is not open`);
    return this.#node;
  }
  get status(): ExchangeStatus {
    const { exchange } = this.node.server;
    if (!exchange) throw new Error(`${this.name} has no exchange`);
    return exchange.status;
  }

  async open(makeNode: ReturnType<typeof useNodes>, exchange: StackExchange, limits: Partial<Limits>): Promise<void> {
    const hearings = new Map<Life, Hearing>();
    const hearingOf = (life: Life): Hearing => {
      const hearing = hearings.get(life) ?? { since: new Map(), upTo: new Map() };
      if (!hearings.has(life)) this.hearings.push(hearing);
      hearings.set(life, hearing);
      return hearing;
    };
    const overheard = overhear(exchange, {
      handed: (_life, channel, payload) => this.#hand(channel, parse(payload).number),
      received: (life, _channel, payload) => this.#hear(hearingOf(life), parse(payload)),
      subscribed: (life, channels) => {
        const at = this.moments.next();
        for (const channel of channels) hearingOf(life).since.set(channel, at);
      },
      unsubscribed: (life, channels) => {
        for (const channel of channels) hearingOf(life).since.delete(channel);
      },
    });
    this.#node = await makeNode(overheard, {
      namespaces: { default: this.#events((id) => overheard.channelOf('connection', id)) },
      onDisconnect: (conn) => this.#left(conn),
      limits,
    });
  }

  /** A client with this id, which no other one of this station has. It does not wait until it is in its rooms. */
  async welcome(id: string, ...rooms: readonly string[]): Promise<RawClient> {
    const client = await this.node.dial(id);
    this.clients.push({ client, guest: () => this.guests.find((guest) => guest.id === id) });
    await client.inDefault();
    for (const room of rooms) client.send(`$${room};default;${room};_OnRoomJoin;0;0;`);
    return client;
  }

  say(address: Address = {}, filler = ''): number {
    const number = this.said.length + 1;
    this.said.push({ number, address, handed: undefined, isConfirmed: false });
    this.#owe(`${this.name} ${number}`, address);
    const { exclude: excluded, ...to } = address;
    const message = { namespace: 'default', event: 'e', body: `${this.name} ${number} ${filler}`, ...to };
    this.node.server.broadcast(excluded === undefined ? null : exclude(excluded), message);
    return number;
  }

  lastOf(other: Station): number {
    return this.heard.get(other)?.at(-1) ?? 0;
  }

  /** What `onError` has been told is lost, by reason. */
  get toldLosses(): Readonly<Record<string, number>> {
    const told: Record<string, number> = {};
    for (const { error } of this.node.errors) {
      if (error instanceof ExchangeLoss) told[error.loss] = (told[error.loss] ?? 0) + error.count;
    }
    return told;
  }

  #events(channelOf: (id: string) => string): Events {
    return {
      _OnNamespaceConnected: ({ conn }) => {
        const isHeard = this.hearings.at(-1)?.since.has(channelOf(conn.id));
        if (this.status.state === 'online' && !isHeard) this.faults.push(`${conn.id} is in, and is not heard (EX3)`);
        this.guests.push({ id: conn.id, rooms: new Set(), due: [], isGone: false });
      },
      _OnRoomJoined: ({ conn }, { room }) => void this.#guest(conn)?.rooms.add(room),
    };
  }

  #guest({ id }: Conn): Guest | undefined {
    return this.guests.find((guest) => guest.id === id);
  }

  #left(conn: Conn): void {
    const guest = this.#guest(conn);
    if (guest) guest.isGone = true;
  }

  #owe(what: string, { room, to, exclude: excluded }: Address): void {
    for (const { id, rooms, due, isGone } of this.guests) {
      const isFor = (to === undefined || to === id) && (room === undefined || rooms.has(room)) && id !== excluded;
      if (isFor && !isGone) due.push(what);
    }
  }

  #hand(channel: string, number: number) {
    const said = this.said[number - 1];
    if (!said || number <= this.#handed) this.faults.push(`${this.name} hands over ${number} behind ${this.#handed}`);
    this.#handed = number;
    if (said) said.handed = { channel, at: this.moments.next() };
    return {
      confirmed: () => {
        if (said) said.isConfirmed = true;
      },
    };
  }

  #hear(hearing: Hearing, { name, number }: { readonly name: string; readonly number: number }): void {
    if (name === this.name) return;
    const other = this.others().find((station) => station.name === name);
    const said = other?.said[number - 1];
    if (!other || !said?.handed) {
      this.faults.push(`${this.name} has heard ${name} ${number}, which nobody has said`);
      return;
    }
    const heard = this.heard.get(other) ?? [];
    this.heard.set(other, heard);
    const last = heard.at(-1) ?? 0;
    if (number <= last) this.faults.push(`${this.name} has heard ${name} ${number} behind ${last}`);
    heard.push(number);
    hearing.upTo.set(other, Math.max(said.handed.at, hearing.upTo.get(other) ?? 0));
    this.#owe(`${name} ${number}`, said.address);
  }
}
