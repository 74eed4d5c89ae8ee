import { encode, inParts, opcodes, pieces, ping, text } from './clientFrame.js';
import { closed, type RfcCase, sectionOf, told } from './rfcCase.js';

const { text: opcode, continuation } = opcodes;

/** The code points at the bounds of each length, around the surrogates, and those that are no characters. */
const validPoints = [
  ...[0x00, 0x01, 0x7f, 0x80, 0x7ff, 0x800, 0xd7ff, 0xe000, 0xfffd, 0xfffe, 0xffff, 0x10000, 0x10ffff],
  ...Array.from({ length: 16 }, (_, plane) => [((plane + 1) << 16) | 0xfffe, ((plane + 1) << 16) | 0xffff]).flat(),
];
const validTexts = [
  'κόσμε',
  'schöner Gruß',
  '日本語',
  '𐍈𝄞👩‍🚀',
  'a\u0301\u200d\ufeff',
  '\u2028\u202e;;;;;;',
  'mixed ä€𐍈 text',
];

const hex = (...words: readonly string[]): Buffer[] => words.map((word) => Buffer.from(word, 'hex'));

/** What is no UTF-8, by kind. */
const invalid: Readonly<Record<string, readonly Buffer[]>> = {
  'a continuation byte alone': hex('80', 'bf', '8080', '80bf80', '80bf80bf', '80bf80bf80', '80bf80bf80bf'),
  'a first byte alone': hex('c220', 'df20', 'e020', 'ef20', 'f020', 'f420', 'f820', 'fb20', 'fc20', 'fd20'),
  'a sequence without its last byte': hex('c2', 'df', 'e0a0', 'efbf', 'f09080', 'f48fbf', 'e0a020', 'f0908020'),
  'a byte that never occurs': hex('c0', 'c1', 'f5', 'f7', 'f8', 'fb', 'fc', 'fd', 'fe', 'ff', 'fefeffff'),
  'an overlong form': hex('c0af', 'e080af', 'f08080af', 'f8808080af', 'fc80808080af'),
  'the longest overlong form': hex('c1bf', 'e09fbf', 'f08fbfbf', 'f887bfbfbf', 'fc83bfbfbfbf'),
  'an overlong NUL': hex('c080', 'e08080', 'f0808080', 'f880808080', 'fc8080808080'),
  'half of a surrogate pair': hex('eda080', 'edadbf', 'edae80', 'edafbf', 'edb080', 'edbe80', 'edbfbf'),
  'a surrogate pair': hex('eda080edb080', 'eda080edbfbf', 'edadbfedb080', 'edafbfedbfbf'),
  'a code point beyond the last': hex('f4908080', 'f4bfbfbf', 'f5808080', 'f7bfbfbf', 'f888808080', 'fc8480808080'),
};

/** Between characters, so that the bad bytes are not all there is. */
const around = (bytes: Buffer): Buffer => Buffer.concat([Buffer.from('κό'), bytes, Buffer.from('σμε')]);

/** §6: texts are UTF-8. */
export const utf8 = (): RfcCase[] => {
  const { echoes, fails } = sectionOf(6);
  const valid = [...validPoints.map((point) => String.fromCodePoint(point)), ...validTexts];
  const bad = (given: Omit<RfcCase, 'section' | 'gets' | 'closes'>): RfcCase => fails(1007, given);

  /** A bad byte, then a ping, and the rest of the message: the moment of the close frame shows. */
  const early = (does: string, before: readonly Buffer[], rest: readonly Buffer[]): RfcCase =>
    fails(
      1007,
      { does, writes: [...before, ping('p'), ...rest] },
      { gets: [told('pong', 'p'), closed(1007)], why: 'late' },
    );
  const start = encode({ opcode, payload: 'κό', isLast: false });
  const badFrame = encode({ opcode: continuation, payload: hex('f4908080')[0] ?? '', isLast: false });
  const halfBadFrame = encode({ opcode: continuation, payload: hex('f490')[0] ?? '', isLast: false });
  const end = encode({ opcode: continuation, payload: 'σμε' });

  return [
    ...valid.flatMap((payload) => {
      const bytes = Buffer.from(payload);
      const does = `the text ${bytes.subarray(0, 12).toString('hex')}`;
      const gets = [told('text', bytes)];
      return [
        echoes({ does, writes: [text(bytes)], gets }),
        echoes({ does: `${does} in octets`, writes: pieces(text(bytes), 1), gets }),
        echoes({ does: `${does} in frames of one byte`, writes: inParts(opcode, pieces(bytes, 1)), gets }),
      ];
    }),
    ...Object.entries(invalid).flatMap(([kind, sequences]) =>
      sequences.flatMap((sequence) => {
        const does = `${kind}: ${sequence.toString('hex')}`;
        return [
          bad({ does, writes: [text(sequence)] }),
          bad({ does: `${does}, inside a text`, writes: [text(around(sequence))] }),
          bad({ does: `${does}, in octets`, writes: pieces(text(around(sequence)), 1) }),
          bad({ does: `${does}, in frames of one byte`, writes: inParts(opcode, pieces(around(sequence), 1)) }),
        ];
      }),
    ),
    echoes({ does: 'an empty text', writes: [text('')], gets: ['text'] }, { gets: [], why: 'empty' }),
    echoes(
      { does: 'an empty text in three frames', writes: inParts(opcode, ['', '', '']), gets: ['text'] },
      { gets: [], why: 'empty' },
    ),
    early('bad bytes in the second of three frames', [start, badFrame], [end]),
    early('half of a bad sequence in the second of three frames', [start, halfBadFrame], [end]),
    early(
      'bad bytes in the first of two frames',
      [encode({ opcode, payload: around(Buffer.from([0xff])), isLast: false })],
      [end],
    ),
    early(
      'an incomplete sequence at the end of a frame that no valid one continues',
      [start, halfBadFrame],
      [last('8080')],
    ),
  ];
};

const last = (payload: string): Buffer => encode({ opcode: continuation, payload: Buffer.from(payload, 'hex') });
