import type { Socket, SocketListener, TextListener, Traffic } from '../../../src/actors/transport/socket.js';
import type { FrameSink } from '../../../src/protocol/frame.js';

/** What the server has sent: the bytes of one write, or the close frame. */
export type Sent =
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  | { readonly kind: 'close'; readonly code: number; readonly text: string };

/** One frame as the client sees it: `t <text>`, `b <bytes as text>`, or `close <code> <text>`. */
export type Line = string;

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** Returns the frames in these bytes. Throws unless each is whole, unmasked, final and of the shortest length form. */
export const readFrames = (bytes: Uint8Array): Line[] => {
  const lines: Line[] = [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at < bytes.length; ) {
    const [opcode, short] = [view.getUint8(at), view.getUint8(at + 1)];
    if (opcode !== 0x81 && opcode !== 0x82) throw new Error(`no data frame begins with ${opcode}`);
    if (short > 127) throw new Error('a server frame is not masked');
    const head = short < 126 ? 2 : short === 126 ? 4 : 10;
    const length = head === 2 ? short : head === 4 ? view.getUint16(at + 2) : Number(view.getBigUint64(at + 2));
    if (head > 2 && length < (head === 4 ? 126 : 65_536)) throw new Error(`length ${length} has a shorter form`);
    if (at + head + length > bytes.length) throw new Error('a write ends in the middle of a frame');
    lines.push(`${opcode === 0x81 ? 't' : 'b'} ${utf8.decode(bytes.subarray(at + head, at + head + length))}`);
    at += head + length;
  }
  return lines;
};

const isPing = (bytes: Uint8Array): boolean => bytes.length === 2 && bytes[0] === 0x89;

const lineTo = (isUp: () => boolean, write: (bytes: Uint8Array) => boolean): FrameSink => ({
  get writable() {
    return isUp();
  },
  write,
});

/** Hands a message over like a server's socket: text as bytes of a read buffer, which has other content afterwards. */
const handOver = (listener: SocketListener, data: string | Uint8Array): void => {
  if (typeof data !== 'string') return listener.socketOnMessage(data);
  const read = Buffer.from(`${beside}${data}${beside}`);
  const end = read.length - beside.length;
  if (listener.texts) listener.texts.takeText(read, beside.length, end);
  else listener.socketOnMessage(read.subarray(beside.length, end), true);
  read.fill('*');
};

/** What a read buffer has before and after a message. */
const beside = '#;*;;#';

/** A WebSocket whose peer is the test. */
export class FakeSocket implements Socket {
  readonly sent: Sent[] = [];
  isOpen = true;
  #isLineUp = true;
  /** The transport below it, which has no close frames. */
  readonly outlet: FrameSink = lineTo(
    () => this.#isLineUp,
    (bytes) => this.#put(bytes),
  );
  isReading = true;
  received = 0;
  /** Whether the client leaves pings unanswered. */
  ignoresPings = false;
  pings = 0;
  isDestroyed = false;
  /** Whether the kernel takes no bytes: what is written stays in `backlog`. */
  isStalled = false;
  backlog = 0;
  #taken = 0;
  /** Runs inside `write`. A test may throw in it. */
  onWrite: ((bytes: Uint8Array) => void) | undefined;
  #listener: SocketListener | undefined;
  readonly #inbox: (string | Uint8Array)[] = [];
  #ending: { readonly code: number; readonly text: string } | undefined;

  listen(listener: SocketListener): void {
    this.#listener = listener;
  }

  /** What takes text messages where they lie in a read buffer. */
  get texts(): TextListener | undefined {
    return this.#listener?.texts;
  }

  // As the server uses it

  get writable(): boolean {
    return this.isOpen;
  }
  get traffic(): Traffic {
    return { received: this.received, sent: this.#taken - this.backlog };
  }
  write(bytes: Uint8Array): boolean {
    return this.isOpen && this.#put(bytes);
  }

  #put(bytes: Uint8Array): boolean {
    this.onWrite?.(bytes);
    if (isPing(bytes)) {
      this.#answerPing();
      return true;
    }
    this.sent.push({ kind: 'bytes', bytes });
    this.#taken += bytes.length;
    if (this.isStalled) this.backlog += bytes.length;
    return this.backlog === 0;
  }
  close(code: number, text: string): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.sent.push({ kind: 'close', code, text });
  }
  destroy(): void {
    if (this.isDestroyed) return;
    this.isOpen = false;
    this.#isLineUp = false;
    this.isDestroyed = true;
    this.#ending ??= { code: 1006, text: '' };
  }
  /** Whether the server has paused reading. */
  get isPaused(): boolean {
    return !this.isReading;
  }

  // As the client uses it

  /** Receives this from the client. The server reads it at once, unless it has paused the socket or not attached yet. */
  receive(...data: readonly (string | Uint8Array)[]): void {
    this.#inbox.push(...data);
    this.pump();
  }
  /** Ends the connection from the client's side, or answers the close frame. */
  disconnect(code = 1001, text = ''): void {
    this.isOpen = false;
    this.#isLineUp = false;
    this.#ending ??= { code, text };
    this.pump();
  }
  /** Stops taking bytes. */
  stall(): void {
    this.isStalled = true;
  }
  /** Stops taking bytes, and has so many of those that were held back in its queue (BC15). */
  fill(bytes: number): void {
    this.isStalled = true;
    this.backlog += bytes;
    this.#listener?.filled();
  }
  /** Takes the whole backlog, and more bytes unless `stillStalled`. */
  drain(stillStalled = false): void {
    this.isStalled = stillStalled;
    this.backlog = 0;
    if (!this.isDestroyed) this.#listener?.socketOnDrain();
  }
  /** Hands what was received to the server, unless it has paused the socket. */
  pump(): void {
    const listener = this.#listener;
    if (!listener) return;
    while (!this.isPaused && !this.isDestroyed) {
      const data = this.#inbox.shift();
      if (data === undefined) break;
      this.received += data.length;
      handOver(listener, data);
    }
    const ending = this.#ending;
    if (!ending || (this.isPaused && !this.isDestroyed)) return;
    this.#listener = undefined;
    listener.socketOnClose(ending.code, ending.text);
  }

  #answerPing(): void {
    this.pings++;
    if (!this.ignoresPings) this.received += 6;
  }

  // What the client has seen

  get writes(): number {
    return this.sent.filter(({ kind }) => kind === 'bytes').length;
  }
  get lines(): Line[] {
    return this.sent.flatMap((sent) =>
      sent.kind === 'bytes' ? readFrames(sent.bytes) : [`close ${sent.code} ${sent.text}`],
    );
  }
  /** The payloads of the frames, without `A<id>`. */
  get payloads(): string[] {
    return this.lines.filter((line) => !line.startsWith('t A')).map((line) => line.replace(/^[tb] /, ''));
  }
  /** The wait tokens of the server, in order of appearance. */
  get tokens(): string[] {
    return tokensOf(this.lines);
  }
}

const tokenIn = /^[tb] ([^$;]+);/;

/** The wait tokens of the server in these lines, in order of appearance. */
export const tokensOf = (lines: readonly Line[]): string[] => lines.flatMap((line) => tokenIn.exec(line)?.[1] ?? []);

/** The lines with their tokens numbered in order of appearance. */
export const withoutTokens = (lines: readonly Line[]): Line[] => {
  let count = 0;
  return lines.map((line) => line.replace(tokenIn, (match, token: string) => match.replace(token, `W${++count}`)));
};
