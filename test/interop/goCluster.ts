import { connect as connectNats } from '@nats-io/transport-node';
import { createClient } from 'redis';
import { afterAll, afterEach, beforeAll, expect } from 'vitest';
import { ReceiveQueue } from '../support/async/receiveQueue.js';
import { natsServer, type RunningBroker, redisServer, startNats, startRedis } from '../support/peers/brokers.js';
import {
  type GoArguments,
  type GoExchange,
  type GoHandlers,
  type GoPeer,
  goPeers,
  useGo,
} from '../support/peers/goPeer.js';
import { describeWith } from '../support/peers/installed.js';
import { RawClient, type RawFrame } from '../support/peers/rawClient.js';
import { nameOfGo } from './scenarios.js';

const brokers = { redis: redisServer, nats: natsServer } as const;
type BrokerKind = GoExchange['kind'];

/** Records all messages of a broker, and publishes on it. */
interface Tap {
  /** Channel and payload of each message, with a blank between them; a payload that is no text in hex. */
  readonly received: ReceiveQueue<string>;
  publish(channel: string, payload: string | Uint8Array): Promise<void>;
  close(): Promise<void>;
}

const textOf = (payload: Buffer): string => {
  const text = payload.toString();
  return Buffer.from(text).equals(payload) ? text : `<${payload.toString('hex')}>`;
};

const tapRedis = async (url: string): Promise<Tap> => {
  const received = new ReceiveQueue<string>('broker');
  const publisher = createClient({ url });
  const subscriber = publisher.duplicate();
  await Promise.all([publisher.connect(), subscriber.connect()]);
  await subscriber.pSubscribe('*', (payload, channel) => received.push(`${channel} ${textOf(payload)}`), true);
  return {
    received,
    publish: async (channel, payload) => {
      await publisher.publish(channel, Buffer.from(payload));
    },
    close: async () => {
      subscriber.destroy();
      publisher.destroy();
    },
  };
};

const tapNats = async (url: string): Promise<Tap> => {
  const received = new ReceiveQueue<string>('broker');
  const session = await connectNats({ servers: url });
  session.subscribe('>', {
    callback: (_, { subject, data }) => received.push(`${subject} ${textOf(Buffer.from(data))}`),
  });
  await session.flush();
  return {
    received,
    publish: async (channel, payload) => {
      session.publish(channel, payload);
      await session.flush();
    },
    close: () => session.close(),
  };
};

/** What keeps the tests in order, and is no part of what they are about. */
const isOurs = (line: string): boolean => /(^| )(;\w*;;(fence|probe);|probe$)/.test(line);

/** Two nodes of one line on one broker, and a tap on it. */
export class Cluster {
  readonly #clients: RawClient[] = [];
  #fences = 0;

  constructor(
    readonly kind: BrokerKind,
    readonly prefix: string,
    readonly nodes: readonly [GoPeer, GoPeer],
    readonly tap: Tap,
    private readonly ports: readonly [unknown, unknown],
    private readonly startGo: (path: string) => GoPeer,
  ) {}

  /** What carries a namespace, or what is for one id. */
  channelOf(name: string): string {
    return this.kind === 'redis' ? `${this.prefix}.${name}.` : `${this.prefix}.${name}`;
  }

  /** Connects a raw client to `default` and these rooms. It receives their messages from now on. */
  async enter(node: 0 | 1, id: string, ...rooms: string[]): Promise<RawClient> {
    const client = await this.dial(node, id);
    await client.inDefault();
    for (const room of rooms) await client.join('default', room);
    await this.settled(client, this.channelOf('default'), ';default;;probe;0;0;');
    return client;
  }

