import type { AnyActorRef } from 'xstate';
import type { StackExchange } from '../../exchange/exchange.js';
import type { OutgoingMessage } from '../../protocol/message.js';
import type { ServerContext } from '../context.js';
import { assertNever } from '../runtime/guard.js';
import type { OtherServers } from './cluster.js';
import { confirmedInTime } from './confirmation.js';
import { Echoes } from './echoes.js';
import { Link, type LinkNotice, type LinkState } from './link.js';
import { Losses, type LostCounters } from './losses.js';
import { Outgoing } from './outgoing.js';
import { Publications } from './publications.js';
import { Positions } from './sequence.js';
import { Subscriptions } from './subscriptions.js';

/** What the messages of a channel are for: a namespace with its rooms, an id, or an ask. */
export type ChannelTarget =
  | { readonly kind: 'namespace'; readonly name: string }
  | { readonly kind: 'connection'; readonly name: string }
  | { readonly kind: 'answers'; readonly name: string };

/** Status of the exchange that a server uses. */
export interface ExchangeStatus {
  /** The state of the link. */
  readonly state: LinkState;
  /** The text of the last error, while the broker is away. */
  readonly trouble: string | undefined;
  /** The number and size of messages that wait for the broker or are unconfirmed. */
  readonly waiting: { readonly messages: number; readonly bytes: number };
  /** The number of messages that the broker has confirmed. */
  readonly published: number;
  /** The number of messages received from the broker, this server's own included. */
  readonly received: number;
  /** The number of messages lost between servers, by reason. */
  readonly lost: Readonly<LostCounters>;
}

/** The exchange that a server uses. */
export interface Exchange {
  /** The name of the broker, such as `redis`. */
  readonly name: string;
  /** The running actor of the link. */
  readonly actor: AnyActorRef;
  /** The present status. Each read returns a new object. */
  readonly status: ExchangeStatus;
}

/** Connects one server to the others through one exchange: its link, publications and subscriptions. */
export class Relay implements Exchange, OtherServers {
  /** The name of this server in the tags of its messages, random for each relay. */
  readonly node: string;
  /** The positions of the other servers' messages. */
  readonly positions: Positions;
  /** The native messages that will come back. Only native-only mode has them. */
  readonly echoes: Echoes | undefined;
  /** Counts and reports losses. */
  readonly losses: Losses;
  /** The link to the broker. */
  readonly link: Link;
  /** Publishes the messages of this server. */
  readonly outgoing: Outgoing;
  /** The number of messages received from the broker, this server's own included. */
  received = 0;
  readonly #subscriptions: Subscriptions<ChannelTarget>;
  readonly #publications: Publications;
  /** The channels of the ids that have connections here, by id. */
  readonly #ids = new Map<string, string>();

  /**
   * Creates the link without starting it.
   *
   * @throws {RangeError} when the broker cannot carry the name of a namespace
   */
  constructor(
    private readonly exchange: StackExchange,
    private readonly context: ServerContext,
    root: AnyActorRef,
    /** Receives each payload of a channel of this server. */
    private readonly receive: (relay: Relay, target: ChannelTarget, channel: string, payload: Uint8Array) => void,
    /** Called when the link is closed for good. */
    private readonly closed: () => void,
  ) {
    const { deadlines, clock, random, handlers, limits, nativeMode } = context;
    const report = (error: unknown): void => this.#report(error);
    this.node = random.uuid();
    this.positions = new Positions(() => clock.now());
    this.losses = new Losses(deadlines, report);
    this.echoes = nativeMode === 'only' ? new Echoes() : undefined;
    this.#subscriptions = new Subscriptions({
      isRequired: ({ kind }) => kind === 'namespace',
      refused: (error) => this.losses.note('unsubscribed', 1, error),
      report,
      inTime: (confirmed, uplink) => confirmedInTime(confirmed, uplink, deadlines, limits.exchangeTimeout),
      failed: (error, uplink) => this.link.failed(error, uplink),
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

  /** Whether the other servers may be reached, now or later. */
  get isReachable(): boolean {
    return !this.link.isOver;
  }
  /** Whether the link is online. */
  get isOnline(): boolean {
    return this.link.state === 'online';
  }
  /** The link's actor, while it runs. */
  get actors(): readonly AnyActorRef[] {
    return this.link.state === 'closed' ? [] : [this.link.actor];
  }

  /** Publishes a broadcast to the other servers. */
  publish(message: OutgoingMessage, exceptId: string | null): void {
    if (this.isReachable) this.outgoing.publish(message, exceptId);
  }
  /** Asks the other servers. Returns a function that ends the ask; `undefined` when it cannot be sent. */
  ask(message: OutgoingMessage, token: string): (() => void) | undefined {
    return this.isReachable ? this.outgoing.ask(message, token) : undefined;
  }

  /** The name of the broker. */
  get name(): string {
    return this.exchange.name;
  }
  /** The link's actor. */
  get actor(): AnyActorRef {
    return this.link.actor;
  }
  /** The present status. */
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

  /** Throws a RangeError when the broker cannot carry this id (EX13). */
  assertCarried(id: string): void {
    this.exchange.channelOf('connection', id);
  }

  /** Registers a connection by its id. Calls `reachable` once others reach it, or when they cannot for now (EX3). */
  hold(id: string, reachable: () => void): void {
    const isNew = !this.#ids.has(id);
    const begin = (): void => {
      // Messages for an earlier holder of the id may have arrived meanwhile. They do not count for this one.
      if (isNew) this.positions.forget(this.#ids.get(id) ?? '');
      reachable();
    };
    try {
      this.#ids.set(id, this.#hold('connection', id, begin));
    } catch (error) {
      this.losses.note('unsubscribed', 1, error);
      reachable();
    }
  }

  /** Unregisters a connection by its id. */
  release(id: string): void {
    const channel = this.#ids.get(id);
    if (channel === undefined || !this.#subscriptions.release(channel)) return;
    this.#ids.delete(id);
    this.positions.forget(channel);
    this.echoes?.forget(channel);
  }

  /** Sends what waits, for at most `timeout` ms, and closes the link (EX16). */
  async close(timeout: number): Promise<void> {
    const { deadlines } = this.context;
    // The timeout may be shorter than the time that the others get to reconnect.
    this.link.flush();
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
    const target = this.#subscriptions.targetOf(channel);
    try {
      if (target) this.receive(this, target, channel, payload);
    } catch (error) {
      // A payload that fails must not end the uplink.
      this.#report(error);
    }
  }

  #report(error: unknown): void {
    this.context.callbacks.report(error, { during: 'exchange' });
  }

  /** Drops the link at once: its parent, the root actor, has stopped. */
  kill(): void {
    this.link.kill();
  }

  /** Expects a native message to come back, if this server subscribes to its channel. */
  #sent(channel: string, payload: Uint8Array): () => void {
    const { echoes } = this;
    return echoes && this.#subscriptions.isSubscribed(channel) ? echoes.expect(channel, payload) : () => {};
  }

  #hold(kind: 'namespace' | 'connection', name: string, settled: () => void): string {
    const channel = this.exchange.channelOf(kind, name);
    this.#subscriptions.hold(channel, { kind, name }, settled);
    return channel;
  }
}
