import type { Body } from './message.js';
import { bytesIn } from './size.js';

/** Destination of one connection's frames: its socket, or its chart first. A Node stream is one. */
export interface FrameSink {
  /** Whether `write` may be called. */
  readonly writable: boolean;
  /** Writes bytes at once. Returns false if the buffer may be full. Never throws while `writable` is true. */
  write(bytes: Uint8Array): boolean;
}

const fin = 0x80;
const textOpcode = 0x1;
const binaryOpcode = 0x2;
const closeOpcode = 0x8;

/** Returns an unmasked RFC 6455 frame with this payload. Its bytes can be written to any number of sockets (BC7). */
export const frame = (payload: Body): Buffer => {
  const isText = typeof payload === 'string';
  const length = bytesIn(payload);
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

/** Content of one server frame. */
export interface Unframed {
  /** Kind of the frame, by its opcode. */
  readonly kind: 'text' | 'binary' | 'control';
  /** Payload: a string for text, bytes otherwise. */
  readonly payload: Body;
}

const utf8 = new TextDecoder();

/** Returns the contents of whole, unmasked frames. Observers and the frame log use it to show what is sent. */
export const unframe = (bytes: Uint8Array): Unframed[] => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const found: Unframed[] = [];
  for (let at = 0; at < bytes.length; ) {
    const opcode = view.getUint8(at) & 0x0f;
    const short = view.getUint8(at + 1);
    const head = short < 126 ? 2 : short === 126 ? 4 : 10;
    const length = head === 2 ? short : head === 4 ? view.getUint16(at + 2) : Number(view.getBigUint64(at + 2));
    const payload = bytes.subarray(at + head, at + head + length);
    if (opcode === textOpcode) found.push({ kind: 'text', payload: utf8.decode(payload) });
    else found.push({ kind: opcode === binaryOpcode ? 'binary' : 'control', payload });
    at += head + length;
  }
  return found;
};

/** Frame of an empty ping. */
export const ping: Uint8Array = Buffer.from([fin | 0x9, 0]);

/** Returns the frame of a pong that answers a ping with this payload, of at most 125 bytes. */
export const pong = (payload: Uint8Array): Uint8Array => {
  const bytes = Buffer.allocUnsafe(2 + payload.length);
  bytes[0] = fin | 0xa;
  bytes[1] = payload.length;
  bytes.set(payload, 2);
  return bytes;
};

/** Returns a close frame with this code and reason, of at most 123 bytes. Default: it has neither (FR11). */
export const closeFrame = (code?: number, reason: Uint8Array | string = ''): Uint8Array => {
  if (code === undefined) return Buffer.from([fin | closeOpcode, 0]);
  const length = bytesIn(reason);
  const bytes = Buffer.allocUnsafe(4 + length);
  bytes[0] = fin | closeOpcode;
  bytes[1] = 2 + length;
  bytes.writeUInt16BE(code, 2);
  if (typeof reason === 'string') bytes.write(reason, 4, 'utf8');
  else bytes.set(reason, 4);
  return bytes;
};

/** Returns several frames as one buffer, for one write (BC6). */
export const joined = (frames: readonly Uint8Array[]): Uint8Array => {
  const [only] = frames;
  return frames.length === 1 && only ? only : Buffer.concat(frames);
};
