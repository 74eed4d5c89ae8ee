import type { ExchangeSession } from '../../exchange/exchange.js';
import type { Limits } from '../../limits.js';
import type { Deadline, Deadlines } from '../runtime/deadlines.js';
import type { Losses } from './losses.js';

/** A message for other servers. */
export interface QueuedPublication {
  readonly channel: string;
  readonly payload: Uint8Array;
  /** It may go out; until then it, and everything behind it, waits. */
  isReady: boolean;
  /** Nobody wants it any more. */
  isCancelled: boolean;
}

interface Waiting extends QueuedPublication {
  readonly since: number;
}

/** What was handed to one session, and is not confirmed yet. */
interface Flight {
  readonly session: ExchangeSession;
  messages: number;
  bytes: number;
}

/** So many bytes are with the broker at a time, so that little is in doubt when it is lost. */
const windowBytes = 1_048_576;

/**
 * What this server sends to others, in order. What the broker does not take at once waits, within bounds; what is handed
 * to it is never handed over again, whatever becomes of it (EX11, EX12).
 */
export class Publications {
  #waiting: Waiting[] = [];
  /** Those before it have been sent. */
  #first = 0;
  #bytes = 0;
  #flight: Flight | undefined;
  #deadline: Deadline | undefined;
  #onEmpty: (() => void) | undefined;
  /** Messages that the broker has taken. */
  published = 0;

  constructor(
    private readonly limits: Pick<Limits, 'exchangeQueueBytes' | 'exchangeQueueTimeout'>,
    private readonly now: () => number,
    private readonly deadlines: Deadlines,
    private readonly losses: Losses,
    /** Told of each that is handed to the broker; it returns what is to be done if the broker refuses it. */
    private readonly sent: (channel: string, payload: Uint8Array) => () => void,
  ) {}

  /** Messages that wait or are on the way, and their bytes. */
  get waiting(): { readonly messages: number; readonly bytes: number } {
    const { messages, bytes } = this.#flight ?? { messages: 0, bytes: 0 };
    return { messages: this.#waiting.length - this.#first + messages, bytes: this.#bytes + bytes };
  }

  /** A session takes them. */
  get isFlowing(): boolean {
    return this.#flight !== undefined;
  }

  /** Puts a message behind all others; `undefined` when there is no room. */
  put(channel: string, payload: Uint8Array, isReady = true): QueuedPublication | undefined {
    if (this.waiting.bytes + payload.length > this.limits.exchangeQueueBytes) {
      this.losses.note('overflowed');
      return undefined;
    }
    const letter = { channel, payload, isReady, isCancelled: false, since: this.now() };
    this.#waiting.push(letter);
    this.#bytes += payload.length;
    if (this.#flight) this.pump();
    else this.#watch();
    return letter;
  }

  /** From now on this session takes them. */
  resume(session: ExchangeSession): void {
    this.#deadline?.cancel();
    this.#deadline = undefined;
    if (this.#flight?.session !== session) this.#flight = { session, messages: 0, bytes: 0 };
    this.pump();
  }

  /** The session is gone: what it had not confirmed is in doubt, and the rest waits. */
  suspend(): void {
    const flight = this.#flight;
    this.#flight = undefined;
    if (flight) this.losses.note('unconfirmed', flight.messages);
    this.#watch();
    this.#settle();
  }

  /** Sends what may go. */
  pump(): void {
    const flight = this.#flight;
    while (flight && flight === this.#flight && flight.bytes < windowBytes) {
      const letter = this.#waiting[this.#first];
      if (!letter || !(letter.isReady || letter.isCancelled)) break;
      this.#take(letter);
      if (!letter.isCancelled) this.#send(letter, flight);
    }
    this.#settle();
  }

  /** Resolves when nothing waits any more and nothing is on the way. */
  whenEmpty(): Promise<void> {
    return new Promise((resolve) => {
      this.#onEmpty = resolve;
      this.#settle();
    });
  }

  /** What still waits is lost. */
  abandon(): void {
    this.suspend();
    this.#deadline?.cancel();
    this.#deadline = undefined;
    const lost = this.#waiting.slice(this.#first).filter(({ isCancelled }) => !isCancelled).length;
    this.#waiting = [];
    this.#first = 0;
    this.#bytes = 0;
    this.losses.note('abandoned', lost);
    this.#settle();
  }

  #send({ channel, payload }: QueuedPublication, flight: Flight): void {
    flight.messages++;
    flight.bytes += payload.length;
    const landed = (count: () => void): void => {
      // What a lost session says later changes nothing.
      if (flight !== this.#flight) return;
      flight.messages--;
      flight.bytes -= payload.length;
      count();
      this.pump();
    };
    const unsent = this.sent(channel, payload);
    const { session } = flight;
    const published = async (): Promise<void> => session.publish(channel, payload);
    const answers = async (): Promise<void> => session.ping();
    published().then(
      () => landed(() => this.published++),
      // A session that still answers has refused it; with one that does not it is in doubt.
      (error: unknown) =>
        answers().then(
          () => {
            unsent();
            landed(() => this.losses.note('refused', 1, error));
          },
          () => {},
        ),
    );
  }

  #take({ payload }: QueuedPublication): void {
    this.#first++;
    this.#bytes -= payload.length;
    // Those that are gone are dropped when they are the most, so that each costs the same however many there are.
    if (this.#first * 2 < this.#waiting.length) return;
    this.#waiting.splice(0, this.#first);
    this.#first = 0;
  }

  /** While there is no broker the oldest is looked at when its time is up. */
  #watch(): void {
    const oldest = this.#waiting[this.#first];
    if (this.#deadline || this.#flight || !oldest) return;
    const rest = oldest.since + this.limits.exchangeQueueTimeout - this.now();
    this.#deadline = this.deadlines.after(Math.max(1, rest), () => {
      this.#deadline = undefined;
      this.#expire();
    });
  }

  #expire(): void {
    const before = this.now() - this.limits.exchangeQueueTimeout;
    let expired = 0;
    for (let oldest = this.#waiting[this.#first]; oldest; oldest = this.#waiting[this.#first]) {
      if (oldest.since > before && !oldest.isCancelled) break;
      this.#take(oldest);
      if (!oldest.isCancelled) expired++;
    }
    this.losses.note('expired', expired);
    this.#watch();
    this.#settle();
  }

  #settle(): void {
    if (this.waiting.messages > 0) return;
    this.#onEmpty?.();
    this.#onEmpty = undefined;
  }
}
