import { type Body, bytesIn } from './message.js';

/** Where the bytes of frames for one connection go: its socket, or its chart first. A stream of node is one. */
export interface FrameSink {
  readonly writable: boolean;
  /** Writes these bytes now; false when it may have no more room. Never throws while it is writable. */
  write(bytes: Uint8Array): boolean;
}

const fin = 0x80;
const textOpcode = 0x1;
const binaryOpcode = 0x2;

/** One unmasked RFC 6455 server frame around a payload; its bytes may be written to any number of sockets (BC7). */
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

/** What a server frame carries. */
export interface Unframed {
  readonly kind: 'text' | 'binary' | 'control';
  readonly payload: Body;
}

const utf8 = new TextDecoder();

/** Reads whole, unmasked frames back: for those who want to see what goes out. */
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

/** An empty ping. */
export const ping: Uint8Array = Buffer.from([fin | 0x9, 0]);

/** Several frames as one buffer, for one write. */
export const joined = (frames: readonly Uint8Array[]): Uint8Array => {
  const [only] = frames;
  return frames.length === 1 && only ? only : Buffer.concat(frames);
};
