import { closeReasons } from '../../protocol/errors.js';
import type { Random } from '../runtime/random.js';
import type { Identity, UpgradeRequest } from '../transport/socket.js';
import type { Authenticator } from './authenticator.js';
import { type RefusedClient, refusalByFailure } from './refusal.js';

/** Makes the id of a connection, as the options of the server document it. */
export type IdGenerator = (request: UpgradeRequest, user: unknown) => string | Promise<string>;

/** An arrival with its id and, where the program authenticates, its user. */
export interface Identified {
  /** Distinguishes it from a refusal. */
  readonly kind: 'identified';
  /** The id of the connection to be. */
  readonly id: string;
  /** The user. */
  readonly identity: Identity | undefined;
}

/** What an identification works with. */
export interface IdentificationParts {
  /** Runs `authenticate`, if the program has it. */
  readonly authenticator: Authenticator | undefined;
  /** The program's `idGenerator`. */
  readonly idGenerator: IdGenerator | undefined;
  /** Makes ids where the program does not. */
  readonly random: Pick<Random, 'uuid'>;
  /** Counts clients that `authenticate` refuses. */
  readonly counters: { refusedAuthentications: number };
  /** Returns whether a namespace is declared. */
  isNamespace(name: string): boolean;
  /** Throws when the broker cannot carry the id (EX13). */
  assertCarried(id: string): void;
}

const isControl = (code: number): boolean => code < 0x21 || (code >= 0x7f && code < 0xa0);

/** Returns what is wrong with an id, or `undefined` (HS11). */
const idFault = (id: unknown, isNamespace: (name: string) => boolean): string | undefined => {
  if (typeof id !== 'string') return `an id is a string, got ${typeof id}`;
  const bytes = Buffer.byteLength(id);
  if (bytes === 0 || bytes > 128) return `an id has 1 to 128 bytes, got ${bytes}`;
  for (const character of id) {
    if (character === ';' || isControl(character.codePointAt(0) ?? 0)) {
      return 'an id has no control characters, spaces or semicolons';
    }
  }
  return isNamespace(id) ? `the id "${id}" is the name of a namespace` : undefined;
};

/** Returns a flat copy. A concatenated string keeps its parts in memory: over 1 KiB for an id. */
const compact = (text: string): string => Buffer.from(text, 'utf16le').toString('utf16le');

const noId = 'no connection id';

/** Says who an arrival is: its user, and then its id. It knows no socket. */
export class Identification {
  constructor(private readonly parts: IdentificationParts) {}

  /** Runs `authenticate` and makes the id. Resolves with both, or with the refusal. Never rejects. */
  async run(token: string | undefined, request: UpgradeRequest): Promise<Identified | RefusedClient> {
    const authentication = await this.parts.authenticator?.run(token, request);
    if (authentication?.kind === 'refused') {
      this.parts.counters.refusedAuthentications++;
      return authentication;
    }
    const identity = authentication?.identity;
    let made: string;
    try {
      const { idGenerator, random } = this.parts;
      made = idGenerator ? await idGenerator(request, identity?.user) : random.uuid();
    } catch (cause) {
      return refusalByFailure(noId, cause);
    }
    try {
      this.#check(made);
    } catch (cause) {
      return refusalByFailure(noId, cause, closeReasons.refused.code);
    }
    return { kind: 'identified', id: compact(made), identity };
  }

  #check(id: string): void {
    const fault = idFault(id, (name) => name !== '' && this.parts.isNamespace(name));
    if (fault) throw new TypeError(fault);
    this.parts.assertCarried(id);
  }
}
