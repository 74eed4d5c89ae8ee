import { bytes, enter, perDelivery, systemsOf } from '../stage.js';
import { medianRatio } from '../statistics.js';

const rounds = 20;

/** @param {ReadonlyMap<string, import('../stage.js').Samples>} all @param {string} name @param {number} must */
const toMuster = (all, name, must) => {
  const [its, usual] = [all.get(name), all.get('muster')];
  return its && usual ? [{ what: `${name} / muster`, value: medianRatio(its.samples, usual.samples), must }] : [];
};

/**
 * What it costs to be watched: nobody looks, the page is there and nobody has it open, somebody has it open and follows
 * one connection.
 *
 * @type {import('../stage.js').Row}
 */
export const watchedRow = {
  id: 'watched',
  title: 'One broadcast in a turn, 5 000 connections, while somebody watches',
  note: 'The inspector is not there, is closed, or is open and follows one of the connections; its page is read by a process of the clients.',
  unit: 'µs of processor time per delivery',
  async run(stage) {
    const connections = stage.connections(5_000, 1_000);
    return stage.with(['muster', 'muster, inspector closed', 'muster, inspector open'], async (pairs) => {
      await enter(pairs, { count: connections });
      for (const { name, load } of pairs) if (name.endsWith('open')) await load.call('watch');
      const samples = await stage.rotate(pairs, (pair) =>
        perDelivery(pair, rounds * connections, () => pair.server.call('broadcast', { rounds, perTurn: 1, bytes })),
      );
      const read = await Promise.all(
        pairs.filter(({ name }) => name.endsWith('open')).map(({ load }) => load.figure('read', 'watched')),
      );
      return {
        systems: systemsOf(samples),
        ratios: [
          ...toMuster(samples, 'muster, inspector closed', 1.05),
          ...toMuster(samples, 'muster, inspector open', 1.1),
        ],
        facts: [{ what: 'what the open page was told', value: Math.max(0, ...read) / 1_024, unit: 'KiB' }],
      };
    });
  },
};
