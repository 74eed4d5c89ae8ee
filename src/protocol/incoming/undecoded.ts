import type { Body } from '../message.js';

/** Returns the text that valid UTF-8 stands for, a byte order mark included. It needs Node. */
export const textOf = ({ buffer, byteOffset, byteLength }: Uint8Array): string =>
  Buffer.from(buffer, byteOffset, byteLength).toString();

/** Returns a message as a program takes it: the bytes of a text message are decoded. It needs Node. */
export const bodyOf = (data: Body, isText: boolean | undefined): Body =>
  isText === true && typeof data !== 'string' ? textOf(data) : data;

/** Returns a message to be kept. Bytes are copied, as a view of them would keep their whole read buffer in memory. */
export const keptBody = (data: Body, isText: boolean | undefined): Body => {
  const body = bodyOf(data, isText);
  return typeof body === 'string' ? body : new Uint8Array(body);
};
