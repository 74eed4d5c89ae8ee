import type { Body } from './message.js';

/** Returns the size of a body in a frame, in bytes. It needs Node. */
export const bytesIn = (body: Body): number => (typeof body === 'string' ? Buffer.byteLength(body) : body.length);

/**
 * Returns a flat copy of a text, to be kept. A part of a text keeps the whole of it in memory, such as a frame of 64 KiB,
 * and a concatenated one all its parts. It needs Node.
 */
export const compact = (text: string): string => Buffer.from(text, 'utf16le').toString('utf16le');

const utf8 = new TextEncoder();
/** Maximum number of UTF-8 bytes of one UTF-16 code unit. */
const bytesPerUnit = 3;

/** Returns whether a text has at most so many bytes in UTF-8. */
export const fits = (text: string, bytes: number): boolean =>
  text.length * bytesPerUnit <= bytes || utf8.encode(text).length <= bytes;
