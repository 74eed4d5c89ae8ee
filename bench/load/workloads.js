// What clients do in rows that measure more than deliveries.
import { clientFrame } from './frames.js';

/** @typedef {import('./clientGroup.js').ClientGroup} ClientGroup */

/**
 * Sends messages that the server answers with one message each: `each` from every client, a new one for each answer.
 * Those for answers that arrive in one read leave in one write. Resolves with the number of answers.
 *
 * @param {ClientGroup} group
 * @param {{ outstanding: number, each: number }} plan
 * @param {(client: number, at: number) => string} textOf the message of a client; its first has the number 1
 */
export const ask = async (group, { outstanding, each }, textOf) => {
  const { clients } = group;
  let answered = 0;
  group.stayAwake();
  const asking = clients.map(
    (client, index) =>
      new Promise((resolve) => {
        let asked = 0;
        let open = 0;
        const next = () => {
          asked++;
          open++;
          client.send(textOf(index, asked));
        };
        client.onMessage = () => {
          answered++;
          open--;
          if (asked < each) next();
          else if (open === 0) resolve(undefined);
        };
        void client.closed.then(resolve);
        client.together(() => {
          for (let more = Math.min(outstanding, each); more > 0; more--) next();
        });
      }),
  );
  await Promise.race([Promise.all(asking), new Promise((resolve) => setTimeout(resolve, 60_000))]);
  group.rest();
  for (const client of clients) client.onMessage = undefined;
  return { answered };
};

/**
 * Sends events from every client, 16 per write. Resolves with the number sent.
 *
 * @param {ClientGroup} group
 * @param {{ each: number, body: string }} plan
 */
export const send = async ({ clients, dialect }, { each, body }) => {
  const perWrite = 16;
  const frame = clientFrame(dialect.count(body));
  const batch = Buffer.concat(Array.from({ length: perWrite }, () => frame));
  for (let more = each; more > 0; more -= perWrite) {
    for (const { socket } of clients) socket.write(batch);
    await new Promise((resolve) => setImmediate(resolve));
  }
  return { sent: Math.ceil(each / perWrite) * perWrite * clients.length };
};

/**
 * Sends as many small events as fit into so many bytes, from every client at once. Resolves with their number and size.
 *
 * @param {ClientGroup} group
 * @param {{ bytes: number }} plan
 */
export const flood = ({ clients, dialect }, { bytes }) => {
  const frame = clientFrame(dialect.count(''));
  const each = Math.floor(bytes / frame.length);
  const all = Buffer.concat(Array.from({ length: each }, () => frame));
  for (const { socket } of clients) socket.write(all);
  return { sent: each * clients.length, bytes: all.length * clients.length };
};

/**
 * Connects one client after another. Resolves with the time that each took, in ms.
 *
 * @param {ClientGroup} group
 * @param {{ ms: number, every: number }} plan
 */
export const probe = async (group, { ms, every }) => {
  /** @type {number[]} */
  const took = [];
  /** @type {Promise<void>[]} */
  const connecting = [];
  const began = performance.now();
  const connectOnce = async () => {
    const start = performance.now();
    const client = await group.connectOne([]);
    took.push(performance.now() - start);
    client.close();
  };
  for (let tries = 1; performance.now() - began < ms; tries++) {
    connecting.push(connectOnce());
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, began + tries * every - performance.now())));
  }
  await Promise.all(connecting);
  return { took };
};

/** Maximum time to wait for the answers to the last asks of a witness, in ms. */
const patience = 10_000;

/**
 * Asks with the first client at fixed times, whether answers come or not. Resolves with the time that each answer took, in
 * ms.
 *
 * @param {ClientGroup} group
 * @param {{ ms: number, every: number, body: string }} plan
 */
export const witness = async ({ clients, dialect }, { ms, every, body }) => {
  const [client] = clients;
  if (!client) throw new Error('there is no client to ask with');
  /** @type {number[]} */
  const took = [];
  /** When each ask was sent whose answer has not come. @type {number[]} */
  const open = [];
  client.onMessage = () => {
    const sent = open.shift();
    if (sent !== undefined) took.push(performance.now() - sent);
  };
  const began = performance.now();
  let asked = 0;
  while (performance.now() - began < ms) {
    open.push(performance.now());
    client.send(dialect.ask(asked++, body));
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, began + asked * every - performance.now())));
  }
  for (const end = performance.now() + patience; open.length > 0 && performance.now() < end; ) {
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  client.onMessage = undefined;
  return { asked, took };
};

/** The time at which a message of the steady stream was published. */
const stamp = /@(\d+)@/;
/** Bytes of a message that contain the time, with the header that a system puts before it. */
const stampBytes = 64;

/** Records the delay of messages from their publication to each client, in ms. */
export class Latencies {
  /** @type {number[]} */
  #latencies = [];

  /** @param {ClientGroup} group */
  constructor(group) {
    for (const client of group.clients) {
      client.keeps = stampBytes;
      client.onMessage = (payload) => {
        const sent = stamp.exec(payload?.toString('latin1') ?? '')?.[1];
        if (sent !== undefined) this.#latencies.push((Number(process.hrtime.bigint()) - Number(sent)) / 1e6);
      };
    }
  }

  /** Returns the delays since the last call. */
  take() {
    return this.#latencies.splice(0);
  }
}
