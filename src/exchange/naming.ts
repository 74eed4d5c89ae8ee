import { createHash } from 'node:crypto';
import type { ChannelKind } from './exchange.js';

/** Returns whether a name has a lone surrogate. All of these encode to the same bytes, so two names would collide. */
const isTorn = (name: string): boolean => /\p{Cs}/u.test(name);

/** Returns the name for an error text, cut to 60 characters. */
const shown = (name: string): string => JSON.stringify(name.length > 60 ? `${name.slice(0, 60)}…` : name);

const refuse = (what: string, name: string, why: string): never => {
  throw new RangeError(`${what} ${shown(name)} cannot be carried: ${why}`);
};

const nouns: Readonly<Record<ChannelKind, string>> = {
  namespace: 'the namespace',
  connection: 'the id',
  answers: 'the token',
};

/** Returns the naming of Redis channels, as in neffos: `<channel>.<name>.`, and `<channel>.ask.<token>` (EX13). */
export const redisNames =
  (channel: string) =>
  (kind: ChannelKind, name: string): string => {
    if (isTorn(name)) refuse(nouns[kind], name, 'it has a lone surrogate');
    if (kind !== 'answers') return `${channel}.${name}.`;
    if (name === '' || name.endsWith('.')) refuse(nouns[kind], name, 'its channel would be the channel of a namespace');
    return `${channel}.ask.${name}`;
  };

/**
 * Rule that turns names into NATS subjects (EX13). `san`: as newer Go nodes; refuses a name that they would change.
 * `hashed`: as `san`, but sends such a name as a hash; for clusters of Muster only. `plain`: as older Go nodes.
 */
export type NatsNames = 'san' | 'hashed' | 'plain';

/** Every value of `NatsNames`. */
export const natsNames: readonly NatsNames[] = ['san', 'hashed', 'plain'];

/** One token of a subject: no dot, no wildcard, no character that ends or splits a line of the protocol. */
const tokenPattern = /^[^.*> \p{Cc}\p{Cs}]+$/u;

/** Maximum size of a subject, in bytes. A protocol line has 4,096 by default, with more on it than the subject. */
const longest = 4_000;

/** Returns whether a text is a subject that names one channel and is not a pattern. */
export const isSubject = (subject: string): boolean =>
  subject.split('.').every((token) => tokenPattern.test(token)) && Buffer.byteLength(subject) <= longest;

/** First character of a name that is a hash. */
const mark = '~';

/** Returns the hash of a name, over its code units, so that different names never share their input. */
const hashOf = (name: string): string => mark + createHash('sha256').update(name, 'utf16le').digest('base64url');

/** Token for the empty name, and for no other. */
const empty = '_';

const rules = 'it is "_", or has a dot, "*", ">", a space or a control character, or is too long';

const carried: Readonly<Record<NatsNames, (prefix: string, kind: ChannelKind, name: string) => string>> = {
  san: (prefix, kind, name) => {
    const token = name === '' ? empty : name;
    if (name === empty || !tokenPattern.test(token) || !isSubject(`${prefix}.ask.${token}`)) {
      refuse(nouns[kind], name, `${rules} (option "names" of the exchange)`);
    }
    return token;
  },
  hashed: (prefix, _kind, name) => {
    if (name === '') return empty;
    const isPlain = name !== empty && !name.startsWith(mark) && tokenPattern.test(name);
    return isPlain && isSubject(`${prefix}.ask.${name}`) ? name : hashOf(name);
  },
  plain: (prefix, kind, name) => {
    if (!isSubject(name) || !isSubject(`${prefix}.ask.${name}`)) {
      refuse(
        nouns[kind],
        name,
        'it is no subject, that is, tokens with dots between them and without "*", ">" and spaces',
      );
    }
    if (kind !== 'answers' && name.split('.')[0] === 'ask')
      refuse(nouns[kind], name, 'it begins with "ask", as the channel of an answer does');
    return name;
  },
};

/** Returns the naming of NATS subjects: `<prefix>.<name>`, and `<prefix>.ask.<token>` for answers (EX13). */
export const natsSubjects =
  (prefix: string, names: NatsNames) =>
  (kind: ChannelKind, name: string): string =>
    kind === 'answers'
      ? `${prefix}.ask.${carried[names](prefix, kind, name)}`
      : `${prefix}.${carried[names](prefix, kind, name)}`;
