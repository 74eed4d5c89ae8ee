import { bytes, connectClients, perDelivery, systemsOf } from '../rowRunner.js';
import { medianRatio } from '../statistics.js';

const rounds = 20;

/** @param {ReadonlyMap<string, import('../rowRunner.js').Samples>} all @param {string} name @param {number} must */
const toMuster = (all, name, must) => {
  const [one, plain] = [all.get(name), all.get('muster')];
  return one && plain
    ? [{ what: `${name} / muster`, value: medianRatio(one.samples, plain.samples), must, aim: 1 }]
    : [];
};

/**
 * The cost of the inspector: without it, with it but without an open page, and with a page that follows one connection.
 *
 * @type {import('../rowRunner.js').Row}
 */
export const watchedRow = {
  id: 'watched',
  title: 'One broadcast per tick, 5 000 connections, with the inspector',
  note: 'The server runs without the inspector, with it but without an open page, or with a page that follows one connection. A process of the clients reads the page.',
  unit: 'µs of processor time per delivery',
  async run(runner) {
    const connections = runner.connections(5_000, 1_000);
    return runner.withSystems(['muster', 'muster, inspector closed', 'muster, inspector open'], async (pairs) => {
      await connectClients(pairs, { count: connections });
      for (const { name, load } of pairs) if (name.endsWith('open')) await load.call('openInspector');
      const samples = await runner.measureRounds(pairs, (pair) =>
        perDelivery(pair, rounds * connections, () => pair.server.call('broadcast', { rounds, perTick: 1, bytes })),
      );
      const read = await Promise.all(
        pairs.filter(({ name }) => name.endsWith('open')).map(({ load }) => load.figure('read', 'inspectorBytes')),
      );
      return {
        systems: systemsOf(samples),
        ratios: [
          ...toMuster(samples, 'muster, inspector closed', 1.05),
          ...toMuster(samples, 'muster, inspector open', 1.1),
        ],
        facts: [{ what: 'sent to the open page', value: Math.max(0, ...read) / 1_024, unit: 'KiB' }],
      };
    });
  },
};
