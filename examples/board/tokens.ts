/** Signed tokens: a user, and when the token expires. Only the secret makes one. */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

export interface User {
  readonly id: string;
  readonly name: string;
}

interface Claims extends User {
  /** When the token expires, in ms since 1970. */
  readonly expiresAt: number;
}

/** With a secret of its own for each start, a restart signs all users out. Several servers need the same one. */
const secret = process.env['BOARD_SECRET'] ?? randomBytes(32);
const lifetime = 8 * 60 * 60 * 1_000;

const signatureOf = (payload: string): Buffer => createHmac('sha256', secret).update(payload).digest();

export function sign({ id, name }: User): string {
  const claims: Claims = { id, name, expiresAt: Date.now() + lifetime };
  const payload = Buffer.from(JSON.stringify(claims)).toString('base64url');
  return `${payload}.${signatureOf(payload).toString('base64url')}`;
}

/** The claims of a token that we have signed and that has not expired, else `undefined`. */
export function verify(token: string): Claims | undefined {
  const [payload = '', signature = ''] = token.split('.');
  const given = Buffer.from(signature, 'base64url');
  const ours = signatureOf(payload);
  if (given.length !== ours.length || !timingSafeEqual(given, ours)) return undefined;
  // We have signed it, so it is what `sign` has written.
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as Claims;
  return claims.expiresAt > Date.now() ? claims : undefined;
}
