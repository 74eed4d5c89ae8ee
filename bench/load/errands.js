// What clients do in the rows that look at more than deliveries.
import { clientFrame } from './frames.js';

/** @typedef {import('./crowd.js').Crowd} Crowd */

/**
 * Every client asks, and asks again when it is answered.
 *
 * @param {Crowd} crowd
 * @param {{ outstanding: number, each: number, body: string }} plan
 */
export const ask = async ({ clients, dialect }, { outstanding, each, body }) => {
  let answered = 0;
  const asking = clients.map(
    (client) =>
      new Promise((resolve) => {
        let asked = 0;
        let open = 0;
        const next = () => {
          asked++;
          open++;
          client.say(dialect.ask(asked, body));
        };
        client.onMessage = () => {
          answered++;
          open--;
          if (asked < each) next();
          else if (open === 0) resolve(undefined);
        };
        for (let more = Math.min(outstanding, each); more > 0; more--) next();
      }),
  );
  await Promise.race([Promise.all(asking), new Promise((resolve) => setTimeout(resolve, 60_000))]);
  for (const client of clients) client.onMessage = undefined;
  return { answered };
};

/**
 * Every client sends many events, in writes of several.
 *
 * @param {Crowd} crowd
 * @param {{ each: number, body: string }} plan
 */
export const send = async ({ clients, dialect }, { each, body }) => {
  const perWrite = 16;
  const frame = clientFrame(dialect.count(body));
  const several = Buffer.concat(Array.from({ length: perWrite }, () => frame));
  for (let more = each; more > 0; more -= perWrite) {
    for (const { socket } of clients) socket.write(several);
    await new Promise((resolve) => setImmediate(resolve));
  }
  return { sent: Math.ceil(each / perWrite) * perWrite * clients.length };
};

/**
 * Comes in again and again for so long, and tells how long that took in milliseconds.
 *
 * @param {Crowd} crowd
 * @param {{ ms: number, every: number }} plan
 */
export const probe = async (crowd, { ms, every }) => {
  /** @type {number[]} */
  const took = [];
  /** @type {Promise<void>[]} */
  const trying = [];
  const began = performance.now();
  const once = async () => {
    const dialled = performance.now();
    const client = await crowd.admit([]);
    took.push(performance.now() - dialled);
    client.goodbye();
  };
  for (let tries = 1; performance.now() - began < ms; tries++) {
    trying.push(once());
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, began + tries * every - performance.now())));
  }
  await Promise.all(trying);
  return { took };
};

/** A message of the steady stream begins with the time of its issue. */
const stamp = /@(\d+)@/;
/** … and stands within so many bytes, whatever a system puts before it. */
const stampAt = 64;

/** How long messages have been on their way, in milliseconds. */
export class Arrivals {
  /** @type {number[]} */
  #latencies = [];

  /** @param {Crowd} crowd */
  constructor(crowd) {
    for (const client of crowd.clients) {
      client.keeps = stampAt;
      client.onMessage = (payload) => {
        const sent = stamp.exec(payload?.toString('latin1') ?? '')?.[1];
        if (sent !== undefined) this.#latencies.push((Number(process.hrtime.bigint()) - Number(sent)) / 1e6);
      };
    }
  }

  take() {
    return this.#latencies.splice(0);
  }
}
