import { constants, deflateRawSync } from 'node:zlib';
import { frame, joined } from '../protocol/frame.js';

/** How broadcasts are compressed. */
export interface CompressionOptions {
  /** Size above which a message is compressed, in bytes. Default 1,024. At most 131,072. */
  readonly threshold: number;
  /** Level of zlib, from 1 for the least time to 9 for the fewest bytes. Default 1. */
  readonly level: number;
}

/** What compression has done so far. */
export interface CompressionTally {
  /** Messages that were compressed. */
  messages: number;
  /** Messages that compression made no smaller. They went out as they were. */
  kept: number;
  /** Bytes that were not written, as compressed frames took the place of plain ones. */
  saved: number;
}

/** The tally of a server that compresses nothing. */
export const noCompression: Readonly<CompressionTally> = { messages: 0, kept: 0, saved: 0 };

/**
 * Maximum size of a message that is compressed: 128 KiB. A message is compressed within a slice of background work, and
 * this much takes about 2 ms at the default level, and less if it compresses well.
 */
export const maxDeflated = 128 * 1024;

/** The bit of a frame's first byte that says that its payload is compressed (RFC 7692, section 6). */
const rsv1 = 0x40;

/** What an empty block ends with. The receiver of a message adds it again (RFC 7692, section 7.2.1). */
const tailLength = 4;

/** Returns the payload of a whole, unmasked frame: a view. */
const payloadOf = (bytes: Uint8Array): Uint8Array => {
  const short = bytes[1] ?? 0;
  return bytes.subarray(short < 126 ? 2 : short === 126 ? 4 : 10);
};

/** What is known of plain bytes: the frames that were joined to them, if no client has needed their short form yet. */
type Known =
  | { readonly kind: 'frames'; readonly frames: readonly Uint8Array[] }
  | { readonly kind: 'wire'; readonly bytes: Uint8Array };

/**
 * Compresses the frames of broadcasts, each one once for all connections whose clients agreed to it. Everything above
 * the socket knows the plain frames only: a frame is the key under which its compressed form is found.
 */
export class Deflater {
  /** What compression has done so far. */
  readonly tally: CompressionTally = { ...noCompression };
  /** By the bytes that are written to other clients. An entry lives as long as these. */
  readonly #known = new WeakMap<Uint8Array, Known>();

  constructor(private readonly options: CompressionOptions) {}

  /** Records a frame that goes to many connections. Compresses nothing yet. */
  offer(bytes: Uint8Array): void {
    const { length } = payloadOf(bytes);
    if (length > this.options.threshold && length <= maxDeflated) this.#known.set(bytes, noFrames);
  }

  /** Returns frames as one buffer, and records it if one of them is recorded. */
  readonly join = (frames: readonly Uint8Array[]): Uint8Array => {
    const bytes = joined(frames);
    if (frames.length > 1 && frames.some((one) => this.#known.has(one))) {
      this.#known.set(bytes, { kind: 'frames', frames });
    }
    return bytes;
  };

  /** Returns the bytes to write, in place of these, to a client that agreed to compression. */
  toWrite(bytes: Uint8Array): Uint8Array {
    const wire = this.#wireOf(bytes);
    this.tally.saved += bytes.length - wire.length;
    return wire;
  }

  /** Returns the compressed form of recorded bytes, made the first time, and other bytes as they are. */
  #wireOf(bytes: Uint8Array): Uint8Array {
    const known = this.#known.get(bytes);
    if (known === undefined) return bytes;
    if (known.kind === 'wire') return known.bytes;
    const { frames } = known;
    const wire = frames.length === 0 ? this.#deflate(bytes) : joined(frames.map((one) => this.#wireOf(one)));
    this.#known.set(bytes, { kind: 'wire', bytes: wire });
    return wire;
  }

  /** Returns the frame with its payload compressed, or as it is if that is no shorter. */
  #deflate(bytes: Uint8Array): Uint8Array {
    const { level } = this.options;
    const data = deflateRawSync(payloadOf(bytes), { level, finishFlush: constants.Z_SYNC_FLUSH });
    const wire = frame(data.subarray(0, -tailLength));
    if (wire.length >= bytes.length) {
      this.tally.kept++;
      return bytes;
    }
    this.tally.messages++;
    wire[0] = (bytes[0] ?? 0) | rsv1;
    return wire;
  }
}
const noFrames: Known = { kind: 'frames', frames: [] };
