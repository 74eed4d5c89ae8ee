import fc from 'fast-check';

/** Names with a special meaning to a broker. */
export const oddNames = [
  ...['', '_', '*', 'a*', '?', 'a?', '[ab]', '\\*', '>', 'a.b', '.', 'a.', '.a', 'a..b', 'ask', 'ask.a', 'ask.a.'],
  ...[
    '~a',
    'a b',
    'a\tb',
    'a\nb',
    'a\r\nb',
    '\u0000',
    '\f',
    'é',
    '😀',
    '\ud83d',
    '\ude00',
    '__proto__',
    'a'.repeat(5_000),
  ],
];

/** Any name, often an odd one. */
export const anyName = fc.oneof(
  fc.constantFrom(...oddNames),
  fc.string({ maxLength: 6 }),
  fc.string({ unit: 'binary', maxLength: 6 }),
  fc.string({ unit: fc.constantFrom('a', '.', '_', '*', '>', '~', ' ', '\ud800', '\udc00'), maxLength: 5 }),
);
