import { type MemoryBroker, memoryBroker } from '../exchange/memoryExchange.js';
import { type Guest, House, type HouseOptions, settled } from './supervisorHarness.js';

/** Several servers in one process, on fake sockets, sharing a broker whose every move a test can hold. */
export interface Houses {
  readonly broker: MemoryBroker;
  readonly all: readonly House[];
  /** Everything that can happen without time passing, happens, on all of them. */
  rest(): Promise<void>;
  /** Time passes for all of them. */
  pass(ms: number): Promise<void>;
  /** A client of this server that is let in, in this namespace, once the broker carries to it. */
  seat(house: House, id: string, namespace?: string): Promise<Guest>;
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
    async seat(house, id, namespace = 'n') {
      const guest = house.connect(id);
      guest.socket.say('M');
      await rest();
      guest.socket.say(`$0;${namespace};;_OnNamespaceConnect;0;0;`);
      guest.socket.sent.length = 0;
      return guest;
    },
    async empty() {
      for (const house of all) await house.empty();
    },
  };
};

/** Two of them, by name. */
export const openTwo = async (options?: HouseOptions) => {
  const houses = await openHouses(2, options);
  const [a, b] = houses.all;
  if (!a || !b) throw new Error('two were opened');
  return { ...houses, a, b };
};
