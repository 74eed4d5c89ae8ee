const digits = 20;
const dollar = 0x24;
const separator = 0x3b;
const mask = (1n << 96n) - 1n;

/** Source of one server's wait tokens (AK1). */
export class TokenMaker {
  /** Name of this server in its tokens. It routes an answer back to the server that asked. */
  readonly nodeId: string;
  readonly #pool = new BigUint64Array(64);
  #used = this.#pool.length;

  /** Creates a source. `fill` writes random bits into the pool. */
  constructor(private readonly fill: (pool: BigUint64Array<ArrayBuffer>) => unknown) {
    this.nodeId = (this.#next() & 0xff_ffff_ffffn).toString(36).padStart(8, '0');
  }

  /** Returns a new token: 96 random bits in base 36, then `-`, then the node (AK1). */
  make(): string {
    const bits = ((this.#next() << 64n) | this.#next()) & mask;
    return `${bits.toString(36).padStart(digits, '0')}-${this.nodeId}`;
  }

  /** Returns the next 64 random bits. */
  #next(): bigint {
    if (this.#used === this.#pool.length) {
      this.fill(this.#pool);
      this.#used = 0;
    }
    return this.#pool[this.#used++] ?? 0n;
  }
}

/** Returns whether a wait token marks an answer. Clients begin their own tokens with `$` (AK2). */
export const isAnswer = (wait: string): boolean => wait !== '' && wait.charCodeAt(0) !== dollar;

/** Returns whether a message may be an answer, by its first character or byte, at `start`: its wait token is neither empty nor an ask's. */
export const mayBeAnswer = (data: string | Uint8Array, start = 0): boolean => {
  const first = typeof data === 'string' ? data.charCodeAt(start) : data[start];
  return first !== separator && first !== dollar;
};

/** Marks, after the first character of a token, an ask from another server. */
const marker = '!';
/** Three, because each server or client on the way may remove one. */
const markers = marker.repeat(3);

/** Returns the token in the form that is sent to other servers (EX7). */
export const markToken = (token: string): string => token.slice(0, 1) + markers + token.slice(1);

/** Returns the tokens under which the answer may come back: without a marker, or with one that is left. */
export const tokensOfAnswer = (token: string): string[] => [token, token.slice(0, 1) + marker + token.slice(1)];

const markedToken = /^([0-9A-Za-z])(!{0,3})([0-9A-Za-z-]{1,100})$/;
/** Token of an older neffos server: no marker, and this first character. */
const olderToken = /^R\d{1,30}$/;

/** Wait token of another server's ask. */
export interface ForeignToken {
  /** Token without markers, as it is sent to the client. */
  readonly token: string;
  /** Whether the token had a marker. Older neffos servers send none. */
  readonly isMarked: boolean;
}

/** Returns the token of an ask from another server, or `undefined` if the wait field is not a token (EX14). */
export const readForeignToken = (wait: string): ForeignToken | undefined => {
  const [, first = '', marks = '', rest = ''] = markedToken.exec(wait) ?? [];
  if (marks !== '') return { token: first + rest, isMarked: true };
  return olderToken.test(wait) ? { token: wait, isMarked: false } : undefined;
};
