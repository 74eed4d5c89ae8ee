import type { AnyActorRef } from 'xstate';
import type { StackExchange } from '../../exchange/exchange.js';
import type { Limits } from '../../limits.js';
import { encode, encodeAnswer, type Frame } from '../../protocol/codec.js';
import { type Body, OnNativeMessage, type OutgoingMessage } from '../../protocol/message.js';
import { writeTag } from '../../protocol/tag.js';
import { markToken, tokensOfAnswer } from '../../protocol/token.js';
import type { ServerContext } from '../context.js';
import type { Deadlines } from '../runtime/deadlines.js';
import { Echoes } from './echoes.js';
import { Link, type LinkState } from './link.js';
import { Losses, type LostCounters } from './losses.js';
import { Publications, type QueuedPublication } from './publications.js';
import { Numbering, Positions } from './sequence.js';
import { Subscriptions } from './subscriptions.js';

/** What is heard on a channel. */
export type ChannelTarget =
  | { readonly kind: 'namespace'; readonly name: string }
  | { readonly kind: 'connection'; readonly name: string }
  | { readonly kind: 'answers'; readonly name: string };

/** How it stands between this server and the others. */
export interface ExchangeStatus {
  readonly state: LinkState;
  /** Why there is no broker at present, in words. */
  readonly trouble: string | undefined;
  /** What waits for the broker, or is on the way to it. */
  readonly waiting: { readonly messages: number; readonly bytes: number };
  /** Messages that the broker has taken, and that have come from it, our own included. */
  readonly published: number;
  readonly received: number;
  /** Messages that were lost between servers, by reason. */
  readonly lost: Readonly<LostCounters>;
}

/** The exchange that a server uses. */
export interface Exchange {
  readonly name: string;
  /** The running actor of the way to the broker. */
  readonly actor: AnyActorRef;
  readonly status: ExchangeStatus;
}

/** What is not done in time has failed. */
const inTime = (done: Promise<void>, deadlines: Deadlines, ms: number): Promise<void> =>
  new Promise((resolve, reject) => {
    const deadline = deadlines.after(ms, () => reject(new Error(`the broker has not confirmed within ${ms} ms`)));
    done.finally(() => deadline.cancel()).then(resolve, reject);
  });

const bytesOf = (payload: Body): Uint8Array => (typeof payload === 'string' ? Buffer.from(payload) : payload);

/** What this server sends to others through one exchange, and which channels it hears of them. */
export class Relay implements Exchange {
  /** This server, as the others know it; another one after each start. */
  readonly node = crypto.randomUUID();
  readonly positions: Positions;
  readonly echoes: Echoes | undefined;
  readonly losses: Losses;
  readonly link: Link;
  received = 0;
  readonly #subscriptions: Subscriptions<ChannelTarget>;
  readonly #publications: Publications;
  readonly #numbering = new Numbering();
  /** The channels of the ids that are here. */
  readonly #ids = new Map<string, string>();