  async dial(node: 0 | 1, id: string, headers: Readonly<Record<string, string>> = {}): Promise<RawClient> {
    const client = await RawClient.dial(this.#urlOf(node, id), headers);
    this.#clients.push(client);
    return client;
  }

  /** Connects a Go client to `default` that answers asks, and receives messages to its id. */
  async enterGo(node: 0 | 1, id: string, path: string): Promise<GoPeer> {
    const go = this.startGo(path);
    await go.do('dial', { url: this.#urlOf(node, id), handlers: { default: { chat: '', q: 'reply:yes' } } });
    await go.do('connect', { namespace: 'default' });
    return go;
  }

  /** Waits for a subscription, which a node makes only after it has answered its client. */
  async settled(client: RawClient, channel: string, probe: string): Promise<void> {
    await expect
      .poll(async () => {
        await this.tap.publish(channel, probe);
        return client.frames.all;
      })
      .toContain(probe);
    await this.said();
  }

  /** What this client was sent until now by way of this channel. */
  async heardOn(channel: string, client: RawClient, namespace = 'default'): Promise<RawFrame[]> {
    const fence = `;${namespace};;fence;0;0;${++this.#fences}`;
    await this.tap.publish(channel, fence);
    const frames: RawFrame[] = [];
    for (let frame = await client.next(); frame !== fence; frame = await client.next()) frames.push(frame);
    return frames.filter((frame) => !isOurs(String(frame)));
  }

  /** What was heard on the broker until now and not read, but for what keeps the tests in order. */
  async said(): Promise<string[]> {
    const fence = `;;;fence;0;0;${++this.#fences}`;
    await this.tap.publish('fence', fence);
    const all: string[] = [];
    for (let line = ''; line !== `fence ${fence}`; line = await this.tap.received.next()) all.push(line);
    return all.slice(1).filter((line) => !isOurs(line));
  }

  /** What is heard on the broker next, but for that. */
  async next(): Promise<string> {
    for (;;) {
      const line = await this.tap.received.next();
      if (!isOurs(line)) return line;
    }
  }

  /** Has the first node broadcast; what went over the broker since, which is this many payloads at least. */
  async broadcast(what: GoArguments, count = 1): Promise<string[]> {
    await this.nodes[0].do('broadcast', { namespace: 'default', event: 'chat', ...what });
    const lines: string[] = [];
    while (lines.length < count) lines.push(await this.next());
    return [...lines, ...(await this.said())];
  }

  async close(): Promise<void> {
    for (const client of this.#clients) client.terminate();
    await this.tap.close();
  }

  #urlOf(node: 0 | 1, id: string): string {
    return `ws://127.0.0.1:${this.ports[node]}/?id=${id}`;
  }
}

/** What the suites of one line on one broker have. */
export interface Setting {
  readonly kind: BrokerKind;
  /** The program of the line. */
  readonly path: string;
  /** The line is the older one. */
  readonly isOlder: boolean;
  /** Two nodes; the second is of another line if its program is given. */
  start(handlers?: GoHandlers, otherPath?: string): Promise<Cluster>;
  /** The channel on which this line publishes the answers to a token. */
  answersOf(cluster: Cluster, token: string): string;
}

export const isOlderLine = ({ name }: { readonly name: string }): boolean => name === nameOfGo('v0.0.24');

/** A suite for each line on each broker; its broker runs as long as it does, its nodes as long as the test. */
export const describeNodes = (suite: (setting: Setting) => void): void => {
  for (const kind of ['redis', 'nats'] as const)
    describeWith(brokers[kind], `on ${brokers[kind].name}`, () => {
      for (const peer of goPeers)
        describeWith(peer, `nodes of ${peer.name} on ${brokers[kind].name}`, (path) => {
          const isOlder = isOlderLine(peer);
          const answersOf = ({ prefix }: Cluster, token: string): string =>
            isOlder ? token : `${prefix}.ask.${token}`;
          suite({ kind, path, isOlder, answersOf, start: useClusters(kind, path) });
        });
    });
};

const useClusters = (kind: BrokerKind, path: string): Setting['start'] => {
  const startGo = useGo();
  const clusters: Cluster[] = [];
  let broker: RunningBroker | undefined;
  let last = 0;

  beforeAll(async () => {
    broker = await (kind === 'redis' ? startRedis() : startNats());
  });
  afterEach(() => Promise.all(clusters.splice(0).map((cluster) => cluster.close())));
  afterAll(() => broker?.stop());

  return async (handlers = { default: { chat: '', q: '' } }, otherPath = path) => {
    if (!broker) throw new Error('there is no broker');
    const { url, port } = broker;
    const prefix = `cluster${++last}`;
    const exchange: GoExchange = { kind, prefix, address: kind === 'redis' ? `127.0.0.1:${port}` : url };
    const nodes = [startGo(path), startGo(otherPath)] as const;
    const [first, second, tap] = await Promise.all([
      nodes[0].do('serve', { handlers, exchange }),
      nodes[1].do('serve', { handlers, exchange }),
      kind === 'redis' ? tapRedis(url) : tapNats(url),
    ]);
    const cluster = new Cluster(kind, prefix, nodes, tap, [first, second], startGo);
    clusters.push(cluster);
    return cluster;
  };
};
