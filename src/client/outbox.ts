import type { Body } from '../protocol/message.js';
import type { ClientCounters } from './line/counters.js';
import type { Line } from './line/socket.js';
import type { Membership } from './membership.js';

/** A frame that waits. */
interface Waiting {
  /** Its namespace or room. */
  readonly to: Membership;
  /** The frame. */
  readonly payload: Body;
  /** The token of an ask, or `''`. */
  readonly token: string;
  /** Size of the frame, in bytes. */
  readonly size: number;
}

const utf8 = new TextEncoder();

/** What goes out to the server: the frames that wait, in order and within bounds, and what is known of those sent (CL11, CL12). */
export class Outbox {
  /** Maximum number of frames that wait. */
  maxFrames = 256;
  /** Maximum size of all frames that wait, in bytes. */
  maxBytes = 262_144;
  /** The present line while the client is online. */
  line: Line | undefined;
  #frames: Waiting[] = [];
  /** For each ask that was sent: how many events had been emitted before it on its line. */
  readonly #marks = new Map<string, number>();
  /** The same for each ping without a pong. */
  #pings: number[] = [];
  #inDoubt = 0;
  #unsent = 0;

  constructor(
    private readonly counters: ClientCounters,
    /** An ask will never be sent. */
    private readonly onDropped: (token: string) => void,
  ) {}

  /** Sends an ask to a place that is entered on this line, before all that waits. Returns whether it could. */
  sendAtOnce(to: Membership, payload: Body, token: string, line: Line): boolean {
    return this.#send({ to, payload, token, size: 0 }, line);
  }

  /** Sends a frame, or keeps it until the client is in its namespace and room. Returns false if neither is possible. */
  submit(to: Membership, payload: Body, token = ''): boolean {
    if (to.isExpected) {
      const frame = {
        to,
        payload,
        token,
        size: (typeof payload === 'string' ? utf8.encode(payload) : payload).length,
      };
      // Frames of a namespace keep their order.
      if (!this.#frames.some((waiting) => waiting.to.root === to.root) && this.#send(frame)) return true;
      const bytes = this.#frames.reduce((sum, { size }) => sum + size, frame.size);
      if (this.#frames.length < this.maxFrames && bytes <= this.maxBytes) return this.#frames.push(frame) > 0;
    }
    this.counters.refused++;
    return false;
  }

  /** Sends the frames that need wait no longer. */
  flush(): void {
    const held = new Set<Membership>();
    this.#frames = this.#frames.filter((frame) => {
      if (!held.has(frame.to.root) && this.#send(frame)) return false;
      held.add(frame.to.root);
      return true;
    });
  }

  /** Returns whether an ask waits. */
  hasAsk(token: string): boolean {
    return this.#frames.some((frame) => frame.token === token);
  }
  /** An ask has ended without an answer. It is withdrawn if it was not sent. */
  withdraw(token: string): void {
    this.#marks.delete(token);
    this.#frames = this.#frames.filter((frame) => frame.token !== token);
  }
  /** An ask is answered, which proves that all before it has arrived. */
  noteAnswer(token: string, line: Line): void {
    line.proven = Math.max(line.proven, this.#marks.get(token) ?? 0);
    this.#marks.delete(token);
  }
  /** A ping is sent. Its pong proves that all before it has arrived. */
  notePing({ emitted }: Line): void {
    this.#pings.push(emitted);
  }
  /** A pong has come. */
  notePong(line: Line): void {
    line.proven = Math.max(line.proven, this.#pings.shift() ?? 0);
  }

  /** The line is lost. What was sent and not proven is in doubt. */
  lost({ emitted, proven }: Line): void {
    this.line = undefined;
    this.#pings = [];
    this.#inDoubt += emitted - proven;
    this.counters.inDoubt += emitted - proven;
  }

  /** Drops the frames of a namespace or room. */
  drop(gone: Membership): void {
    const dropped = this.#frames.filter(({ to }) => to === gone || to.root === gone);
    this.#frames = this.#frames.filter((frame) => !dropped.includes(frame));
    for (const { token } of dropped) {
      if (token !== '') this.onDropped(token);
      else {
        this.counters.unsent++;
        this.#unsent++;
      }
    }
  }

  /** Returns what was lost since the last call. */
  takeLosses(): { readonly inDoubt: number; readonly unsent: number } {
    const losses = { inDoubt: this.#inDoubt, unsent: this.#unsent };
    this.#inDoubt = 0;
    this.#unsent = 0;
    return losses;
  }

  #send({ to, payload, token }: Waiting, line = this.line): boolean {
    if (!line || !to.isIn || !line.send(payload)) return false;
    this.counters.sent++;
    if (token === '') line.emitted++;
    else this.#marks.set(token, line.emitted);
    return true;
  }
}
