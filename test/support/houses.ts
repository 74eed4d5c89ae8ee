import { House, type HouseOptions, settled } from './house.js';
import { type MemoryBroker, memoryBroker } from './memoryExchange.js';

/** Several servers in one process, on fake sockets, sharing a broker whose every move a test can hold. */
export interface Houses {
  readonly broker: MemoryBroker;
  readonly all: readonly House[];
  /** Everything that can happen without time passing, happens, on all of them. */
  rest(): Promise<void>;
  /** Time passes for all of them. */
  pass(ms: number): Promise<void>;
  /** Everybody goes away. */
  empty(): Promise<void>;
}

export const openHouses = async (count: number, options: HouseOptions = { namespaces: { n: {} } }): Promise<Houses> => {
  const broker = memoryBroker();
  const all = Array.from({ length: count }, () => new House(options));
  for (const house of all) await house.supervisor.useExchange(broker.exchange());
  const rest = async (): Promise<void> => {
    do for (const house of all) await house.rest();
    while (all.some(({ clock }) => !clock.isIdle));
  };
  return {
    broker,
    all,
    rest,
    async pass(ms) {
      for (const { clock } of all) clock.advance(ms);
      await settled();
      await rest();
    },
    async empty() {
      for (const house of all) await house.empty();
    },
  };
};
