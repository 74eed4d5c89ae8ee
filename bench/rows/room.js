import { bytes, connectClients, perDelivery, ratiosOf, systemsOf } from '../rowRunner.js';

const members = 200;
const room = 'r0';
const names = ['muster', 'ws string', 'socket.io', 'bun', 'go neffos', 'go neffos sync', 'go gws'];

/**
 * Sends one message from every member, several times.
 *
 * @param {import('../rowRunner.js').Pair} pair
 * @param {boolean} isAtOnce whether to suspend the server while they send
 * @param {number} times
 */
const sendAll = async ({ server, load }, isAtOnce, times) => {
  for (let more = times; more > 0; more--) {
    const send = () => load.call('sendToRoom', { room, bytes });
    await (isAtOnce ? server.suspended(send) : send());
    await load.call('expect', { deliveries: (times - more + 1) * members * members });
  }
};

/** @type {import('../rowRunner.js').Row} */
export const roomRow = {
  id: 'room',
  title: '200 members of a room send at once',
  note: 'Each sends one message, and the server broadcasts it to all 200. The operating system stops the server while they send, so that every system finds all messages at once. The last line is without the stop.',
  unit: 'µs of processor time per delivery',
  async run(runner) {
    const times = runner.pick(5, 2);
    return runner.withSystems(names, async (pairs) => {
      await connectClients(pairs, { count: members, rooms: 1 });
      const due = times * members * members;
      const atOnce = await runner.measureRounds(pairs, (pair) =>
        perDelivery(pair, due, () => sendAll(pair, true, times)),
      );
      const two = pairs.filter(({ name }) => name === 'muster' || name === 'socket.io');
      const scattered = await runner.measureRounds(
        two,
        (pair) => perDelivery(pair, due, () => sendAll(pair, false, times)),
        runner.pick(5, 2),
      );
      const ratios = ratiosOf(atOnce, [
        { other: 'ws string' },
        { other: 'socket.io', must: 0.1, aim: 0.06 },
        { other: 'go neffos' },
        { other: 'go neffos sync' },
        { other: 'bun' },
        { other: 'go gws' },
      ]);
      const [ratio] = ratiosOf(scattered, [{ other: 'socket.io' }]);
      const facts = ratio ? [{ what: 'muster / socket.io without the stop', value: ratio.value, unit: '×' }] : [];
      return { systems: systemsOf(atOnce), ratios, facts };
    });
  },
};
