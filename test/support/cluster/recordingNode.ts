import type { StackExchange } from '../../../src/exchange/exchange.js';
import { type Conn, type Events, ExchangeLoss, type ExchangeStatus, exclude, type Limits } from '../../../src/index.js';
import { bodyOf, type TappedUplink, tapExchange } from '../exchange/exchangeTap.js';
import type { RawClient } from '../peers/rawClient.js';
import type { TestNode, useNodes } from './nodes.js';

/** The audience of a message: the namespace, or less. */
export interface Address {
  readonly room?: string;
  readonly to?: string;
  readonly exclude?: string;
}

/** A message that a node has published, and how far it has got on its way to the broker. */
export interface NodePublication {
  readonly number: number;
  readonly address: Address;
  /** The channel and the moment at which the exchange was given it, if it was. */
  handed: { readonly channel: string; readonly at: number } | undefined;
  isConfirmed: boolean;
}

/** What one uplink of the exchange receives. */
export interface ListeningUplink {
  /** Channel -> the moment of its subscription. */
  readonly since: Map<string, number>;
  /** Node -> the moment at which its newest received message was published. */
  readonly upTo: Map<RecordingNode, number>;
}

/** A client, and what it has to receive. */
export interface NodeClient {
  readonly id: string;
  readonly rooms: Set<string>;
  readonly expected: string[];
  isClosed: boolean;
}

export const channelKeyOf = ({ to }: Address): string => (to === undefined ? 'all' : `to ${to}`);

const frameOf = /^;default;[^;]*;e;0;0;(\w+ \d+)/;
/** Returns the bodies that a client has received, in order. */
export const bodiesOf = (client: RawClient): string[] =>
  client.frames.all.flatMap((frame) => frameOf.exec(String(frame))?.[1] ?? []);

const parse = (payload: Uint8Array): { readonly name: string; readonly number: number } => {
  const [name = '', number] = bodyOf(payload).split(' ');
  return { name, number: Number(number) };
};

/** Numbers the events of one test. */
export class EventCounter {
  #last = 0;
  next(): number {
    return ++this.#last;
  }
}

/** One server of several that numbers its messages and records all that it publishes and receives. */
export class RecordingNode {
  readonly published: NodePublication[] = [];
  readonly received = new Map<RecordingNode, number[]>();
  readonly uplinks: ListeningUplink[] = [];
  readonly clients: NodeClient[] = [];
  /** Violations found so far. */
  readonly faults: string[] = [];
  readonly rawClients: { readonly record: () => NodeClient | undefined; readonly client: RawClient }[] = [];
  #node: TestNode | undefined;
  #handed = 0;

  constructor(
    readonly name: string,
    private readonly counter: EventCounter,
    private readonly others: () => readonly RecordingNode[],
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
    const uplinks = new Map<TappedUplink, ListeningUplink>();
    const uplinkOf = (uplink: TappedUplink): ListeningUplink => {
      const listening = uplinks.get(uplink) ?? { since: new Map(), upTo: new Map() };
      if (!uplinks.has(uplink)) this.uplinks.push(listening);
      uplinks.set(uplink, listening);
      return listening;
    };
    const tapped = tapExchange(exchange, {
      published: (_uplink, channel, payload) => this.#onPublished(channel, parse(payload).number),
      received: (uplink, _channel, payload) => this.#onReceived(uplinkOf(uplink), parse(payload)),
      subscribed: (uplink, channels) => {
        const at = this.counter.next();
        for (const channel of channels) uplinkOf(uplink).since.set(channel, at);
      },
      unsubscribed: (uplink, channels) => {
        for (const channel of channels) uplinkOf(uplink).since.delete(channel);
      },
    });
    this.#node = await makeNode(tapped, {
      namespaces: { default: this.#events((id) => tapped.channelOf('connection', id)) },
      onDisconnect: (conn) => this.#onDisconnect(conn),
      limits,
    });
  }

  /** Connects a client with this id, unique on this node. Does not wait until it is in its rooms. */
  async connect(id: string, ...rooms: readonly string[]): Promise<RawClient> {
    const client = await this.node.dial(id);
    this.rawClients.push({ client, record: () => this.clients.find((client) => client.id === id) });
    await client.inDefault();
    for (const room of rooms) client.send(`$${room};default;${room};_OnRoomJoin;0;0;`);
    return client;
  }

  publish(address: Address = {}, filler = ''): number {
    const number = this.published.length + 1;
    this.published.push({ number, address, handed: undefined, isConfirmed: false });
    this.#expect(`${this.name} ${number}`, address);
    const { exclude: excluded, ...to } = address;
    const message = { namespace: 'default', event: 'e', body: `${this.name} ${number} ${filler}`, ...to };
    this.node.server.broadcast(excluded === undefined ? null : exclude(excluded), message);
    return number;
  }

  lastOf(other: RecordingNode): number {
    return this.received.get(other)?.at(-1) ?? 0;
  }

  /** Counts the losses that were reported to `onError`, by reason. */
  get reportedLosses(): Readonly<Record<string, number>> {
    const reported: Record<string, number> = {};
    for (const { error } of this.node.errors) {
      if (error instanceof ExchangeLoss) reported[error.loss] = (reported[error.loss] ?? 0) + error.count;
    }
    return reported;
  }

  #events(channelOf: (id: string) => string): Events {
    return {
      _OnNamespaceConnected: ({ conn }) => {
        const isSubscribed = this.uplinks.at(-1)?.since.has(channelOf(conn.id));
        if (this.status.state === 'online' && !isSubscribed)
          this.faults.push(`${conn.id} is connected before the broker delivers to it (EX3)`);
        this.clients.push({ id: conn.id, rooms: new Set(), expected: [], isClosed: false });
      },
      _OnRoomJoined: ({ conn }, { room }) => void this.#clientOf(conn)?.rooms.add(room),
    };
  }

  #clientOf({ id }: Conn): NodeClient | undefined {
    return this.clients.find((client) => client.id === id);
  }

  #onDisconnect(conn: Conn): void {
    const client = this.#clientOf(conn);
    if (client) client.isClosed = true;
  }

  #expect(body: string, { room, to, exclude: excluded }: Address): void {
    for (const { id, rooms, expected, isClosed } of this.clients) {
      const isFor = (to === undefined || to === id) && (room === undefined || rooms.has(room)) && id !== excluded;
      if (isFor && !isClosed) expected.push(body);
    }
  }

  #onPublished(channel: string, number: number) {
    const published = this.published[number - 1];
    if (!published || number <= this.#handed)
      this.faults.push(`${this.name} publishes ${number} after ${this.#handed}`);
    this.#handed = number;
    if (published) published.handed = { channel, at: this.counter.next() };
    return {
      confirmed: () => {
        if (published) published.isConfirmed = true;
      },
    };
  }

  #onReceived(uplink: ListeningUplink, { name, number }: { readonly name: string; readonly number: number }): void {
    if (name === this.name) return;
    const other = this.others().find((node) => node.name === name);
    const published = other?.published[number - 1];
    if (!other || !published?.handed) {
      this.faults.push(`${this.name} has received ${name} ${number}, which no node has published`);
      return;
    }
    const received = this.received.get(other) ?? [];
    this.received.set(other, received);
    const last = received.at(-1) ?? 0;
    if (number <= last) this.faults.push(`${this.name} has received ${name} ${number} after ${last}`);
    received.push(number);
    uplink.upTo.set(other, Math.max(published.handed.at, uplink.upTo.get(other) ?? 0));
    this.#expect(`${name} ${number}`, published.address);
  }
}
