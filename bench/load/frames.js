// Reads WebSocket frames from the bytes of a server, and writes those of a client.

const shortHeader = 2;

/** Calls back with each frame of a stream of bytes. */
export class FrameReader {
  /** Missing bytes of the current payload. */
  #rest = 0;
  /** The received part of an incomplete header. */
  #header = Buffer.alloc(0);
  #opcode = 0;
  #length = 0;
  /** @type {Buffer[] | undefined} */
  #parts;
  /** How many bytes of each payload to keep. With 0, no payload is passed on. */
  keeps = Number.POSITIVE_INFINITY;
  #kept = 0;

  /** @param {(opcode: number, length: number, payload: Buffer | undefined) => void} onFrame */
  constructor(onFrame) {
    this.onFrame = onFrame;
  }

  /** Reads the next bytes of the stream. @param {Buffer} bytes */
  take(bytes) {
    let at = 0;
    while (at < bytes.length) {
      if (this.#rest > 0) at = this.#continue(bytes, at);
      else if (this.#header.length > 0) at = this.#completeHeader(bytes, at);
      else at = this.#begin(bytes, at);
    }
  }

  /**
   * @param {Buffer} bytes
   * @param {number} at
   */
  #begin(bytes, at) {
    const size = headerSize(bytes, at);
    if (size === 0 || at + size > bytes.length) {
      this.#header = Buffer.from(bytes.subarray(at));
      return bytes.length;
    }
    this.#open(bytes, at, size);
    return at + size;
  }

  /**
   * @param {Buffer} bytes
   * @param {number} at
   */
  #completeHeader(bytes, at) {
    const header = Buffer.concat([this.#header, bytes.subarray(at, at + 1)]);
    this.#header = header;
    if (headerSize(header, 0) === header.length) {
      this.#header = header.subarray(0, 0);
      this.#open(header, 0, header.length);
    }
    return at + 1;
  }

  /**
   * @param {Buffer} bytes
   * @param {number} at
   * @param {number} size
   */
  #open(bytes, at, size) {
    this.#opcode = bytes.readUInt8(at) & 0x0f;
    if (size === shortHeader) this.#length = bytes.readUInt8(at + 1) & 0x7f;
    else if (size === 4) this.#length = bytes.readUInt16BE(at + 2);
    else this.#length = Number(bytes.readBigUInt64BE(at + 2));
    this.#rest = this.#length;
    this.#parts = this.keeps > 0 || this.#opcode > 2 ? [] : undefined;
    this.#kept = 0;
    if (this.#rest === 0) this.#end();
  }

  /**
   * @param {Buffer} bytes
   * @param {number} at
   */
  #continue(bytes, at) {
    const end = Math.min(at + this.#rest, bytes.length);
    // The bytes are the reader's only until it returns.
    if (this.#parts && (this.#opcode > 2 || this.#kept < this.keeps)) this.#keep(bytes.subarray(at, end));
    this.#rest -= end - at;
    if (this.#rest === 0) this.#end();
    return end;
  }

  /** @param {Buffer} bytes */
  #keep(bytes) {
    const wanted = this.#opcode > 2 ? bytes.length : Math.min(bytes.length, this.keeps - this.#kept);
    this.#parts?.push(Buffer.from(bytes.subarray(0, wanted)));
    this.#kept += wanted;
  }

  #end() {
    const parts = this.#parts;
    this.#parts = undefined;
    this.onFrame(this.#opcode, this.#length, parts && Buffer.concat(parts));
  }
}

/**
 * Returns the size of the header at an offset; 0 if too few bytes of it are known.
 *
 * @param {Buffer} bytes
 * @param {number} at
 */
const headerSize = (bytes, at) => {
  if (at + 1 >= bytes.length) return 0;
  const short = bytes.readUInt8(at + 1) & 0x7f;
  if (short < 126) return shortHeader;
  return short === 126 ? 4 : 10;
};

const masked = 0x80;
/** The mask is zeros, which leave the payload unchanged. */
const maskSize = 4;

/**
 * Returns a frame of a client.
 *
 * @param {string | Buffer} payload
 * @param {number} [opcode]
 */
export const clientFrame = (payload, opcode = 1) => {
  const body = typeof payload === 'string' ? Buffer.from(payload) : payload;
  const size = body.length < 126 ? shortHeader : 4;
  const bytes = Buffer.alloc(size + maskSize + body.length);
  bytes[0] = 0x80 | opcode;
  if (size === shortHeader) bytes[1] = masked | body.length;
  else {
    bytes[1] = masked | 126;
    bytes.writeUInt16BE(body.length, 2);
  }
  body.copy(bytes, size + maskSize);
  return bytes;
};
