import { inFile } from '../inFile.js';

/** @type {readonly import('../inFile.js').Fault[]} */
export const machinesFaults = [
  ...inFile('machines/connection.ts', [
    [
      'let in without M',
      'HS2 HS9',
      "always: { guard: 'isNativeOnly', target: 'acknowledged' }",
      "always: { target: 'acknowledged' }",
    ],
    ['a refusal sends no text', 'HS7', "actions: ['recordReason', 'sendRefusal']", "actions: ['recordReason']"],
  ]),
  ...inFile('machines/supervisor.ts', [
    ['an arrival during a do is admitted', 'DO2', "actions: 'hold'", "actions: 'admit'"],
  ]),
];
