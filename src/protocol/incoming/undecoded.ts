import type { Body } from '../message.js';

/** Looked up once: the global is a getter. */
const { Buffer } = globalThis;

/** Returns the same bytes as a buffer of Node. A received message is one already. */
export const asBuffer = (data: Uint8Array): Buffer =>
  Buffer.isBuffer(data) ? data : Buffer.from(data.buffer, data.byteOffset, data.byteLength);

/** Returns the text that valid UTF-8 stands for, a byte order mark included. It needs Node. */
export const textOf = (data: Uint8Array): string => asBuffer(data).toString();

/** Returns a message as a program takes it: the bytes of a text message are decoded. It needs Node. */
export const bodyOf = (data: Body, isText: boolean | undefined): Body =>
  isText === true && typeof data !== 'string' ? textOf(data) : data;

/** Returns a message to be kept. Bytes are copied, as a view of them would keep their whole read buffer in memory. */
export const keptBody = (data: Body, isText: boolean | undefined): Body => {
  const body = bodyOf(data, isText);
  return typeof body === 'string' ? body : new Uint8Array(body);
};
