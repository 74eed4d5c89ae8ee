import { acknowledge, decode, type NativeMode } from '../../protocol/codec.js';
import { unframe } from '../../protocol/frame.js';
import type { Body } from '../../protocol/message.js';
import { type Socket, SocketWrapper } from './socket.js';

/** One frame, as the log of `debug` has it: never with a body, an error's text or a wait token, which may be secret. */
export interface FrameNote {
  readonly connection: string;
  readonly direction: 'in' | 'out';
  readonly kind: 'text' | 'binary' | 'control' | 'close';
  /** What it is, on one line of printable characters. */
  readonly what: string;
  /** The size of its payload. */
  readonly bytes: number;
}

/** Hears of every frame. */
export type FrameLog = (note: FrameNote) => void;

// JSON leaves these as they are, and a terminal would obey some of them.
const unprintable = /[\u007f-\u009f\u2028\u2029]/g;

/** A name that a peer has chosen, in quotes. */
const quoted = (name: string): string =>
  JSON.stringify(name).replace(unprintable, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`);

const kindOfWait = (wait: string): string =>
  wait === '' ? '' : wait.startsWith('$') ? ' (client asks)' : ' (server asks)';

/** What every frame has where a native message has its body. */
const flags = /^(?:[^;]*;){4}[01];[01];/;

/** The names that stand in a frame's header; a native message has nothing in it but its body. */
const describe = (payload: Body, nativeMode: NativeMode): string => {
  const frame = nativeMode === 'only' ? undefined : decode(payload);
  const isFlagged = nativeMode === 'none' || typeof payload !== 'string' || flags.test(payload);
  if (!frame || !isFlagged) return nativeMode === 'none' ? 'no frame' : 'native message';
  const { namespace, room, event, wait, isError } = frame;
  if (event === '') return `answer${kindOfWait(wait)}`;
  const place = room === '' ? quoted(namespace) : `${quoted(namespace)}/${quoted(room)}`;
  return `${quoted(event)} in ${place}${isError ? ' error' : ''}${kindOfWait(wait)}`;
};

const handshake = (payload: Body): string => `handshake ${String(payload).slice(0, 1)}`;

const sizeOf = (payload: Body): number =>
  typeof payload === 'string' ? new TextEncoder().encode(payload).length : payload.length;

/** One line for a note. */
export const lineOfNote = ({ connection, direction, kind, what, bytes }: FrameNote): string =>
  `${quoted(connection)} ${direction} ${kind} ${what}, ${bytes} bytes`;

/** A socket whose frames are told to a log (SV12). */
export class LoggedSocket extends SocketWrapper {
  /** The server's first frame is `A` or `H`, whatever stands behind that, and an `M` that comes before it is one. */
  #isShaken: boolean;

  constructor(
    inner: Socket,
    private readonly connection: string,
    private readonly nativeMode: NativeMode,
    private readonly log: FrameLog,
  ) {
    super(inner);
    this.#isShaken = nativeMode === 'only';
  }

  override write(bytes: Uint8Array): boolean {
    for (const { kind, payload } of unframe(bytes)) {
      const what =
        kind === 'control' ? 'ping' : this.#isShaken ? describe(payload, this.nativeMode) : handshake(payload);
      this.#isShaken ||= kind !== 'control';
      this.#note('out', kind, what, sizeOf(payload));
    }
    return super.write(bytes);
  }
  override close(code: number, text: string): void {
    this.#note('out', 'close', String(code), sizeOf(text));
    super.close(code, text);
  }
  override socketOnMessage(data: Body): void {
    const what = !this.#isShaken && data === acknowledge ? handshake(data) : describe(data, this.nativeMode);
    this.#note('in', typeof data === 'string' ? 'text' : 'binary', what, sizeOf(data));
    super.socketOnMessage(data);
  }
  override socketOnClose(code: number, text: string): void {
    this.#note('in', 'close', String(code), sizeOf(text));
    super.socketOnClose(code, text);
  }

  #note(direction: FrameNote['direction'], kind: FrameNote['kind'], what: string, bytes: number): void {
    this.log({ connection: this.connection, direction, kind, what, bytes });
  }
}
