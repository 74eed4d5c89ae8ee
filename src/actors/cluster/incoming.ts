import { decode, errorFrom, type Frame, withTextBody } from '../../protocol/codec.js';
import { isSystemEvent, OnNativeMessage, type OutgoingMessage } from '../../protocol/message.js';
import { isTag, readTag, type SenderTag } from '../../protocol/tag.js';
import { type ForeignToken, readForeignToken } from '../../protocol/token.js';
import type { ServerContext } from '../context.js';
import type { ChannelTarget, Relay } from './relay.js';

/** What other servers bring about here. */
export interface IncomingParts {
  readonly context: ServerContext;
  /** More is still to be given out than anything can be added to. */
  isFlooded(): boolean;
  /** Gives it to everybody here whom it is for. */
  issue(message: OutgoingMessage, exceptId: string | null): void;
  /** Asks those whom it is for; `answered` gets the first answer. False when too many asks are open. */
  inquire(message: OutgoingMessage, token: string, answered: (frame: Frame) => void): boolean;
}

type Place = Extract<ChannelTarget, { kind: 'namespace' | 'connection' }>;

/**
 * What comes from the broker. Anybody may have sent it: what is no message of this application is dropped and counted,
 * and nothing that it says reaches further than a message of this server's own would (EX14).
 */
export class Incoming {
  constructor(private readonly parts: IncomingParts) {}

  take(relay: Relay, meaning: ChannelTarget, channel: string, payload: Uint8Array): void {
    const { context, isFlooded } = this.parts;
    const { nativeMode } = context;
    if (payload.length > context.limits.exchangePayload) return relay.losses.note('broken');
    if (meaning.kind === 'answers') return this.#answer(relay, meaning.name, payload);
    if (relay.echoes?.take(channel, payload)) return undefined;
    const frame = decode(payload, nativeMode);
    if (!frame) return relay.losses.note('broken');
    const isBroadcast = frame.wait === '' || isTag(frame.wait);
    const tag = isBroadcast ? readTag(frame.wait) : undefined;
    const foreign = isBroadcast ? undefined : readForeignToken(frame.wait);
    if (tag?.node === relay.node || (foreign && context.asks.isOurs(foreign.token))) return undefined;
    if (tag) {
      const { missing, isLate } = relay.positions.arrive(channel, tag.node, tag);
      relay.losses.note('missing', missing);
      if (isLate) return relay.losses.note('late');
    }
    if (isFlooded()) return relay.losses.note('flooded');
    const message = this.#messageOf(frame, tag, meaning);
    if (!message) return relay.losses.note('broken');
    if (isBroadcast) return this.parts.issue(message, tag?.exceptId || null);
    return foreign && !message.err ? this.#ask(relay, foreign, message) : relay.losses.note('broken');
  }

  /** An answer to an ask of ours: which one it is the channel says, and nothing else. */
  #answer({ losses }: Relay, token: string, payload: Uint8Array): void {
    const frame = decode(payload);
    if (!frame) return losses.note('broken');
    const isBinary = readTag(frame.wait)?.isBinary ?? false;
    // Two of the channels may bring the same answer: the first settles.
    this.parts.context.asks.answer(token, isBinary ? frame : withTextBody(frame));
    return undefined;
  }

  #ask(relay: Relay, { token, isMarked }: ForeignToken, message: OutgoingMessage): void {
    const isAsked = this.parts.inquire(message, token, (frame) => relay.outgoing.answer(frame, token, isMarked));
    if (!isAsked) relay.losses.note('unasked');
  }

  /** The message, if a server of this application may have sent it here. */
  #messageOf(frame: Frame, tag: SenderTag | undefined, place: Place): OutgoingMessage | undefined {
    const { handlers, nativeMode } = this.parts.context;
    // Servers that say nothing of it frame native messages only where they skip somebody.
    const isSaidToBe = tag ? tag.isNative : nativeMode === 'mixed' && frame.event === OnNativeMessage;
    const isNative = frame.isNative || isSaidToBe;
    // What has no header is for the namespace of its channel.
    const namespace = frame.isNative && place.kind === 'namespace' ? place.name : frame.namespace;
    const isInPlace = place.kind === 'connection' || place.name === namespace;
    const isEvent = frame.event !== '' && !isSystemEvent(frame.event) && !frame.isNoOp;
    if (!isInPlace || !isEvent || !handlers.declares(namespace)) return undefined;
    const { room, event, body } = tag?.isBinary ? frame : withTextBody(frame);
    const to = place.kind === 'connection' ? { to: place.name } : undefined;
    const err = errorFrom(frame);
    return { namespace, room, event, body, ...to, ...(isNative ? { isNative: true } : {}), ...(err ? { err } : {}) };
  }
}
