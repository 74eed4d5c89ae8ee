import { inFile } from '../inFile.js';

/** @type {readonly import('../inFile.js').Fault[]} */
export const chartsFaults = [
  ...inFile('charts/chartSetup.ts', [
    ['the actors of a chart are lost', 'SV21', '.provide({ actors } as never)', '.provide({})'],
    ['a second extend forgets the actors of the first', 'SV21', '{ ...actors, ...more }', '{ ...more }'],
    ['extend ignores what it does not know', 'SV21', 'checkMembers(own);', ''],
    ['the other parts of a chart are lost', 'SV21', 'setup.extend(rest as never)', 'setup'],
  ]),
];
