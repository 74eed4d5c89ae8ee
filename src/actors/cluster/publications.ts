import type { ExchangeUplink } from '../../exchange/exchange.js';
import type { Limits } from '../../limits.js';
import type { Deadline, Deadlines } from '../runtime/deadlines.js';
import type { Losses } from './losses.js';
import { SendWindow } from './sendWindow.js';

/** A message for other servers in the exchange queue. */
export interface QueuedPublication {
  /** The channel to publish on. */
  readonly channel: string;
  /** The encoded message. */
  readonly payload: Uint8Array;
  /** Whether it may be sent. Until then it waits, and so does everything behind it. */
  isReady: boolean;
  /** Whether to drop it unsent: its ask has ended. */
  isCancelled: boolean;
}

interface Waiting extends QueuedPublication {
  /** When it was queued. */
  readonly since: number;
}

/** The unconfirmed publications of one uplink. */
interface Flight {
  readonly uplink: ExchangeUplink;
  readonly window: SendWindow;
  messages: number;
  bytes: number;
}

/**
 * The exchange queue: messages for other servers, in order. Messages that the broker cannot take yet wait, within
 * bounds (EX11). Each message is handed to the broker at most once (EX12).
 */
export class Publications {
  #waiting: Waiting[] = [];
  /** The index of the first message that waits. Those before it have been sent. */
  #first = 0;
  #bytes = 0;
  #flight: Flight | undefined;
  #deadline: Deadline | undefined;
  #onEmpty: (() => void) | undefined;
  /** The number of messages that the broker has confirmed. */
  published = 0;

  constructor(
    private readonly limits: Pick<Limits, 'exchangeQueueBytes' | 'exchangeQueueTimeout'>,
    private readonly now: () => number,
    private readonly deadlines: Deadlines,
    private readonly losses: Losses,
    /** Called for each message handed to the broker. Returns a function to call if the broker refuses it. */
    private readonly sent: (channel: string, payload: Uint8Array) => () => void,
  ) {}

  /** The number and size of messages that wait or are unconfirmed. */
  get waiting(): { readonly messages: number; readonly bytes: number } {
    const { messages, bytes } = this.#flight ?? { messages: 0, bytes: 0 };
    return { messages: this.#waiting.length - this.#first + messages, bytes: this.#bytes + bytes };
  }

  /** Whether an uplink takes messages. */
  get isFlowing(): boolean {
    return this.#flight !== undefined;
  }

  /** Adds a message at the end of the queue. Returns `undefined`, and counts a loss, when it does not fit. */
  enqueue(channel: string, payload: Uint8Array, isReady = true): QueuedPublication | undefined {
    if (this.waiting.bytes + payload.length > this.limits.exchangeQueueBytes) {
      this.losses.note('overflowed');
      return undefined;
    }
    const publication = { channel, payload, isReady, isCancelled: false, since: this.now() };
    this.#waiting.push(publication);
    this.#bytes += payload.length;
    if (this.#flight) this.pump();
    else this.#scheduleExpiry();
    return publication;
  }

  /** Sends messages to this uplink from now on. */
  resume(uplink: ExchangeUplink): void {
    this.#deadline?.cancel();
    this.#deadline = undefined;
    if (this.#flight?.uplink !== uplink) {
      this.#flight = { uplink, window: new SendWindow(this.now), messages: 0, bytes: 0 };
    }
    this.pump();
  }

  /** Ends sending: the uplink is lost. Counts what it has not confirmed; the rest waits (EX12). */
  suspend(): void {
    const flight = this.#flight;
    this.#flight = undefined;
    if (flight) this.losses.note('unconfirmed', flight.messages);
    this.#scheduleExpiry();
    this.#checkEmpty();
  }

  /** Sends messages as far as the window and their readiness allow. */
  pump(): void {
    const flight = this.#flight;
    while (flight && flight === this.#flight && flight.bytes < flight.window.bytes) {
      const publication = this.#waiting[this.#first];
      if (!publication || !(publication.isReady || publication.isCancelled)) break;
      this.#dequeue(publication);
      if (!publication.isCancelled) this.#send(publication, flight);
    }
    this.#checkEmpty();
  }

  /** Resolves when no message waits and none is unconfirmed. */
  whenEmpty(): Promise<void> {
    return new Promise((resolve) => {
      this.#onEmpty = resolve;
      this.#checkEmpty();
    });
  }

  /** Drops all messages, and counts those that wait as `abandoned`. */
  abandon(): void {
    this.suspend();
    this.#deadline?.cancel();
    this.#deadline = undefined;
    const lost = this.#waiting.slice(this.#first).filter(({ isCancelled }) => !isCancelled).length;
    this.#waiting = [];
    this.#first = 0;
    this.#bytes = 0;
    this.losses.note('abandoned', lost);
    this.#checkEmpty();
  }

  #send({ channel, payload }: QueuedPublication, flight: Flight): void {
    flight.messages++;
    flight.bytes += payload.length;
    const { uplink, window } = flight;
    const sent = window.sent(flight.bytes);
    const onSettled = (count: () => void): void => {
      // The publications of a lost uplink have been counted as unconfirmed.
      if (flight !== this.#flight) return;
      flight.messages--;
      flight.bytes -= payload.length;
      count();
      this.pump();
    };
    const undo = this.sent(channel, payload);
    const published = async (): Promise<void> => uplink.publish(channel, payload);
    const pinged = async (): Promise<void> => uplink.ping();
    published().then(
      () =>
        onSettled(() => {
          this.published++;
          window.confirmed(sent);
        }),
      // An uplink that answers has refused it. Otherwise the uplink is lost, and `suspend` counts it.
      (error: unknown) =>
        pinged().then(
          () => {
            undo();
            onSettled(() => this.losses.note('refused', 1, error));
          },
          () => {},
        ),
    );
  }

  #dequeue({ payload }: QueuedPublication): void {
    this.#first++;
    this.#bytes -= payload.length;
    // Sent messages are removed once they are at least half of the array, so that the cost per message is constant.
    if (this.#first * 2 < this.#waiting.length) return;
    this.#waiting.splice(0, this.#first);
    this.#first = 0;
  }

  /** Schedules the expiry of the oldest message, while no uplink takes messages. */
  #scheduleExpiry(): void {
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
      this.#dequeue(oldest);
      if (!oldest.isCancelled) expired++;
    }
    this.losses.note('expired', expired);
    this.#scheduleExpiry();
    this.#checkEmpty();
  }

  #checkEmpty(): void {
    if (this.waiting.messages > 0) return;
    this.#onEmpty?.();
    this.#onEmpty = undefined;
  }
}
