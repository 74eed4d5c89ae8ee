import { type Audience, type Recipient, Seat } from '../broadcast/audience.js';
import type { Broadcaster } from '../broadcast/broadcaster.js';
import type { FrameSink } from '../protocol/frame.js';
import type { Place } from './place.js';

/** One connection's place in the audience: what it calls before it writes, joins, leaves or ends. */
export class Standing implements Place {
  readonly seat: Seat;
  #isRetired = false;

  constructor(
    recipient: Recipient & { readonly outlet: FrameSink },
    private readonly audience: Audience,
    private readonly broadcaster: Broadcaster,
  ) {
    this.seat = new Seat(recipient, recipient.outlet, broadcaster.last);
    audience.arrive(this.seat);
  }

  /** Bytes that wait in the outbox. */
  get owed(): number {
    return this.seat.outbox?.bytes ?? 0;
  }

  set isCongested(isCongested: boolean) {
    this.seat.isCongested = isCongested;
  }
  set outlet(outlet: FrameSink) {
    this.seat.outlet = outlet;
  }

  /** What it is owed comes before what is about to be written (BC3). */
  serve(): void {
    this.broadcaster.serve(this.seat);
  }

  write(bytes: Uint8Array): void {
    this.seat.write(bytes);
  }

  /** A direct frame while the socket takes no more. */
  hold(bytes: Uint8Array): void {
    this.broadcaster.hold(this.seat, bytes);
  }

  catchUp(): void {
    this.broadcaster.catchUp(this.seat);
  }

  enter(namespace: string, room: string): void {
    if (this.#isRetired) return;
    this.serve();
    this.audience.join(this.seat, namespace, room);
  }

  exit(namespace: string, room: string): void {
    this.serve();
    this.audience.leave(this.seat, namespace, room);
  }

  retire(): void {
    this.#isRetired = true;
    this.serve();
    this.audience.depart(this.seat);
    this.seat.outbox = undefined;
  }
}
