import { createHash } from 'node:crypto';
import type { ChannelKind } from './exchange.js';

/** Surrogates that stand alone all become the same bytes, so two names would meet. */
const isTorn = (name: string): boolean => /\p{Cs}/u.test(name);

/** The name in short, as an error shows it. */
const shown = (name: string): string => JSON.stringify(name.length > 60 ? `${name.slice(0, 60)}…` : name);

const refuse = (what: string, name: string, why: string): never => {
  throw new RangeError(`${what} ${shown(name)} cannot be carried: ${why}`);
};

const nouns: Readonly<Record<ChannelKind, string>> = {
  namespace: 'the namespace',
  connection: 'the id',
  answers: 'the token',
};

/** Channels in Redis: `<channel>.<name>.`, and `<channel>.ask.<token>` for answers, as neffos has them (EX13). */
export const redisNames =
  (channel: string) =>
  (kind: ChannelKind, name: string): string => {
    if (isTorn(name)) refuse(nouns[kind], name, 'it has half a character');
    if (kind !== 'answers') return `${channel}.${name}.`;
    if (name === '' || name.endsWith('.')) refuse(nouns[kind], name, 'it would meet the channel of a namespace');
    return `${channel}.ask.${name}`;
  };

/**
 * How names become subjects of NATS (EX13): `san` as newer Go nodes write them, and a name that would be changed by
 * that is refused; `hashed` carries those as a hash, for a cluster of Muster alone; `plain` as older Go nodes do.
 */
export type NatsNames = 'san' | 'hashed' | 'plain';

export const natsNames: readonly NatsNames[] = ['san', 'hashed', 'plain'];

/** One token of a subject: no dot, no wildcard, nothing that ends or splits a line of the protocol. */
const tokenPattern = /^[^.*> \p{Cc}\p{Cs}]+$/u;

/** A line of the protocol has 4 096 bytes by default, and there is more on it. */
const longest = 4_000;

/** A whole subject that names one channel and no pattern. */
export const isSubject = (subject: string): boolean =>
  subject.split('.').every((token) => tokenPattern.test(token)) && Buffer.byteLength(subject) <= longest;

/** Begins the names that are hashes. */
const mark = '~';

/** Of the code units themselves, so that names differ here whenever they differ at all. */
const hashOf = (name: string): string => mark + createHash('sha256').update(name, 'utf16le').digest('base64url');

/** What stands for the empty name, and so for no other. */
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
      refuse(nouns[kind], name, 'it is no subject: tokens with dots between them, without "*", ">", spaces');
    }
    if (kind !== 'answers' && name.split('.')[0] === 'ask') refuse(nouns[kind], name, 'it begins as answers do');
    return name;
  },
};

/** Subjects in NATS: `<prefix>.<name>`, and `<prefix>.ask.<token>` for answers. */
export const natsSubjects =
  (prefix: string, names: NatsNames) =>
  (kind: ChannelKind, name: string): string =>
    kind === 'answers'
      ? `${prefix}.ask.${carried[names](prefix, kind, name)}`
      : `${prefix}.${carried[names](prefix, kind, name)}`;
