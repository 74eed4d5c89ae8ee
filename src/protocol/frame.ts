import type { Body } from './message.js';

const fin = 0x80;
const textOpcode = 0x1;
const binaryOpcode = 0x2;

/** One unmasked RFC 6455 server frame around a payload; its bytes may be written to any number of sockets (BC7). */
export const frame = (payload: Body): Buffer => {
  const isText = typeof payload === 'string';
  const length = isText ? Buffer.byteLength(payload) : payload.length;
  const head = length < 126 ? 2 : length < 65_536 ? 4 : 10;
  const bytes = Buffer.allocUnsafe(head + length);
  bytes[0] = fin | (isText ? textOpcode : binaryOpcode);
  if (head === 2) {
    bytes[1] = length;
  } else if (head === 4) {
    bytes[1] = 126;
    bytes.writeUInt16BE(length, 2);
  } else {
    bytes[1] = 127;
    bytes.writeUInt32BE(Math.floor(length / 2 ** 32), 2);
    bytes.writeUInt32BE(length >>> 0, 6);
  }
  if (isText) bytes.write(payload, head, 'utf8');
  else bytes.set(payload, head);
  return bytes;
};

/** Several frames as one buffer, for one write. */
export const joined = (frames: readonly Uint8Array[]): Uint8Array => {
  const [only] = frames;
  return frames.length === 1 && only ? only : Buffer.concat(frames);
};
