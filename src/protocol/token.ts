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
