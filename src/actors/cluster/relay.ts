import type { AnyActorRef } from 'xstate';
import type { StackExchange } from '../../exchange/exchange.js';
import type { OutgoingMessage } from '../../protocol/message.js';
import type { ServerContext } from '../context.js';
import type { Deadlines } from '../runtime/deadlines.js';
import { assertNever } from '../runtime/guard.js';
import type { OtherServers } from './cluster.js';
import { Echoes } from './echoes.js';
import { Link, type LinkNotice, type LinkState } from './link.js';
import { Losses, type LostCounters } from './losses.js';
import { Outgoing } from './outgoing.js';
import { Publications } from './publications.js';
import { Positions } from './sequence.js';
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

/** What this server sends to others through one exchange, and which channels it hears of them. */
export class Relay implements Exchange, OtherServers {
  /** This server, as the others know it; another one after each start. */
  readonly node: string;
  readonly positions: Positions;
  readonly echoes: Echoes | undefined;
  readonly losses: Losses;
  readonly link: Link;
  readonly outgoing: Outgoing;
  received = 0;
  readonly #subscriptions: Subscriptions<ChannelTarget>;
  readonly #publications: Publications;
  /** The channels of the ids that are here. */
  readonly #ids = new Map<string, string>();

  /** Throws when the broker cannot carry the name of a namespace. */
  constructor(
    private readonly exchange: StackExchange,
    private readonly context: ServerContext,
    root: AnyActorRef,
    private readonly take: (relay: Relay, meaning: ChannelTarget, channel: string, payload: Uint8Array) => void,
    /** Called when the other servers cannot be reached any more. */
    private readonly closed: () => void,
  ) {
    const { deadlines, clock, random, handlers, limits, nativeMode } = context;
    const report = (error: unknown): void => this.#report(error);
    this.node = random.uuid();
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
    this.outgoing = new Outgoing({
      ...{ exchange, handlers, limits, random, node: this.node, isNativeOnly: nativeMode === 'only' },
      ...{ publications: this.#publications, subscriptions: this.#subscriptions, losses: this.losses },
    });
    for (const name of handlers.namespaces) this.#hold('namespace', name, () => {});
    this.link = new Link({
      ...{ context, exchange, root, subscriptions: this.#subscriptions, publications: this.#publications },
      notify: (notice) => this.#onLink(notice),
    });
  }

  get isReachable(): boolean {
    return !this.link.isOver;
  }
  get isOnline(): boolean {
    return this.link.state === 'online';
  }
  get actors(): readonly AnyActorRef[] {
    return this.link.state === 'closed' ? [] : [this.link.actor];
  }

  publish(message: OutgoingMessage, exceptId: string | null): void {
    if (this.isReachable) this.outgoing.publish(message, exceptId);
  }
  ask(message: OutgoingMessage, token: string): (() => void) | undefined {
    return this.isReachable ? this.outgoing.ask(message, token) : undefined;
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

  #onLink(notice: LinkNotice): void {
    switch (notice.kind) {
      case 'received':
        return this.#received(notice.channel, notice.payload);
      case 'lost':
        return this.echoes?.clear();
      case 'closed':
        return this.closed();
      case 'failed':
        return this.#report(notice.error);
      default:
        return assertNever(notice);
    }
  }

  #received(channel: string, payload: Uint8Array): void {
    this.received++;
    const target = this.#subscriptions.meaningOf(channel);
    try {
      if (target) this.take(this, target, channel, payload);
    } catch (error) {
      // A payload that fails must not end the session.
      this.#report(error);
    }
  }

  #report(error: unknown): void {
    this.context.callbacks.report(error, { during: 'exchange' });
  }

  /** The root actor was stopped from outside. */
  kill(): void {
    this.link.cut();
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
}
