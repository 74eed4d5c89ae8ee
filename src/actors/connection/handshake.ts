import { accepted, refused } from '../../protocol/codec.js';
import { closeReasons, ErrWrite, errorText } from '../../protocol/errors.js';
import { frame, joined } from '../../protocol/frame.js';
import type { Body } from '../../protocol/message.js';
import { closesWith, type Outcome } from '../api/handlers.js';
import type { ServerContext } from '../context.js';
import { freeDeferred } from '../runtime/actorPatches.js';
import type { Connection } from './connection.js';
import { programCause } from './lifecycle.js';

interface Waiting {
  readonly open: () => void;
  readonly never: (error: unknown) => void;
}

const none: readonly never[] = [];

/** The phase until a connection is open or closed: runs `onConnect`, and buffers frames and calls meanwhile. */
export class Handshake {
  /** Frames of the client. */
  #frames: Body[] | undefined;
  /** Frames to the client. */
  #writes: Body[] | undefined;
  /** Calls of the program. */
  #waiting: Waiting[] | undefined;

  constructor(
    private readonly connection: Connection,
    private readonly context: ServerContext,
    /** Called once the connection is open. */
    private readonly opened: (() => void) | undefined,
  ) {}

  /** Runs `onConnect`, and accepts or refuses the connection when it has settled. */
  runOnConnect(): void {
    const outcome = this.context.callbacks.connect(this.connection.conn);
    if (outcome instanceof Promise) void outcome.then((late) => this.#decide(late));
    else this.#decide(outcome);
  }

  /** Accepts the connection, unless the handshake is over. */
  accept(): void {
    if (this.connection.handshake === this) this.connection.sendEvent({ type: 'AGREED' });
  }

  /** Buffers a frame of the client. Copies bytes, as they would keep the whole read buffer alive. */
  bufferFrame(data: Body): void {
    this.#frames ??= [];
    this.#frames.push(typeof data === 'string' ? data : new Uint8Array(data));
  }
  /** Buffers a frame to the client. */
  bufferWrite(payload: Body): void {
    this.#writes ??= [];
    this.#writes.push(payload);
  }
  /** Calls `open` once the connection is open, or `never` if it closes first. */
  whenOpen(open: () => void, never: (error: unknown) => void): void {
    this.#waiting ??= [];
    this.#waiting.push({ open, never });
  }

  /** Sends `A<id>`, with the answer to a `hello` in the same write, and then the buffered frames (HS2, HS3, SS11). */
  sendAccept(): void {
    this.opened?.();
    const { id, session } = this.connection;
    if (this.context.nativeMode !== 'only') {
      const greeting = session?.greet();
      const first = frame(accepted(id));
      this.connection.writeRaw(greeting === undefined ? first : joined([first, frame(greeting)]));
    }
    for (const payload of this.#writes?.splice(0) ?? none) this.#write(payload);
  }

  /** Runs the waiting calls, and then handles the buffered frames of the client (HS4, HS9). */
  complete(): void {
    freeDeferred(this.connection.actor);
    for (const { open } of this.#waiting?.splice(0) ?? none) open();
    for (const data of this.#frames?.splice(0) ?? none) this.connection.socketOnMessage(data);
  }

  /** Sends `H<text>` (HS7). */
  sendRefusal(text: string): void {
    if (this.context.nativeMode !== 'only') this.#write(refused(text));
  }

  /** Drops the buffered frames and fails the waiting calls: the connection has closed before it was open. */
  abort(): void {
    this.#frames = undefined;
    for (const { never } of this.#waiting?.splice(0) ?? none) never(ErrWrite);
  }

  #write(payload: Body): void {
    this.connection.writeRaw(frame(payload));
  }

  #decide(outcome: Outcome): void {
    if (outcome.kind !== 'error') return this.accept();
    const { error } = outcome;
    const told = this.context.told(error);
    const code = closesWith(error)?.code ?? closeReasons.refused.code;
    const text = errorText(told);
    if (told !== error) {
      this.context.callbacks.report(error, { during: 'onConnect', connection: this.connection.id });
    }
    // If a call of the program has accepted the connection already, this closes it (HS9).
    return this.connection.sendEvent({ type: 'REFUSED', code, text, cause: programCause(code, text) });
  }
}
