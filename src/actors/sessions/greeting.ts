import type { Limits } from '../../limits.js';
import { acknowledge } from '../../protocol/codec.js';
import type { CloseReasonName } from '../../protocol/errors.js';
import { keptBody } from '../../protocol/incoming/undecoded.js';
import type { Body } from '../../protocol/message.js';
import { isOpening, type Opening, readOpening } from '../../protocol/opening.js';
import { readFromClient, type SessionFrame } from '../../protocol/session.js';
import type { Deadline, Deadlines } from '../runtime/deadlines.js';
import type { SocketListener, UpgradedSocket } from '../transport/socket.js';

/** Maximum size of the part before the body of an opening, in characters. Its namespace and room are empty. */
const maxHead = 32;

/** What a client did wrong before it became a connection. */
export type GreetingFault = 'ackTimeout' | 'badHello' | 'earlyFrames';

/** Receives what comes of a greeting. */
export interface GreetingHost {
  /** Called once, with the first frame; `undefined` for a client that begins without the session layer. */
  onOpening(opening: Opening | undefined): void;
  /** Called once, when the client breaks a rule. */
  onFault(fault: GreetingFault): void;
  /**
   * Called once, when the client closes, or breaks a rule of the socket (`isFault`). The socket is not closed yet.
   */
  onClosing(code: number, text: string, isFault: boolean): void;
  /** Called once, when the socket has closed without that. */
  onClosed(): void;
}

/** What a greeting works with. */
export interface GreetingParts {
  /** All deadlines, behind one timer. */
  readonly deadlines: Deadlines;
  /** The bounds of the first frame and of what follows it. */
  readonly limits: Pick<Limits, 'ackTimeout' | 'earlyFrames' | 'earlyBytes'>;
  /** Counts frames that are ignored. */
  readonly counters: { ignoredSession: number; emptyFrames: number };
}

/**
 * Waits for the first frame of a client that announced the session layer, and keeps what it sends until it is a
 * connection (SS11). It knows no connection.
 */
export class Greeting implements SocketListener {
  /** The first frame and those after it, in order. */
  readonly #kept: Body[] = [];
  #state: 'waiting' | 'deciding' | 'over' = 'waiting';
  #frames = 0;
  #bytes = 0;
  #isAcknowledged = false;
  readonly #deadline: Deadline;

  constructor(
    private readonly socket: UpgradedSocket,
    private readonly parts: GreetingParts,
    private readonly host: GreetingHost,
  ) {
    this.#deadline = parts.deadlines.after(parts.limits.ackTimeout, () => this.#fail('ackTimeout'));
    socket.listen(this);
  }

  /** Makes `listener` the listener of the socket, and gives it what the client has sent. */
  attach(listener: SocketListener): void {
    this.end();
    this.socket.listen(listener);
    for (const data of this.#kept.splice(0)) listener.socketOnMessage(data);
  }

  /** Takes nothing more, and cancels the deadline. */
  end(): void {
    this.#state = 'over';
    this.#deadline.cancel();
  }

  /** Takes the first frame, and keeps what follows it within the bounds of early frames (HS5). */
  socketOnMessage(received: Body, isText?: boolean): void {
    if (this.#state === 'over') return;
    const data = keptBody(received, isText);
    if (data.length === 0) {
      this.parts.counters.emptyFrames++;
      return;
    }
    const frame = typeof data === 'string' ? readFromClient(data) : undefined;
    if (frame) this.#takeSession(frame, data);
    else this.#takeData(data);
  }
  /** Does nothing: nothing is written. */
  filled(): void {}
  /** Does nothing: nothing is written. */
  socketOnDrain(): void {}
  /** Reports that the socket is closed. */
  socketOnClose(): void {
    if (this.#state === 'over') return;
    this.end();
    this.host.onClosed();
  }
  /** Reports that the client closes, or that the server has decided it: `cause` is set then. */
  socketOnClosing(code: number, text: string, cause?: CloseReasonName): void {
    if (this.#state === 'over') return;
    this.end();
    this.host.onClosing(code, text, cause !== undefined);
  }

  #takeSession(frame: SessionFrame, data: Body): void {
    if (!isOpening(frame)) {
      this.parts.counters.ignoredSession++;
      return;
    }
    const opening = this.#state === 'waiting' ? readOpening(frame) : undefined;
    // The bound of an opening is that of its body.
    if (!opening || data.length - frame.body.length > maxHead) return this.#fail('badHello');
    this.#kept.push(data);
    return this.#open(opening);
  }

  #takeData(data: Body): void {
    if (data === acknowledge && !this.#isAcknowledged) {
      this.#isAcknowledged = true;
    } else {
      this.#frames++;
      this.#bytes += data.length;
      const { earlyFrames, earlyBytes } = this.parts.limits;
      if (this.#frames > earlyFrames || this.#bytes > earlyBytes) return this.#fail('earlyFrames');
    }
    this.#kept.push(data);
    if (this.#state === 'waiting') this.#open(undefined);
  }

  #open(opening: Opening | undefined): void {
    this.#state = 'deciding';
    this.#deadline.cancel();
    this.host.onOpening(opening);
  }

  #fail(fault: GreetingFault): void {
    this.end();
    this.host.onFault(fault);
  }
}
