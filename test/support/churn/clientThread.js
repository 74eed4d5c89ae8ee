// The thread of the churn's clients: they connect, move between rooms, close, stall and cut their sockets.

import { parentPort, workerData } from 'node:worker_threads';
import { busyTime } from './busyTime.js';
import { ChurnClient } from './churnClient.js';

/**
 * @typedef {{ readonly port: number, readonly clients: number, readonly rooms: number, readonly seed: number,
 *   readonly changesPerSecond: number }} Plan
 * @typedef {{ joins: number, leaves: number, disconnects: number, closes: number, cuts: number, stalls: number,
 *   cutsWhileStalled: number, newcomers: number }} Done
 * @typedef {{ readonly type: 'begin' } | { readonly type: 'yield' } | { readonly type: 'settle' }
 *   | { readonly type: 'finish' }} Order
 * @typedef {{ readonly type: 'ready' | 'yield' | 'settled' }
 *   | { readonly type: 'report', readonly numbers: Uint32Array, readonly lengths: Uint32Array,
 *       readonly ends: readonly import('../history/history.js').ConnectionEnd[], readonly violations: readonly string[],
 *       readonly unanswered: number, readonly done: Done }} News
 */

if (!parentPort) throw new Error('clientThread.js runs in a worker thread');
const main = parentPort;
/** The worker data. @type {Plan} */
const plan = workerData;

const roomsOfEach = 3;
const maxDialling = 200;
const changeTickMs = 20;
const stallMs = 1_000;
/** Time between two stalls, in ms. */
const stallEveryMs = 80;
/** Time for the last replies, in ms. */
const lastReplyMs = 20_000;
/** One client of this many is moved between rooms by the server alone. */
const guidedEach = 8;
/** The last client of this many shares the id of the one before. */
const sharedEach = 10;

/** @type {ChurnClient[]} */
const clients = [];
/** The open clients, in no particular order. @type {ChurnClient[]} */
const live = [];
/** @type {Done} */
const done = { joins: 0, leaves: 0, disconnects: 0, closes: 0, cuts: 0, stalls: 0, cutsWhileStalled: 0, newcomers: 0 };
let dialling = 0;
let stage = 'arriving';
let state = plan.seed >>> 0;

/** Returns the next pseudo-random number below a bound. @param {number} below */
const random = (below) => {
  state = (state + 0x6d2b79f5) >>> 0;
  let mixed = Math.imul(state ^ (state >>> 15), state | 1);
  mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
  return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
};
const roomName = () => `r${String(random(plan.rooms)).padStart(2, '0')}`;
/** @param {News} news */
const post = (news) => main.postMessage(news);
/** @param {ChurnClient} client */
const isGuided = (client) => client.number % guidedEach === 0;

/** Takes a new client one step further: into the namespace, then into its rooms. @param {ChurnClient} client */
const enter = (client) => {
  if (!client.isConnected) {
    client.isConnected = true;
    client.ask('_OnNamespaceConnect');
    return false;
  }
  if (client.rooms.size < roomsOfEach && !isGuided(client)) {
    join(client);
    return false;
  }
  return true;
};

/** @param {ChurnClient} client */
const join = (client) => {
  let room = roomName();
  while (client.rooms.has(room)) room = roomName();
  client.rooms.add(room);
  client.ask('_OnRoomJoin', room);
};

/** Joins a room, or leaves one. @param {ChurnClient} client */
const move = (client) => {
  const isIn = client.rooms.size < roomsOfEach || (client.rooms.size < 2 * roomsOfEach && random(2) === 0);
  if (isIn) {
    join(client);
    done.joins++;
    return;
  }
  const [room = ''] = client.rooms;
  client.rooms.delete(room);
  client.ask('_OnRoomLeave', room);
  done.leaves++;
};

/** @type {import('./churnClient.js').Host} */
const host = {
  opened(client) {
    dialling--;
    live.push(client);
    enter(client);
    dial();
  },
  answered(client) {
    if (stage === 'arriving' && client.end === 'open') enter(client);
    review();
  },
  over(client) {
    const at = live.indexOf(client);
    if (at === -1) dialling--;
    else live.splice(at, 1);
    dial();
    review();
  },
};

