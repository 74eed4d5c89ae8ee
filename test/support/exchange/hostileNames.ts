import fc from 'fast-check';
import { expect } from 'vitest';
import type { ChannelKind, StackExchange } from '../../../src/exchange/exchange.js';
import { natsNames } from '../../../src/exchange/naming.js';
import { natsExchange } from '../../../src/exchange/nats.js';
import { redisExchange } from '../../../src/exchange/redis.js';
import { memoryBroker } from './memoryExchange.js';

/** Every naming of channels, with its prefix. */
export const namings: readonly (readonly [string, string, StackExchange['channelOf']])[] = [
  ['memory', 'memory', memoryBroker().exchange().channelOf],
  ['redis', 'muster', redisExchange({ url: 'redis://h', channel: 'muster' }).channelOf],
  ...natsNames.map((names) => [`nats ${names}`, 'neffos', natsExchange({ servers: 'h', names }).channelOf] as const),
];

const prefixes = ['memory', 'muster', 'neffos'];
const hashOf = natsExchange({ servers: 'h', names: 'hashed' }).channelOf('namespace', 'a.b').split('.').at(-1) ?? '';

const writtenNames = [
  ...[
    '',
    '_',
    '__',
    '.',
    '..',
    'a',
    'a.',
    '.a',
    'a..b',
    '*',
    'a*',
    '?',
    '[ab]',
    '[^a]',
    '\\',
    '\\*',
    '>',
    'a.>',
    'a.*',
  ],
  ...['ask', 'ask.', 'ask.x', 'ask.x.', '.ask.x', 'ask.ask', 'ASK.x', 'default', 'default.', 'a b', ' ', '\t', '\r\n'],
  ...[
    'x\r\nPUB neffos.default 1\r\ny',
    'x\r\nPUBLISH muster.default. x\r\n',
    '\0',
    '\u0085',
    '\u2028',
    '\ufeff',
    '\u00a0',
  ],
  ...[
    'é',
    'e\u0301',
    'É',
    '😀',
    '\ud83d',
    '\ude00',
    '\ufffd',
    '~',
    '~a',
    hashOf,
    `${hashOf}x`,
    '__proto__',
    'constructor',
  ],
  ...[
    'toString',
    'hasOwnProperty',
    'x'.repeat(128),
    'x'.repeat(255),
    'x'.repeat(4_000),
    '.'.repeat(300),
    '\ud800'.repeat(9),
  ],
  ...['$', '#', '$JS.API', '_INBOX.x', '__keyspace@0__:x', 'k!abc', 'R17953', 'neffos(0x1(2))', 'M', 'A', 'H'],
  ...prefixes.flatMap((prefix) => [prefix, `${prefix}.`, `${prefix}.default`, `${prefix}.ask.x`, `${prefix}.default.`]),
];
const namePiece = fc.constantFrom(
  ...['.', '..', '*', '>', '_', '~', ' ', '\r\n', '\t', '\0', '?', '[', ']', '\\', 'ask', 'ask.', 'default', 'a', 'b'],
  ...[';', '@%!semicolon@%!', '!', '\ud800', '\udc00', 'é', '\u0085', ...prefixes, hashOf],
);
const hostileName = fc.oneof(
  { weight: 4, arbitrary: fc.array(namePiece, { maxLength: 6 }).map((pieces) => pieces.join('')) },
  { weight: 2, arbitrary: fc.string({ unit: 'binary', maxLength: 8 }) },
  { weight: 2, arbitrary: fc.string({ maxLength: 12 }) },
  {
    weight: 1,
    arbitrary: fc.tuple(fc.constantFrom(...writtenNames), namePiece).map(([name, piece]) => name + piece),
  },
);
export const hostileNames = (seed: number): string[] => [
  ...writtenNames,
  ...fc.sample(hostileName, { numRuns: 10_000, seed }),
];

/** Returns the channel, or undefined if the name is refused. */
export const channelFor = (of: StackExchange['channelOf'], kind: ChannelKind, name: string): string | undefined => {
  try {
    return of(kind, name);
  } catch (error) {
    expect(error).toBeInstanceOf(RangeError);
    expect(String(error).length).toBeLessThan(500);
    return undefined;
  }
};
