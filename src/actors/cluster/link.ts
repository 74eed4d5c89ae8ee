import { type AnyActorRef, createActor } from 'xstate';
import type { ExchangeUplink, StackExchange } from '../../exchange/exchange.js';
import { type LinkEvent, linkMachine } from '../../machines/link.js';
import { mergeImplementations } from '../charts/implementations.js';
import type { ServerContext } from '../context.js';
import type { Deadline } from '../runtime/deadlines.js';
import { sendIfActive } from '../runtime/mailbox.js';
import { inspectedLogic } from '../telemetry/inspection.js';
import type { Publications } from './publications.js';
import type { Subscriptions } from './subscriptions.js';

/** State of a link: `connecting`, `online`, `degraded` while the broker is away, or `closed` (EX10). */
export type LinkState = 'connecting' | 'online' | 'degraded' | 'closed';

/** Notice of a link to its relay. */
export type LinkNotice =
  /** A payload arrived on a channel. */
  | { readonly kind: 'received'; readonly channel: string; readonly payload: Uint8Array }
  /** The uplink has ended: messages sent on it will not come back. */
  | { readonly kind: 'lost' }
  /** The link is closed for good. */
  | { readonly kind: 'closed' }
  /** An error that no caller waits for. */
  | { readonly kind: 'failed'; readonly error: unknown };

/** What a link works with. */
export interface LinkParts {
  /** What all parts of this server share. */
  readonly context: ServerContext;
  /** The port to the broker. */
  readonly exchange: StackExchange;
  /** The channels to subscribe each uplink to. */
  readonly subscriptions: Pick<Subscriptions<unknown>, 'begin' | 'end'>;
  /** The messages to send while the link is online. */
  readonly publications: Publications;
  /** The root actor, the parent of the link's. */
  readonly root: AnyActorRef;
  /** Receives each notice, in order. */
  notify(notice: LinkNotice): void;
}

const states: readonly LinkState[] = ['connecting', 'online', 'degraded'];

/** Pings the broker. Resolves when it has answered, or has sent something else on every connection (EX15). */
const answerOf = (uplink: ExchangeUplink): Promise<void> => {
  const pinged = async (): Promise<void> => uplink.ping();
  const active = async (): Promise<void> => uplink.active?.();
  return Promise.race(uplink.active ? [active(), pinged()] : [pinged()]);
};

/** The link to the broker: an actor that connects, detects the loss of the broker, and reconnects (EX10). */
export class Link {
  /** The running actor. */
  readonly actor: AnyActorRef;
  #uplink: ExchangeUplink | undefined;
  /** Whether every channel of the uplink is confirmed. */
  #isSubscribed = false;
  /** The current attempt to connect. Results of earlier ones are ignored. */
  #attempt: object | undefined;
  #heartbeat: Deadline | undefined;
  #started: { resolve(): void; reject(error: unknown): void } | undefined;
  /** The last error, while there is no uplink. */
  trouble: unknown;
  #isOver = false;

