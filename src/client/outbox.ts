import type { Body } from '../protocol/message.js';

/** A frame that waits. */
export interface Waiting {
  /** The namespace. */
  readonly namespace: string;
  /** The room, or `''`. */
  readonly room: string;
  /** The frame. */
  readonly payload: Body;
  /** The token of an ask, or `''`. */
  readonly token: string;
}

const utf8 = new TextEncoder();
const sizeOf = (payload: Body): number => (typeof payload === 'string' ? utf8.encode(payload) : payload).length;

/** The frames that wait until the client is in their namespace and room again, in order and within bounds (CL11). */
export class Outbox {
  /** Maximum number of frames. */
  maxFrames = 256;
  /** Maximum size of all frames, in bytes. */
  maxBytes = 262_144;
  #frames: Waiting[] = [];
  #bytes = 0;

  /** Returns whether frames of a namespace wait. Later ones must wait behind them. */
  holds(namespace: string): boolean {
    return this.#frames.some((frame) => frame.namespace === namespace);
  }

  /** Returns whether an ask waits. */
  hasAsk(token: string): boolean {
    return this.#frames.some((frame) => frame.token === token);
  }

  /** Keeps a frame. Returns false if there is no space. */
  keep(frame: Waiting): boolean {
    const size = sizeOf(frame.payload);
    if (this.#frames.length >= this.maxFrames || this.#bytes + size > this.maxBytes) return false;
    this.#frames.push(frame);
    this.#bytes += size;
    return true;
  }

  /** Takes out the frames that `judge` accepts, and returns them in order. */
  take(judge: (frame: Waiting) => boolean): Waiting[] {
    const taken: Waiting[] = [];
    const kept: Waiting[] = [];
    for (const frame of this.#frames) (judge(frame) ? taken : kept).push(frame);
    this.#frames = kept;
    for (const { payload } of taken) this.#bytes -= sizeOf(payload);
    return taken;
  }
}
