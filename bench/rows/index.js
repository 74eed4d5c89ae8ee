import { ask, inbound } from './ask.js';
import { broadcast, burst } from './broadcast.js';
import { clusterRow } from './cluster.js';
import { contractRow } from './contract.js';
import { deflate } from './deflate.js';
import { delay } from './delay.js';
import { live } from './live.js';
import { membership, memory } from './memory.js';
import { roomRow } from './room.js';
import { roomsRow } from './rooms.js';
import { stalledRow } from './stalled.js';
import { to } from './to.js';
import { watchedRow } from './watched.js';

/** In the order of the table. @type {readonly import('../rowRunner.js').Row[]} */
export const rows = [
  broadcast,
  burst,
  roomRow,
  to,
  roomsRow,
  deflate,
  delay,
  ask,
  inbound,
  contractRow,
  memory,
  membership,
  live,
  stalledRow,
  clusterRow,
  watchedRow,
];
