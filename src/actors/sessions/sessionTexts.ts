import { textOf } from '../../protocol/incoming/undecoded.js';
import type { Body } from '../../protocol/message.js';
import { beginsSession, readFromClient, type SessionFrame } from '../../protocol/session.js';
import type { SocketListener, TextListener } from '../transport/socket.js';

/** Returns the frame of the session layer in a message. Decodes no message that begins otherwise. */
export const readIfSession = (data: Body, isText: boolean | undefined): SessionFrame | undefined => {
  if (typeof data === 'string') return readFromClient(data);
  return isText === true && beginsSession(data) ? readFromClient(textOf(data)) : undefined;
};

/** The text messages of one line. A frame of the session layer goes to the line, any other to the connection. */
export class SessionTexts implements TextListener {
  constructor(
    private readonly line: Pick<SocketListener, 'socketOnMessage'>,
    private readonly connection: TextListener,
  ) {}

  /** Passes on a text message. Returns whether the next may come. */
  takeText(bytes: Uint8Array, start: number, end: number): boolean {
    if (!beginsSession(bytes, start)) return this.connection.takeText(bytes, start, end);
    this.line.socketOnMessage(bytes.subarray(start, end), true);
    return true;
  }
  /** Passes on that a slice begins. */
  beginSlice(frames: number): void {
    this.connection.beginSlice(frames);
  }
  /** Passes on that a slice ends. */
  endSlice(): void {
    this.connection.endSlice();
  }
}
