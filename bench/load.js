// The process of the clients of one server: node bench/load.js <dialect> <port> [deflate]

import { answerRequests, number, text, writeLine } from './line.js';
import { ClientGroup, handshakesAtOnce } from './load/clientGroup.js';
import { ask, flood, Latencies, probe, send, witness } from './load/workloads.js';

const [dialect = '', port = '', deflate] = process.argv.slice(2);
const group = new ClientGroup(dialect, Number(port), deflate !== undefined);
/** @type {Latencies | undefined} */
let latencies;
/** Bytes that the inspector has sent to its page. */
let read = 0;

/** Reads the stream of a page of the inspector that follows the first connection. */
const openInspector = async () => {
  const { body, status } = await fetch(`http://127.0.0.1:${port}/inspector/stream?follow=connection-1`);
  if (!body || status !== 200) throw new Error(`the inspector answered ${status}`);
  const reader = body.getReader();
  const { value } = await reader.read();
  read = value?.length ?? 0;
  const readAll = async () => {
    for (let part = await reader.read(); !part.done; part = await reader.read()) read += part.value.length;
  };
  readAll().catch(() => {});
};

/** The rooms of one client are so far apart. */
const roomStep = 37;

/** @param {import('./line.js').Fields} args */
const asksOf = (args) => ({ outstanding: number(args, 'outstanding'), each: number(args, 'each') });

/** @param {number} bytes */
const bodyOf = (bytes) => 'x'.repeat(bytes);

answerRequests({
  /** Connects `count` clients, each in `rooms` of `among` rooms, `atOnce` at a time. */
  async connect(args) {
    const [count, rooms, among] = [number(args, 'count'), number(args, 'rooms', 0), number(args, 'among', 1)];
    await group.connect(count, rooms, among, number(args, 'atOnce', handshakesAtOnce));
    return { clients: group.clients.length };
  },
  async disconnect(args) {
    await group.disconnect(number(args, 'count'), number(args, 'atOnce', handshakesAtOnce));
    return { clients: group.clients.length };
  },
  reset(args) {
    group.reset();
    if (args['awake'] === true) group.stayAwake();
  },
  async expect(args) {
    return { delivered: await group.expect(number(args, 'deliveries')) };
  },
  received: () => ({ bytes: group.received }),
  complete: () => ({ messages: group.complete }),
  sendToRoom(args) {
    const body = bodyOf(number(args, 'bytes'));
    group.sendFromAll(() => group.dialect.toRoom(text(args, 'room'), body));
  },
  ask(args) {
    const body = bodyOf(number(args, 'bytes'));
    return ask(group, asksOf(args), (_, at) => group.dialect.ask(at, body));
  },
  /** Joins `each` further rooms of `among` with every client. `among` has no common factor with `roomStep`. */
  join(args) {
    const among = number(args, 'among');
    return ask(group, asksOf(args), (client, at) => group.dialect.join(`more${(client + at * roomStep) % among}`));
  },
  send: (args) => send(group, { each: number(args, 'each'), body: bodyOf(number(args, 'bytes')) }),
  flood: (args) => flood(group, { bytes: number(args, 'bytes') }),
  probe: (args) => probe(group, { ms: number(args, 'ms'), every: number(args, 'every') }),
  witness: (args) =>
    witness(group, { ms: number(args, 'ms'), every: number(args, 'every'), body: bodyOf(number(args, 'bytes')) }),
  /** Stops reading, for all clients. */
  stall() {
    for (const { socket } of group.clients) socket.pause();
  },
  measureLatencies() {
    latencies = new Latencies(group);
  },
  openInspector: () => openInspector(),
  inspectorBytes: () => ({ read }),
  latencies: () => ({ latencies: latencies?.take() ?? [] }),
});
writeLine({ ready: true });
