// The clients of the churn, in a thread of their own: they come, move about, leave, fall silent and break off.

import { parentPort, workerData } from 'node:worker_threads';
import { ChurnLine } from './churnClient.js';

/**
 * @typedef {{ readonly port: number, readonly lines: number, readonly rooms: number, readonly seed: number,
 *   readonly changesPerSecond: number }} Plan
 * @typedef {{ joins: number, leaves: number, disconnects: number, goodbyes: number, cuts: number, stalls: number,
 *   cutsInSilence: number, newcomers: number }} Done
 * @typedef {{ readonly type: 'begin' } | { readonly type: 'pulse' } | { readonly type: 'settle' }
 *   | { readonly type: 'finish' }} Order
 * @typedef {{ readonly type: 'ready' | 'pulse' | 'settled' }
 *   | { readonly type: 'report', readonly numbers: Uint32Array, readonly lengths: Uint32Array,
 *       readonly ends: readonly import('../history/history.js').LineEnd[], readonly complaints: readonly string[],
 *       readonly unanswered: number, readonly done: Done }} News
 */

if (!parentPort) throw new Error('these clients live in a thread of their own');
const main = parentPort;
/** What the thread was started with. @type {Plan} */
const plan = workerData;

const roomsOfEach = 3;
const dialsAtOnce = 200;
const tickMs = 20;
const stallMs = 1_000;
/** A stalled reader is begun so often. */
const stallEveryMs = 80;
/** At the end everybody is answered within. */
const patienceMs = 20_000;
/** One line of so many is moved about by the server alone. */
const guidedEach = 8;
/** The last line of so many shares the id of the one before. */
const sharedEach = 10;

/** @type {ChurnLine[]} */
const lines = [];
/** Open ones, in no particular order. @type {ChurnLine[]} */
const live = [];
/** @type {Done} */
const done = { joins: 0, leaves: 0, disconnects: 0, goodbyes: 0, cuts: 0, stalls: 0, cutsInSilence: 0, newcomers: 0 };
let dialling = 0;
let stage = 'arriving';
let state = plan.seed >>> 0;

/** The next of a row of numbers that look random, below this one. @param {number} below */
const random = (below) => {
  state = (state + 0x6d2b79f5) >>> 0;
  let mixed = Math.imul(state ^ (state >>> 15), state | 1);
  mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
  return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
};
const roomName = () => `r${String(random(plan.rooms)).padStart(2, '0')}`;
/** @param {News} news */
const post = (news) => main.postMessage(news);
/** @param {ChurnLine} line */
const isGuided = (line) => line.number % guidedEach === 0;

/** What a newcomer says until it is where it should be. @param {ChurnLine} line */
const settleIn = (line) => {
  if (!line.isConnected) {
    line.isConnected = true;
    line.ask('_OnNamespaceConnect');
    return false;
  }
  if (line.rooms.size < roomsOfEach && !isGuided(line)) {
    join(line);
    return false;
  }
  return true;
};

/** @param {ChurnLine} line */
const join = (line) => {
  let room = roomName();
  while (line.rooms.has(room)) room = roomName();
  line.rooms.add(room);
  line.ask('_OnRoomJoin', room);
};

/** Into a room, or out of one. @param {ChurnLine} line */
const moveAbout = (line) => {
  const isIn = line.rooms.size < roomsOfEach || (line.rooms.size < 2 * roomsOfEach && random(2) === 0);
  if (isIn) {
    join(line);
    done.joins++;
    return;
  }
  const [room = ''] = line.rooms;
  line.rooms.delete(room);
  line.ask('_OnRoomLeave', room);
  done.leaves++;
};

/** @type {import('./churnClient.js').Host} */
const host = {
  opened(line) {
    dialling--;
    live.push(line);
    settleIn(line);
    dial();
  },
  answered(line) {
    if (stage === 'arriving' && line.end === 'open') settleIn(line);
    review();
  },
  over(line) {
    const at = live.indexOf(line);
    if (at === -1) dialling--;
    else live.splice(at, 1);
    dial();
    review();
  },
};

