/** The opcodes that RFC 6455 defines. */
export const opcodes = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

export interface ClientFrame {
  readonly opcode: number;
  readonly payload?: string | Buffer;
  /** Whether it is the last frame of its message. Default true. */
  readonly isLast?: boolean;
  /** The three reserved bits, as a number from 0 to 7. Default 0. */
  readonly reserved?: number;
}

/** Any key that is not zero, so that what a server forgets to unmask differs. */
const key = Buffer.from([0x5a, 0x91, 0x0c, 0xe7]);

const lengthOf = (bytes: number): Buffer => {
  const masked = 0x80;
  if (bytes < 126) return Buffer.from([masked | bytes]);
  if (bytes < 65_536) return Buffer.from([masked | 126, bytes >> 8, bytes & 0xff]);
  const long = Buffer.alloc(9);
  long[0] = masked | 127;
  long.writeBigUInt64BE(BigInt(bytes), 1);
  return long;
};

/** Returns the bytes of a frame as a client sends it, masked. */
export const encode = ({ opcode, payload = '', isLast = true, reserved = 0 }: ClientFrame): Buffer => {
  const body = Buffer.from(payload);
  for (let at = 0; at < body.length; at++) body.writeUInt8(body.readUInt8(at) ^ key.readUInt8(at % 4), at);
  const first = Buffer.from([(isLast ? 0x80 : 0) | (reserved << 4) | opcode]);
  return Buffer.concat([first, lengthOf(body.length), key, body]);
};

export const text = (payload: string | Buffer): Buffer => encode({ opcode: opcodes.text, payload });
export const binary = (payload: Buffer): Buffer => encode({ opcode: opcodes.binary, payload });
export const ping = (payload: string | Buffer = ''): Buffer => encode({ opcode: opcodes.ping, payload });
export const pong = (payload: string | Buffer = ''): Buffer => encode({ opcode: opcodes.pong, payload });

/** Returns a close frame; without a code it is empty. */
export const close = (code?: number, reason: string | Buffer = ''): Buffer => {
  if (code === undefined) return encode({ opcode: opcodes.close });
  const head = Buffer.alloc(2);
  head.writeUInt16BE(code);
  return encode({ opcode: opcodes.close, payload: Buffer.concat([head, Buffer.from(reason)]) });
};

/** Returns the frames of one message in several parts. */
export const inParts = (opcode: number, parts: readonly (string | Buffer)[]): Buffer[] =>
  parts.map((payload, at) =>
    encode({ opcode: at === 0 ? opcode : opcodes.continuation, payload, isLast: at === parts.length - 1 }),
  );

/** Returns the bytes in pieces of this size, which are written one by one. */
export const pieces = (bytes: Buffer, size: number): Buffer[] =>
  Array.from({ length: Math.ceil(bytes.length / size) }, (_, at) => bytes.subarray(at * size, (at + 1) * size));
