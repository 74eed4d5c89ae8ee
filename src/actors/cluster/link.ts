import { type AnyActorRef, createActor } from 'xstate';
import type { ExchangeSession, StackExchange } from '../../exchange/exchange.js';
import { type LinkEvent, linkMachine } from '../../machines/link.js';
import type { ServerContext } from '../context.js';
import type { Deadline } from '../runtime/deadlines.js';
import { mergeImplementations } from '../runtime/implementations.js';
import { sendIfActive } from '../runtime/mailbox.js';
import { inspectedLogic } from '../telemetry/inspection.js';
import type { Publications } from './publications.js';
import type { Subscriptions } from './subscriptions.js';

/** `connecting`, `online`, `degraded` while the broker is away, or `closed`. */
export type LinkState = 'connecting' | 'online' | 'degraded' | 'closed';

/** What a link tells its relay. */
export type LinkNotice =
  /** A payload came on a channel. */
  | { readonly kind: 'received'; readonly channel: string; readonly payload: Uint8Array }
  /** The session is gone: nothing that was sent comes back. */
  | { readonly kind: 'lost' }
  /** The link is closed for good. */
  | { readonly kind: 'closed' }
  /** Something failed that no caller waits for. */
  | { readonly kind: 'failed'; readonly error: unknown };

/** What a link works with. */
export interface LinkParts {
  readonly context: ServerContext;
  readonly exchange: StackExchange;
  readonly subscriptions: Pick<Subscriptions<unknown>, 'begin' | 'end'>;
  readonly publications: Publications;
  /** The root actor, the parent of the link's. */
  readonly root: AnyActorRef;
  notify(notice: LinkNotice): void;
}

const states: readonly LinkState[] = ['connecting', 'online', 'degraded'];

/** The way to the broker: an actor that connects, notices that the broker is gone, and gets it back (EX10). */
export class Link {
  readonly actor: AnyActorRef;
  #session: ExchangeSession | undefined;
  /** The session hears all that is wanted. */
  #isHeard = false;
  /** The attempt that counts: what comes of earlier ones is unwanted. */
  #attempt: object | undefined;
  #heartbeat: Deadline | undefined;
  #started: { resolve(): void; reject(error: unknown): void } | undefined;
  /** Why there is no session. */
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

  get state(): LinkState {
    const snapshot = this.actor.getSnapshot();
    return states.find((state) => snapshot.status === 'active' && snapshot.hasTag(state)) ?? 'closed';
  }

  /** Closed, for good. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Resolves when it is online for the first time; rejects when the first attempt fails. */
  start(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#started = { resolve, reject };
      this.parts.context.mailboxes.enter(() => this.actor.start());
    });
  }

  close(): void {
    this.#sendEvent({ type: 'CLOSE' });
  }

  /** Sends what waits, if anybody takes it, although the others may not be back yet. */
  hurry(): void {
    if (this.#session && this.#isHeard) this.parts.publications.resume(this.#session);
  }

  /** Its actor has come to an end without a word. */
  cut(): void {
    this.#shutDown();
  }

  /** What was asked of this session came to nothing: it cannot be relied on. */
  failed(error: unknown, session: ExchangeSession): void {
    if (session === this.#session) this.#lose(error);
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
        // Not all servers come back to a broker at once.
        retryDelay: ({ context }) =>
          Math.min(limits.exchangeRetryDelay, 100 * 2 ** context.tries) * (0.5 + random.next() / 2),
        // Who tries again as patiently is back within it, however the dice fall.
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
      const session = await exchange.connect({
        received: (channel, payload) => isCurrent() && notify({ kind: 'received', channel, payload }),
        lost: (error) => isCurrent() && this.#lose(error),
      });
      if (!isCurrent()) return session.close();
      this.#session = session;
      await subscriptions.begin(session);
      if (!isCurrent()) return;
      this.#isHeard = true;
      this.#sendEvent({ type: 'UP' });
    } catch (error) {
      if (isCurrent()) this.#lose(error);
    }
  }

  #resume(): void {
    const session = this.#session;
    if (!session) return;
    this.trouble = undefined;
    this.#started?.resolve();
    this.#started = undefined;
    this.parts.publications.resume(session);
    this.#schedulePing(session);
  }

  #suspend(): void {
    this.#heartbeat?.cancel();
    this.parts.publications.suspend();
  }

  /** The session, or the attempt to get one, has come to nothing. */
  #lose(error: unknown): void {
    const wasOnline = this.state === 'online';
    this.#abandon(error);
    if (wasOnline) this.#report(error);
    this.#sendEvent({ type: wasOnline ? 'LOST' : 'FAILED' });
  }

  #abandon(error: unknown): void {
    const session = this.#session;
    this.#attempt = undefined;
    this.#session = undefined;
    this.#isHeard = false;
    this.trouble = error;
    // Before anybody is told: what is said then is for the next session.
    this.parts.publications.suspend();
    try {
      session?.close();
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

  /** A broker that is silent is as good as gone: each ping has to be answered before the next one is due. */
  #schedulePing(session: ExchangeSession): void {
    const { deadlines, limits, clock } = this.parts.context;
    const isCurrent = (): boolean => this.#session === session;
    this.#heartbeat = deadlines.after(limits.exchangeInterval, () => {
      const silent = new Error(`no answer to a ping within ${limits.exchangeTimeout} ms`);
      let isAnswered = false;
      const judge = (): void => {
        if (!isAnswered) this.failed(silent, session);
      };
      // The answer may be there and not read yet, as this process was busy.
      this.#heartbeat = deadlines.after(limits.exchangeTimeout, () => clock.setImmediate(judge));
      const pinged = async (): Promise<void> => session.ping();
      pinged().then(
        () => {
          isAnswered = true;
          if (!isCurrent()) return;
          this.#heartbeat?.cancel();
          this.#schedulePing(session);
        },
        (error: unknown) => this.failed(error, session),
      );
    });
  }

  #chartFailed(error: unknown): void {
    this.trouble = error;
    this.cut();
    this.#report(error);
  }

  #report(error: unknown): void {
    this.parts.notify({ kind: 'failed', error });
  }

  #sendEvent(event: LinkEvent): void {
    sendIfActive(this.actor, event);
  }
}
