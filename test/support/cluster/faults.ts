import fc from 'fast-check';
import type { Hold, MemoryBroker } from '../exchange/memoryExchange.js';
import type { RawClient } from '../peers/rawClient.js';
import type { Town } from './nodePair.js';
import type { Station } from './recordingNode.js';

/** Something that happens to servers and their broker. */
export type Deed =
  | { readonly deed: 'chat'; readonly times: number }
  | { readonly deed: 'hold'; readonly where: Hold }
  | { readonly deed: 'lose'; readonly taken: boolean; readonly count: number }
  | { readonly deed: 'come' | 'pass by' | 'go'; readonly isA: boolean }
  | { readonly deed: 'release' | 'stop' | 'start' | 'turn' | 'recover' | 'age' };

const chat = fc.record({ deed: fc.constant('chat' as const), times: fc.integer({ min: 1, max: 6 }) });
const hold = fc.record({
  deed: fc.constant('hold' as const),
  where: fc.constantFrom<Hold>('taking', 'confirming'),
});
const lose = fc.record({
  deed: fc.constant('lose' as const),
  taken: fc.boolean(),
  count: fc.integer({ min: 1, max: 2 }),
});
const visit = fc.record({ deed: fc.constantFrom('come' as const, 'pass by', 'go'), isA: fc.boolean() });
const plain = fc.record({ deed: fc.constantFrom('release' as const, 'stop', 'start', 'turn', 'recover', 'age') });

export const deeds: fc.Arbitrary<Deed[]> = fc.array(
  fc.oneof(
    { weight: 8, arbitrary: chat },
    { weight: 3, arbitrary: hold },
    { weight: 3, arbitrary: lose },
    { weight: 3, arbitrary: visit },
    { weight: 6, arbitrary: plain },
  ),
  { minLength: 10, maxLength: 40, size: 'max' },
);

/** Everything else has its turn. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));

/** Does what is written, and then lets the broker be well again. */
export class Fates {
  readonly #holds = new Set<() => void>();
  readonly #arrivals: Promise<void>[] = [];
  readonly #passers: RawClient[] = [];
  #names = 0;

  constructor(
    private readonly town: Town,
    private readonly broker: MemoryBroker,
    /** Nothing may wait for long. */
    private readonly isHasty: boolean,
  ) {}

  async run(deeds: readonly Deed[]): Promise<void> {
    for (const deed of deeds) await this.#do(deed);
    await this.#recover();
    await Promise.all(this.#arrivals);
  }

  async #do(deed: Deed): Promise<void> {
    const { town, broker } = this;
    switch (deed.deed) {
      case 'chat':
        for (let times = deed.times; times > 0; times--) town.chat();
        return;
      case 'hold':
        this.#holds.add(broker.hold(deed.where));
        return;
      case 'lose':
        return broker.lose(deed);
      case 'come':
        this.#arrivals.push(town.joins(this.#at(deed.isA), `new${++this.#names}`));
        return;
      case 'pass by':
        this.#arrivals.push(this.#passBy(this.#at(deed.isA)));
        return;
      case 'go':
        return this.#passers.pop()?.terminate();
      case 'release':
        return this.#release();
      case 'stop':
        return broker.stop();
      case 'start':
        return broker.start();
      case 'age':
        return this.#age();
      case 'turn':
        return turn();
      default:
        return this.#recover();
    }
  }

  #at(isA: boolean): Station {
    return isA ? this.town.a : this.town.b;
  }

  /** Somebody who may go again; nothing is for him alone. */
  async #passBy(station: Station): Promise<void> {
    this.#passers.push(await station.welcome(`passer${++this.#names}`, 'r1'));
  }

  /** The broker is away until nothing waits for it any more. */
  async #age(): Promise<void> {
    this.broker.stop();
    await this.town.states('degraded');
    if (this.isHasty) await this.town.nothingWaits();
  }

  #release(): void {
    for (const release of this.#holds) release();
    this.#holds.clear();
  }

  async #recover(): Promise<void> {
    this.#release();
    this.broker.start();
    await this.town.states('online');
  }
}
