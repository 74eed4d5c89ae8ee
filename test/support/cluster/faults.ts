import fc from 'fast-check';
import type { HoldPoint, MemoryBroker } from '../exchange/memoryExchange.js';
import type { RawClient } from '../peers/rawClient.js';
import type { NodePair } from './nodePair.js';
import type { RecordingNode } from './recordingNode.js';

/** One thing that happens to two nodes and their broker. */
export type ClusterCommand =
  | { readonly command: 'publish'; readonly times: number }
  | { readonly command: 'hold'; readonly where: HoldPoint }
  | { readonly command: 'lose'; readonly taken: boolean; readonly count: number }
  | { readonly command: 'connect' | 'visit' | 'leave'; readonly isA: boolean }
  | { readonly command: 'release' | 'stop' | 'start' | 'tick' | 'recover' | 'expire' };

const publish = fc.record({ command: fc.constant('publish' as const), times: fc.integer({ min: 1, max: 6 }) });
const hold = fc.record({
  command: fc.constant('hold' as const),
  where: fc.constantFrom<HoldPoint>('taking', 'confirming'),
});
const lose = fc.record({
  command: fc.constant('lose' as const),
  taken: fc.boolean(),
  count: fc.integer({ min: 1, max: 2 }),
});
const visit = fc.record({ command: fc.constantFrom('connect' as const, 'visit', 'leave'), isA: fc.boolean() });
const plain = fc.record({ command: fc.constantFrom('release' as const, 'stop', 'start', 'tick', 'recover', 'expire') });

export const clusterCommands: fc.Arbitrary<ClusterCommand[]> = fc.array(
  fc.oneof(
    { weight: 8, arbitrary: publish },
    { weight: 3, arbitrary: hold },
    { weight: 3, arbitrary: lose },
    { weight: 3, arbitrary: visit },
    { weight: 6, arbitrary: plain },
  ),
  { minLength: 10, maxLength: 40, size: 'max' },
);

/** Lets everything else run for two ticks. */
const tick = (): Promise<void> => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));

/** Runs commands, and then lets the broker recover. */
export class FaultRunner {
  readonly #holds = new Set<() => void>();
  readonly #arrivals: Promise<void>[] = [];
  readonly #visitors: RawClient[] = [];
  #names = 0;

  constructor(
    private readonly pair: NodePair,
    private readonly broker: MemoryBroker,
    /** Whether waiting messages expire soon. */
    private readonly expiresSoon: boolean,
  ) {}

  async run(commands: readonly ClusterCommand[]): Promise<void> {
    for (const command of commands) await this.#do(command);
    await this.#recover();
    await Promise.all(this.#arrivals);
  }

  async #do(command: ClusterCommand): Promise<void> {
    const { pair, broker } = this;
    switch (command.command) {
      case 'publish':
        for (let times = command.times; times > 0; times--) pair.publishOnce();
        return;
      case 'hold':
        this.#holds.add(broker.hold(command.where));
        return;
      case 'lose':
        return broker.lose(command);
      case 'connect':
        this.#arrivals.push(pair.addClient(this.#at(command.isA), `new${++this.#names}`));
        return;
      case 'visit':
        this.#arrivals.push(this.#visit(this.#at(command.isA)));
        return;
      case 'leave':
        return this.#visitors.pop()?.terminate();
      case 'release':
        return this.#release();
      case 'stop':
        return broker.stop();
      case 'start':
        return broker.start();
      case 'expire':
        return this.#expire();
      case 'tick':
        return tick();
      default:
        return this.#recover();
    }
  }

  #at(isA: boolean): RecordingNode {
    return isA ? this.pair.a : this.pair.b;
  }

  /** Connects a client that may leave again. No message is for it alone. */
  async #visit(node: RecordingNode): Promise<void> {
    this.#visitors.push(await node.connect(`visitor${++this.#names}`, 'r1'));
  }

  /** Stops the broker until no message waits for it any more. */
  async #expire(): Promise<void> {
    this.broker.stop();
    await this.pair.waitForState('degraded');
    if (this.expiresSoon) await this.pair.waitForEmptyQueues();
  }

  #release(): void {
    for (const release of this.#holds) release();
    this.#holds.clear();
  }

  async #recover(): Promise<void> {
    this.#release();
    this.broker.start();
    await this.pair.waitForState('online');
  }
}
