// Reads a server's websocket frames off the bytes of a connection.

const shortest = 2;

/** Where frames go. */
export class FrameReader {
  /** Bytes of a payload that are still to come. */
  #rest = 0;
  /** The beginning of a head that is not whole. */
  #head = Buffer.alloc(0);
  #opcode = 0;
  #length = 0;
  /** @type {Buffer[] | undefined} */
  #parts;
  /** So much of the beginning of a payload is wanted; of none, frames are only counted. */
  keeps = Number.POSITIVE_INFINITY;
  #kept = 0;

  /** @param {(opcode: number, length: number, payload: Buffer | undefined) => void} onFrame */
  constructor(onFrame) {
    this.onFrame = onFrame;
  }

  /** @param {Buffer} bytes */
  take(bytes) {
    let at = 0;
    while (at < bytes.length) {
      if (this.#rest > 0) at = this.#goOn(bytes, at);
      else if (this.#head.length > 0) at = this.#completeHead(bytes, at);
      else at = this.#begin(bytes, at);
    }
  }

  /**
   * @param {Buffer} bytes
   * @param {number} at
   */
  #begin(bytes, at) {
    const size = headSize(bytes, at);
    if (size === 0 || at + size > bytes.length) {
      this.#head = Buffer.from(bytes.subarray(at));
      return bytes.length;
    }
    this.#open(bytes, at, size);
    return at + size;
  }

  /**
   * @param {Buffer} bytes
   * @param {number} at
   */
  #completeHead(bytes, at) {
    const head = Buffer.concat([this.#head, bytes.subarray(at, at + 1)]);
    this.#head = head;
    if (headSize(head, 0) === head.length) {
      this.#head = head.subarray(0, 0);
      this.#open(head, 0, head.length);
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
    if (size === shortest) this.#length = bytes.readUInt8(at + 1) & 0x7f;
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
  #goOn(bytes, at) {
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
 * The size of the head that begins here; 0 when too little of it is there to tell.
 *
 * @param {Buffer} bytes
 * @param {number} at
 */
const headSize = (bytes, at) => {
  if (at + 1 >= bytes.length) return 0;
  const short = bytes.readUInt8(at + 1) & 0x7f;
  if (short < 126) return shortest;
  return short === 126 ? 4 : 10;
};

const masked = 0x80;
/** A mask of zeros leaves the payload as it is. */
const maskSize = 4;

/**
 * A client's frame.
 *
 * @param {string | Buffer} payload
 * @param {number} [opcode]
 */
export const clientFrame = (payload, opcode = 1) => {
  const body = typeof payload === 'string' ? Buffer.from(payload) : payload;
  const size = body.length < 126 ? shortest : 4;
  const bytes = Buffer.alloc(size + maskSize + body.length);
  bytes[0] = 0x80 | opcode;
  if (size === shortest) bytes[1] = masked | body.length;
  else {
    bytes[1] = masked | 126;
    bytes.writeUInt16BE(body.length, 2);
  }
  body.copy(bytes, size + maskSize);
  return bytes;
};
