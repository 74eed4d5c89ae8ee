import { closeReasons } from '../../protocol/errors.js';
import { keptBody } from '../../protocol/incoming/undecoded.js';
import type { Body } from '../../protocol/message.js';
import type { ServerContext } from '../context.js';
import type { Deadline } from '../runtime/deadlines.js';
import type { Arrival, Socket, SocketListener } from '../transport/socket.js';

const ignore = (): void => {};

/** Takes nothing of a socket. */
const ignoring: SocketListener = {
  socketOnMessage: ignore,
  filled: ignore,
  socketOnDrain: ignore,
  socketOnClosing: ignore,
  socketOnClose: ignore,
};

/** Sockets without a connection: arrivals that are held or refused, and sockets that are about to close. */
export class Arrivals {
  /** Paused arrivals in order, each with the deadline of its wait and the messages that had come already. */
  readonly #held = new Map<Arrival, { readonly deadline: Deadline; readonly kept: Body[] }>();
  /** Sockets that were sent a close frame, each with the deadline of the answer. */
  readonly #lingering = new Map<Socket, Deadline>();

  constructor(private readonly context: ServerContext) {}

  /**
   * Holds an arrival, paused, while a `do` runs, with the messages that have come (DO2). After `doWaitTimeout` ms it is closed with 1013. It is dropped
   * when its socket closes first.
   */
  hold(arrival: Arrival): void {
    const { deadlines, limits } = this.context;
    const kept: Body[] = [];
    const drop = (): void => {
      this.#held.get(arrival)?.deadline.cancel();
      this.#held.delete(arrival);
    };
    // Paused first: a message that is read after that has come with those before it.
    arrival.socket.isReading = false;
    const deadline = deadlines.after(limits.doWaitTimeout, () => this.#giveUp(arrival));
    this.#held.set(arrival, { deadline, kept });
    arrival.attach({
      ...ignoring,
      socketOnMessage: (data, isText) => void kept.push(keptBody(data, isText)),
      socketOnClose: drop,
    });
  }

  /** Calls `admit` for each held arrival, in order, and resumes its socket. */
  admitHeld(admit: (arrival: Arrival) => void): void {
    this.#releaseHeld(admit);
  }

  /** Refuses every held arrival. */
  refuseHeld(): void {
    this.#releaseHeld((arrival) => this.refuse(arrival));
  }

  /** Ends the socket of an arrival at once, and counts it as refused. */
  refuse({ socket }: Arrival): void {
    this.context.counters.refusedArrivals++;
    socket.destroy();
  }

  /** Waits at most `closeTimeout` ms for a socket that was sent a close frame, then ends it. */
  linger(socket: Socket): void {
    const { deadlines, limits } = this.context;
    const destroy = (): void => {
      this.#lingering.delete(socket);
      socket.destroy();
    };
    this.#lingering.set(socket, deadlines.after(limits.closeTimeout, destroy));
  }

  /** Ends every lingering socket at once. */
  destroyLingering(): void {
    for (const [socket, deadline] of this.#lingering) {
      deadline.cancel();
      socket.destroy();
    }
    this.#lingering.clear();
  }

  #giveUp(arrival: Arrival): void {
    const { code, text } = closeReasons.busy;
    this.#held.delete(arrival);
    this.context.counters.refusedArrivals++;
    arrival.socket.close(code, text);
    // Its client may go on to send.
    arrival.attach(ignoring);
    arrival.socket.isReading = true;
    this.linger(arrival.socket);
  }

  #releaseHeld(release: (arrival: Arrival) => void): void {
    for (const [arrival, { deadline, kept }] of [...this.#held]) {
      this.#held.delete(arrival);
      deadline.cancel();
      const attach = (listener: SocketListener): void => {
        arrival.attach(listener);
        for (const data of kept.splice(0)) listener.socketOnMessage(data);
      };
      release(kept.length > 0 ? { ...arrival, attach } : arrival);
      arrival.socket.isReading = true;
    }
  }
}
