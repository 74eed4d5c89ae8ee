import type { NativeMode } from '../protocol/codec.js';
import { unframe } from '../protocol/frame.js';
import type { Body } from '../protocol/message.js';
import { type Header, readHeader } from '../protocol/reading.js';
import { compact } from '../protocol/size.js';

/** One message of a followed connection by its names, or several equal ones in a row. It holds no body (IN14). */
export interface NotedMessage {
  /** Unix time of the last of them, in ms. */
  readonly at: number;
  /** `in` from the client, `out` to the client. */
  readonly direction: 'in' | 'out';
  /** What it is. `error` is an event or answer with an error text; `invalid` is no frame. */
  readonly kind: 'event' | 'ask' | 'answer' | 'error' | 'native' | 'invalid';
  /** Name of the event. Empty if the message has none. */
  readonly event: string;
  /** Namespace, or `''`. */
  readonly namespace: string;
  /** Room, or `''`. */
  readonly room: string;
  /** How many equal messages came in a row. */
  readonly times: number;
}

/** Maximum number of messages that are kept, and of characters of a name (IN14). */
const maxMessages = 60;
const maxName = 100;

// A name is a part of its frame, and would keep the body.
const cut = (name: string): string => compact(name.length > maxName ? `${name.slice(0, maxName)}…` : name);

const noNames = { event: '', namespace: '', room: '' };

const kindOf = (direction: 'in' | 'out', { asker, isError }: Header & { readonly kind: 'frame' }) => {
  if (isError) return 'error';
  if (asker === 'none') return 'event';
  return (asker === 'client') === (direction === 'in') ? 'ask' : 'answer';
};

/** The names of the last messages of one connection, recorded while a page follows it. */
export class MessageHistory {
  readonly #messages: NotedMessage[] = [];

  constructor(
    private readonly nativeMode: NativeMode,
    private readonly wallClock: () => number,
  ) {}

  /** The last messages, oldest first. */
  get messages(): readonly NotedMessage[] {
    return this.#messages;
  }

  /** Records a message of the client. */
  received(payload: Body): void {
    this.#note('in', payload);
  }

  /** Records the messages of one write to the client. */
  sent(bytes: Uint8Array): void {
    for (const { kind, payload } of unframe(bytes)) if (kind !== 'control') this.#note('out', payload);
  }

  #note(direction: 'in' | 'out', payload: Body): void {
    const header = readHeader(payload, this.nativeMode);
    const names =
      header.kind === 'frame'
        ? { event: cut(header.event), namespace: cut(header.namespace), room: cut(header.room) }
        : noNames;
    const kind = header.kind === 'frame' ? kindOf(direction, header) : header.kind;
    const message = { at: this.wallClock(), direction, kind, ...names, times: 1 } as const;
    const last = this.#messages.at(-1);
    if (last && isEqual(last, message))
      this.#messages[this.#messages.length - 1] = { ...message, times: last.times + 1 };
    else this.#messages.push(message);
    if (this.#messages.length > maxMessages) this.#messages.shift();
  }
}

const isEqual = (one: NotedMessage, other: NotedMessage): boolean =>
  one.direction === other.direction &&
  one.kind === other.kind &&
  one.event === other.event &&
  one.namespace === other.namespace &&
  one.room === other.room;
