import { bytes, enter, perDelivery, ratiosOf, systemsOf } from '../stage.js';

const people = 200;
const room = 'r0';
/**
 * @param {import('../stage.js').Pair} pair
 * @param {boolean} isAtOnce
 * @param {number} times
 */
const speak = async ({ server, load }, isAtOnce, times) => {
  for (let more = times; more > 0; more--) {
    const say = () => load.call('speak', { room, bytes });
    await (isAtOnce ? server.held(say) : say());
    await load.call('expect', { deliveries: (times - more + 1) * people * people });
  }
};

/** @type {import('../stage.js').Row} */
export const roomRow = {
  id: 'room',
  title: '200 people in a room, all speaking at once',
  note: 'Each says one thing, and the server broadcasts it to all 200. The operating system stops the server while they speak, whatever it is written in, so that all of it is there when it looks; the last line is without.',
  unit: 'µs of processor time per delivery',
  async run(stage) {
    const times = stage.pick(5, 2);
    return stage.with(['muster', 'ws string', 'socket.io', 'go neffos', 'go neffos sync'], async (pairs) => {
      await enter(pairs, { count: people, rooms: 1 });
      const due = times * people * people;
      const atOnce = await stage.rotate(pairs, (pair) => perDelivery(pair, due, () => speak(pair, true, times)));
      const two = pairs.filter(({ name }) => name === 'muster' || name === 'socket.io');
      const scattered = await stage.rotate(
        two,
        (pair) => perDelivery(pair, due, () => speak(pair, false, times)),
        stage.pick(5, 2),
      );
      const ratios = ratiosOf(atOnce, [
        { other: 'ws string' },
        { other: 'socket.io', must: 0.1, aim: 0.06 },
        { other: 'go neffos' },
        { other: 'go neffos sync' },
      ]);
      const [ratio] = ratiosOf(scattered, [{ other: 'socket.io' }]);
      const facts = ratio
        ? [{ what: 'muster / socket.io where the server is idle', value: ratio.value, unit: '×' }]
        : [];
      return { systems: systemsOf(atOnce), ratios, facts };
    });
  },
};
