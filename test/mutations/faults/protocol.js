import { inFile } from '../inFile.js';

/** @type {readonly import('../inFile.js').Fault[]} */
export const protocolFaults = [
  ...inFile('protocol/json.ts', [['JSON reaches prototypes', 'FR9', "if (key === '__proto__') return undefined;", '']]),
  ...inFile('protocol/incoming/decoder.ts', [
    ['a header is known by its length', 'FR1', 'if (bytes[from + at] !== header[at]) return false;', ''],
    ['a wait token of bytes is Latin-1', 'FR1 FR2', 'if (byte >= 0x80) return -1;', ''],
    ['five fields are a header', 'FR1', 'const separators = 6;', 'const separators = 5;'],
    ['every answer of the decoder is text', 'FR1', 'isBinary: !isText,', 'isBinary: false,'],
    ['a binary body changes with the read buffer', 'FR7', 'ownCopy(data.subarray(at, end))', 'data.subarray(at, end)'],
    [
      'known headers change with the read buffer',
      'FR1',
      'new Uint8Array(data.subarray(from, at))',
      'data.subarray(from, at)',
    ],
  ]),
  ...inFile('protocol/token.ts', [
    ['no answer is taken at once', 'AK7', 'first !== separator && first !== dollar', 'first === undefined'],
  ]),
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
  ...inFile('protocol/reading.ts', [
    ['an answer is an ask', 'SV22', "isAnswer(wait) ? 'answer' : 'ask'", "'ask'"],
    ['anything is a frame', 'SV22', "if (typeof data !== 'string' &&", "if (data === '' &&"],
  ]),
  ...inFile('protocol/outgoing.ts', [
    ['a message may have any member', 'BC14', 'if (!isKnown(name) && Object', 'if (!isKnown("to") && Object'],
    ['inherited methods are members', 'BC14', ' && Object.hasOwn(message, name)', ''],
    ['a received message has unknown members', 'BC14', "    case 'isForced':\n", ''],
    ['an id may be no text', 'BC14', ' && isText(to)', ''],
    ['a flag may be anything', 'BC14', '!isFlag(setBinary) || ', ''],
  ]),
  ...inFile('protocol/nearest.ts', [
    ['any name is like any other', 'BC14', 'steps <= 2 && steps * 2 < name.length && ', ''],
    ['the first similar name is taken', 'BC14', 'steps < (best?.steps ?? 3)', 'best === undefined'],
  ]),
  ...inFile('protocol/errors.ts', [
    ['every text is told', 'SV26', 'exposes || isForClients(thrown) ? thrown', 'exposes || thrown ? thrown'],
    ['a refusal is an internal error', 'SV26', 'thrown instanceof Refusal || ', ''],
    ['a known error is an internal error', 'SV26', 'return isMade || isKnownError(thrown);', 'return isMade;'],
  ]),
];
