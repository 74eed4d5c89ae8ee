import { closeReasons } from '../../protocol/errors.js';
import type { ServerContext } from '../context.js';
import type { Deadline } from '../runtime/deadlines.js';
import type { Arrival, Socket } from '../transport/socket.js';

/** Sockets without a connection: arrivals that are held or refused, and sockets that are about to close. */
export class Arrivals {
  /** Paused arrivals in order, each with the deadline of its wait. */
  readonly #held = new Map<Arrival, Deadline>();
  /** Sockets that were sent a close frame, each with the deadline of the answer. */
  readonly #lingering = new Map<Socket, Deadline>();

  constructor(private readonly context: ServerContext) {}

  /**
   * Holds an arrival, paused, while a `do` runs (DO2). After `doWaitTimeout` ms it is closed with 1013. It is dropped
   * when its socket closes first.
   */
  hold(arrival: Arrival): void {
    const { deadlines, limits } = this.context;
    const ignore = (): void => {};
    const drop = (): void => {
      this.#held.get(arrival)?.cancel();
      this.#held.delete(arrival);
    };
    arrival.attach({
      socketOnMessage: ignore,
      socketOnDrain: ignore,
      socketOnClosing: ignore,
      socketOnClose: drop,
    });
    arrival.socket.isReading = false;
    this.#held.set(
      arrival,
      deadlines.after(limits.doWaitTimeout, () => this.#giveUp(arrival)),
    );
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
    arrival.socket.isReading = true;
    this.linger(arrival.socket);
  }

  #releaseHeld(release: (arrival: Arrival) => void): void {
    for (const [arrival, deadline] of [...this.#held]) {
      this.#held.delete(arrival);
      deadline.cancel();
      release(arrival);
      arrival.socket.isReading = true;
    }
  }
}
