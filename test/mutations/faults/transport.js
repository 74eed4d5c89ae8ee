import { inFile } from '../inFile.js';

/** @type {readonly import('../inFile.js').Fault[]} */
export const transportFaults = [
  ...inFile('actors/transport/heartbeat.ts', [
    ['whoever has vanished is kept', 'LM3', 'if (isLost) one.onTimeout();', ''],
    ['a heartbeat judges at the first look', 'LM3', 'this.#suspects.add(one);', 'one.onTimeout();'],
    ['a heartbeat takes a ping behind other bytes for one', 'LM3', 'if (backlog === 0) {', 'if (backlog >= 0) {'],
    [
      'a heartbeat keeps who is stuck',
      'LM3',
      'return activityOf(one) <= (this.#behind.get(one) ?? nothingYet);',
      'return false;',
    ],
    ['a heartbeat does not see what is taken', 'LM3', 'return received + sent;', 'return received;'],
  ]),
  ...inFile('actors/transport/timeoutSocket.ts', [
    ['nobody has to say anything', 'LM4', 'if (readTimeout === 0) return;', 'if (readTimeout >= 0) return;'],
    ['nobody has to take anything', 'LM5', 'if (writeTimeout === 0 || ', 'if (writeTimeout >= 0 || '],
  ]),
  ...inFile('actors/transport/loggedSocket.ts', [
    [
      'names are logged as they are',
      'SV12',
      'JSON.stringify(name).replace(unprintable,',
      'JSON.stringify(name).replace(/\u0000/g,',
    ],
  ]),
];
