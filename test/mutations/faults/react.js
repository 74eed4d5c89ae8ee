import { inFile } from '../inFile.js';

/** @type {readonly import('../inFile.js').Fault[]} */
export const reactFaults = [
  ...inFile('react/shared.ts', [
    [
      'what is shared closes while others use it',
      'RC1 RC4',
      'if (users.size > 0 || entries.get(key) !== used) return;',
      '',
    ],
    ['each component opens its own', 'RC1 RC4', 'let entry = entries.get(key);', 'let entry = undefined;'],
    ['the first options hold for ever', 'RC3', '([...users.values()].at(-1) ?? input).current', 'input.current'],
  ]),
  ...inFile('react/membership.ts', [
    ['what the program entered is left', 'RC4', 'if (!last || !isOurs) return;', 'if (!last) return;'],
    ['a refusal after a reconnect is lost', 'RC5', "if (state !== 'online' && shown?.[0] && !shown[1]) ask();", ''],
    ['an error outlives its retry', 'RC5', 'error = undefined;', ''],
  ]),
];