  /** Throws when the broker cannot carry the name of a namespace. */
  constructor(
    private readonly exchange: StackExchange,
    private readonly context: ServerContext,
    private readonly limits: Limits,
    root: AnyActorRef,
    take: (relay: Relay, meaning: ChannelTarget, channel: string, payload: Uint8Array) => void,
    /** Told when there is no way to the others any more. */
    closed: () => void,
  ) {
    const { deadlines, mailboxes, clock, callbacks, handlers, nativeMode, machines, inspection } = context;
    const report = (error: unknown): void => callbacks.report(error, { during: 'exchange' });
    this.positions = new Positions(() => clock.now());
    this.losses = new Losses(deadlines, report);
    this.echoes = nativeMode === 'only' ? new Echoes() : undefined;
    this.#subscriptions = new Subscriptions({
      isVital: ({ kind }) => kind === 'namespace',
      refused: (error) => this.losses.note('unheard', 1, error),
      report,
      inTime: (asked) => inTime(asked, deadlines, limits.exchangeTimeout),
      failed: (error, session) => this.link.failed(error, session),
    });
    this.#publications = new Publications(
      limits,
      () => clock.now(),
      deadlines,
      this.losses,
      (channel, payload) => this.#sent(channel, payload),
    );
    for (const name of handlers.namespaces) this.#hold('namespace', name, () => {});
    this.link = new Link({
      exchange,
      machine: machines.link,
      subscriptions: this.#subscriptions,
      publications: this.#publications,
      deadlines,
      mailboxes,
      inspection,
      limits,
      root,
      received: (channel, payload) => {
        this.received++;
        const meaning = this.#subscriptions.meaningOf(channel);
        try {
          if (meaning) take(this, meaning, channel, payload);
        } catch (error) {
          // Whatever is wrong here must not end the session.
          report(error);
        }
      },
      nextTurn: (run) => clock.setImmediate(run),
      lost: () => this.echoes?.clear(),
      closed,
      report,
    });
  }

  get name(): string {
    return this.exchange.name;
  }
  get actor(): AnyActorRef {
    return this.link.actor;
  }
  get status(): ExchangeStatus {
    const { trouble } = this.link;
    return {
      state: this.link.state,
      trouble: trouble === undefined ? undefined : trouble instanceof Error ? trouble.message : String(trouble),
      waiting: this.#publications.waiting,
      published: this.#publications.published,
      received: this.received,
      lost: { ...this.losses.counters },
    };
  }

  /** A broadcast that this server has issued goes to the others (EX4, EX6). */
  publish(message: OutgoingMessage, exceptId: string | null): void {
    this.#fit(() => {
      const channel = this.#channelFor(message);
      if (channel !== undefined) this.#put(channel, bytesOf(this.#encode(message, channel, exceptId)));
    });
  }

  /**
   * An ask of this server goes to the others, once their answers would be heard (EX7). Returns how to end it; `undefined`
   * when it cannot be sent.
   */
  ask(message: OutgoingMessage, token: string): (() => void) | undefined {
    const letter = this.#fit(() => {
      const channel = this.#channelFor(message);
      return channel && this.#put(channel, bytesOf(encode(message, markToken(token))), false);
    });
    if (!letter) return undefined;
    const channels = tokensOfAnswer(token).flatMap((one) => {
      const channel = this.exchange.channelOf('answers', one);
      return this.exchange.hearsBareTokens ? [channel, one] : [channel];
    });
    let unheard = channels.length;
    const heard = (): void => {
      unheard--;
      if (unheard > 0) return;
      letter.isReady = true;
      this.#publications.pump();
    };
    for (const channel of channels) this.#subscriptions.hold(channel, { kind: 'answers', name: token }, heard);
    return () => {
      letter.isCancelled = true;
      for (const channel of channels) this.#subscriptions.release(channel);
      this.#publications.pump();
    };
  }

  /** What a client of this server has answered goes to the server that has asked; that knows binary ones by the tag. */
  answer(frame: Frame, token: string, isMarked: boolean): void {
    this.#fit(() => {
      const channel = isMarked ? this.exchange.channelOf('answers', token) : token;
      const tag = { node: this.node, epoch: 0, number: 0, isBinary: true, isNative: false, exceptId: '' };
      this.#put(channel, bytesOf(encodeAnswer(frame, frame.isBinary ? writeTag(tag) : '')));
    });
  }

  /** Throws when the broker cannot carry this id. */
  assertCarried(id: string): void {
    this.exchange.channelOf('connection', id);
  }

  /** A connection with this id is here; `heard` when others reach it, or cannot for now (EX3). */
  hold(id: string, heard: () => void): void {
    const isNew = !this.#ids.has(id);
    const begin = (): void => {
      // What was on its way for who had this id before is no beginning of what is for this one.
      if (isNew) this.positions.forget(this.#ids.get(id) ?? '');
      heard();
    };
    try {
      this.#ids.set(id, this.#hold('connection', id, begin));
    } catch (error) {
      this.losses.note('unheard', 1, error);
      heard();
    }
  }

  release(id: string): void {
    const channel = this.#ids.get(id);
    if (channel === undefined || !this.#subscriptions.release(channel)) return;
    this.#ids.delete(id);
    this.positions.forget(channel);
    this.echoes?.forget(channel);
  }

  /** Sends what waits, for so long at most, and lets go of the broker (EX16). */
  async close(timeout: number): Promise<void> {
    const { deadlines } = this.context;
    // There may be no time for the others to come back.
    this.link.hurry();
    const isSent = this.#publications.isFlowing ? this.#publications.whenEmpty() : undefined;
    await new Promise<void>((resolve) => {
      const deadline = deadlines.after(timeout, resolve);
      void Promise.resolve(isSent).then(() => {
        deadline.cancel();
        resolve();
      });
    });
    this.link.close();
  }

  /** What is native only comes back without a sender, where it is heard at all. */
  #sent(channel: string, payload: Uint8Array): () => void {
    const { echoes } = this;
    return echoes && this.#subscriptions.isHeard(channel) ? echoes.expect(channel, payload) : () => {};
  }

  #hold(kind: 'namespace' | 'connection', name: string, heard: () => void): string {
    const channel = this.exchange.channelOf(kind, name);
    this.#subscriptions.hold(channel, { kind, name }, heard);
    return channel;
  }

  /** Nobody has the name of a namespace for an id, or none: what is for such a one would be heard by the namespace. */
  #channelFor({ namespace = '', to }: OutgoingMessage): string | undefined {
    if (to === undefined) return this.exchange.channelOf('namespace', namespace);
    return to === '' || this.context.handlers.declares(to) ? undefined : this.exchange.channelOf('connection', to);
  }

  /** Where there are native messages only they go as they are, and all else of them is known by the channel alone. */
  #encode(message: OutgoingMessage, channel: string, exceptId: string | null): Body {
    if (this.echoes) return encode(message);
    const { isNative = false, setBinary = false, body } = message;
    const isBinary = setBinary || (body !== undefined && typeof body !== 'string');
    const position = this.#numbering.next(channel);
    const tag = writeTag({ ...position, node: this.node, isBinary, isNative, exceptId: exceptId ?? '' });
    return encode(isNative ? { ...message, event: OnNativeMessage } : message, tag);
  }

  #put(channel: string, payload: Uint8Array, isReady = true): QueuedPublication | undefined {
    const { exchangePayload } = this.limits;
    if (payload.length <= exchangePayload) return this.#publications.put(channel, payload, isReady);
    throw new RangeError(`between servers a message has at most ${exchangePayload} bytes, got ${payload.length}`);
  }

  /** What the broker cannot carry is lost to the others, and to nobody here. */
  #fit<Done>(send: () => Done): Done | undefined {
    try {
      return send();
    } catch (error) {
      this.losses.note('refused', 1, error);
      return undefined;
    }
  }
}
