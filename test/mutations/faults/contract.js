import { inFile } from '../inFile.js';

/** @type {readonly import('../inFile.js').Fault[]} */
export const contractFaults = [
  ...inFile('contract/definitions.ts', [
    ['a contract names lifecycle events', 'CT1', "if (!name.startsWith('_On') && utf8", 'if (utf8'],
    ['both sides send everything', 'CT1 CT10', "from === 'both' || from === side;", 'from === from || from === side;'],
  ]),
  ...inFile('contract/schema.ts', [
    ['an empty body is no JSON', 'CT4', 'return body.length > 0 ? parseJson', 'return body.length >= 0 ? parseJson'],
    ['bytes that are no UTF-8 are JSON', 'CT7', '{ fatal: true }', '{ fatal: false }'],
    ['a schema that rejects is not caught', 'CT6', '.then(outcomeOf).catch(failed)', '.then(outcomeOf)'],
  ]),
  ...inFile('actors/api/contractGate.ts', [
    [
      'an event may be an ask',
      'CT10',
      "return isAsk(definition) === (wait !== '') ? definition : undefined;",
      'return definition;',
    ],
    ['an error is data', 'CT10', 'if (isError && body.length > 0) {', 'if (isError && body.length < 0) {'],
    ['data that does not fit goes out', 'CT13', "!this.isChecking && body !== ''", "body !== ''"],
    ['data that is left out goes out', 'CT12', "!this.isChecking && body !== ''", '!this.isChecking'],
    ['answers are not validated', 'CT11', 'return schema ? this.#dataOf(schema, answer) : answer;', 'return answer;'],
    ['a reply is data', 'CT11', "if (outcome.kind === 'reply') {", "if (outcome.kind === 'nothing') {"],
  ]),
  ...inFile('actors/api/handlers.ts', [
    [
      'a handler for what no client sends',
      'CT8',
      "if (definition && maySend(definition, 'client')) return;",
      'return;',
    ],
  ]),
  ...inFile('actors/api/callbacks.ts', [
    [
      'a validation that hangs keeps its turn',
      'CT9',
      "resolve({ kind: 'failed', error: new HandlerTimeout(timeout) }),",
      'undefined,',
    ],
  ]),
  ...inFile('actors/connection/events.ts', [
    [
      'invalid data is answered with nothing',
      'CT10',
      "return answerAsk(this.connection, frame, decoded.error);\n      case 'failed'",
      "return undefined;\n      case 'failed'",
    ],
    [
      'a handler runs for a client that has left',
      'CT9',
      'const isThere = !connection.isClosed && enteredBy(connection, context, frame);',
      'const isThere = true;',
    ],
    [
      'a mistake of the program is forgotten once its client has left',
      'CT6',
      "if (late.kind === 'failed') context.callbacks.failed(late.error, frame.event, this.ns);",
      '',
    ],
    [
      'the frame decides whether an answer is binary',
      'CT11',
      'const asked = frame.isBinary ? { ...frame, isBinary: false } : frame;',
      'const asked = frame;',
    ],
  ]),
];
