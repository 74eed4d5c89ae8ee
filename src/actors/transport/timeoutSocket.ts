import type { Limits } from '../../limits.js';
import { type CloseReasonName, closeReasons } from '../../protocol/errors.js';
import type { Deadline, Deadlines } from '../runtime/deadlines.js';
import { type Socket, SocketWrapper } from './socket.js';

/** A socket whose client must send a message, and take what it is sent, in time (LM4, LM5). */
export class TimeoutSocket extends SocketWrapper {
  #reading: Deadline | undefined;
  #writing: Deadline | undefined;

  constructor(
    inner: Socket,
    private readonly deadlines: Deadlines,
    private readonly limits: Pick<Limits, 'readTimeout' | 'writeTimeout'>,
  ) {
    super(inner);
    this.#expectFrame();
  }

  /** Writes frames, and sets the deadline by which the client must take them. */
  override write(bytes: Uint8Array): boolean {
    const hasRoom = super.write(bytes);
    if (!this.#writing) this.#expectDelivery();
    return hasRoom;
  }

  /** Passes on a message of the client, and sets the deadline of the next. */
  override socketOnMessage(data: string | Uint8Array, isText?: boolean): void {
    this.#expectFrame();
    super.socketOnMessage(data, isText);
  }

  /** Cancels both deadlines, and passes on the end of the socket. */
  override socketOnClose(code: number, text: string, cause?: CloseReasonName): void {
    this.#reading?.cancel();
    this.#writing?.cancel();
    super.socketOnClose(code, text, cause);
  }

  #expectFrame(): void {
    const { readTimeout } = this.limits;
    if (readTimeout === 0) return;
    this.#reading?.cancel();
    this.#reading = this.deadlines.after(readTimeout, () => {
      // No message can come from a socket that is paused.
      if (this.isReading) this.socketOnClosing(closeReasons.silent.code, closeReasons.silent.text, 'silent');
      else this.#expectFrame();
    });
  }

  /** Sets the deadline by which the client must take everything written until now. */
  #expectDelivery(): void {
    this.#writing = undefined;
    const { writeTimeout } = this.limits;
    if (writeTimeout === 0 || this.backlog === 0) return;
    // The socket may compress what it is given, and sends pongs by itself.
    const due = this.traffic.sent + this.backlog;
    this.#writing = this.deadlines.after(writeTimeout, () => {
      if (this.traffic.sent >= due) return this.#expectDelivery();
      this.destroy();
      return this.socketOnClose(closeReasons.stuck.code, closeReasons.stuck.text, 'stuck');
    });
  }
}