const dial = () => {
  if (stage !== 'arriving' && stage !== 'churning') return;
  while (dialling < maxDialling && live.length + dialling < plan.clients) {
    const number = clients.length;
    const user = number % sharedEach === sharedEach - 1 ? number - 1 : number;
    dialling++;
    if (stage === 'churning') done.newcomers++;
    clients.push(new ChurnClient({ port: plan.port, number, user }, host));
  }
};

/** Goes on to the next stage when this one is complete. */
const review = () => {
  if (dialling > 0 || (stage !== 'arriving' && stage !== 'settling' && stage !== 'finishing')) return;
  if (stage === 'arriving' && live.length < plan.clients) return;
  if (!live.every((client) => client.isIdle)) return;
  if (stage === 'arriving') {
    stage = 'churning';
    post({ type: 'ready' });
  } else if (stage === 'settling') {
    stage = 'settled';
    post({ type: 'settled' });
  } else {
    report();
  }
};

/** Makes one random change that the client is ready for. @param {ChurnClient} client */
const change = (client) => {
  const what = random(100);
  if (what < 14) {
    client.cut(what < 4);
    done.cuts++;
  } else if (what < 26) {
    client.leave();
    done.closes++;
  } else if (!client.isConnected) {
    enter(client);
  } else if (isGuided(client)) {
    client.ask('ask');
  } else if (what < 30) {
    client.isConnected = false;
    client.rooms.clear();
    client.ask('_OnNamespaceDisconnect');
    done.disconnects++;
  } else if (what < 36) {
    client.ask('ask');
  } else {
    move(client);
  }
};

/**
 * Asks the server for a flood and stops reading. Its next ask is answered while it is congested. Some cut the socket
 * before they read again.
 *
 * @param {ChurnClient} client
 */
const stall = (client) => {
  client.say('stall');
  if (!isGuided(client)) move(client);
  client.pause();
  done.stalls++;
  const breaksOff = random(3) === 0;
  setTimeout(() => {
    if (!breaksOff || client.phase === 'over') client.resume();
    else {
      client.cut(random(2) === 0);
      done.cutsWhileStalled++;
    }
    review();
  }, stallMs);
};

const churn = () => {
  let changes = 0;
  const began = busyTime();
  let stallsAt = began;
  const timer = setInterval(() => {
    if (stage !== 'churning') return clearInterval(timer);
    const now = busyTime();
    // A busy machine catches up a little at a time.
    const until = Math.min(((now - began) / 1_000) * plan.changesPerSecond, changes + plan.changesPerSecond / 2);
    for (; changes < until; changes++) {
      const client = live[random(live.length)];
      if (client?.isIdle) change(client);
    }
    const reader = live[random(live.length)];
    if (now >= stallsAt && reader?.isIdle && reader.isConnected) {
      stallsAt = now + stallEveryMs;
      stall(reader);
    }
    return undefined;
  }, changeTickMs);
};

/** Makes every client ask once more: all messages to it precede the reply. */
const finish = () => {
  stage = 'finishing';
  setTimeout(report, lastReplyMs).unref();
  for (const client of live) client.ask('ask');
  review();
};

const report = () => {
  if (stage === 'reported') return;
  const unanswered = live.filter((client) => !client.isIdle).length;
  stage = 'reported';
  const lengths = Uint32Array.from(clients, (client) => client.received.length);
  const numbers = new Uint32Array(lengths.reduce((sum, length) => sum + length, 0));
  let at = 0;
  for (const { received } of clients) {
    numbers.set(received, at);
    at += received.length;
  }
  const ends = clients.map(({ end }) => end);
  const violations = clients.flatMap(({ number, violation }) => (violation ? [`${number}: ${violation}`] : []));
  main.postMessage({ type: 'report', numbers, lengths, ends, violations, unanswered, done }, [
    numbers.buffer,
    lengths.buffer,
  ]);
  for (const client of live) client.cut(false);
  main.close();
};

main.on('message', (/** @type {Order} */ { type }) => {
  if (type === 'begin') churn();
  else if (type === 'yield') post({ type: 'yield' });
  else if (type === 'settle') {
    stage = 'settling';
    review();
  } else finish();
});

dial();
