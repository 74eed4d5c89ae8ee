import { inFile } from '../inFile.js';

/** @type {readonly import('../inFile.js').Fault[]} */
export const protocolFaults = [
  ...inFile('protocol/json.ts', [['JSON reaches prototypes', 'FR9', "if (key === '__proto__') return undefined;", '']]),
  ...inFile('protocol/codec.ts', [
    [
      'separators are not escaped',
      'FR3',
      'field.includes(separator) ? field.replaceAll(separator, escaped) : field',
      'field',
    ],
    [
      'a token is kept when a message is sent on',
      'BC9',
      'const { namespace, room, event, body, isBinary, isNative } = frame;\n  const message',
      'const { namespace, wait: room, event, body, isBinary, isNative } = frame;\n  const message',
    ],
    [
      'binary is answered in text',
      'FR5',
      'const isBinary = asked.isBinary || typeof body',
      'const isBinary = typeof body',
    ],
    [
      'an error without a text is one',
      'FR4',
      'if (!isError || body.length === 0) return undefined;',
      'if (!isError) return undefined;',
    ],
  ]),
  ...inFile('protocol/decodeFrame.ts', [
    ['an answer is an ask', 'SV22', "isAnswer(wait) ? 'answer' : 'ask'", "'ask'"],
    ['anything is a frame', 'SV22', "if (typeof data !== 'string' &&", "if (data === '' &&"],
  ]),
];
