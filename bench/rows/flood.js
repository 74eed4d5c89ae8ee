import { bytes, systemsOf } from '../rowRunner.js';

const each = 65_536;
/** The witness asks in steps of so many ms, until all events are counted. */
const stepMs = 250;
const everyAsk = 10;
/** Time between two looks at the memory of the server, in ms. */
const everyLook = 10;
/** Steps without a further event after which the others count as lost. */
const patience = 40;

/** Looks at the memory of a server until it is told to end. @param {import('../worker.js').Worker} server */
const watchMemory = (server) => {
  const before = server.rss;
  let peak = before;
  let isOver = false;
  const look = async () => {
    while (!isOver) {
      peak = Math.max(peak, server.rss);
      await new Promise((resolve) => setTimeout(resolve, everyLook));
    }
  };
  const looking = look();
  // It is awaited at the end, and may fail before.
  looking.catch(() => {});
  return async () => {
    isOver = true;
    await looking;
    return peak - before;
  };
};

/**
 * Floods a server, and asks with the witness until all is counted.
 *
 * @param {import('../rowRunner.js').Pair} pair
 * @param {import('../worker.js').Worker} witness
 */
const floodOf = async ({ server, load }, witness) => {
  const from = await server.figure('counted', 'counts');
  const grown = watchMemory(server);
  const flooding = load.call('flood', { bytes: each });
  let longest = 0;
  let [asked, answered] = [0, 0];
  const ask = async () => {
    const answers = await witness.call('witness', { ms: stepMs, every: everyAsk, bytes });
    const took = /** @type {number[]} */ (answers['took']);
    asked += Number(answers['asked']);
    answered += took.length;
    longest = Math.max(longest, ...took);
  };
  await ask();
  const { sent, bytes: wire } = await flooding;
  let counted = 0;
  for (let idle = 0; counted < Number(sent) && idle < patience; idle++) {
    await ask();
    const now = (await server.figure('counted', 'counts')) - from;
    if (now > counted) idle = 0;
    counted = now;
  }
  const memory = (await grown()) / Number(wire);
  return { longest, memory, delivered: counted + answered, due: Number(sent) + asked };
};

/** @type {import('../rowRunner.js').Row} */
export const flood = {
  id: 'flood',
  title: '1 500 clients send 64 KiB of small events at once',
  note: 'The server counts the events. It has a heap of 512 MB, or the default one and 6 500 clients. A client in a process of its own asks every 10 ms until all are counted.',
  unit: 'ms that client waits for an answer at most',
  async run(runner) {
    const many = runner.connections(6_500, 1_000, 1);
    const few = Math.min(many, runner.pick(1_500, 300));
    return runner.withSystems(['muster, 512 MB heap', 'muster', 'ws string'], async (pairs) => {
      const witnesses = new Map();
      for (const { name, load, addClients } of pairs) {
        await load.call('connect', { count: name === 'muster' ? many : few });
        const witness = await addClients();
        await witness.call('connect', { count: 1 });
        witnesses.set(name, witness);
      }
      // The first flood of a process is the worst, so the warm-up counts in these.
      /** @type {Map<string, { memory: number[], longest: number[] }>} */
      const worst = new Map(pairs.map(({ name }) => [name, { memory: [], longest: [] }]));
      const samples = await runner.measureRounds(
        pairs,
        async (pair) => {
          const { longest, memory: grown, delivered, due } = await floodOf(pair, witnesses.get(pair.name));
          worst.get(pair.name)?.memory.push(grown);
          worst.get(pair.name)?.longest.push(longest);
          return { figure: longest, delivered, due };
        },
        runner.pick(2, 1),
      );
      const isOurs = (/** @type {string} */ name) => name.startsWith('muster');
      return {
        systems: systemsOf(samples),
        ratios: [...worst].map(([name, { memory }]) => ({
          what: `${name}: memory that it grows by / bytes on the wire`,
          value: Math.max(...memory),
          ...(isOurs(name) ? { must: 2.5 } : {}),
        })),
        facts: [...worst].map(([name, { longest }]) => ({
          what: `${name}: the longest wait of all rounds`,
          value: Math.max(...longest),
          unit: 'ms',
          ...(isOurs(name) ? { must: 1_000 } : {}),
        })),
      };
    });
  },
};
