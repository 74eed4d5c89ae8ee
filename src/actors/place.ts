import type { FrameSink } from '../protocol/frame.js';

/** The connection's place in the audience: what it calls before it writes, joins, leaves or ends. */
export interface Place {
  /** Bytes that wait in the outbox. */
  readonly owed: number;
  /** Is what it is owed to wait? */
  set isCongested(isCongested: boolean);
  /** Where it goes otherwise. */
  set outlet(outlet: FrameSink);
  serve(): void;
  write(bytes: Uint8Array): void;
  hold(bytes: Uint8Array): void;
  catchUp(): void;
  enter(namespace: string, room: string): void;
  exit(namespace: string, room: string): void;
  retire(): void;
}

/** A chart that handles deliveries itself decides about each. */
export const offeringTo = (chart: (bytes: Uint8Array) => void): FrameSink => ({
  writable: true,
  write: (bytes) => {
    chart(bytes);
    return true;
  },
});
