import { accepted, refused } from '../../protocol/codec.js';
import { closeReasons, ErrWrite, errorText } from '../../protocol/errors.js';
import { frame } from '../../protocol/frame.js';
import type { Body } from '../../protocol/message.js';
import { closesWith, type Outcome } from '../api/handlers.js';
import type { Conn } from '../api/handles.js';
import type { ServerContext } from '../context.js';

/** What a handshake needs of its connection. */
export interface HandshakeHost {
  readonly id: string;
  readonly conn: Conn;
  /** `onConnect` has let it in. */
  agree(): void;
  /** `onConnect` has not. */
  refuse(code: number, text: string): void;
  /** Writes bytes past every gate. */
  writeRaw(bytes: Uint8Array): void;
  socketOnMessage(data: Body): void;
}

interface Waiting {
  readonly open: () => void;
  readonly never: (error: unknown) => void;
}

/** The time before a connection is open: `onConnect` decides, and what comes from either side waits its turn. */
export class Handshake {
  readonly #frames: Body[] = [];
  readonly #writes: Body[] = [];
  readonly #waiting: Waiting[] = [];

  constructor(
    private readonly host: HandshakeHost,
    private readonly context: ServerContext,
    private readonly opened: (() => void) | undefined,
  ) {}

  /** Asks `onConnect`. */
  runOnConnect(): void {
    const outcome = this.context.callbacks.connect(this.host.conn);
    if (outcome instanceof Promise) void outcome.then((late) => this.#decide(late));
    else this.#decide(outcome);
  }

  /** Bytes are copied: they must not keep the whole buffer that was read alive. */
  bufferFrame(data: Body): void {
    this.#frames.push(typeof data === 'string' ? data : new Uint8Array(data));
  }
  bufferWrite(payload: Body): void {
    this.#writes.push(payload);
  }
  /** Runs `open` when the connection is open, or `never` when it ends before. */
  whenOpen(open: () => void, never: (error: unknown) => void): void {
    this.#waiting.push({ open, never });
  }

  /** `A<id>` first, then what was sent meanwhile (HS2, HS3). */
  sendAccept(): void {
    this.opened?.();
    if (this.context.nativeMode !== 'only') this.#write(accepted(this.host.id));
    for (const payload of this.#writes.splice(0)) this.#write(payload);
  }

  /** Calls that waited go before frames that waited (HS4, HS9). */
  complete(): void {
    for (const { open } of this.#waiting.splice(0)) open();
    for (const data of this.#frames.splice(0)) this.host.socketOnMessage(data);
  }

  sendRefusal(text: string): void {
    if (this.context.nativeMode !== 'only') this.#write(refused(text));
  }

  /** The connection has ended before it was open. */
  abort(): void {
    this.#frames.length = 0;
    for (const { never } of this.#waiting.splice(0)) never(ErrWrite);
  }

  #write(payload: Body): void {
    this.host.writeRaw(frame(payload));
  }

  #decide(outcome: Outcome): void {
    if (outcome.kind !== 'error') return this.host.agree();
    const { error } = outcome;
    const code = closesWith(error)?.code ?? closeReasons.refused.code;
    return this.host.refuse(code, errorText(error));
  }
}
