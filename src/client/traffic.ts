import type { ClientCounters } from './line/counters.js';
import type { Line } from './line/socket.js';
import type { Membership } from './membership.js';
import { Outbox, type Waiting } from './outbox.js';

/** What goes out to the server, and what is known of its arrival (CL11, CL12). */
export class Traffic {
  /** The frames that wait. */
  readonly outbox = new Outbox();
  /** The present line while the client is online. */
  #line: Line | undefined;
  /** For each ask that was sent: how many events had been emitted before it on its line. */
  readonly #marks = new Map<string, number>();
  /** The same for each ping without a pong. */
  #pings: number[] = [];
  #inDoubt = 0;
  #unsent = 0;

  constructor(
    private readonly counters: ClientCounters,
    private readonly find: (namespace: string, room: string) => Membership | undefined,
    /** An ask will never be sent. */
    private readonly onDropped: (token: string) => void,
  ) {}

  /** Sends a frame, or keeps it until the client is in its namespace and room. Returns false if neither is possible. */
  submit(frame: Waiting): boolean {
    const { namespace, room } = frame;
    const isExpected = this.find(namespace, '')?.isExpected && (room === '' || this.find(namespace, room)?.isExpected);
    const isTaken = isExpected && ((!this.outbox.holds(namespace) && this.#write(frame)) || this.outbox.keep(frame));
    if (!isTaken) this.counters.refused++;
    return isTaken === true;
  }

  /** The client is online. */
  open(line: Line): void {
    this.#line = line;
  }

  /** Sends the frames that need wait no longer. Those of one namespace keep their order. */
  flush(): void {
    const held = new Set<string>();
    this.outbox.take((frame) => {
      const isSent = !held.has(frame.namespace) && this.#write(frame);
      if (!isSent) held.add(frame.namespace);
      return isSent;
    });
  }

  /** A ping is sent. Its pong proves that all before it has arrived. */
  notePing({ emitted }: Line): void {
    this.#pings.push(emitted);
  }
  /** A pong has come. */
  notePong(line: Line): void {
    line.proven = Math.max(line.proven, this.#pings.shift() ?? 0);
  }
  /** An ask is answered, which proves that all before it has arrived. */
  noteAnswer(token: string, line: Line): void {
    line.proven = Math.max(line.proven, this.#marks.get(token) ?? 0);
    this.#marks.delete(token);
  }
  /** An ask has ended without an answer. It is withdrawn if it was not sent. */
  withdraw(token: string): void {
    this.#marks.delete(token);
    this.outbox.take((frame) => frame.token === token);
  }

  /** The line is lost. What was sent and not proven is in doubt. */
  lost({ emitted, proven }: Line): void {
    this.#line = undefined;
    this.#pings = [];
    this.#inDoubt += emitted - proven;
    this.counters.inDoubt += emitted - proven;
  }

  /** Drops the frames of a namespace or room, or all of them. */
  drop(gone?: Membership): void {
    const dropped = this.outbox.take(
      ({ namespace, room }) => !gone || (namespace === gone.namespace && (gone.room === '' || room === gone.room)),
    );
    for (const { token } of dropped) {
      if (token === '') {
        this.counters.unsent++;
        this.#unsent++;
      } else {
        this.onDropped(token);
      }
    }
  }

  /** Returns what was lost since the last call. */
  takeLosses(): { readonly inDoubt: number; readonly unsent: number } {
    const losses = { inDoubt: this.#inDoubt, unsent: this.#unsent };
    this.#inDoubt = 0;
    this.#unsent = 0;
    return losses;
  }

  #write({ namespace, room, payload, token }: Waiting): boolean {
    const line = this.#line;
    const isIn =
      this.find(namespace, '')?.presence === 'in' && (room === '' || this.find(namespace, room)?.presence === 'in');
    if (!line || !isIn || !line.send(payload)) return false;
    this.counters.sent++;
    if (token === '') line.emitted++;
    else this.#marks.set(token, line.emitted);
    return true;
  }
}
