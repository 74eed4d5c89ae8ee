import { decode, errorFrom, type Frame, withTextBody } from '../../protocol/codec.js';
import { isSystemEvent, OnNativeMessage, type OutgoingMessage } from '../../protocol/message.js';
import { isTag, readTag, type SenderTag } from '../../protocol/tag.js';
import { type ForeignToken, readForeignToken } from '../../protocol/token.js';
import type { ServerContext } from '../context.js';
import type { ChannelTarget, Relay } from './relay.js';

/** What incoming messages are handled with. */
export interface IncomingParts {
  /** What all parts of this server share. */
  readonly context: ServerContext;
  /** Returns whether the log is too large to publish messages of other servers. */
  isFlooded(): boolean;
  /** Publishes a message to its audience on this server. */
  publish(message: OutgoingMessage, exceptId: string | null): void;
  /** Asks the audience on this server. `answered` gets the first answer. Returns false when too many asks are open. */
  ask(message: OutgoingMessage, token: string, answered: (frame: Frame) => void): boolean;
}

type AudienceTarget = Extract<ChannelTarget, { kind: 'namespace' | 'connection' }>;

/**
 * Handles payloads from the broker, which any program may have published. Drops and counts what is no message of this
 * application. An accepted message can do no more than a broadcast or an ask of this server (EX14).
 */
export class Incoming {
  constructor(private readonly parts: IncomingParts) {}

  /** Publishes, asks or answers what a payload of a channel says, or drops it and counts why. */
  receive(relay: Relay, target: ChannelTarget, channel: string, payload: Uint8Array): void {
    const { context, isFlooded } = this.parts;
    const { nativeMode } = context;
    if (payload.length > context.limits.exchangePayload) return relay.losses.note('broken');
    if (target.kind === 'answers') return this.#answer(relay, target.name, payload);
    if (relay.echoes?.take(channel, payload)) return undefined;
    const frame = decode(payload, nativeMode);
    if (!frame) return relay.losses.note('broken');
    const isBroadcast = frame.wait === '' || isTag(frame.wait);
    const tag = isBroadcast ? readTag(frame.wait) : undefined;
    const foreign = isBroadcast ? undefined : readForeignToken(frame.wait);
    if (tag?.node === relay.node || (foreign && context.asks.isOurs(foreign.token))) return undefined;
    if (tag) {
      const { missing, isLate, isRenumbered } = relay.positions.arrive(channel, tag.node, tag);
      relay.losses.note('missing', missing);
      if (isRenumbered) relay.losses.note('renumbered');
      if (isLate) return relay.losses.note('late');
    }
    if (isFlooded()) return relay.losses.note('flooded');
    const message = this.#messageOf(frame, tag, target);
    if (!message) return relay.losses.note('broken');
    if (isBroadcast) return this.parts.publish(message, tag?.exceptId || null);
    return foreign && !message.err ? this.#ask(relay, foreign, message) : relay.losses.note('broken');
  }

  /** Settles an ask of this server. Only the channel decides which one, never the frame. */
  #answer({ losses }: Relay, token: string, payload: Uint8Array): void {
    const frame = decode(payload);
    if (!frame) return losses.note('broken');
    const isBinary = readTag(frame.wait)?.isBinary ?? false;
    // The same answer may arrive on two channels of the ask. The first one settles it.
    this.parts.context.asks.answer(token, isBinary ? frame : withTextBody(frame));
    return undefined;
  }

  #ask(relay: Relay, { token, isMarked }: ForeignToken, message: OutgoingMessage): void {
    const isAsked = this.parts.ask(message, token, (frame) => relay.outgoing.answer(frame, token, isMarked));
    if (!isAsked) relay.losses.note('unasked');
  }

  /** Returns the message of a frame; `undefined` when no server of this application sends it on this channel. */
  #messageOf(frame: Frame, tag: SenderTag | undefined, target: AudienceTarget): OutgoingMessage | undefined {
    const { handlers, nativeMode } = this.parts.context;
    // Servers without tags frame native messages only to exclude an id.
    const isMarkedNative = tag ? tag.isNative : nativeMode === 'mixed' && frame.event === OnNativeMessage;
    const isNative = frame.isNative || isMarkedNative;
    // A native message has no header. It belongs to the namespace of its channel.
    const namespace = frame.isNative && target.kind === 'namespace' ? target.name : frame.namespace;
    const isOnItsChannel = target.kind === 'connection' || target.name === namespace;
    const isEvent = frame.event !== '' && !isSystemEvent(frame.event) && !frame.isNoOp;
    if (!isOnItsChannel || !isEvent || !handlers.declares(namespace)) return undefined;
    const { room, event, body } = tag?.isBinary ? frame : withTextBody(frame);
    const to = target.kind === 'connection' ? { to: target.name } : undefined;
    const err = errorFrom(frame);
    return { namespace, room, event, body, ...to, ...(isNative ? { isNative: true } : {}), ...(err ? { err } : {}) };
  }
}
