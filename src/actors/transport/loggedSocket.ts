import { acknowledge, type NativeMode } from '../../protocol/codec.js';
import type { CloseReasonName } from '../../protocol/errors.js';
import { unframe } from '../../protocol/frame.js';
import { bodyOf } from '../../protocol/incoming/undecoded.js';
import type { Body } from '../../protocol/message.js';
import { readHeader } from '../../protocol/reading.js';
import { readFromClient, readFromServer } from '../../protocol/session.js';
import { quoted } from '../runtime/quoted.js';
import { type Socket, SocketWrapper } from './socket.js';

/** One frame, as `debug` logs it. It holds no body, error text or wait token, as they may be secret. */
export interface FrameNote {
  /** The id of the connection. */
  readonly connection: string;
  /** `in` from the client, `out` to the client. */
  readonly direction: 'in' | 'out';
  /** The kind of WebSocket frame. */
  readonly kind: 'text' | 'binary' | 'control' | 'close';
  /** A description on one line of printable characters. */
  readonly what: string;
  /** The size of its payload in bytes. */
  readonly bytes: number;
}

/** Receives a note of every frame. */
export type FrameLog = (note: FrameNote) => void;

/** Describes a message by the names in its header. A native message has none. */
const describe = (payload: Body, nativeMode: NativeMode): string => {
  const header = readHeader(payload, nativeMode);
  if (header.kind !== 'frame') return header.kind === 'native' ? 'native message' : 'no frame';
  const { namespace, room, event, asker, isError } = header;
  const asks = asker === 'none' ? '' : ` (${asker} asks)`;
  if (event === '') return `answer${asks}`;
  const place = room === '' ? quoted(namespace) : `${quoted(namespace)}/${quoted(room)}`;
  return `${quoted(event)} in ${place}${isError ? ' error' : ''}${asks}`;
};

const handshake = (payload: Body): string => `handshake ${String(payload).slice(0, 1)}`;

const sizeOf = (payload: Body): number =>
  typeof payload === 'string' ? new TextEncoder().encode(payload).length : payload.length;

/** Returns a note as one line of text. */
export const lineOfNote = ({ connection, direction, kind, what, bytes }: FrameNote): string =>
  `${quoted(connection)} ${direction} ${kind} ${what}, ${bytes} bytes`;

/** A socket whose frames are logged (SV12). */
export class LoggedSocket extends SocketWrapper {
  /**
   * Whether the handshake is over. It ends with the server's first frame, an `A` or `H`; an `M` before it is part of
   * it.
   */
  #isShaken: boolean;

  constructor(
    inner: Socket,
    private readonly connection: string,
    private readonly nativeMode: NativeMode,
    private readonly log: FrameLog,
    /** Whether frames of the session layer are looked for. They are shown by their verb alone. */
    private readonly hasSessionLayer = false,
  ) {
    super(inner);
    this.#isShaken = nativeMode === 'only';
  }

  /** Logs and writes frames. */
  override write(bytes: Uint8Array): boolean {
    for (const { kind, payload } of unframe(bytes)) {
      const what =
        kind === 'control' ? 'ping' : this.#isShaken ? this.#describe(payload, readFromServer) : handshake(payload);
      this.#isShaken ||= kind !== 'control';
      this.#note('out', kind, what, sizeOf(payload));
    }
    return super.write(bytes);
  }
  /** Logs and sends a close frame. */
  override close(code: number, text: string): void {
    this.#note('out', 'close', String(code), sizeOf(text));
    super.close(code, text);
  }
  /** Logs and passes on a message of the client. */
  override socketOnMessage(data: Body, isText?: boolean): void {
    const body = bodyOf(data, isText);
    const what = !this.#isShaken && body === acknowledge ? handshake(body) : this.#describe(body, readFromClient);
    this.#note('in', typeof body === 'string' ? 'text' : 'binary', what, sizeOf(data));
    super.socketOnMessage(data, isText);
  }
  /** Logs and passes on the end of the socket. */
  override socketOnClose(code: number, text: string, cause?: CloseReasonName): void {
    this.#note('in', 'close', String(code), sizeOf(text));
    super.socketOnClose(code, text, cause);
  }

  #describe(payload: Body, readSession: typeof readFromClient): string {
    const session = this.hasSessionLayer && typeof payload === 'string' ? readSession(payload) : undefined;
    return session ? `session ${quoted(session.verb)}` : describe(payload, this.nativeMode);
  }

  #note(direction: FrameNote['direction'], kind: FrameNote['kind'], what: string, bytes: number): void {
    this.log({ connection: this.connection, direction, kind, what, bytes });
  }
}
