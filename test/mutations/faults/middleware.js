import { inFile } from '../inFile.js';

/** @type {readonly import('../inFile.js').Fault[]} */
export const middlewareFaults = [
  ...inFile('actors/api/callbacks.ts', [
    ['a refusal is a fault', 'MW8', 'if (!this.refuses(error)) this.failed(', 'this.failed('],
    ['refusals are not counted', 'MW8', 'if (isRefused) this.counters.refusals++;', ''],
  ]),
  ...inFile('actors/api/handlers.ts', [
    [
      'a known error is a fault',
      'MW8',
      'isInstance(thrown, Refusal) || isKnownError(thrown)',
      'isInstance(thrown, Refusal)',
    ],
  ]),
  ...inFile('actors/connection/transitions.ts', [
    ['a refused join is not counted', 'MW8', 'callbacks.refuses(error) || ', ''],
    [
      'a refusal of a forced event counts',
      'MW8',
      'isForced || callbacks.refuses(error)',
      'callbacks.refuses(error) || isForced',
    ],
  ]),
  ...inFile('actors/sessions/refusal.ts', [
    ['a refusal with a status of the server has no text', 'MW9', ' || isInstance(error, Refusal)', ''],
  ]),
];
