import type { StackExchange } from '../../exchange/exchange.js';
import type { Limits } from '../../limits.js';
import { encode, encodeAnswer, type Frame } from '../../protocol/codec.js';
import { type Body, OnNativeMessage, type OutgoingMessage } from '../../protocol/message.js';
import { writeTag } from '../../protocol/tag.js';
import { markToken, tokensOfAnswer } from '../../protocol/token.js';
import type { Handlers } from '../api/handlers.js';
import type { Random } from '../runtime/random.js';
import type { Losses } from './losses.js';
import type { Publications, QueuedPublication } from './publications.js';
import type { ChannelTarget } from './relay.js';
import { firstEpoch, Numbering } from './sequence.js';
import type { Subscriptions } from './subscriptions.js';

/** What outgoing messages are made with. */
export interface OutgoingParts {
  /** The port to the broker: it names the channels. */
  readonly exchange: StackExchange;
  /** The handlers of the program: they declare the namespaces. */
  readonly handlers: Handlers;
  /** The maximum size of a message between servers. */
  readonly limits: Pick<Limits, 'exchangePayload'>;
  /** The source of the first epoch. */
  readonly random: Pick<Random, 'fill'>;
  /** The name of this server in the tags of its messages. */
  readonly node: string;
  /** Whether the server is in native-only mode: messages then carry no tag. */
  readonly isNativeOnly: boolean;
  /** The exchange queue. */
  readonly publications: Publications;
  /** The channels of this server. Asks add the channels of their answers. */
  readonly subscriptions: Subscriptions<ChannelTarget>;
  /** Counts messages that are refused. */
  readonly losses: Losses;
}

const bytesOf = (payload: Body): Uint8Array => (typeof payload === 'string' ? Buffer.from(payload) : payload);

/** Publishes broadcasts, asks and answers of this server to the other servers: the mirror of `Incoming`. */
export class Outgoing {
  readonly #numbering: Numbering;

  constructor(private readonly parts: OutgoingParts) {
    this.#numbering = new Numbering(firstEpoch(parts.random));
  }

  /** Publishes a broadcast of this server to the others (EX4, EX6). */
  publish(message: OutgoingMessage, exceptId: string | null): void {
    this.#countRefusal(() => {
      const channel = this.#channelFor(message);
      if (channel !== undefined) this.#enqueue(channel, bytesOf(this.#encode(message, channel, exceptId)));
    });
  }

  /**
   * Publishes an ask once its answers can be received (EX7). Returns a function that ends the ask; `undefined` when it
   * cannot be sent.
   */
  ask(message: OutgoingMessage, token: string): (() => void) | undefined {
    const { exchange, publications, subscriptions } = this.parts;
    const publication = this.#countRefusal(() => {
      const channel = this.#channelFor(message);
      return channel && this.#enqueue(channel, bytesOf(encode(message, markToken(token))), false);
    });
    if (!publication) return undefined;
    const channels = tokensOfAnswer(token).flatMap((one) => {
      const channel = exchange.channelOf('answers', one);
      return exchange.acceptsBareTokens ? [channel, one] : [channel];
    });
    let unconfirmed = channels.length;
    const confirmed = (): void => {
      unconfirmed--;
      if (unconfirmed > 0) return;
      publication.isReady = true;
      publications.pump();
    };
    for (const channel of channels) subscriptions.hold(channel, { kind: 'answers', name: token }, confirmed);
    return () => {
      publication.isCancelled = true;
      for (const channel of channels) subscriptions.release(channel);
      publications.pump();
    };
  }

  /** Publishes the answer of a client of this server to the server that asked. A tag marks binary answers. */
  answer(frame: Frame, token: string, isMarked: boolean): void {
    const { exchange, node } = this.parts;
    this.#countRefusal(() => {
      const channel = isMarked ? exchange.channelOf('answers', token) : token;
      const tag = { node, epoch: 0, number: 0, isBinary: true, isNative: false, exceptId: '' };
      this.#enqueue(channel, bytesOf(encodeAnswer(frame, frame.isBinary ? writeTag(tag) : '')));
    });
  }

  /**
   * Returns the channel of a message. `undefined` for an id that is empty or the name of a namespace: the message would
   * reach that whole namespace.
   */
  #channelFor({ namespace = '', to }: OutgoingMessage): string | undefined {
    const { exchange, handlers } = this.parts;
    if (to === undefined) return exchange.channelOf('namespace', namespace);
    return to === '' || handlers.declares(to) ? undefined : exchange.channelOf('connection', to);
  }

  /** Encodes a message with its tag. In native-only mode it has none: the channel alone decides its audience. */
  #encode(message: OutgoingMessage, channel: string, exceptId: string | null): Body {
    const { isNativeOnly, node } = this.parts;
    if (isNativeOnly) return encode(message);
    const { isNative = false, setBinary = false, body } = message;
    const isBinary = setBinary || (body !== undefined && typeof body !== 'string');
    const position = this.#numbering.next(channel);
    const tag = writeTag({ ...position, node, isBinary, isNative, exceptId: exceptId ?? '' });
    return encode(isNative ? { ...message, event: OnNativeMessage } : message, tag);
  }

  #enqueue(channel: string, payload: Uint8Array, isReady = true): QueuedPublication | undefined {
    const { limits, publications } = this.parts;
    const { exchangePayload } = limits;
    if (payload.length <= exchangePayload) return publications.enqueue(channel, payload, isReady);
    throw new RangeError(`a message between servers has at most ${exchangePayload} bytes, got ${payload.length}`);
  }

  /** Sends a message, or counts it as refused. Only the other servers lose it, so the caller gets no error. */
  #countRefusal<Done>(send: () => Done): Done | undefined {
    try {
      return send();
    } catch (error) {
      this.parts.losses.note('refused', 1, error);
      return undefined;
    }
  }
}
