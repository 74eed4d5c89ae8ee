import { ask, askOne } from './ask.js';
import { broadcast, burst, hundred } from './broadcast.js';
import { clusterRow } from './cluster.js';
import { contractRow } from './contract.js';
import { deflate } from './deflate.js';
import { delay } from './delay.js';
import { events } from './events.js';
import { flood } from './flood.js';
import { join } from './join.js';
import { live } from './live.js';
import { membership, memory } from './memory.js';
import { roomRow } from './room.js';
import { roomsRow } from './rooms.js';
import { rush } from './rush.js';
import { smallRooms } from './smallRooms.js';
import { stalledRow } from './stalled.js';
import { storm } from './storm.js';
import { to } from './to.js';
import { watchedRow } from './watched.js';

/** In the order of the table. @type {readonly import('../rowRunner.js').Row[]} */
export const rows = [
  broadcast,
  burst,
  hundred,
  smallRooms,
  roomRow,
  to,
  roomsRow,
  deflate,
  delay,
  ask,
  askOne,
  events,
  flood,
  contractRow,
  storm,
  rush,
  join,
  memory,
  membership,
  live,
  stalledRow,
  clusterRow,
  watchedRow,
];
