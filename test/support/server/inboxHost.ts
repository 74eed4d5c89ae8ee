import type { InboxHost, Job } from '../../../src/actors/inbox/host.js';
import { Inbox } from '../../../src/actors/inbox/inbox.js';
import { TickQuota } from '../../../src/actors/runtime/clock.js';
import type { Frame } from '../../../src/protocol/codec.js';
import { FrameDecoder } from '../../../src/protocol/incoming/decoder.js';
import type { Body } from '../../../src/protocol/message.js';

/** Waits until settled promises have had their reactions. */
export const settle = async (): Promise<void> => {
  for (let at = 0; at < 4; at++) await Promise.resolve();
};

/** A connection that logs what its inbox does. The turn of an event named `slow…` lasts until `letGo`. */
export class FakeHost implements InboxHost {
  readonly log: string[] = [];
  readonly held = new Set<string>();
  /** How long the log was each time that a promise of a turn had settled. */
  readonly settledAfter: number[] = [];
  awaitsPeer = false;
  isAsked = false;
  isPaused = false;
  hasPendingAsks = false;
  readonly ticks = { current: 0 };
  parkings = 0;
  readonly inbox: Inbox;
  readonly #waiting = new Map<string, () => void>();
  readonly #decoder = new FrameDecoder('none');
  onWork: (event: string) => void = () => {};
  onInvalid: () => void = () => {};

  constructor(messages = 8, bytes = 1_000, framesPerTick = 1_000, allFrames?: TickQuota) {
    const limits = { inboxMessages: messages, inboxBytes: bytes, framesPerTick };
    const { ticks } = this;
    this.inbox = new Inbox(this, limits, { ticks, allFrames: allFrames ?? new TickQuota(ticks, 10_000) });
  }

  decode(data: Body, isText: boolean): Frame | undefined {
    const decoded = this.#decoder.decode(data, isText);
    if (!decoded) {
      this.log.push('(invalid)');
      this.onInvalid();
    }
    return decoded;
  }

  inboxParked(): void {
    this.parkings++;
  }

  runAsProducer(work: Frame | Job): void | Promise<void> {
    if (typeof work === 'function') return work();
    const { event } = work;
    this.log.push(event);
    this.onWork(event);
    if (!event.startsWith('slow')) return undefined;
    return new Promise((resolve) => this.#waiting.set(event, resolve));
  }

  mustWait({ event }: Frame): boolean {
    return this.held.has(event);
  }

  turnSettled(): void {
    this.settledAfter.push(this.log.length);
  }

  inboxFilled(isFull: boolean): void {
    this.log.push(isFull ? '(full)' : '(room)');
  }

  inboxFlooded(): void {
    this.log.push('(flooded)');
  }

  turnFailed(error: unknown): void {
    this.log.push(`(failed: ${String(error)})`);
  }

  /** Sends small frames of these events. */
  push(...events: readonly string[]): this {
    for (const event of events) this.keep(event);
    return this;
  }

  /** Sends a frame of at least so many bytes, in a read buffer that has other content afterwards. */
  keep(event: string, size = 0): void {
    const read = Buffer.from(`;n;;${event};0;0;`.padEnd(size, 'x'));
    this.inbox.enqueue(read, true);
    read.fill('*');
  }

  /** Ends the turn of an event named `slow…`. */
  async letGo(event: string): Promise<void> {
    this.#waiting.get(event)?.();
    this.#waiting.delete(event);
    await settle();
  }
}
