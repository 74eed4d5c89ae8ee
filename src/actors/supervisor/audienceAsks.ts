import { type Broadcaster, skipsNone } from '../../broadcast/broadcaster.js';
import type { Subscriber } from '../../broadcast/subscriber.js';
import { AskedMembers, type Topics } from '../../broadcast/topics.js';
import { emptyAnswer, type Frame, messageFrom } from '../../protocol/codec.js';
import { ErrNoAudience, ErrWrite } from '../../protocol/errors.js';
import type { Message, OutgoingMessage } from '../../protocol/message.js';
import { type Answer, type AskOptions, type AskTarget, TooManyAsks } from '../api/asks.js';
import type { Cluster } from '../cluster/cluster.js';
import { settle } from '../connection/commands.js';
import { Connection } from '../connection/connection.js';
import type { ServerContext } from '../context.js';
import { ignoreRejection } from '../runtime/guard.js';

const noSubscribers: ReadonlySet<Subscriber> = new Set();

/**
 * Asks of whole audiences. The request goes to every connection that a broadcast of the message would reach, and the
 * first answer settles the ask.
 */
export class AudienceAsks {
  /** The number of open asks that came from other servers. */
  #remoteCount = 0;
  /** The tokens of this server's asks that only other servers can answer: every member asked here has closed. */
  readonly #onlyRemote = new Set<string>();

  constructor(
    private readonly context: ServerContext,
    private readonly topics: Topics,
    private readonly broadcaster: Broadcaster,
    private readonly cluster: Cluster,
  ) {}

  /**
   * Asks on behalf of the program. Resolves with the first answer (AK5, EX7). Rejects with `ErrNoAudience` when no
   * connection matches, with `ErrWrite` when all of them close first, and as any ask does (AK6).
   */
  ask(message: OutgoingMessage, options: AskOptions): Promise<Message> {
    const { context, cluster } = this;
    const asked = new Promise<Message>((resolve, reject) => {
      const subscribers = this.#subscribers(message);
      if (subscribers.size === 0 && !cluster.hasOthers) return reject(ErrNoAudience);
      if (context.nativeMode === 'only') return resolve(messageFrom(emptyAnswer));
      let isSettled = false;
      let endRemote: (() => void) | undefined;
      const token = this.#open(message, subscribers, options, (answer) => {
        isSettled = true;
        endRemote?.();
        settle(answer, resolve, reject);
      });
      if (!isSettled) endRemote = cluster.ask(message, token);
      if (!endRemote && subscribers.size === 0) context.asks.fail(token, ErrNoAudience);
    });
    return ignoreRejection(asked);
  }

  /** Fails the asks that only other servers could answer: the link is closed (AK6). */
  onClusterClosed(): void {
    for (const token of [...this.#onlyRemote]) this.context.asks.fail(token, ErrWrite);
  }

  /** Asks on behalf of another server. Returns false when too many such asks are open (EX8). */
  forward(message: OutgoingMessage, token: string, answered: (frame: Frame) => void): boolean {
    const { asks, limits, nativeMode } = this.context;
    const subscribers = this.#subscribers(message);
    if (subscribers.size === 0 || nativeMode === 'only' || asks.isPending(token)) return true;
    if (this.#remoteCount >= limits.asks) return false;
    this.#remoteCount++;
    const settled = (answer: Answer): void => {
      this.#remoteCount--;
      if ('frame' in answer) answered(answer.frame);
    };
    this.#open(message, subscribers, { timeout: limits.remoteAskTimeout }, settled, token);
    return true;
  }

  /** Returns the subscribers that a broadcast of the message would reach. */
  #subscribers({ namespace = '', room = '', to }: OutgoingMessage): ReadonlySet<Subscriber> {
    const { topics } = this;
    const members = topics.topic(namespace, room)?.members ?? noSubscribers;
    if (to === undefined) return members;
    return new Set([...topics.withId(to)].filter((subscriber) => members.has(subscriber)));
  }

  /** Opens an ask of these subscribers and publishes its message. Returns its token: `given`, or a new one. */
  #open(
    message: OutgoingMessage,
    subscribers: ReadonlySet<Subscriber>,
    options: AskOptions,
    answered: (answer: Answer) => void,
    given?: string,
  ): string {
    const { context, topics, broadcaster, cluster } = this;
    const { asks, audienceAsks, limits, fullInboxes } = context;
    const { namespace = '', room = '', to } = message;
    const topic = subscribers.size > 0 ? topics.topic(namespace, room) : undefined;
    const isRemote = given !== undefined;
    const allClosed = (): void => {
      if (isRemote || !cluster.hasOthers) asks.fail(token, ErrWrite);
      else this.#onlyRemote.add(token);
    };
    const asked = topic && new AskedMembers(topic, to === undefined ? undefined : [...subscribers], allClosed);
    const target: AskTarget = {
      mayAnswer: (connection) => connection instanceof Connection && (asked?.includes(connection.subscriber) ?? false),
    };
    if (!isRemote && audienceAsks.size - this.#remoteCount >= limits.asks) throw new TooManyAsks(limits.asks);
    const settled = (answer: Answer): void => {
      if (asked) topics.removeAsked(asked);
      audienceAsks.delete(target);
      this.#onlyRemote.delete(token);
      answered(answer);
    };
    const token = asks.open(target, options, settled, given);
    if (asked) topics.addAsked(asked);
    audienceAsks.add(target);
    for (const inbox of fullInboxes) inbox.checkBounds();
    if (asked) broadcaster.publish(message, skipsNone, token);
    else allClosed();
    return token;
  }
}
