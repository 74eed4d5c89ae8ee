import type { Body } from './message.js';

/** Returns the size of a body in a frame, in bytes. It needs Node. */
export const bytesIn = (body: Body): number => (typeof body === 'string' ? Buffer.byteLength(body) : body.length);
