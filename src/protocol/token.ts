const digits = 20;
const mask = (1n << 96n) - 1n;

/** Makes the wait tokens of one server out of random bits that `fill` provides (AK1). */
export class TokenMaker {
  /** The name of this server in its tokens, so that an answer finds its way back. */
  readonly nodeId: string;
  readonly #pool = new BigUint64Array(64);
  #used = this.#pool.length;

  constructor(private readonly fill: (pool: BigUint64Array<ArrayBuffer>) => unknown) {
    this.nodeId = (this.#next() & 0xff_ffff_ffffn).toString(36).padStart(8, '0');
  }

  /** Returns a new token: 96 random bits in base 36, `-`, the node. */
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

/** Clients begin their own tokens with `$`; to a server every other wait claims to be an answer (AK2). */
export const isAnswer = (wait: string): boolean => wait !== '' && wait.charCodeAt(0) !== 0x24;

/** Behind the first character of a token it says that the ask has come from another server. */
const marker = '!';
/** Servers and clients on the way may each take one off. */
const markers = marker.repeat(3);

/** The token as it is sent to other servers (EX7). */
export const markToken = (token: string): string => token.slice(0, 1) + markers + token.slice(1);

/** The token under which the answer may come back, each with as many markers as are left. */
export const tokensOfAnswer = (token: string): string[] => [token, token.slice(0, 1) + marker + token.slice(1)];

const markedToken = /^([0-9A-Za-z])(!{0,3})([0-9A-Za-z-]{1,100})$/;
/** Older servers send theirs without a marker, and with this first character. */
const olderToken = /^R\d{1,30}$/;

/** The ask of another server: the token that its client is to be sent, and whether it had a marker. */
export interface ForeignToken {
  readonly token: string;
  readonly isMarked: boolean;
}

/** Reads the wait of an ask that has come from another server; `undefined` when that is no token (EX14). */
export const readForeignToken = (wait: string): ForeignToken | undefined => {
  const [, first = '', marks = '', rest = ''] = markedToken.exec(wait) ?? [];
  if (marks !== '') return { token: first + rest, isMarked: true };
  return olderToken.test(wait) ? { token: wait, isMarked: false } : undefined;
};
