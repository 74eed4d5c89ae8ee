// The process that plays the clients of one server: node bench/load.js <dialect> <port>

import { number, obey, say, text } from './line.js';
import { Crowd } from './load/crowd.js';
import { Arrivals, ask, probe, send } from './load/errands.js';

const [dialect = '', port = ''] = process.argv.slice(2);
const crowd = new Crowd(dialect, Number(port));
/** @type {Arrivals | undefined} */
let arrivals;
/** Bytes that the page of the inspector has been told. */
let read = 0;

/** Reads what a page is told that follows the first connection. */
const watch = async () => {
  const { body, status } = await fetch(`http://127.0.0.1:${port}/inspector/stream?follow=connection-1`);
  if (!body || status !== 200) throw new Error(`the inspector has answered ${status}`);
  const reader = body.getReader();
  const { value } = await reader.read();
  read = value?.length ?? 0;
  const follow = async () => {
    for (let part = await reader.read(); !part.done; part = await reader.read()) read += part.value.length;
  };
  follow().catch(() => {});
};

/** @param {number} bytes */
const bodyOf = (bytes) => 'x'.repeat(bytes);

obey({
  /** Each client is in `rooms` of `among` many. */
  async enter(args) {
    await crowd.enter(number(args, 'count'), number(args, 'rooms', 0), number(args, 'among', 1));
    return { clients: crowd.clients.length };
  },
  async leave(args) {
    await crowd.leave(number(args, 'count'));
    return { clients: crowd.clients.length };
  },
  reset(args) {
    crowd.reset();
    if (args['awake'] === true) crowd.stayAwake();
  },
  async expect(args) {
    return { delivered: await crowd.expect(number(args, 'deliveries')) };
  },
  complete: () => ({ messages: crowd.complete }),
  speak(args) {
    const body = bodyOf(number(args, 'bytes'));
    crowd.speak(() => crowd.dialect.speak(text(args, 'room'), body));
  },
  ask: (args) =>
    ask(crowd, {
      outstanding: number(args, 'outstanding'),
      each: number(args, 'each'),
      body: bodyOf(number(args, 'bytes')),
    }),
  send: (args) => send(crowd, { each: number(args, 'each'), body: bodyOf(number(args, 'bytes')) }),
  probe: (args) => probe(crowd, { ms: number(args, 'ms'), every: number(args, 'every') }),
  /** Nobody here reads any more. */
  stall() {
    for (const { socket } of crowd.clients) socket.pause();
  },
  listen() {
    arrivals = new Arrivals(crowd);
  },
  watch: () => watch(),
  watched: () => ({ read }),
  latencies: () => ({ latencies: arrivals?.take() ?? [] }),
});
say({ ready: true });
