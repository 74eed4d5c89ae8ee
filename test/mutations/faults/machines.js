import { inFile } from '../inFile.js';

/** @type {readonly import('../inFile.js').Fault[]} */
export const machinesFaults = [
  ...inFile('machines/connection.ts', [
    [
      'let in without M',
      'HS2 HS9',
      "always: { guard: 'isNativeOnly', target: 'heard' }",
      "always: { target: 'heard' }",
    ],
    [
      'no word of the refusal',
      'HS7',
      "                    'sendRefusal',\n                  ],\n                },\n              },\n              after",
      '                  ],\n                },\n              },\n              after',
    ],
  ]),
  ...inFile('machines/supervisor.ts', [
    ['whoever comes during a do is let in', 'DO2', "actions: 'hold'", "actions: 'admit'"],
  ]),
];
