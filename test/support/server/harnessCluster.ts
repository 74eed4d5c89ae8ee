import { type MemoryBroker, memoryBroker } from '../exchange/memoryExchange.js';
import { type FakeClient, type HarnessOptions, SupervisorHarness, settled } from './supervisorHarness.js';

/** Several supervisors on fake sockets that share one memory broker. */
export interface HarnessCluster {
  readonly broker: MemoryBroker;
  readonly all: readonly SupervisorHarness[];
  /** Runs ticks on all of them until no immediate is set. No time passes. */
  settle(): Promise<void>;
  /** Advances all clocks. */
  advance(ms: number): Promise<void>;
  /** Connects a client to this supervisor and opens it, in this namespace. Settles in between, for the broker. */
  open(harness: SupervisorHarness, id: string, namespace?: string): Promise<FakeClient>;
  /** Disconnects every client. */
  disconnectAll(): Promise<void>;
}

export const openCluster = async (
  count: number,
  options: HarnessOptions = { namespaces: { n: {} } },
): Promise<HarnessCluster> => {
  const broker = memoryBroker();
  const all = Array.from({ length: count }, () => new SupervisorHarness(options));
  for (const harness of all) await harness.supervisor.useExchange(broker.exchange());
  const settle = async (): Promise<void> => {
    do for (const harness of all) await harness.settle();
    while (all.some(({ clock }) => !clock.isIdle));
  };
  return {
    broker,
    all,
    settle,
    async advance(ms) {
      for (const { clock } of all) clock.advance(ms);
      await settled();
      await settle();
    },
    async open(harness, id, namespace = 'n') {
      const client = harness.connect(id);
      client.socket.receive('M');
      await settle();
      client.socket.receive(`$0;${namespace};;_OnNamespaceConnect;0;0;`);
      client.socket.sent.length = 0;
      return client;
    },
    async disconnectAll() {
      for (const harness of all) await harness.disconnectAll();
    },
  };
};

/** Opens two of them, `a` and `b`. */
export const openPair = async (options?: HarnessOptions) => {
  const cluster = await openCluster(2, options);
  const [a, b] = cluster.all;
  if (!a || !b) throw new Error('openCluster(2) returned fewer than two');
  return { ...cluster, a, b };
};