  constructor(private readonly parts: LinkParts) {
    const { root, context } = parts;
    const { mailboxes, inspection } = context;
    this.actor = createActor(inspectedLogic(this.#logic(), inspection), { parent: root, id: 'exchange', src: 'link' });
    inspection.began(this.actor);
    this.actor.subscribe({ error: (error) => this.#chartFailed(error) });
    mailboxes.intercept(this.actor, { handleHot: () => false });
  }

  /** The state of the chart. */
  get state(): LinkState {
    const snapshot = this.actor.getSnapshot();
    return states.find((state) => snapshot.status === 'active' && snapshot.hasTag(state)) ?? 'closed';
  }

  /** Whether the link is closed for good. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Starts the actor. Resolves when the link is online. Rejects when the first attempt fails, or the link closes. */
  start(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#started = { resolve, reject };
      this.parts.context.mailboxes.enter(() => this.actor.start());
    });
  }

  /** Closes the link for good. */
  close(): void {
    this.#sendEvent({ type: 'CLOSE' });
  }

  /** Sends the exchange queue, if an uplink is up, without more time for the other servers to reconnect (EX16). */
  flush(): void {
    if (this.#uplink && this.#isSubscribed) this.parts.publications.resume(this.#uplink);
  }

  /** Shuts down without an event: the actor has stopped. */
  kill(): void {
    this.#shutDown();
  }

  /** Ends an uplink that did not do what it was asked. Does nothing for an earlier uplink. */
  failed(error: unknown, uplink: ExchangeUplink): void {
    if (uplink === this.#uplink) this.#onLost(error);
  }

  #logic() {
    const { machines, mailboxes, limits, random } = this.parts.context;
    const implementations: Parameters<typeof linkMachine.provide>[0] = {
      actions: {
        connect: () => mailboxes.defer(() => void this.#connect()),
        abandon: () => mailboxes.defer(() => this.#abandon(new Error(`no answer within ${limits.exchangeTimeout} ms`))),
        resume: () => mailboxes.defer(() => this.#resume()),
        suspend: () => mailboxes.defer(() => this.#suspend()),
        shutDown: () => mailboxes.defer(() => this.#shutDown()),
      },
      delays: {
        connectTimeout: limits.exchangeTimeout,
        // A random factor spreads the attempts of many servers.
        retryDelay: ({ context }) =>
          Math.min(limits.exchangeRetryDelay, 100 * 2 ** context.tries) * (0.5 + random.next() / 2),
        // Within twice the maximum delay every other server has tried again.
        settleDelay: 2 * limits.exchangeRetryDelay,
      },
    };
    const report = (error: unknown): void => this.#report(error);
    return machines.link.provide(mergeImplementations(machines.link, linkMachine, implementations, report));
  }

  async #connect(): Promise<void> {
    const { exchange, subscriptions, notify } = this.parts;
    const attempt = {};
    this.#attempt = attempt;
    const isCurrent = (): boolean => this.#attempt === attempt;
    try {
      const uplink = await exchange.connect({
        received: (channel, payload) => isCurrent() && notify({ kind: 'received', channel, payload }),
        lost: (error) => isCurrent() && this.#onLost(error),
      });
      if (!isCurrent()) return uplink.close();
      this.#uplink = uplink;
      await subscriptions.begin(uplink);
      if (!isCurrent()) return;
      this.#isSubscribed = true;
      this.#sendEvent({ type: 'UP' });
    } catch (error) {
      if (isCurrent()) this.#onLost(error);
    }
  }

  #resume(): void {
    const uplink = this.#uplink;
    if (!uplink) return;
    this.trouble = undefined;
    this.#started?.resolve();
    this.#started = undefined;
    this.parts.publications.resume(uplink);
    this.#schedulePing(uplink);
  }

  #suspend(): void {
    this.#heartbeat?.cancel();
    this.parts.publications.suspend();
  }

  /** Ends the uplink, or the attempt to get one. */
  #onLost(error: unknown): void {
    const wasOnline = this.state === 'online';
    this.#abandon(error);
    if (wasOnline) this.#report(error);
    this.#sendEvent({ type: wasOnline ? 'LOST' : 'FAILED' });
  }

  #abandon(error: unknown): void {
    const uplink = this.#uplink;
    this.#attempt = undefined;
    this.#uplink = undefined;
    this.#isSubscribed = false;
    this.trouble = error;
    // First, as the callbacks below may publish: such messages wait for the next uplink.
    this.parts.publications.suspend();
    try {
      uplink?.close();
    } catch (failure) {
      this.#report(failure);
    }
    this.parts.subscriptions.end();
    this.parts.notify({ kind: 'lost' });
  }

  #shutDown(): void {
    this.#heartbeat?.cancel();
    this.#isOver = true;
    this.#abandon(this.trouble);
    this.parts.publications.abandon();
    this.parts.notify({ kind: 'closed' });
    this.#started?.reject(this.trouble ?? new Error('the server was closed'));
    this.#started = undefined;
  }

  /**
   * Schedules a ping, and the next one once the broker has answered it or has sent anything else. Without either in time
   * the uplink is lost (EX15).
   */
  #schedulePing(uplink: ExchangeUplink): void {
    const { deadlines, limits, clock } = this.parts.context;
    const isCurrent = (): boolean => this.#uplink === uplink;
    this.#heartbeat = deadlines.after(limits.exchangeInterval, () => {
      const silent = new Error(`no answer to a ping within ${limits.exchangeTimeout} ms`);
      let isAnswered = false;
      const checkAnswer = (): void => {
        if (!isAnswered) this.failed(silent, uplink);
      };
      // One tick later, as a busy process may not have read the answer yet.
      this.#heartbeat = deadlines.after(limits.exchangeTimeout, () => clock.setImmediate(checkAnswer));
      answerOf(uplink).then(
        () => {
          isAnswered = true;
          if (!isCurrent()) return;
          this.#heartbeat?.cancel();
          this.#schedulePing(uplink);
        },
        (error: unknown) => this.failed(error, uplink),
      );
    });
  }

  #chartFailed(error: unknown): void {
    this.trouble = error;
    this.kill();
    this.#report(error);
  }

  #report(error: unknown): void {
    this.parts.notify({ kind: 'failed', error });
  }

  #sendEvent(event: LinkEvent): void {
    sendIfActive(this.actor, event);
  }
}
