import { errorText } from '../../protocol/errors.js';
import { compact } from '../../protocol/size.js';
import { isThenable } from '../runtime/guard.js';
import type { Random } from '../runtime/random.js';
import type { Warnings } from '../runtime/warnings.js';
import type { Identity, UpgradeRequest } from '../transport/socket.js';
import type { Authentication, Authenticator } from './authenticator.js';
import { IdRefused, type RefusedClient, refusalByFailure, refusalById } from './refusal.js';

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
  /** Warns the process of mistakes, if the program has no hook that is told. */
  readonly warnings: Warnings | undefined;
  /** Counts clients that `authenticate` refuses. */
  readonly counters: { refusedAuthentications: number };
  /** Returns whether a namespace is declared. */
  isNamespace(name: string): boolean;
  /** Throws when the broker cannot carry the id (EX13). */
  assertCarried(id: string): void;
}

const isControl = (code: number): boolean => code < 0x21 || (code >= 0x7f && code < 0xa0);

const isWrong = (character: string): boolean =>
  character === ';' || isControl(character.codePointAt(0) ?? 0) || /\p{Cs}/u.test(character);

/** Matches usual ids, in which nothing is wrong but maybe that they name a namespace. */
const usualId = /^[!-:<-~]{1,128}$/;

/** Returns what is wrong with an id, or `undefined` (HS11). */
const faultOf = (id: string, isNamespace: (name: string) => boolean): IdRefused | undefined => {
  if (usualId.test(id)) return namespaceFault(id, isNamespace);
  const bytes = Buffer.byteLength(id);
  if (bytes === 0 || bytes > 128) return new IdRefused(id, 'size', `an id has 1 to 128 bytes, got ${bytes}`);
  for (const character of id) {
    if (isWrong(character)) {
      return new IdRefused(id, 'characters', 'an id has no control characters, spaces, semicolons or lone surrogates');
    }
  }
  return namespaceFault(id, isNamespace);
};

const namespaceFault = (id: string, isNamespace: (name: string) => boolean): IdRefused | undefined =>
  isNamespace(id) ? new IdRefused(id, 'namespace', `the id "${id}" is the name of a namespace`) : undefined;

/** What an identification leads to. */
type Outcome = Identified | RefusedClient;

const noId = 'no connection id';

/** Says who an arrival is: its user, and then its id. It knows no socket. */
export class Identification {
  constructor(private readonly parts: IdentificationParts) {}

  /**
   * Runs `authenticate` and makes the id. Returns both, or the refusal, or a promise of that if a hook of the program
   * returned one. Never throws or rejects.
   */
  run(token: string | undefined, request: UpgradeRequest): Outcome | Promise<Outcome> {
    const authentication = this.parts.authenticator?.run(token, request);
    return authentication instanceof Promise
      ? authentication.then((late) => this.#generate(request, late))
      : this.#generate(request, authentication);
  }

  #generate(request: UpgradeRequest, authentication: Authentication | undefined): Outcome | Promise<Outcome> {
    if (authentication?.kind === 'refused') {
      this.parts.counters.refusedAuthentications++;
      return this.#warned(authentication);
    }
    const identity = authentication?.identity;
    const failed = (cause: unknown): RefusedClient => refusalByFailure(noId, cause);
    const made = (id: string): Outcome => this.#identify(id, identity);
    try {
      const { idGenerator, random } = this.parts;
      const id = idGenerator ? idGenerator(request, identity?.user) : random.uuid();
      return isThenable(id) ? Promise.resolve(id).then(made).catch(failed) : made(id);
    } catch (cause) {
      return failed(cause);
    }
  }

  /** @throws {TypeError} when the id is no text */
  #identify(made: string, identity: Identity | undefined): Outcome {
    // Plain JavaScript may return anything.
    if (typeof made !== 'string') throw new TypeError(`idGenerator returns a string, got ${typeof made}`);
    const refused = this.#faultOf(made);
    if (refused) return this.#warned(refusalById(refused));
    return { kind: 'identified', id: compact(made), identity };
  }

  #faultOf(id: string): IdRefused | undefined {
    const fault = faultOf(id, (name) => this.parts.isNamespace(name));
    if (fault) return fault;
    try {
      this.parts.assertCarried(id);
      return undefined;
    } catch (cause) {
      return new IdRefused(id, 'broker', errorText(cause), { cause });
    }
  }

  /** Returns the same refusal, of which the process is warned where no hook is told. */
  #warned(refusal: RefusedClient): RefusedClient {
    const { warning } = refusal;
    if (warning) this.parts.warnings?.warn(warning.subject, `clients are refused: ${warning.text}`);
    return refusal;
  }
}
