const digits = 20;
const mask = (1n << 96n) - 1n;
const pool = new BigUint64Array(64);
let used = pool.length;

const random64 = (): bigint => {
  if (used === pool.length) {
    crypto.getRandomValues(pool);
    used = 0;
  }
  return pool[used++] ?? 0n;
};

/** A name for this process in wait tokens, so that an answer can find its way back to it. */
export const makeNodeId = (): string => (random64() & 0xff_ffff_ffffn).toString(36).padStart(8, '0');

/** A wait token of the server: 96 random bits in base 36, `-`, the node (AK1). */
export const makeToken = (nodeId: string): string => {
  const bits = ((random64() << 64n) | random64()) & mask;
  return `${bits.toString(36).padStart(digits, '0')}-${nodeId}`;
};

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
