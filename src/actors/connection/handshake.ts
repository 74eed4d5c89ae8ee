import { accepted, refused } from '../../protocol/codec.js';
import { closeReasons, ErrWrite, errorText } from '../../protocol/errors.js';
import { frame } from '../../protocol/frame.js';
import type { Body } from '../../protocol/message.js';
import { closesWith, type Outcome } from '../api/handlers.js';
import type { Conn } from '../api/handles.js';
import type { House } from '../context.js';

/** What a handshake needs of its connection. */
export interface HandshakeHost {
  readonly id: string;
  readonly conn: Conn;
  /** `onConnect` has let it in. */
  agree(): void;
  /** `onConnect` has not. */
  refuse(code: number, text: string): void;
  /** Writes bytes past every gate. */
  put(bytes: Uint8Array): void;
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
    private readonly house: House,
    private readonly opened: (() => void) | undefined,
  ) {}

  /** Asks `onConnect`. */
  consult(): void {
    const outcome = this.house.hooks.connect(this.host.conn);
    if (outcome instanceof Promise) void outcome.then((late) => this.#decide(late));
    else this.#decide(outcome);
  }

  /** Bytes are copied: they must not keep the whole buffer that was read alive. */
  holdFrame(data: Body): void {
    this.#frames.push(typeof data === 'string' ? data : new Uint8Array(data));
  }
  holdWrite(payload: Body): void {
    this.#writes.push(payload);
  }
  /** Runs `open` when the connection is open, or `never` when it ends before. */
  whenOpen(open: () => void, never: (error: unknown) => void): void {
    this.#waiting.push({ open, never });
  }

  /** `A<id>` first, then what was sent meanwhile (HS2, HS3). */
  welcome(): void {
    this.opened?.();
    if (this.house.nativeMode !== 'only') this.#put(accepted(this.host.id));
    for (const payload of this.#writes.splice(0)) this.#put(payload);
  }

  /** Calls that waited go before frames that waited (HS4, HS9). */
  complete(): void {
    for (const { open } of this.#waiting.splice(0)) open();
    for (const data of this.#frames.splice(0)) this.host.socketOnMessage(data);
  }

  sendRefusal(text: string): void {
    if (this.house.nativeMode !== 'only') this.#put(refused(text));
  }

  /** The connection has ended before it was open. */
  abort(): void {
    this.#frames.length = 0;
    for (const { never } of this.#waiting.splice(0)) never(ErrWrite);
  }

  #put(payload: Body): void {
    this.host.put(frame(payload));
  }

  #decide(outcome: Outcome): void {
    if (outcome.kind !== 'error') return this.host.agree();
    const { error } = outcome;
    const code = closesWith(error)?.code ?? closeReasons.refused.code;
    return this.host.refuse(code, errorText(error));
  }
}
