import { expect, vi } from 'vitest';
import type { StackExchange } from '../../src/exchange/exchange.js';
import { exclude, type OutgoingMessage, type Server } from '../../src/index.js';
import type { GoArguments, GoPeer } from '../support/peers/goPeer.js';
import { type MixedClient, RawMixedClient } from './mixedClients.js';

/** Two servers of ours, and a node of Go. */
export const places = ['a', 'b', 'g'] as const;
export type Place = (typeof places)[number];

/** Something to be said, by whatever node. */
export interface MixedMessage {
  /** `default` if it is left out. */
  readonly namespace?: string;
  readonly room?: string;
  /** `chat` if it is left out. */
  readonly event?: string;
  readonly body?: string | Uint8Array;
  readonly to?: string;
  readonly err?: string;
  readonly isNative?: boolean;
}

/** The exclusion: the connection with this id on the publishing node, or every connection with this id. */
export type Skip = { readonly conn: string } | { readonly id: string };

/** A client and where it is. */
export interface PlacedClient {
  readonly name: string;
  readonly place: Place;
  readonly client: MixedClient;
  readonly rooms: readonly string[];
  readonly namespaces: readonly string[];
}

/** What the suites of one line on one broker have. */
export interface MixedSetting {
  readonly broker: 'redis' | 'nats';
  /** The program of the line. */
  readonly path: string;
  /** The line is the older one. */
  readonly isOlder: boolean;
  /** The node of Go has no channel for the empty namespace. */
  readonly isMute: boolean;
}

/** The broker, as those that are to meet there need it. */
export interface SharedBroker {
  readonly exchange: (asksOlder: boolean) => StackExchange;
  readonly address: string;
  /** Does anybody listen there? */
  isHeard(channel: string): Promise<boolean>;
  stop(): Promise<void>;
}

/** A message to a client by one channel that only orders the test. */
interface Mark {
  readonly placed: PlacedClient;
  readonly message: MixedMessage;
  readonly line: string;
}

const isFence = (line: string): boolean => /^(fence|probe) |: (fence|probe) /.test(line);

/** The servers, the node, and their clients. */
export class MixedCluster {
  #fences = 0;

  constructor(
    readonly servers: Readonly<Record<'a' | 'b', Server>>,
    readonly node: GoPeer,
    readonly clients: readonly PlacedClient[],
    readonly broker: SharedBroker,
    private readonly setting: MixedSetting,
    private readonly isNativeOnly: boolean,
  ) {}

  /** The only client of this name. */
  client(name: string): MixedClient {
    const placed = this.clients.find((one) => one.name === name);
    if (!placed) throw new Error(`there is no "${name}"`);
    return placed.client;
  }

  raw(name: string): RawMixedClient {
    const client = this.client(name);
    if (!(client instanceof RawMixedClient)) throw new Error(`"${name}" is not raw`);
    return client;
  }

  /** Says all of this in one call. */
  async broadcast(place: Place, messages: readonly MixedMessage[], skip?: Skip): Promise<void> {
    if (place !== 'g') return this.#sayHere(this.servers[place], messages, skip);
    const [first, ...more] = messages.map(({ body = '', ...rest }): GoArguments => ({ ...usual, body, ...rest }));
    const skipped = skip && ('conn' in skip ? { except: skip.conn } : { exclude: skip.id });
    await this.node.do('broadcast', { ...first, more, ...skipped });
  }

  /**
   * What each client was told since the last time, when this node has spoken: what comes from it stands before its fence,
   * and what comes back to it before the fence of another.
   */
  async received(place: Place): Promise<Record<string, readonly string[]>> {
    const first = await this.#fence(place);
    const second = await this.#fence(place === 'b' ? 'a' : 'b');
    return Object.fromEntries([...first].map(([name, lines]) => [name, [...lines, ...(second.get(name) ?? [])]]));
  }

  /** Waits until Go nodes have subscribed, which they do after they have answered their clients. */
  async settle(): Promise<void> {
    const probes = this.#marks('a', 'probe');
    const isHeard = (): boolean => probes.every(({ placed, line }) => placed.client.has(line));
    const options = { timeout: 5_000, interval: 10 };
    await vi.waitFor(async () => {
      await this.#sayMarks('a', probes);
      expect(isHeard()).toBe(true);
    }, options);
    await this.received('a');
  }

  /** What our servers have counted as lost. */
  lost(): string[] {
    return Object.entries(this.servers).flatMap(([place, { exchange }]) =>
      Object.entries(exchange?.status.lost ?? { exchange: 1 })
        .filter(([, count]) => count > 0)
        .map(([reason, count]) => `${place}: ${reason} ${count}`),
    );
  }

  async close(): Promise<void> {
    for (const { client } of this.clients) client.end();
    this.node.end();
    await Promise.all(Object.values(this.servers).map((server) => server.close({ timeout: 1_000 })));
    await this.broker.stop();
  }

  #sayHere(server: Server, sayings: readonly MixedMessage[], skip: Skip | undefined): void {
    const conn = skip && 'conn' in skip && server.connections().find(({ id }) => id === skip.conn);
    const except = conn || (skip && 'id' in skip ? exclude(skip.id) : null);
    const messages = sayings.map(({ err, isNative = false, ...rest }): OutgoingMessage => {
      const message = { ...usual, ...rest, ...(err === undefined ? {} : { err: new Error(err) }) };
      return { ...message, isNative };
    });
    server.broadcast(except, ...messages);
  }

  /** On each way on which this node reaches a client, its namespace and its id: something to be said there. */
  #marks(place: Place, word: string): readonly Mark[] {
    return this.clients.flatMap((placed) =>
      placed.namespaces.flatMap((namespace) => {
        const isMute = place === 'g' && namespace === '' && this.setting.isMute;
        // Where there are native messages only, a node of Go listens for ids alone.
        const isDeaf = this.isNativeOnly && placed.place === 'g';
        const byName = isMute || isDeaf ? [] : [this.#markOf(placed, { namespace }, word)];
        const { id } = placed.client;
        return [...byName, this.#markOf(placed, { namespace, to: id }, `${word} to ${id}`)];
      }),
    );
  }

  #markOf(placed: PlacedClient, address: MixedMessage, text: string): Mark {
    const [word = '', ...rest] = text.split(' ');
    const body = rest.join(' ');
    if (this.isNativeOnly) {
      const output = `${word} ${body}`;
      return { placed, message: { ...address, isNative: true, body: output }, line: `OnNativeMessage : ${output}` };
    }
    return { placed, message: { ...address, event: word, body }, line: `${word} ${address.namespace}: ${body}` };
  }

  /** Publishes marks in one call, without duplicates. */
  #sayMarks(place: Place, marks: readonly Mark[]): Promise<void> {
    const messages = new Map(marks.map(({ line, message }) => [line, message]));
    return this.broadcast(place, [...messages.values()]);
  }

  /** Publishes fences behind all earlier messages of this node. Returns what each client received before them. */
  async #fence(place: Place): Promise<Map<string, string[]>> {
    const marks = this.#marks(place, `fence ${++this.#fences}`);
    await this.#sayMarks(place, marks);
    const read = this.clients.map(async (placed): Promise<[string, string[]]> => {
      const due = new Set(marks.filter((mark) => mark.placed === placed).map(({ line }) => line));
      const lines: string[] = [];
      while (due.size > 0) {
        const line = await placed.client.next();
        due.delete(line);
        if (!isFence(line)) lines.push(line);
      }
      return [placed.name, lines];
    });
    return new Map(await Promise.all(read));
  }
}

const usual = { namespace: 'default', event: 'chat' } as const;
