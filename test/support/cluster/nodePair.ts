import { expect, onTestFinished } from 'vitest';
import type { StackExchange } from '../../../src/exchange/exchange.js';
import type { Limits } from '../../../src/index.js';
import { type AuditTotals, audit, expectAllDelivered, expectLossesReported } from './audit.js';
import type { useNodes } from './nodes.js';
import { type Address, bodiesOf, EventCounter, RecordingNode } from './recordingNode.js';
import type { Random } from './workload.js';

const patience = { timeout: 60_000, interval: 5 };
const filler = '.'.repeat(2_048);
/** Time between two messages under load, in ms. */
const loadInterval = 2;

/** Two recording nodes on one broker, with their clients. */
export class NodePair {
  readonly nodes: readonly RecordingNode[];
  readonly #ids: string[] = [];
  #load: NodeJS.Timeout | undefined;

  private constructor(
    readonly a: RecordingNode,
    readonly b: RecordingNode,
    private readonly random: Random,
  ) {
    this.nodes = [a, b];
    onTestFinished(() => clearInterval(this.#load));
  }

  static async open(
    makeNode: ReturnType<typeof useNodes>,
    exchanges: { readonly a: StackExchange; readonly b: StackExchange },
    limits: Partial<Limits>,
    random: Random,
  ): Promise<NodePair> {
    const counter = new EventCounter();
    const a = new RecordingNode('a', counter, () => [a, b]);
    const b = new RecordingNode('b', counter, () => [a, b]);
    await a.open(makeNode, exchanges.a, limits);
    await b.open(makeNode, exchanges.b, limits);
    return new NodePair(a, b, random);
  }

  /** Connects the same clients to both: in a room, in another, in both, and in none. */
  async connectClients(): Promise<void> {
    for (const node of this.nodes) {
      await node.connect('one', 'r1');
      await node.connect('two', 'r2');
      await node.connect(`${node.name}-both`, 'r1', 'r2');
      await node.connect(`${node.name}-none`);
    }
    this.#ids.push('one', 'two', 'a-both', 'b-both', 'a-none', 'b-none');
    await this.#expect(({ clients }) => clients.reduce((sum, { rooms }) => sum + rooms.size, 0), 4);
    // One message on each channel: from now on a receiver notices a gap.
    await this.publishEverywhere();
    await this.waitForLastMessages();
  }

  /** Publishes one message to a random audience, on each node. */
  publishOnce(): void {
    for (const node of this.nodes) node.publish(this.#randomAddress(), filler.slice(0, this.random(filler.length)));
  }

  /** Keeps publishing on both until the audit. */
  startLoad(): void {
    this.#load = setInterval(() => this.publishOnce(), loadInterval);
  }

  async waitForState(state: 'online' | 'degraded', nodes = this.nodes): Promise<void> {
    await expect.poll(() => nodes.map(({ status }) => status.state), patience).toEqual(nodes.map(() => state));
  }

  /** Resolves when both have received this many more messages. */
  async waitForRelayed(count: number): Promise<void> {
    const counts = (): number[] =>
      this.nodes.flatMap(({ received }) => [...received.values()].map(({ length }) => length));
    const wanted = counts().map((length) => length + count);
    await expect.poll(() => counts().every((length, at) => length >= (wanted[at] ?? 0)), patience).toBe(true);
  }

  /** Checks that a message reaches the clients of its own server. */
  async expectLocalDelivery(): Promise<void> {
    for (const node of this.nodes) {
      const body = `${node.name} ${node.publish()}`;
      for (const { client } of node.rawClients) {
        await expect.poll(() => bodiesOf(client).includes(body), patience).toBe(true);
      }
    }
  }

  /** Publishes to the namespace and to every id, on both, one at a time so that no queue overflows. */
  async publishEverywhere(): Promise<void> {
    for (const address of [...this.#ids.map((to) => ({ to })), {}]) {
      for (const node of this.nodes) node.publish(address);
      await this.waitForEmptyQueues();
    }
  }

  async waitForEmptyQueues(): Promise<void> {
    await this.#expect(({ status }) => status.waiting.messages, 0);
  }

  /** Connects one more client that stays. It may be accepted only later. */
  async addClient(node: RecordingNode, id: string): Promise<void> {
    this.#ids.push(id);
    await node.connect(id, `r${1 + this.random(2)}`);
  }

  /** Resolves when each has received the last message of the other. */
  async waitForLastMessages(): Promise<void> {
    const { a, b } = this;
    await expect.poll(() => [a.lastOf(b), b.lastOf(a)], patience).toEqual([b.published.length, a.published.length]);
    await this.waitForEmptyQueues();
  }

  /** Stops the load and audits both nodes. */
  async audit(): Promise<AuditTotals> {
    clearInterval(this.#load);
    await this.waitForState('online');
    await this.publishEverywhere();
    await this.waitForLastMessages();
    const totals = audit(this.nodes);
    await expectAllDelivered(this.nodes);
    return totals;
  }

  /** Checks that every loss was reported. */
  async expectLossesReported(): Promise<void> {
    await expectLossesReported(this.nodes);
  }

  async #expect(what: (node: RecordingNode) => number, wanted: number): Promise<void> {
    await expect.poll(() => this.nodes.map(what), patience).toEqual(this.nodes.map(() => wanted));
  }

  #randomAddress(): Address {
    const id = this.#ids[this.random(this.#ids.length)] ?? '';
    const room = `r${1 + this.random(2)}`;
    return (
      [{}, { room }, { room }, { to: id }, { exclude: id }, { room, to: id }, { room, exclude: id }][this.random(7)] ??
      {}
    );
  }
}