const dial = () => {
  if (stage !== 'arriving' && stage !== 'churning') return;
  while (dialling < dialsAtOnce && live.length + dialling < plan.lines) {
    const number = lines.length;
    const user = number % sharedEach === sharedEach - 1 ? number - 1 : number;
    dialling++;
    if (stage === 'churning') done.newcomers++;
    lines.push(new ChurnLine({ port: plan.port, number, user }, host));
  }
};

/** Has what is waited for at this stage come? */
const review = () => {
  if (dialling > 0 || (stage !== 'arriving' && stage !== 'settling' && stage !== 'finishing')) return;
  if (stage === 'arriving' && live.length < plan.lines) return;
  if (!live.every((line) => line.isIdle)) return;
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

/** One change, of whatever kind the line is ready for. @param {ChurnLine} line */
const change = (line) => {
  const what = random(100);
  if (what < 14) {
    line.cut(what < 4);
    done.cuts++;
  } else if (what < 26) {
    line.leave();
    done.goodbyes++;
  } else if (!line.isConnected) {
    settleIn(line);
  } else if (isGuided(line)) {
    line.ask('said');
  } else if (what < 30) {
    line.isConnected = false;
    line.rooms.clear();
    line.ask('_OnNamespaceDisconnect');
    done.disconnects++;
  } else if (what < 36) {
    line.ask('said');
  } else {
    moveAbout(line);
  }
};

/**
 * Has the server say much and does not listen for a while; what it asks right after that is granted while it is
 * congested. Some break off before they listen again.
 *
 * @param {ChurnLine} line
 */
const stall = (line) => {
  line.say('stall');
  if (!isGuided(line)) moveAbout(line);
  line.pause();
  done.stalls++;
  const breaksOff = random(3) === 0;
  setTimeout(() => {
    if (!breaksOff || line.phase === 'over') line.resume();
    else {
      line.cut(random(2) === 0);
      done.cutsInSilence++;
    }
    review();
  }, stallMs);
};

const churn = () => {
  let changes = 0;
  const began = performance.now();
  let stallsAt = began;
  const timer = setInterval(() => {
    if (stage !== 'churning') return clearInterval(timer);
    const now = performance.now();
    // What a busy machine has put off is made up for, a little at a time.
    const until = Math.min(((now - began) / 1_000) * plan.changesPerSecond, changes + plan.changesPerSecond / 2);
    for (; changes < until; changes++) {
      const line = live[random(live.length)];
      if (line?.isIdle) change(line);
    }
    const reader = live[random(live.length)];
    if (now >= stallsAt && reader?.isIdle && reader.isConnected) {
      stallsAt = now + stallEveryMs;
      stall(reader);
    }
    return undefined;
  }, tickMs);
};

/** Everybody asks one more thing: what came before the answer is all that was to come. */
const finish = () => {
  stage = 'finishing';
  setTimeout(report, patienceMs).unref();
  for (const line of live) line.ask('said');
  review();
};

const report = () => {
  if (stage === 'reported') return;
  const unanswered = live.filter((line) => !line.isIdle).length;
  stage = 'reported';
  const lengths = Uint32Array.from(lines, (line) => line.seen.length);
  const numbers = new Uint32Array(lengths.reduce((sum, length) => sum + length, 0));
  let at = 0;
  for (const { seen } of lines) {
    numbers.set(seen, at);
    at += seen.length;
  }
  const ends = lines.map(({ end }) => end);
  const complaints = lines.flatMap(({ number, complaint }) => (complaint ? [`${number}: ${complaint}`] : []));
  main.postMessage({ type: 'report', numbers, lengths, ends, complaints, unanswered, done }, [
    numbers.buffer,
    lengths.buffer,
  ]);
  for (const line of live) line.cut(false);
  main.close();
};

main.on('message', (/** @type {Order} */ { type }) => {
  if (type === 'begin') churn();
  else if (type === 'pulse') post({ type: 'pulse' });
  else if (type === 'settle') {
    stage = 'settling';
    review();
  } else finish();
});

dial();
