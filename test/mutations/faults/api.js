import { inFile } from '../inFile.js';

/** @type {readonly import('../inFile.js').Fault[]} */
export const apiFaults = [
  ...inFile('actors/api/asks.ts', [
    [
      'an answer is taken from anybody',
      'AK2 AK6',
      'if (!pending?.from.mayAnswer(connection)) return false;',
      'if (!pending) return false;',
    ],
    [
      'an ask is never over',
      'AK4',
      'timeout === undefined ? undefined : deadlines.after(timeout, () => giveUp(new AskTimeout(timeout)));',
      'timeout === undefined ? undefined : { cancel() {} };',
    ],
    ['asks without a bound', 'AK9', 'if (tokens.size >= this.limits.asks)', 'if (false)'],
    ['an ask is settled again and again', 'AK2 AK5', 'this.#pending.delete(token);', ''],
  ]),
  ...inFile('actors/api/handlers.ts', [
    [
      'a handler that hangs keeps its lane',
      'SV4',
      "const deadline = deadlines.after(timeout, () => resolve({ kind: 'error', error: new HandlerTimeout(timeout) }));",
      'const deadline = { cancel() {} };',
    ],
  ]),
  ...inFile('actors/api/callbacks.ts', [
    [
      'a normal end carries the steps that led to it',
      'IN5',
      'const path = usual.has(code) ? undefined :',
      'const path = ',
    ],
    [
      'what a hook takes counts for the next handler',
      'IN7',
      'failed: (error: unknown) => void): void {\n    this.timeAnew();',
      'failed: (error: unknown) => void): void {',
    ],
    [
      'a handler counts until it returns',
      'IN7',
      'if (outcome instanceof Promise) this.#noteLater(began, outcome);',
      'if (outcome instanceof Promise) this.meters.handlers.note(this.now() - began);',
    ],
  ]),
  ...inFile('actors/api/chartView.ts', [
    ['any state is one', 'SV24', "check('state', path, namesOf(snapshot.machine.root).paths);", ''],
    ['any tag is one', 'SV24', "check('tag', tag, namesOf(snapshot.machine.root).tags);", ''],
    ['a dot in the name of a state is a path', 'SV24', "name.replaceAll('.', '\\\\.')", 'name'],
  ]),
];
