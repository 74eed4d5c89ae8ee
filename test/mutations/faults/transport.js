import { inFile } from '../inFile.js';

/** @type {readonly import('../inFile.js').Fault[]} */
export const transportFaults = [
  ...inFile('actors/transport/heartbeat.ts', [
    ['a client that does not answer a ping is kept', 'LM3', 'if (isGone) one.onTimeout();', ''],
    ['a heartbeat ends a connection at the first check', 'LM3', 'suspects.push(one);', 'one.onTimeout();'],
    ['a heartbeat takes a queued ping for one that has left', 'LM3', 'if (backlog === 0) {', 'if (backlog >= 0) {'],
    [
      'a heartbeat keeps a connection whose queue is stuck',
      'LM3',
      'return activityOf(one) <= (this.#queued.get(one) ?? nothingYet);',
      'return false;',
    ],
    ['a heartbeat does not see bytes that leave the queue', 'LM3', 'return received + sent;', 'return received;'],
    [
      'pings wait for the check of those before',
      'LM3',
      'Math.max(limits.pingInterval - (clock.now() - startedAt), 1)',
      'Math.max(limits.pingInterval, limits.pingTimeout)',
    ],
    [
      'a ping moves the check of an earlier one',
      'LM3',
      'if (unanswered?.get(one) !== traffic.received) {',
      'if (one) {',
    ],
    ['a stuck queue is checked with every ping', 'LM3', 'if (isQueueDue) this.#queuedCheckedAt = now;', ''],
  ]),
  ...inFile('actors/transport/garbage.ts', [
    ['garbage counts for ever', 'LM10', 'this.#count = 0;\n    }', '}'],
    ['a bound of garbage cannot be switched off', 'LM10', 'garbageFrames > 0 && ', ''],
    ['a late answer excuses all that follow', 'LM10', '++this.#strays <= asked', 'asked > 0'],
  ]),
  ...inFile('actors/transport/timeoutSocket.ts', [
    ['a silent client is kept', 'LM4', 'if (readTimeout === 0) return;', 'if (readTimeout >= 0) return;'],
    ['a client that takes nothing is kept', 'LM5', 'if (writeTimeout === 0 || ', 'if (writeTimeout >= 0 || '],
    [
      'what waits in the socket may wait for ever',
      'LM5',
      'const due = this.traffic.sent + this.backlog;',
      'const due = this.traffic.sent;',
    ],
  ]),
  ...inFile('actors/runtime/quoted.ts', [
    [
      'names are logged without escapes',
      'SV12',
      'JSON.stringify(text).replace(unprintable,',
      'JSON.stringify(text).replace(/\u0000/g,',
    ],
    ['names may turn a line of the log around', 'SV12', '[\\p{Cc}\\p{Cf}', '[\\p{Cc}'],
    ['names may hide a part of a line of the log', 'SV12', '\\p{Default_Ignorable_Code_Point}]', ']'],
  ]),
];
